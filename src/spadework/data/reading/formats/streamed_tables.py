"""Tables whose rows come in batches, so that no more than one batch is held twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from spadework import formatting
from spadework.data.reading.formats.databases import changed
from spadework.data.reading.tables import RowNumbers, Table
from spadework.events import track


@dataclass(frozen=True, eq=False, kw_only=True)
class Streamed:
    """Rows of a source, always in one order; `frames(columns, limit)` gives them, or the first."""

    name: str
    source_format: str
    schema: Mapping[str, pl.DataType]
    rows: int
    frames: Callable[[Sequence[str], int | None], Iterator[pl.DataFrame]]
    size: int
    remarks: tuple[str, ...] = ()

    def empty(self, columns: Sequence[str]) -> pl.DataFrame:
        """No rows of some columns."""
        return pl.DataFrame(schema={column: self.schema[column] for column in columns})


def table_of_stream(source: Streamed) -> Table:
    """The table; a sample of users is taken from each batch as it comes."""

    def whole(columns: Sequence[str]) -> Iterator[tuple[pl.DataFrame, int]]:
        """Batches, each with the number of rows before it."""
        seen = 0
        for frame in track(source.frames(columns, None), f"reading {source.name}"):
            yield frame, seen
            seen += frame.height
        if seen != source.rows:
            raise changed(
                source.name,
                f": {formatting.count(source.rows, 'row')} were counted and {seen:,} read",
            )

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        return pl.concat([source.empty(columns), *(frame for frame, _ in whole(columns))])

    def head(rows: int) -> pl.DataFrame:
        columns = list(source.schema)
        return pl.concat([source.empty(columns), *source.frames(columns, rows)])

    def sampled(columns: Sequence[str], user: str, every: int) -> tuple[pl.DataFrame, RowNumbers]:
        kept, numbers = [source.empty(columns)], [np.zeros(0, np.int64)]
        for frame, before in whole(columns):
            chosen = frame[user].hash(seed=0) % every == 0
            kept.append(frame.filter(chosen))
            numbers.append(np.flatnonzero(chosen.to_numpy()) + before + 1)
        return pl.concat(kept), np.concatenate(numbers)

    return Table(
        name=source.name,
        source_format=source.source_format,
        schema=source.schema,
        rows=source.rows,
        fetch=fetch,
        head=head,
        size=source.size,
        sampled=sampled,
        batches=lambda columns, _: (frame for frame, _ in whole(columns)),
        remarks=source.remarks,
    )
