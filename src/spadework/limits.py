"""A clock and a memory limit that end long loops: a listener that stops the work at the next
step.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from spadework.errors import OutOfMemory, OutOfTime


@dataclass(frozen=True)
class Limits:
    """Raises `OutOfTime` after `deadline` (on `time.monotonic`), `OutOfMemory` above `memory` bytes
    of this process.
    """

    deadline: float | None = None
    memory: int | None = None

    def step(self, label: str, done: int, total: int | None) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime(f"Time ran out during: {label}.", "Give a larger budget.")
        if self.memory is not None and (used := resident_bytes()) > self.memory:
            raise OutOfMemory(
                (
                    f"{label} holds {used / 2**30:.1f} GiB, over the limit of "
                    f"{self.memory / 2**30:.1f} GiB."
                ),
                "Set a larger memory limit, or leave this model out.",
            )

    def note(self, message: str) -> None:
        return None


def resident_bytes() -> int:
    """Memory that this process holds now; 0 where the system does not report it."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def hand_memory_back() -> None:
    """Give freed memory back to the system, where its C library can do that.

    glibc keeps what is freed in pieces of less than 32 MiB for the next request. After hundreds of
    tables of a few megabytes that is more than all that is in use (2.2 against 0.7 GiB on the
    grocery log), and it counts against every limit.
    """
    if (
        sys.platform == "linux"
        and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None
    ):
        trim(0)


def available_bytes() -> int:
    """Memory that can still be had without swapping."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
