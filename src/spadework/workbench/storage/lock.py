"""Which process works in a run folder: one at a time.

The lock is a file with the number of the process, its start and the place where that number has a
meaning: a machine, or a container of it. A process of the same place is looked up. One of another
place cannot be, so its lock counts as long as it is touched.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from spadework import events, files
from spadework.data.vocabulary import digest
from spadework.errors import BadRequest

NAME = "lock"
BEAT, SILENT = 10.0, 60.0
"""Seconds between two touches, and after which a lock of another place is that of a process which
has ended.
"""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock within the block. The lock of a process that has ended is taken over,
    with a remark.
    """
    lock, entries = folder / NAME, _own(os.getpid())
    mine = f"{' '.join(entries)}\n"
    own = folder / f"{files.HALF}{entries[0]}.{entries[2]}.lock"
    # written before it is put in place, so that no lock is ever seen empty
    own.write_text(mine, encoding="utf-8")
    try:
        try:
            os.link(own, lock)  # fails if another start was quicker
        except FileExistsError:
            _take_over(folder, lock, own)
    finally:
        own.unlink(missing_ok=True)
    ended = threading.Event()
    threading.Thread(target=_beat, args=(lock, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if _is_own(lock):
            lock.unlink(missing_ok=True)


def holder(folder: Path) -> int | None:
    """The number of the process of this machine that works in the folder; None where none does."""
    entries = _entries(folder / NAME)
    with contextlib.suppress(ValueError, IndexError):
        process = int(entries[0])
        started, place = [*entries[1:3], None, None][:2]
        if place in (None, _own(os.getpid())[2]) and _alive(process, started):
            return process
    return None


def check_held(folder: Path) -> None:
    """Refuse to go on in a folder that was removed or replaced while this process worked in it."""
    if not _is_own(folder / NAME):
        raise BadRequest(
            f"{folder} was removed or replaced while this process worked in it.",
            "Start again, in another folder with --run; what is there now is left as it is.",
        )


def _is_own(lock: Path) -> bool:
    # in containers all processes may have one number
    return _entries(lock) == list(_own(os.getpid()))


@cache
def _own(process: int) -> tuple[str, str, str]:
    """The entries of this process; kept, since a machine may get another name meanwhile."""
    return str(process), _started(process), _place()


def _entries(lock: Path) -> list[str]:
    try:
        return files.content_of(lock, most=1000).decode().split()
    except (OSError, ValueError):
        return []


def _beat(lock: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with contextlib.suppress(OSError):
            if _is_own(lock):
                os.utime(lock)


def _take_over(folder: Path, lock: Path, own: Path) -> None:
    """Replace a lock whose process has ended by `own`; of several that try, one succeeds and the
    others find its lock.
    """
    while True:
        if lock.is_symlink() or (lock.exists() and not lock.is_file()):  # a link may lead nowhere
            raise BadRequest(
                f"{lock} is no file, so no process can hold {folder}.", "Remove it, and try again."
            )
        with contextlib.suppress(FileNotFoundError), lock.open("rb") as stale:
            files.lock(stale)
            if os.fstat(stale.fileno()).st_ino != lock.stat().st_ino:
                continue  # another process took it over while this one waited
            _refuse_if_held(folder, lock, own)
            os.replace(own, lock)
            return
        with contextlib.suppress(FileExistsError):  # its holder has just ended
            os.link(own, lock)
            return


def _refuse_if_held(folder: Path, lock: Path, own: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        entries = _entries(lock)
        holder = int(entries[0])
        started, place = [*entries[1:3], None, None][:2]
        if place not in (None, _own(os.getpid())[2]):
            # both times are of the disk's own clock
            if own.stat().st_mtime - lock.stat().st_mtime < SILENT:
                raise BadRequest(
                    f"Process {holder} of another machine or container is working in {folder}.",
                    f"Wait for it; if it has ended, try again in {SILENT:.0f} s, or choose another "
                    "folder with --run.",
                )
        elif holder != os.getpid() and _alive(holder, started):
            raise BadRequest(
                f"Process {holder} is working in {folder}.",
                "Wait for it, or choose another folder with --run.",
            )
        events.note(f"took over {folder} from process {holder}, which has ended")


def _place() -> str:
    """Where the numbers of processes are those of this one."""
    parts = [platform.node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            parts.append(os.readlink(path) if "ns" in path else Path(path).read_text("ascii"))
    return digest(" ".join(parts).encode())[:16]


def _alive(process: int, started: str | None) -> bool:
    """Whether the process runs and is the one meant: numbers of processes are reused."""
    if not 0 < process < 2**31:  # no system has such a process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return started is None or started == _started(process)


def _started(process: int) -> str:
    """When a process was started, in the system's ticks; "unknown" where the system does not
    tell.
    """
    try:
        return (
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        )
    except (OSError, IndexError):
        return "unknown"
