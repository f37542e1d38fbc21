"""Files on disk, written atomically: a file is complete or absent, never partial. The libraries of
arrays and tables are imported by those that read and write them.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import json
import os
import shutil
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import BadZipFile

from spadework.errors import BadRequest
from spadework.limits import available_bytes

if TYPE_CHECKING:
    import polars as pl

    from spadework.arrays import Array

try:
    import fcntl
except ImportError:  # only on systems without file locks
    fcntl = None  # type: ignore[assignment]

HALF = ".half-"
"""Prefix of the names of files that are being written."""
_SIGNS = frozenset("*?[")
"""Of a pattern."""
_NO_NPZ = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError, MemoryError),
    *(BadZipFile, zlib.error, struct.error),
)
_NO_NPZ_SAYS = "it is no npz of arrays; it was cut short or changed"
MOST_JSON = 2**28
"""Bytes of the largest JSON that is read; parsed, it takes about ten times as much."""
MOST_TOML = 2**20


def write_bytes(
    path: Path, content: bytes | Sequence[bytes | memoryview], *, durable: bool = True
) -> None:
    """Replace `path` in one step, by bytes or by pieces one after the other. `durable` waits for
    the disk, so that the file survives a crash of the machine and not only of this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{HALF}{os.getpid()}.{threading.get_ident():x}.{path.name}")
    try:
        with half.open("wb") as file:
            for piece in (content,) if isinstance(content, bytes) else content:
                file.write(piece)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(half, path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write JSON with keys in the given order; NaN is refused, since other readers reject it."""
    write_bytes(
        path,
        (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
        durable=durable,
    )


def read_json(path: Path, again: str = "run the job again") -> Any:
    """Read what `write_json` wrote. Raises `BadRequest` for a missing or damaged file; `again` says
    what makes it anew.
    """
    try:
        return json.loads(content_of(path, most=MOST_JSON))
    except FileNotFoundError:
        raise BadRequest(
            f"There is no {path.name} in {path.parent}.",
            "Is this a run folder? Make one with: spadework dig SOURCE",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadRequest(
            f"{path} cannot be read: {error}.", f"The file is damaged; {again}."
        ) from error


def content_of(path: Path, most: int | None = None) -> bytes:
    """The bytes of a regular file of `most` bytes, by default of what fits into memory. Raises
    OSError for whatever else has that name, such as a pipe or a device, which may never end.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    room = available_bytes() if most is None else most
    if found.st_size > room:
        says = f"it has {found.st_size:,} bytes, more than the {room:,} that can be read"
        raise OSError(errno.EFBIG, says, str(path))
    return path.read_bytes()


def is_there(name: str) -> bool:
    """Whether there is such a file or folder, or a file that fits such a pattern."""
    return Path(name).exists() or bool(matching(name))


def matching(pattern: str) -> list[str]:
    """The paths that fit a pattern such as `logs/*.csv`; none for other texts."""
    if "://" in pattern or not _SIGNS & set(pattern):
        return []
    try:
        return sorted(glob.iglob(pattern, recursive=True))
    except (OSError, ValueError):
        return []


def npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as a compressed npz; equal arrays give equal bytes. Quick compression: numpy's own
    takes as long for the values of 200,000 users as judging them.
    """
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def arrays_of(content: bytes) -> dict[str, Array]:
    """The arrays of an npz. Raises ValueError for other bytes, whatever is wrong with them."""
    import numpy as np

    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except _NO_NPZ as error:
        raise ValueError(_NO_NPZ_SAYS) from error  # numpy's own advice is about pickles
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(_NO_NPZ_SAYS)
    return arrays


def table_of(content: bytes) -> pl.DataFrame:
    """The table of a parquet file. Raises ValueError for other bytes, whatever is wrong with
    them.
    """
    import polars as pl
    from polars.exceptions import PanicException, PolarsError

    try:
        return pl.read_parquet(io.BytesIO(content))
    except (PolarsError, PanicException, OSError, MemoryError) as error:
        raise ValueError("it is no table in parquet; it was cut short or changed") from error


REMARK = "spadework.remark"
"""The key of a sentence in a parquet file that every reader of it is told."""


def parquet(frame: pl.DataFrame, remark: str = "") -> bytes:
    """A table as a parquet file, with a sentence for its readers."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={REMARK: remark} if remark else None)
    return buffer.getvalue()


def write_parquet(path: Path, frame: pl.DataFrame, remark: str = "") -> None:
    """Write a parquet file in one step, with a sentence for its readers."""
    write_bytes(path, parquet(frame, remark))


def replace_folder(fresh: Path, target: Path) -> None:
    """Replace a folder by another. The old one is moved aside first, and moved back if the second
    move fails.

    A process that is killed between the two moves leaves the old one under a name with the prefix
    `HALF`.
    """
    old = target.with_name(f"{HALF}old-{target.name}")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def lock(file: IO[Any], *, wait: bool = True) -> None:
    """Lock an open file until it is closed, however its process ends. Raises BlockingIOError where
    another process holds the lock and `wait` is false.

    Does nothing on systems without file locks.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold(folder: Path) -> int | None:
    """Say that a folder is used, until the number that this gives is closed, however its process
    ends. None on systems without file locks.
    """
    if fcntl is None:
        return None
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_SH)
    except OSError:  # some file systems lock no folders
        os.close(number)
        return None
    return number


def remove_unless_held(folder: Path) -> bool:
    """Remove a folder that no process holds; whether it is gone. Where that cannot be found out it
    stays.
    """
    if fcntl is None:
        return False
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        old = folder.with_name(f"{HALF}old-{folder.name}")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(number)
    return True


def sha256(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
