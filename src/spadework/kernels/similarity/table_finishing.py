"""Last steps on a finished table of neighbours: divide rows by a number, keep the largest of each
column, scale rows to a sum of one.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, cut
from spadework.ragged import offsets_of, row_of_cells


def keep_in_columns(
    starts: Offsets, columns: Codes, values: Array, keep: int
) -> tuple[Offsets, Codes, Array]:
    """The `keep` largest values of each column; among equals the lower row stays. O(cells · log
    cells).
    """
    rows = row_of_cells(starts)
    order = np.lexsort((rows, -values, columns))
    ordered = columns[order]
    first = np.searchsorted(ordered, ordered)  # where the column begins
    kept = np.zeros(len(columns), np.bool_)
    kept[order[np.arange(len(columns)) - first < keep]] = True
    lengths = np.bincount(rows[kept], minlength=len(starts) - 1)
    return offsets_of(lengths), columns[kept], values[kept]


def rows_over(starts: Offsets, values: Array, by: Array) -> Array:
    """Each row divided by its number in `by` [rows] float32, above zero; values above zero stay so.
    O(cells).
    """
    out = np.empty_like(values)
    divisors = by.astype(values.dtype, copy=False)
    tiny = np.finfo(values.dtype).tiny

    def divide(block: tuple[int, int]) -> None:
        first, last = block
        _divide(starts[first : last + 1], values, divisors[first:last], tiny, out)

    with parallel.Crew() as crew:
        crew.map(divide, cut(starts[1:], BLOCK_CELLS))
    return out


@kernel
def _divide(starts, values, by, tiny, out):
    for row in range(by.shape[0]):
        divisor = by[row]
        for at in range(starts[row], starts[row + 1]):
            out[at] = max(values[at] / divisor, tiny)


def rows_to_one(starts: Offsets, values: Array) -> Array:
    """Each row divided by its sum. O(cells)."""
    rows = row_of_cells(starts)
    sums = np.bincount(rows, weights=values, minlength=len(starts) - 1)
    return (values / np.maximum(sums, 1e-30)[rows]).astype(np.float32)
