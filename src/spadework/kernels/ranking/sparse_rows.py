"""Sparse rows, the form of lists of weighted entries and of tables, and their form for kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Offsets


class SparseRows(NamedTuple):
    """Sparse rows: row r is `columns[starts[r]:starts[r + 1]]` with its values."""

    starts: Offsets  # [rows + 1]
    columns: Codes  # [cells] not negative
    values: Array  # [cells] float32


def wrong_table(starts: Array, columns: Array, values: Array, rows: int, width: int) -> str | None:
    """What is wrong with a table of `rows` rows from a file, as kernels check nothing; None when it
    fits.
    """
    if (
        len(starts) != rows + 1
        or starts[0] != 0
        or starts[-1] != len(columns)
        or (np.diff(starts) < 0).any()
    ):
        return "row starts do not fit the table"
    if len(columns) != len(values) or (
        len(columns) and (columns.min() < 0 or columns.max() >= width)
    ):
        return "the table names items that are not there"
    return None if np.isfinite(values).all() else "a value of the table is no finite number"


def unsigned(rows: SparseRows) -> tuple[Array, Array, Array]:
    """Offsets and columns as unsigned words: compiled loops then need no check for negative
    indices.
    """
    return (
        words(rows.starts, np.uint64),
        words(rows.columns, np.uint32),
        np.ascontiguousarray(rows.values, np.float32),
    )


def words(array: Array, dtype: type[np.unsignedinteger]) -> Array:
    """Whole numbers, none below zero, as unsigned ones."""
    signed = np.int64 if dtype is np.uint64 else np.int32
    return np.ascontiguousarray(array, signed).view(dtype)
