"""A control group with a limit of memory, for tests that read what a process took at most."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOP = Path("/sys/fs/cgroup")


@contextmanager
def limited(limit: int) -> Iterator[Path]:
    """A new group below that of this process, whose processes may hold so many bytes. Skips the
    test where no such group can be made.
    """
    first = (TOP / "memory").is_dir()
    base = TOP / "memory" if first else TOP
    group = base / f"spadework-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("No control group can be made here, so no peak of memory can be read.")
    try:
        name = "memory.limit_in_bytes" if first else "memory.max"
        (group / name).write_text(str(limit))
        yield group
    except OSError:
        pytest.skip("The control groups here have no limit of memory that can be set.")
    finally:
        group.rmdir()


def run_in(group: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, within the group from its first line on."""
    enter = f"import os; open({str(group / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
    command = [sys.executable, "-c", enter + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def peak_of(group: Path) -> int:
    """The most bytes that the group ever held."""
    names = ("memory.max_usage_in_bytes", "memory.peak")
    found = next((group / name for name in names if (group / name).exists()), None)
    if found is None:
        pytest.skip("The control groups here do not tell the peak of their memory.")
    return int(found.read_text())
