"""The dense Gram matrix of sparse rows: G = Σ over rows v vᵀ, in float32, without dense rows.

Each column sums its products with the columns before it, over the rows that hold it: half of the
matrix, which is then mirrored. The sums of a column stay in the cache, and no two threads write to
the same cell. Sums run in the order of rows, whatever the number of threads.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import cut
from spadework.kernels.counting.postings import events_by_item
from spadework.ragged import offsets_of

TASK = 20_000_000
"""Multiplications of one task: a few hundredths of a second."""
SIDE = 64
"""Rows and columns that are mirrored at once: both tiles stay in the cache."""


def gram(starts: Offsets, columns: Codes, values: Array, width: int, label: str = "gram") -> Array:
    """Σ over rows of v vᵀ: [width, width] float32, symmetric.

    Row r is `columns[starts[r]:starts[r + 1]]`, ascending and distinct, with `values` float32. O(Σ
    over rows of length² / 2 + width²). Memory is 4 · width² bytes and at most 33 bytes an entry.
    Sums are float32: of ones they are exact up to 2²⁴.
    """
    entries = np.ascontiguousarray(columns, np.int32)
    firsts = np.ascontiguousarray(starts, np.int64)
    edges = offsets_of(np.bincount(entries, minlength=width))
    positions, rows = events_by_item(firsts, entries, edges)
    before = np.arange(1, len(entries) + 1) - np.repeat(firsts[:-1], np.diff(firsts))
    work = np.cumsum(np.bincount(entries, before, minlength=width))
    del before
    weights = np.ascontiguousarray(values, np.float32)
    one = weights[0] if len(weights) and (weights == weights[0]).all() else np.float32(0)
    if one:
        weights = weights[:0]
    found = np.zeros((width, width), np.float32)

    def fill(block: tuple[int, int]) -> None:
        _fill(*block, edges, rows, positions, firsts, entries, weights, one * one, found)

    parallel.share(fill, cut(work, TASK), label)
    mirror(found)
    return found


def mirror(matrix: Array) -> None:
    """Copy the cells below the diagonal of a square matrix to above it, in place. O(width²)."""
    tiles = [(at, min(at + SIDE, len(matrix))) for at in range(0, len(matrix), SIDE)]
    blocks = [tiles[at : at + 16] for at in range(0, len(tiles), 16)]

    def copy(block: list[tuple[int, int]]) -> None:
        for first, last in block:
            _mirror(matrix, first, last)

    parallel.share(copy, blocks, "mirror")


@kernel
def _fill(first, last, edges, rows, positions, firsts, columns, values, square, found):
    # Column by column: its sums stay in the cache, and no other thread writes them. The rows of a
    # column are in order, so the bits are fixed.
    for column in range(first, last):
        sums = found[column]
        for at in range(edges[column], edges[column + 1]):
            begin, position = firsts[rows[at]], positions[at]
            if values.shape[0] == 0:
                # All values are equal, as of distinct items without weights: the same sums, and
                # the values need not be read.
                for other in range(begin, position + 1):
                    sums[np.uint32(columns[other])] += square
            else:
                value = values[position]
                for other in range(begin, position + 1):
                    sums[np.uint32(columns[other])] += value * values[other]


@kernel
def _mirror(matrix, first, last):
    """Copy the rows `first` to `last` below the diagonal to the columns above it."""
    for begin in range(0, last, SIDE):
        for row in range(first, last):
            for column in range(begin, min(begin + SIDE, row)):
                matrix[column, row] = matrix[row, column]
