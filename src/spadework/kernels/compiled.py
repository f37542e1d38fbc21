"""Where kernels are compiled, and where their machine code is kept.

A kernel is compiled when it is called with new types, which takes up to seconds. The
machine code is kept on disk for the processes that follow: one file for each kernel and its types.
numba's own cache cannot be used, for three reasons. It looks for a folder when a module is
imported, and raises where none can be written. Its index knows only the file that defines a kernel,
so a caller is not compiled again after a function that it inlines has changed. And two processes
that fill one index at the same time may mix up their files.

Here the folder's name holds a digest of all kernels, so machine code of other sources is never
loaded. A file's name holds a digest of the types. Any trouble with the folder is only a remark: the
kernel is then compiled in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
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
from numba.core.runtime.nrt import rtsys

from spadework import events

NAMED = ("SPADEWORK_CACHE_DIR", "NUMBA_CACHE_DIR")
"""Environment variables that name the folder; they come before all other choices."""
KEPT = 4
"""How many of the latest folders of other sources stay next to a new one; older ones are removed.
"""
SUFFIX = ".nbc"
ACTIVE = not vars(config)["DISABLE_JIT"]
"""Whether kernels are compiled at all; NUMBA_DISABLE_JIT runs them as plain Python."""

_remarks: list[str] = []
_remarked: set[str] = set()


def kernel(function: Callable[..., Any]) -> Any:
    """Decorate a loop over arrays: it is compiled for the types of its arguments, and runs without
    the interpreter's lock.

    The decorator itself compiles, reads and writes nothing.
    """
    compiled: Any = njit(nogil=True)(function)
    if ACTIVE:
        compiled._cache = _KernelCache(function)
    return compiled


# ---- the folder


@cache
def home() -> Path | None:
    """The folder of compiled kernels, chosen once a process. None, with a remark, where there is
    none.

    It is the first candidate that can be written, or that was filled for this processor before. The
    candidates are the folder that SPADEWORK_CACHE_DIR or NUMBA_CACHE_DIR names, the package's own
    `__pycache__`, the user's cache folder, and a folder of the user's own for temporary files.
    """
    name = f"kernels-{digest()}"
    passed_over: list[Path] = []
    for parent in candidate_folders():
        folder = parent / name
        if _can_write(folder) or any(folder.glob(stamp("*"))):
            if passed_over and any(os.environ.get(variable) for variable in NAMED):
                remark(
                    f"{passed_over[0]} cannot be written; compiled kernels are kept in {parent}."
                )
            return folder
        passed_over.append(parent)
    tried = ", ".join(map(str, passed_over))
    remark(
        f"Compiled kernels cannot be kept: {tried} cannot be written. Each process compiles "
        f"anew; name a folder by {NAMED[0]}."
    )
    return None


def keeps() -> bool:
    """Whether kernels that are compiled now can be kept on disk."""
    folder = home()
    return folder is not None and _can_write(folder)


def stamp(part: int | str) -> str:
    """Name of the file that marks a folder: this part of all kernels was compiled for this
    processor.
    """
    return f"warm-{processor()}-{part}.json"


def candidate_folders() -> Iterator[Path]:
    """Folders in which compiled kernels may be kept, the preferred one first."""
    named = next((value for variable in NAMED if (value := os.environ.get(variable))), None)
    if named:
        yield Path(named).absolute()
    yield Path(__file__).parent / "__pycache__"
    user_cache = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # no home at all
        yield (Path(user_cache) if user_cache else Path.home() / ".cache") / "spadework"
    own = own_temporary_folder()
    if own is not None:
        yield own


def own_temporary_folder() -> Path | None:
    """A folder for temporary files that this user alone can enter, for users without a home, as in
    containers. None where it is another user's, or cannot be made: machine code is read from it.
    """
    if not hasattr(os, "getuid"):
        return None
    folder = Path(tempfile.gettempdir()) / f"spadework-{os.getuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return None
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if is_own and not found.st_mode & 0o077 else None


@cache
def digest() -> str:
    """Sixteen letters that change with any source of a kernel, and with the versions of numba, its
    compiler and Python.
    """
    hasher = hashlib.sha256(
        f"{numba.__version__} {llvmlite.__version__} {sys.implementation.cache_tag}".encode()
    )
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        hasher.update(path.read_bytes())
    return hasher.hexdigest()[:16]


@cache
def processor() -> str:
    """Sixteen letters that change with the processor that kernels are compiled for."""
    from llvmlite import binding

    settings: Any = config
    name = settings.CPU_NAME or binding.get_host_cpu_name()
    features = settings.CPU_FEATURES or binding.get_host_cpu_features().flatten()
    return hashlib.sha256(f"{name} {features}".encode()).hexdigest()[:16]


def _can_write(folder: Path) -> bool:
    """Whether files can be written to the folder. A missing folder is made, and old folders next to
    it are removed.
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


def remark(message: str, about: str = "") -> None:
    """Queue a remark, which is sent once, as soon as there is a listener. Of several remarks
    `about` the same thing only the first is kept.
    """
    if (about or message) not in _remarked:
        _remarked.add(about or message)
        _remarks.append(message)
    tell()


def tell() -> None:
    """Send the queued remarks to the listeners. Remarks wait while there is no listener, as in a
    thread of a kernel.
    """
    while events.has_listeners():
        try:
            message = _remarks.pop(0)
        except IndexError:  # none is left; another thread may have taken the last
            return
        events.note(message)


# ---- the machine code


class _KernelCache:
    """The stored machine code of one kernel, with the methods that numba expects of a cache."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"

    @property
    def cache_path(self) -> Path | None:
        return home()

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The machine code for these types, or None."""
        # What machine code calls. numba would load all that it compiles with first, which takes a
        # third of a second and 30 MB, and which a compiler that is needed after all does itself.
        rtsys.initialize(target)
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
        except Exception as error:  # damaged in any way: it is compiled again
            remark(
                (
                    f"A compiled kernel in {folder} cannot be read and is compiled again "
                    f"({type(error).__name__}: {error})."
                ),
                "read",
            )
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Write the machine code to disk, for later processes."""
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
        """The file name for the kernel with these types on this processor."""
        of_types = hashlib.sha256(repr((signature, codegen.magic_tuple())).encode()).hexdigest()
        return f"{self._name}-{of_types[:16]}{SUFFIX}"

    def flush(self) -> None:
        """Do nothing: nothing is held in memory."""

    def enable(self) -> None:
        """Do nothing: the cache is always enabled."""

    def disable(self) -> None:
        """Do nothing: the cache cannot be disabled; without a folder nothing is kept."""


def _files(folder: Path) -> Any:
    """numba's reader and writer of such files. A file is written under another name and then moved,
    so no process reads half a file.
    """
    reader: Any = IndexDataCacheFile
    return reader(str(folder), "", None)
