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

from spadework import formatting
from spadework.errors import OutOfMemory, OutOfTime

try:
    import resource
except ImportError:  # only on systems without such limits
    resource = None  # type: ignore[assignment]


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
                    f"{label} holds {formatting.size(used)}, over the limit of "
                    f"{formatting.size(self.memory)}."
                ),
                "Set a larger memory limit, or leave this model out.",
            )

    def note(self, message: str) -> None:
        return None


def resident_bytes() -> int:
    """Memory that this process holds now; 0 where the system does not report it.

    Pages of files are left out, such as those of a mapped log: the system takes them back when
    memory is needed, so they are no reason to stop.
    """
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    resident, of_files = map(int, statm.read_text().split()[1:3])
    return (resident - of_files) * os.sysconf("SC_PAGE_SIZE")


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
    """Memory that can still be had without swapping: of the machine, or of the container or the
    process where these leave less.
    """
    rooms = (_free_of_machine(), _room_of_container(), room_of_process())
    return min(room for room in rooms if room is not None)


def room_of_process() -> int | None:
    """Address space that the limit of this process (`ulimit -v`) still leaves; None without one."""
    statm = Path("/proc/self/statm")
    if resource is None or not statm.exists():
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    return max(0, limit - int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE"))


def _free_of_machine() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


CONTAINERS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
_VERSIONS = (
    # version 2 is one tree, version 1 a tree for each resource
    ("", "", "memory.max", "memory.current", ("inactive_file", "active_file")),
    (
        "memory",
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
)


def _room_of_container() -> int | None:
    """What the control groups of this process still allow; None where none has a limit.

    A limit of any group above counts, too. Pages of files can be given back at any time and are not
    counted as used, those that were read twice neither: a mapped log is read several times.
    """
    rooms = []
    for tree, controller, limit, usage, idle in _VERSIONS:
        top = CONTAINERS / tree
        own = top / _own_group(controller).lstrip("/")
        for group in (own, *own.parents):
            most, used = _whole_number(group / limit), _whole_number(group / usage)
            if most is not None and used is not None and most < 2**60:  # more stands for no limit
                rooms.append(max(0, most - max(0, used - _idle(group / "memory.stat", idle))))
            if group == top:
                break
    return min(rooms, default=None)


def _own_group(controller: str) -> str:
    """The path of the process's own group in the tree of a controller; "" is version 2."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ""
    parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    return next((path for _, names, path in parts if controller in names.split(",")), "")


def _whole_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _idle(path: Path, names: tuple[str, ...]) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.split(" ")[0] in names)
