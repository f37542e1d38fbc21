"""Rows of different lengths in flat arrays: row r is `cells[starts[r]:starts[r + 1]]`, with one
start more than there are rows.

`Ragged` holds one array of cells, `SparseRows` columns and values. What holds more arrays with the
same starts derives from `Rows`. The functions below are the arithmetic of such starts, written
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from spadework.arrays import Array, Codes, Offsets


def offsets_of(lengths: ArrayLike) -> Offsets:
    """Where rows of these lengths begin: [rows + 1] int64, from 0. Of a mask: how many before each
    place are true. O(rows).
    """
    whole = np.asarray(lengths, np.int64)
    offsets = np.zeros(len(whole) + 1, np.int64)
    np.cumsum(whole, out=offsets[1:])
    return offsets


def row_of_cells(starts: Array) -> Array:
    """Index of the row of each cell: [cells] int64, ascending. O(cells)."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def places_in_rows(lengths: Array) -> Array:
    """Place of each cell in its own row, from 0: [cells] int64. O(cells)."""
    return np.asarray(
        np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    )


def cells_of_rows(starts: Array, rows: Array) -> tuple[Array, Offsets]:
    """Positions of the cells of some rows, one row after the other, and where each of these rows
    then begins. O(cells found).
    """
    lengths = np.diff(starts)[rows]
    return places_in_rows(lengths) + np.repeat(starts[rows], lengths), offsets_of(lengths)


class Rows:
    """What has rows of different lengths."""

    starts: Offsets  # [rows + 1]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Array:
        """Cells of each row. Shape [rows]."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Array:
        """Index of the row of each cell. Shape [cells]."""
        return row_of_cells(self.starts)


@dataclass(frozen=True, eq=False)
class Ragged(Rows):
    """List r is `values[starts[r]:starts[r + 1]]`."""

    starts: Offsets  # [rows + 1]
    values: Codes  # [cells]

    def __getitem__(self, row: int) -> Codes:
        return self.values[self.starts[row] : self.starts[row + 1]]

    def take(self, rows: Array) -> Ragged:
        """The lists of some rows."""
        cells, starts = cells_of_rows(self.starts, rows)
        return Ragged(starts, self.values[cells])


class SparseRows(NamedTuple):
    """Sparse rows: row r is `columns[starts[r]:starts[r + 1]]` with its values. A tuple, so that it
    can be passed to compiled loops as three arrays.
    """

    starts: Offsets  # [rows + 1]
    columns: Codes  # [cells] not negative
    values: Array  # [cells]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def owners(self) -> Array:
        """Index of the row of each cell. Shape [cells]."""
        return row_of_cells(self.starts)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.starts.nbytes + self.columns.nbytes + self.values.nbytes)
