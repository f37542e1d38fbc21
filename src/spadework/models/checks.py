"""What is wrong with arrays that come from a file. Kernels check nothing, so an array of a wrong
shape or type would be read beyond its end.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.ragged import SparseRows


def are_starts(starts: Array, cells: int) -> bool:
    """Whether these are row starts of so many cells: whole numbers with a sign, from 0, never
    falling.
    """
    return (
        starts.ndim == 1
        and starts.dtype.kind == "i"
        and len(starts) > 0
        and bool(starts[0] == 0 and starts[-1] == cells)
        # compared, not subtracted: a difference may overflow
        and bool((starts[1:] >= starts[:-1]).all())
    )


def are_codes(codes: Array, limit: int, *, least: int = 0) -> bool:
    """Whether these are whole numbers with a sign, `least` or more and below `limit`, in one
    dimension.
    """
    return (
        codes.ndim == 1
        and codes.dtype.kind == "i"
        and (not len(codes) or bool(least <= codes.min() and codes.max() < limit))
    )


def are_numbers(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether these are finite real numbers in this shape."""
    return array.shape == shape and array.dtype.kind in "fiu" and bool(np.isfinite(array).all())


def wrong_rows(table: SparseRows, rows: int, width: int) -> str | None:
    """What is wrong with a table of `rows` rows whose columns are below `width`; None where it
    fits.
    """
    starts, columns, values = table
    if columns.shape != values.shape or columns.ndim != 1 or values.dtype.kind not in "fiu":
        return "the cells of the table do not fit each other"
    if not are_starts(starts, len(columns)) or len(starts) != rows + 1:
        return "row starts do not fit the table"
    if not are_codes(columns, width):
        return "the table names items that are not there"
    return None if np.isfinite(values).all() else "a value of the table is no finite number"
