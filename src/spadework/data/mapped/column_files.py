"""Columns as plain files of numbers, appended to part by part and then mapped."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from spadework.arrays import Array, frozen
from spadework.errors import OutOfDisk

ENDING = ".column"
_PIECE = 1 << 22  # rows that are turned into others at once


class ColumnWriter:
    """Appends to the columns of a folder; `dtypes` are by name. Used with `with`."""

    def __init__(self, folder: Path, dtypes: Mapping[str, np.dtype]) -> None:
        self.folder, self.dtypes, self.rows = folder, dict(dtypes), 0
        folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, IO[bytes]] = {
            name: (folder / f"{name}{ENDING}").open("wb") for name in dtypes
        }

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Further rows of all columns. Raises `OutOfDisk` where the disk is full."""
        lengths = {len(array) for array in arrays.values()}
        assert set(arrays) == set(self.dtypes), "a part has the columns of all others"
        assert len(lengths) == 1, "columns of a part are equally long"
        for name, array in arrays.items():
            wanted = np.ascontiguousarray(array, self.dtypes[name])
            try:
                self._files[name].write(wanted.data)
                _begin_to_write(self._files[name])
            except OSError as error:
                raise full(self.folder, error) from error
        self.rows += lengths.pop()

    def convert(self, name: str, dtype: np.dtype, new: Callable[[Array], Array]) -> None:
        """Turn a column into another one of as many rows, piece by piece. Nothing is appended
        afterwards.
        """
        self.__exit__()
        path = self.folder / f"{name}{ENDING}"
        old = mapped(self.folder, {name: self.dtypes[name]}, self.rows)[name]
        half = path.with_name(f"{path.name}.new")
        try:
            with half.open("wb") as file:
                for begin in range(0, self.rows, _PIECE):
                    piece = new(old[begin : begin + _PIECE])
                    file.write(np.ascontiguousarray(piece, dtype).data)
        except OSError as error:
            raise full(self.folder, error) from error
        os.replace(half, path)
        self.dtypes[name] = dtype

    def drop(self, name: str) -> None:
        """Leave a column out after all."""
        self.__exit__()
        del self.dtypes[name]
        (self.folder / f"{name}{ENDING}").unlink()

    def __enter__(self) -> ColumnWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            for file in self._files.values():
                file.close()
        except OSError as error:  # what was not yet written
            raise full(self.folder, error) from error


def _begin_to_write(file: IO[bytes]) -> None:
    """Have the system write what it holds of a file, and let go of what is written. Else a memory
    group fills up with it and waits for the disk at once: a fifth of the time where a log is larger
    than its group.
    """
    if hasattr(os, "posix_fadvise"):  # Linux
        file.flush()
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def mapped(folder: Path, dtypes: Mapping[str, np.dtype], rows: int) -> dict[str, Array]:
    """Read-only arrays over the columns of a folder, by name. Raises ValueError where a file has
    another size, OSError where it is gone.
    """
    found: dict[str, Array] = {}
    for name, dtype in dtypes.items():
        path = folder / f"{name}{ENDING}"
        size = path.stat().st_size
        if size != rows * np.dtype(dtype).itemsize:
            raise ValueError(f"{path.name} has {size:,} bytes, which do not fit its rows")
        empty = np.zeros(0, dtype)
        # the base class: a view of a memmap is a memmap, which costs time with each slice
        found[name] = frozen(np.memmap(path, dtype, "r").view(np.ndarray) if rows else empty)
    return found


@dataclass(frozen=True)
class Place:
    """Where the numbers of a mapped array lie, so that another process can map them, too."""

    path: Path
    dtype: str
    offset: int  # bytes
    length: int

    @classmethod
    def of(cls, array: Array) -> Place | None:
        """The place of an array of one dimension; None where it is not a piece of a file."""
        base = mapping_of(array)
        if base is None or base.filename is None or not array.flags.contiguous:
            return None
        inside = array.ctypes.data - base.ctypes.data
        path = Path(base.filename).absolute()
        return cls(path, array.dtype.str, base.offset + inside, len(array))

    def mapped(self) -> Array:
        """The array, read-only."""
        if not self.length:
            return frozen(np.zeros(0, self.dtype))
        return frozen(
            np.memmap(self.path, self.dtype, "r", self.offset, self.length).view(np.ndarray)
        )


def mapping_of(array: Array) -> np.memmap | None:
    """The mapping of a file that an array is a view of; None where it is none."""
    base: object = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return base if isinstance(base, np.memmap) else None


def full(folder: Path, error: OSError) -> Exception:
    """The error to raise where a file could not be written."""
    # errors of polars have their number in the text alone
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if error.errno not in numbers and not any(f"os error {n}" in str(error) for n in numbers):
        return error
    try:
        free = f"{shutil.disk_usage(folder).free / 2**30:,.1f} GiB are free"
    except OSError:
        free = "it has no room left"
    return OutOfDisk(
        f"The disk of {folder} is full ({free}) while a log is written there.",
        "Make room, or name a folder on another disk: SPADEWORK_SCRATCH=FOLDER, or TMPDIR.",
    )
