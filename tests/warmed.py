"""Compiling ahead, once for all workers and for the test that a dig after it compiles nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from makers import SOURCE
from spadework.kernels import compiled
from spadework.workbench import rehearsal, warming

_CODE = (Path(warming.__file__), Path(rehearsal.__file__), Path(__file__))
RECORD = (
    "warmed-by-tests-"
    + hashlib.sha256(b"".join(path.read_bytes() for path in _CODE)).hexdigest()[:16]
    + ".json"
)
"""Beside the compiled kernels: what two processes that warmed a folder at the same time said, and
the kernels that they compiled. It is of the code that warms, so other code warms anew.
"""


def environment(parent: Path) -> dict[str, str]:
    """An environment whose compiled kernels are in a folder below `parent`."""
    return {**os.environ, "SPADEWORK_CACHE_DIR": str(parent), "PYTHONPATH": str(SOURCE.parent)}


def by_two_at_a_time(parent: Path) -> dict[str, Any]:
    """Fill an empty folder by two commands at the same time: what they said, and its kernels."""
    parent.mkdir(parents=True, exist_ok=True)
    pair = [
        subprocess.Popen(
            [sys.executable, "-m", "spadework", "doctor", "--warm", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(parent),
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=900) for process in pair]
    return {
        "parent": str(parent),
        "codes": [process.returncode for process in pair],
        "out": [out for out, _ in said],
        "err": [err for _, err in said],
        "kernels": sorted(path.name for path in folder_below(parent).glob(f"*{compiled.SUFFIX}")),
    }


def folder_below(parent: Path) -> Path:
    return parent / f"kernels-{compiled.digest()}"


def once() -> None:
    """Fill the folder that tests use, unless it was. Only what went well is recorded: otherwise the
    test warms a folder itself and says what failed.
    """
    home = compiled.home()
    if home is None or not compiled.keeps() or (home / RECORD).exists():
        return
    print("compiling for this machine, once", flush=True)
    with tempfile.TemporaryDirectory() as parent:
        record = by_two_at_a_time(Path(parent))
        shutil.copytree(folder_below(Path(parent)), home, dirs_exist_ok=True)
    if record["codes"] == [0, 0]:
        (home / RECORD).write_text(json.dumps(record), encoding="utf-8")


def copy(parent: Path) -> dict[str, Any]:
    """Fill an empty folder with what two commands at the same time compile, from those of this
    machine where there is a record; what they said.
    """
    home = compiled.home()
    if home is None or not (home / RECORD).exists():
        return by_two_at_a_time(parent)
    record: dict[str, Any] = json.loads((home / RECORD).read_text(encoding="utf-8"))
    folder_below(parent).mkdir(parents=True)
    for name in [*record["kernels"], *(path.name for path in home.glob(compiled.stamp("*")))]:
        shutil.copy(home / name, folder_below(parent))
    return record
