"""Which items have a value in a column of an item table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from spadework.arrays import Mask
from spadework.data.item_values import LIST_SEPARATOR
from spadework.errors import BadRequest


def with_value(table: pl.DataFrame, column: str, value: str) -> Mask:
    """Which rows of the table have the value in the column; of a list one of its values is enough,
    numbers are compared as numbers. Raises `BadRequest` for a column that is not there.
    """
    if column not in table.columns:
        raise BadRequest(f"The item table has no column {column!r}.", columns_in_words(table))
    return with_any(prepared(table[column]), [value])


def prepared(column: pl.Series) -> pl.Series:
    """A column as `with_any` reads it, for who asks often: texts as lists of values where one is a
    list, numbers as floats.
    """
    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    texts = column.cast(pl.String)
    if texts.str.contains(LIST_SEPARATOR, literal=True).any():
        return texts.str.split(LIST_SEPARATOR)
    return texts


def with_any(column: pl.Series, values: Sequence[str]) -> Mask:
    """Which rows of a prepared column have one of the values; numbers are compared as numbers."""
    if column.dtype == pl.Float64:
        mask = column.is_in(pl.Series(values).cast(pl.Float64, strict=False).drop_nulls())
    elif column.dtype == pl.List:
        mask = column.list.eval(pl.element().is_in(values)).list.any()
    else:
        mask = column.is_in(values)
    return np.asarray(mask.fill_null(False).to_numpy())


def between(table: pl.DataFrame, column: str, low: float | None, high: float | None) -> Mask:
    """Which rows have a number in the column that is at least `low` and at most `high`. Raises
    `BadRequest` for a column that is not there or holds no numbers.
    """
    if column not in table.columns:
        raise BadRequest(f"The item table has no column {column!r}.", columns_in_words(table))
    values = table[column]
    if not values.dtype.is_numeric():
        raise BadRequest(
            f"The column {column!r} of the item table holds no numbers.",
            "Filter it by one of its values.",
        )
    numbers = values.cast(pl.Float64)
    mask = numbers.is_not_null()
    if low is not None:
        mask &= numbers >= low
    if high is not None:
        mask &= numbers <= high
    return np.asarray(mask.fill_null(False).to_numpy())


def common_values(table: pl.DataFrame, column: str, most: int = 5) -> list[object]:
    """The most frequent values of a column."""
    found = table[column].drop_nulls().alias("value").value_counts(sort=True, name="rows")
    return found["value"].head(most).to_list()


def columns_in_words(table: pl.DataFrame) -> str:
    """The names of the columns, as a hint."""
    return f"Its columns are {', '.join(repr(name) for name in table.columns)}."
