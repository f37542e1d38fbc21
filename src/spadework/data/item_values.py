"""Values of an item table, the same from every format: text of csv files that are numbers become
numbers, lists become text or vectors.
"""

from __future__ import annotations

import polars as pl

LIST_SEPARATOR = "|"
_EMPTY = ("", "nan", "null", "none", "\\n", "n/a")
"""What exports write for no value, in lower case; it counts where all other values are numbers."""
_WHOLE = r"^-?(?:0|[1-9]\d{0,17})$"
_DECIMAL = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$"

_COMMA = r"^-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:\.\d{3})+),\d{2}$"
"""Prices as they are written in most of Europe: 1.299,00; other decimal commas could be lists."""


def typed(column: pl.Series) -> pl.Series:
    """A column of text as the whole numbers, decimal numbers or truth values that all of it writes,
    as parquet would hold them; else as it is. Numbers with leading zeros or a plus stay text.
    Decimal commas are read where all values have two digits after them.
    """
    if column.dtype != pl.String:
        return column
    lowered = column.str.strip_chars().str.to_lowercase()
    filled = lowered.set(lowered.is_in(_EMPTY).fill_null(True), None)
    present = filled.drop_nulls()
    if not len(present):
        return column
    if present.str.contains(_WHOLE).all():
        return filled.cast(pl.Int64, strict=False)
    if present.str.contains(_DECIMAL).all():
        return filled.cast(pl.Float64, strict=False)
    if present.str.contains(_COMMA).all():
        plain = filled.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        return plain.cast(pl.Float64, strict=False)
    if present.is_in(["true", "false"]).all():
        return filled
    return column


def flat(column: pl.Series) -> pl.Series:
    """Lists as text or vectors, enumerations as text, empty text and NaN as null."""
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    if isinstance(column.dtype, pl.List):
        if (vectors := _vectors(column)) is not None:
            return vectors
        column = column.cast(pl.List(pl.String)).list.join(LIST_SEPARATOR)
    elif column.dtype == pl.Duration:
        column = column.dt.total_microseconds() / 1e6  # seconds
    elif column.dtype in (pl.Categorical, pl.Enum, pl.Boolean) or column.dtype.is_temporal():
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.set((column.str.strip_chars() == "").fill_null(False), None)
    return column.fill_nan(None) if column.dtype.is_float() else column


def is_readable(dtype: pl.DataType) -> bool:
    """Whether a column of this type can be content."""
    if isinstance(dtype, (pl.List, pl.Array)):
        return not _inner(dtype).is_nested() and _inner(dtype) != pl.Duration
    return not dtype.is_nested() and dtype not in (pl.Binary, pl.Object, pl.Null)


def _vectors(column: pl.Series) -> pl.Series | None:
    """Lists of floating numbers as vectors, null where a number is missing or not finite; None
    where lengths differ or are below two.
    """
    lengths = column.list.len().drop_nulls()
    lengths = lengths.filter(lengths > 0).unique()
    if not _inner(column.dtype).is_float() or len(lengths) != 1 or lengths[0] < 2:
        return None
    numbers = column.cast(pl.List(pl.Float32))
    usable = (numbers.list.len() > 0) & numbers.list.eval(
        pl.element().is_finite().fill_null(False)
    ).list.all()
    return numbers.set(~usable.fill_null(False), None).cast(pl.Array(pl.Float32, int(lengths[0])))


def _inner(dtype: pl.DataType) -> pl.DataType:
    """The dtype of a list's values."""
    inner: pl.DataType = dtype.inner() if isinstance(dtype.inner, type) else dtype.inner  # type: ignore[attr-defined]
    return inner
