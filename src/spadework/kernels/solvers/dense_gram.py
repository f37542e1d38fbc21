"""The dense Gram matrix of sparse rows: G = Σ over rows v vᵀ, in float32, without dense rows.

Each column sums its products with the columns before it, over the rows that hold it: half of the
matrix, which is then mirrored. The sums of a column stay in the cache, and no two threads write to
the same cell. Sums run in the order of rows, whatever the number of threads.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import cut

TASK = 20_000_000
"""Multiplications of one task: a few hundredths of a second."""
TILE = 64
"""Rows and columns that are mirrored at once: both tiles stay in the cache."""


def gram(starts: Offsets, columns: Codes, values: Array, width: int, label: str = "gram") -> Array:
    """Σ over rows of v vᵀ: [width, width] float32, symmetric.

    Row r is `columns[starts[r]:starts[r + 1]]`, ascending and distinct, with `values` float32. O(Σ
    over rows of length² / 2 + width²). Memory is 4 · width² bytes and at most 44 bytes an entry.
    Sums are float32: of ones they are exact up to 2²⁴.
    """
    entries = csr_array(
        (np.arange(len(columns), dtype=np.int64), columns, starts), shape=(len(starts) - 1, width)
    ).tocsc()
    positions = np.ascontiguousarray(entries.data)  # of each column's entries, in order of rows
    rows = np.ascontiguousarray(entries.indices, np.int64)
    before = positions - starts[rows] + 1
    work = np.concatenate(([0.0], np.cumsum(before, dtype=np.float64)))[entries.indptr]
    found = np.zeros((width, width), np.float32)
    firsts = np.ascontiguousarray(starts, np.int64)[:-1]
    known = np.ascontiguousarray(columns, np.int32)
    weights = np.ascontiguousarray(values, np.float32)
    edges = np.ascontiguousarray(entries.indptr, np.int64)

    def fill(block: tuple[int, int]) -> None:
        _fill(*block, edges, rows, positions, firsts, known, weights, found)

    parallel.share(fill, cut(work[1:], TASK), label)
    mirror(found)
    return found


def mirror(matrix: Array) -> None:
    """Copy the cells below the diagonal of a square matrix to above it, in place. O(width²)."""
    tiles = [(at, min(at + TILE, len(matrix))) for at in range(0, len(matrix), TILE)]
    blocks = [tiles[at : at + 16] for at in range(0, len(tiles), 16)]

    def copy(block: list[tuple[int, int]]) -> None:
        for first, last in block:
            _mirror(matrix, first, last)

    parallel.share(copy, blocks, "mirror")


@kernel
def _fill(first, last, edges, rows, positions, firsts, columns, values, found):
    # Column by column: its sums stay in the cache, and no other thread writes them. The rows of a
    # column are in order, so the bits are fixed.
    for column in range(first, last):
        sums = found[column]
        for at in range(edges[column], edges[column + 1]):
            position = positions[at]
            value = values[position]
            for other in range(firsts[rows[at]], position + 1):
                sums[np.uint32(columns[other])] += value * values[other]


@kernel
def _mirror(matrix, first, last):
    """Copy the rows `first` to `last` below the diagonal to the columns above it."""
    for begin in range(0, last, TILE):
        for row in range(first, last):
            for column in range(begin, min(begin + TILE, row)):
                matrix[column, row] = matrix[row, column]
