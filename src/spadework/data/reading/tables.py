"""A source as a table: names and types at once, values of the chosen columns on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Mask
from spadework.errors import BadData
from spadework.ragged import offsets_of

RowNumbers = NDArray[np.int64]

FEW_PARTS = 5
"""Parts of a folder that have a remark each; more have one together."""

MANY_PARTS = 50
"""As many sources that were given by name have a remark each."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """`rows` counts every data row of the source; `dropped` are those that could not be parsed, by
    reason.

    `fetch(columns)` gives the other rows, in their order; `numbers` are their row numbers (the
    first data row is 1), None means all.
    """

    name: str
    source_format: str
    schema: Mapping[str, pl.DataType]
    rows: int
    fetch: Callable[[Sequence[str]], pl.DataFrame]
    head: Callable[[int], pl.DataFrame]
    text: bool = False  # every value is text as written in the file
    headerless: bool = False  # columns are called column_1 and so on
    remarks: tuple[str, ...] = ()
    dropped: Mapping[str, RowNumbers] = field(default_factory=dict)
    numbers: RowNumbers | None = None
    size: int = 0  # bytes to read, where known
    # columns, user column, one of N
    sampled: Callable[[Sequence[str], str, int], tuple[pl.DataFrame, RowNumbers]] | None = None
    # columns, a first row counted from 0, a number of rows → these rows; None where all rows before
    # would have to be read
    span: Callable[[Sequence[str], int, int], pl.DataFrame] | None = None
    # columns, about so many rows at once → all rows in order; None where they come at once alone
    batches: Callable[[Sequence[str], int], Iterator[pl.DataFrame]] | None = None
    parts: tuple[tuple[str, int], ...] = ()  # name and rows of each source, where there are several
    of_user: tuple[str, ...] = ()  # columns of which the users were taken together
    # by reason, the fetched rows that are not used, as no row of another table belongs to them
    aside: Mapping[str, Mask] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Names of the columns in their order."""
        return list(self.schema)

    @property
    def has_header_row(self) -> bool:
        """Whether the names stand in a row of the source, so that this may be one of data."""
        return self.source_format in ("csv", "workbook")

    def row_numbers(self) -> RowNumbers:
        """Number of each fetched row."""
        return np.arange(1, self.rows + 1) if self.numbers is None else self.numbers


def joined(tables: Sequence[Table]) -> Table:
    """Several tables appended; rows are numbered continuously."""
    first = tables[0]
    if len(tables) == 1:
        return first
    for other in tables[1:]:
        check_same_columns(first.name, first.schema, other.name, other.schema)
    starts = offsets_of([table.rows for table in tables])
    dropped: dict[str, RowNumbers] = {}
    for start, table in zip(starts, tables, strict=False):
        for reason, rows in table.dropped.items():
            dropped[reason] = np.concatenate(
                (dropped.get(reason, np.zeros(0, np.int64)), rows + start)
            )
    numbers = None
    if any(table.numbers is not None for table in tables):
        numbers = np.concatenate(
            [table.row_numbers() + start for start, table in zip(starts, tables, strict=False)]
        )
    names = [table.name for table in tables]
    few = len(names) <= FEW_PARTS
    remarks = list(dict.fromkeys(remark for table in tables for remark in table.remarks))
    return Table(
        name=", ".join(names) if few else f"{names[0]} and {len(names) - 1} more",
        source_format=first.source_format,
        schema=first.schema,
        rows=int(starts[-1]),
        fetch=lambda columns: pl.concat([table.fetch(columns) for table in tables]),
        head=first.head,
        text=first.text,
        headerless=first.headerless,
        remarks=tuple(remarks),
        dropped=dropped,
        numbers=numbers,
        size=sum(table.size for table in tables),
        parts=tuple((table.name, table.rows) for table in tables),
        batches=_batches_of_all(tables) if numbers is None else None,
    )


def _batches_of_all(
    tables: Sequence[Table],
) -> Callable[[Sequence[str], int], Iterator[pl.DataFrame]] | None:
    every = [table.batches for table in tables if table.batches is not None]
    if len(every) < len(tables):
        return None
    return lambda columns, rows: (frame for each in every for frame in each(columns, rows))


def told_parts(parts: Sequence[tuple[str, int]]) -> list[str]:
    """A sentence for each part; one for all where there are many."""
    if len(parts) > MANY_PARTS:
        return [parts_in_one_line(parts)]
    return [f"{name}: {rows:,} {'row' if rows == 1 else 'rows'}." for name, rows in parts]


def parts_in_one_line(parts: Sequence[tuple[str, int]]) -> str:
    """How many parts there are and how many rows they have."""
    rows = [rows for _, rows in parts]
    return (
        f"{formatting.count(len(parts), 'part')}, from {parts[0][0]} to {parts[-1][0]}, of "
        f"{min(rows):,} to {formatting.count(max(rows), 'row')}."
    )


def check_same_columns(
    name: str, schema: Mapping[str, pl.DataType], other: str, others: Mapping[str, pl.DataType]
) -> None:
    """Refuse a second source whose columns differ, naming it."""
    if dict(schema) == dict(others):
        return
    missing = [column for column in schema if column not in others]
    added = [column for column in others if column not in schema]
    if missing or added:
        parts = [f"lacks {_list(missing)}"] if missing else []
        parts += [f"has {_list(added)} in addition"] if added else []
        what = " and ".join(parts)
    else:
        column = next((c for c in schema if schema[c] != others[c]), None)
        if column is None:
            return  # same columns in another order
        what = f"holds {column!r} as {others[column]}, not {schema[column]}"
    raise BadData(
        f"{other} does not fit to {name}: it {what}.",
        "Give sources with the same columns, or read them one by one.",
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
