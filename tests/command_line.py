"""The `spadework` command as tests call it: in this process for its output, in another process for
signals, streams and exit codes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from spadework.apps.cli import main


@dataclass(frozen=True)
class Output:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> tuple[str, str]:
        """The last two lines of stderr: what happened, and what to do."""
        lines = self.err.strip().splitlines()
        return (lines[-2], lines[-1]) if len(lines) > 1 else (lines[-1], "")


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Output:
    """The command in this process."""
    before = signal.getsignal(signal.SIGPIPE)
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
    finally:
        signal.signal(signal.SIGPIPE, before)
    captured = capsys.readouterr()
    return Output(int(stopped.value.code or 0), captured.out, captured.err)


def start(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "spadework", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


def run(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Output:
    """The command in a process of its own, to its end."""
    process = start(*arguments, cwd=cwd, env=env)
    out, err = process.communicate(timeout=120)
    return Output(process.returncode, out, err)
