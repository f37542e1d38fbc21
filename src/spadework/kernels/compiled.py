"""Where kernels are compiled, and where their machine code is kept.

A kernel is compiled when it meets types that it has not met before, which takes up to seconds. The
machine code is kept on disk for the processes that follow: one file for each kernel and its types.
numba's own cache cannot be used, for three reasons. It looks for a folder when a module is
imported, and raises where none can be written. Its index knows only the file a kernel stands in, so
a caller stays as it was after what it inlines has changed. And two processes that fill one index at
the same time may mix up their files.

Here the folder's name holds a digest of all kernels, so machine code of other sources is never met;
a file's name holds a digest of the types; and whatever goes wrong with the folder is a remark: the
kernel is then compiled in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba import njit
from numba.core import config
from numba.core.caching import IndexDataCacheFile
from numba.core.compiler import CompileResult

from spadework import events

NAMED = ("SPADEWORK_CACHE_DIR", "NUMBA_CACHE_DIR")
"""Variables of the environment that name the folder above all others."""
KEPT = 4
"""Folders of other sources that stay beside a new one, the newest; older ones are removed."""
SUFFIX = ".nbc"
ACTIVE = not vars(config)["DISABLE_JIT"]
"""Whether kernels are compiled at all; NUMBA_DISABLE_JIT runs them as plain Python."""

_remarks: list[str] = []
_told: set[str] = set()


def kernel(function: Callable[..., Any]) -> Any:
    """Decorate a loop over arrays: it is compiled for the types it is called with, and runs without
    the interpreter's lock.

    Nothing is compiled, read or written when it is decorated.
    """
    compiled: Any = njit(nogil=True)(function)
    if ACTIVE:
        compiled._cache = _Kept(function)
    return compiled


# ---- where


@cache
def home() -> Path | None:
    """The folder of compiled kernels, chosen once a process; None where there is none, which is
    remarked.

    The first that can be written, or that was filled for this processor when it could be: the one
    that SPADEWORK_CACHE_DIR or NUMBA_CACHE_DIR names, the package's own `__pycache__`, the user's
    cache folder.
    """
    name = f"kernels-{digest()}"
    passed_over: list[Path] = []
    for place in places():
        folder = place / name
        if _can_write(folder) or any(folder.glob(stamp("*"))):
            if passed_over and any(os.environ.get(variable) for variable in NAMED):
                remark(f"{passed_over[0]} cannot be written; compiled kernels are kept in {place}.")
            return folder
        passed_over.append(place)
    told = ", ".join(map(str, passed_over))
    remark(
        f"Compiled kernels cannot be kept: {told} cannot be written. Each process compiles "
        f"anew; name a folder by {NAMED[0]}."
    )
    return None


def keeps() -> bool:
    """Whether what is compiled now can be kept."""
    folder = home()
    return folder is not None and _can_write(folder)


def stamp(part: int | str) -> str:
    """Name of the file that says of a folder that a part of all kernels was compiled for this
    processor.
    """
    return f"warm-{processor()}-{part}.json"


def places() -> Iterator[Path]:
    """Folders in which compiled kernels may be kept, the preferred one first."""
    named = next((value for variable in NAMED if (value := os.environ.get(variable))), None)
    if named:
        yield Path(named).absolute()
    yield Path(__file__).parent / "__pycache__"
    above = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # no home at all
        yield (Path(above) if above else Path.home() / ".cache") / "spadework"


@cache
def digest() -> str:
    """Sixteen letters that change with any source of a kernel, with numba, its compiler and
    Python.
    """
    told = hashlib.sha256(
        f"{numba.__version__} {llvmlite.__version__} {sys.implementation.cache_tag}".encode()
    )
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()[:16]


@cache
def processor() -> str:
    """Sixteen letters that change with the processor that is compiled for."""
    from llvmlite import binding

    settings: Any = config
    name = settings.CPU_NAME or binding.get_host_cpu_name()
    features = settings.CPU_FEATURES or binding.get_host_cpu_features().flatten()
    return hashlib.sha256(f"{name} {features}".encode()).hexdigest()[:16]


def _can_write(folder: Path) -> bool:
    """Whether files can be made in the folder, which is made where it is not there; then old ones
    beside it go.
    """
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        if new:
            others = [other for other in folder.parent.glob("kernels-*") if other != folder]
            for other in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)[
                KEPT:
            ]:
                shutil.rmtree(other, ignore_errors=True)
    except OSError:
        return False
    return True


# ---- remarks


def remark(what: str, about: str = "") -> None:
    """Keep a remark, to be told once as soon as somebody listens; of those `about` the same thing
    the first one.
    """
    if (about or what) not in _told:
        _told.add(about or what)
        _remarks.append(what)
    tell()


def tell() -> None:
    """Tell listeners the remarks that they have not heard; they wait while nobody listens, as in a
    thread of a kernel.
    """
    while _remarks and events.is_heard():
        events.note(_remarks.pop(0))


# ---- what


class _Kept:
    """The machine code of one kernel: what numba asks of a cache."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"

    @property
    def cache_path(self) -> Path | None:
        return home()

    def load_overload(self, signature: Any, target: Any) -> Any:
        """What was compiled for these types, or None."""
        target.refresh()
        folder = home()
        tell()
        if folder is None:
            return None
        rebuild: Callable[..., Any] = CompileResult._rebuild
        try:
            return rebuild(
                target, *_files(folder)._load_data(self._file(signature, target.codegen()))
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # damaged in whatever way: it is compiled again
            remark(
                (
                    f"A compiled kernel in {folder} cannot be read and is compiled again "
                    f"({type(error).__name__}: {error})."
                ),
                "read",
            )
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what was compiled, for the processes that follow."""
        folder = home()
        if folder is None or compiled.lifted or compiled.library.has_dynamic_globals:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _files(folder)._save_data(self._file(signature, compiled.codegen), compiled._reduce())
        except OSError as error:
            why = error.strerror or error
            remark(
                (
                    f"A compiled kernel cannot be kept in {folder} ({why}); the next process "
                    "compiles it anew."
                ),
                "write",
            )

    def _file(self, signature: Any, codegen: Any) -> str:
        """A name for the kernel with these types on this processor."""
        told = hashlib.sha256(repr((signature, codegen.magic_tuple())).encode()).hexdigest()
        return f"{self._name}-{told[:16]}{SUFFIX}"

    def flush(self) -> None:
        """Nothing stands in memory."""

    def enable(self) -> None:
        """It always is."""

    def disable(self) -> None:
        """It is not to be; without a folder nothing is kept."""


def _files(folder: Path) -> Any:
    """numba's reader and writer of such files: written aside and moved, so that nobody meets half a
    file.
    """
    reader: Any = IndexDataCacheFile
    return reader(str(folder), "", None)
