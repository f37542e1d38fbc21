"""Whole numbers as unsigned words: compiled loops then need no check for negative indices."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.ragged import SparseRows


def words(array: Array, dtype: type[np.unsignedinteger]) -> Array:
    """Whole numbers, none below zero, as unsigned ones."""
    signed = np.int64 if dtype is np.uint64 else np.int32
    if array.dtype == signed and array.flags.c_contiguous:
        return array.view(dtype)
    return np.ascontiguousarray(array, signed).view(dtype)


def unsigned(rows: SparseRows) -> tuple[Array, Array, Array]:
    """Starts and columns of sparse rows as unsigned words, and the values as float32."""
    return (
        words(rows.starts, np.uint64),
        words(rows.columns, np.uint32),
        np.ascontiguousarray(rows.values, np.float32),
    )
