"""What the first rows of a table say about its columns; a name does not beat its values."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from spadework import formatting
from spadework.data.reading.synonyms import EVENT_WORDS
from spadework.data.reading.tables import Table
from spadework.data.reading.values.cells_of_lists import sign_of_lists
from spadework.data.reading.values.clocks import could_be_time, looks_like_calendar
from spadework.data.reading.values.times_of_day import are_days, are_times_of_day

SAMPLE = 10_000
"""Rows that are looked at."""

MANY_KINDS = 1_000
"""A column with more kinds is no column of events, unless the user names it."""

_ENOUGH = 20  # rows below which values say nothing about line numbers and constants
_MOST_LINES = 200  # a line number is not larger


class Look:
    """The first rows, read once."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @cached_property
    def _head(self) -> pl.DataFrame:
        return self._table.head(SAMPLE)

    @property
    def where(self) -> str:
        """Which rows were looked at, for a sentence."""
        if self._head.height >= self._table.rows:
            return "throughout"
        return f"in the first {formatting.count(self._head.height, 'row')}"

    def is_empty(self, column: str) -> bool:
        """Whether there is no value, or only blanks."""
        values = self._head[column]
        if values.dtype == pl.String:
            return bool((values.fill_null("").str.strip_chars() == "").all()) and len(values) > 0
        return values.null_count() == len(values) > 0

    def is_single(self, column: str) -> bool:
        """Whether values are single values, not lists, structures or bytes."""
        dtype = self._table.schema[column]
        return not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)

    def is_calendar(self, column: str) -> bool:
        """Whether every value is a time."""
        return looks_like_calendar(self._head[column])

    def could_be_time(self, column: str) -> bool:
        """Whether most values are numbers or dates, and they are no times of day."""
        return could_be_time(self._head[column]) and not self.is_time_of_day(column)

    def holds_numbers(self, column: str) -> bool:
        """Whether most values are numbers or dates, times of day among them."""
        return could_be_time(self._head[column])

    def is_time_of_day(self, column: str) -> bool:
        """Whether every value is a time of day."""
        return are_times_of_day(self._head[column])

    def holds_days(self, column: str) -> bool:
        """Whether every value is a date without a time of day."""
        return self.is_calendar(column) and are_days(self._head[column])

    def example(self, column: str) -> str:
        """A value, for a sentence."""
        values = self._head[column].drop_nulls()
        return repr(values[0]) if len(values) else "nothing"

    def holds_ids(self, column: str) -> bool:
        """Whole numbers or short text with repeats: what an id column of a log looks like."""
        values = self._head[column]
        dtype = values.dtype
        if not (
            dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum)
        ) or values.null_count() == len(values):
            return False
        text = values.drop_nulls().cast(pl.String)
        short = (text.str.len_chars() <= 64).all()
        return short and not text.str.contains(r"^[+-]?[0-9]+\.[0-9]+$").all()

    def holds_whole_floats(self, column: str) -> bool:
        """Whether a column of floating numbers, or their text, has whole numbers only."""
        values = self._head[column]
        if values.dtype == pl.String:
            text = values.drop_nulls()
            return len(text) > 0 and bool(text.str.contains(r"^[0-9]+\.0+$").all())
        if not values.dtype.is_float():
            return False
        present = values.drop_nulls().drop_nans()
        return len(present) > 0 and bool((present == present.floor()).all())

    def count_kinds(self, column: str) -> int:
        """Number of distinct values."""
        return self._head[column].drop_nulls().n_unique()

    def count_rows(self) -> int:
        """Number of rows that are looked at."""
        return self._head.height

    def is_grouped(self, column: str) -> bool:
        """Whether equal values mostly stand together, as in a table that is sorted by them."""
        values = self._head[column].cast(pl.String).fill_null("")
        changes = int((values != values.shift(1)).sum())
        return changes <= 5 * max(values.n_unique(), 1)

    def list_sign(self, column: str) -> str:
        """The sign between the entries of texts that are lists; an empty text where they are
        none.
        """
        values = self._head[column]
        return sign_of_lists(values) if values.dtype == pl.String else ""

    def is_constant(self, column: str) -> bool:
        """Whether many rows hold one and the same value."""
        return self._head.height >= _ENOUGH and self.count_kinds(column) == 1

    def numbers_rows(self, column: str) -> bool:
        """Whether many rows hold a value each of their own, as the key of a table does."""
        values = self._head[column]
        return len(values) >= _ENOUGH and values.n_unique() == len(values)

    def decides(self, column: str, other: str) -> bool:
        """Whether each value of a column stands with one value of another one throughout, as an id
        does with a name.
        """
        pairs = self._head.select(column, other).drop_nulls().unique()
        return len(pairs) == pairs[column].n_unique()

    def numbers_lines(self, column: str, basket: str | None) -> bool:
        """Whether values count 1, 2, 3 … and begin again: in nearly every basket, or from row to
        row.
        """
        numbers = self._head[column].cast(pl.String).cast(pl.Float64, strict=False)
        if len(numbers) < _ENOUGH or numbers.null_count() or float(numbers.max()) > _MOST_LINES:  # type: ignore[arg-type]
            return False
        if basket is not None:
            frame = pl.DataFrame({"basket": self._head[basket], "line": numbers})
            groups = frame.group_by("basket").agg(
                (pl.col("line").sort() == pl.int_range(1, pl.len() + 1)).all().alias("counts"),
                pl.len().alias("rows"),
            )
            larger = groups.filter(pl.col("rows") > 1)
            return larger.height > 1 and float(larger["counts"].mean()) > 0.9  # type: ignore[arg-type]
        before = numbers.shift(1)
        goes_on, begins = numbers == before + 1, numbers == 1
        return bool((goes_on | begins).fill_null(True).mean() > 0.95) and int(begins.sum()) > 2  # type: ignore[operator]

    def varies_within(self, column: str, basket: str) -> bool:
        """Whether most baskets of several rows hold several values, as a user never does."""
        kinds = self._head.group_by(basket).agg(pl.col(column).n_unique(), pl.len().alias("_rows"))
        larger = kinds.filter(pl.col("_rows") > 1)[column]
        return len(larger) > 1 and float((larger > 1).mean()) > 0.5  # type: ignore[arg-type]

    def holds_events(self, column: str) -> bool:
        """Whether values are words for kinds of events, two at least."""
        values = self._head[column]
        if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
            return False
        kinds = values.drop_nulls().cast(pl.String).unique()
        kinds = kinds.str.to_lowercase().str.replace_all(r"[^\p{L}]", "").unique()
        if not 2 <= len(kinds) <= 30:
            return False
        known = [kind for kind in kinds if kind in EVENT_WORDS]
        return len(known) >= 2 and len(known) * 2 >= len(kinds)
