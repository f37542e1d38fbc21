"""Peers live in environments of their own, built from pinned requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from harness import BENCH, ROOT, say


class PeerUnavailable(Exception):
    """The peer cannot be installed here; the message says why."""


def requirements(name: str) -> dict[str, str]:
    """Package → version, as pinned in `peers/NAME.txt`."""
    lines = (
        line.split("#")[0].strip()
        for line in (BENCH / "peers" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    )
    return dict(line.split("==") for line in lines if line)


def interpreter(name: str) -> Path:
    """Python of the peer's environment `.venv-NAME`, built when it is absent or its pins have
    changed. Minutes, the first time.
    """
    pins = BENCH / "peers" / f"{name}.txt"
    folder = ROOT / f".venv-{name}"
    python = folder / "bin" / "python"
    stamp = folder / "built-from"
    mark = hashlib.sha256(pins.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == mark:
        return python
    say(f"  building {folder.name} from bench/peers/{pins.name}")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    _run(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "-r",
            str(pins),
        ]
    )
    stamp.write_text(mark, encoding="utf-8")
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reasons = (
            [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            or done.stderr.splitlines()
            or ["no reason given"]
        )
        raise PeerUnavailable(reasons[0])
