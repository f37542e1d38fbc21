"""Where the rows of a log go that is made of another one: memory, or files where that one is larger
than memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spadework.arrays import Array, Mask, frozen
from spadework.data.interactions import COLUMNS, Interactions
from spadework.data.mapped.column_files import full
from spadework.data.mapped.scratch import cannot_write, scratch_top

PIECE = 1 << 22
"""Rows that are worked out at once."""


@dataclass(frozen=True)
class RowRoom:
    """Gives room for columns of rows."""

    in_files: bool = False

    def column(self, rows: int, dtype: Any) -> Array:
        """A column to be filled, of any content. A file of it has no name any more: its disk is
        free again when nobody holds the array. Raises `OutOfDisk` where there is no room for it.
        """
        if not self.in_files or not rows:
            return np.empty(rows, dtype)
        top = scratch_top()
        size = rows * np.dtype(dtype).itemsize
        try:
            with tempfile.TemporaryFile(dir=top) as file:
                # a hole that is written to on a full disk would end the process
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
                return np.memmap(file, dtype, "r+", shape=rows).view(np.ndarray)
        except OSError as error:
            told = full(top, error)
            raise told if told is not error else cannot_write(top, error) from error

    def those_where(self, column: Array, mask: Mask) -> Array:
        """The values of a column where `mask` holds."""
        if not self.in_files:
            return column[mask]
        found, filled = self.column(int(np.count_nonzero(mask)), column.dtype), 0
        for part in pieces(len(column)):
            chosen = column[part][mask[part]]
            found[filled : filled + len(chosen)] = chosen
            filled += len(chosen)
        return frozen(found)

    def looked_up(self, table: Array, column: Array) -> Array:
        """`table[column]`."""
        found = self.column(len(column), table.dtype)
        for part in pieces(len(column)):
            found[part] = table[column[part]]
        return frozen(found)

    def rows_where(self, log: Interactions, mask: Mask) -> Interactions:
        """`log.where(mask)`, of a log without returns."""
        if not self.in_files:
            return log.where(mask)
        assert log.returns is None, "returns are of use to cuts of the past alone"
        columns: dict[str, Any] = {
            name: self.those_where(column, mask)
            for name in COLUMNS
            if (column := getattr(log, name)) is not None
        }
        return replace(log, **columns, account=None)


IN_MEMORY = RowRoom()


def pieces(rows: int, most: int | None = None) -> Iterator[slice]:
    """So many rows, piece by piece."""
    step = most or PIECE
    for begin in range(0, rows, step):
        yield slice(begin, min(begin + step, rows))
