"""Dates in three columns, year, month and day, as one column `year/month/day`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from spadework.data.reading.synonyms import candidates, plain_name
from spadework.data.reading.tables import Table

_NAMES = (
    ("year", "yyyy", "jahr", "annee", "ano", "anno"),
    ("month", "mm", "monat", "mois", "mes", "mese"),
    ("day", "dd", "dayofmonth", "tag", "jour", "dia", "giorno"),
)
_RANGES = ((1971, 2100), (1, 12), (1, 31))
_SAMPLE = 1_000


def with_dates(table: Table, time: str | None) -> tuple[Table, dict[str, str]]:
    """The table with a column of dates, and its role, where year, month and day stand in columns
    of their own, no other column is called a time, and the user named none (`time`). A day of the
    month alone would be read as a position.
    """
    parts = _parts(table)
    if not parts:
        return table, {}
    name = "/".join(parts)
    others = [column for column in table.columns if column not in parts]
    if name in table.schema or (time != name and (time or candidates("time", others))):
        return table, {}
    if not _are_dates(table.head(_SAMPLE), parts):
        return table, {}
    texts = [pl.col(part).cast(pl.String).str.strip_chars() for part in parts]
    numbers = [text.str.replace(r"\.0+$", "") for text in texts]
    date = pl.format("{}-{}-{}", *numbers).alias(name)

    def own(columns: Sequence[str]) -> list[str]:
        if name not in columns:
            return list(columns)
        return list(dict.fromkeys([column for column in columns if column != name] + parts))

    def dated(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return frame.with_columns(date).select(columns) if name in columns else frame

    remark = f"The time is the date in the columns {', '.join(map(repr, parts))}."
    made = replace(
        table,
        schema={**table.schema, name: pl.String()},
        fetch=lambda columns: dated(table.fetch(own(columns)), columns),
        head=lambda n: table.head(n).with_columns(date),
        remarks=(*table.remarks, remark),
        sampled=None,
        span=None,
        batches=None
        if (inner := table.batches) is None
        else lambda columns, rows: (dated(frame, columns) for frame in inner(own(columns), rows)),
    )
    return made, {"time": name}


def _parts(table: Table) -> list[str]:
    """The columns of the year, the month and the day; nothing where one is missing or there are
    several.
    """
    found = []
    for names in _NAMES:
        hits = [column for column in table.columns if plain_name(column) in names]
        if len(hits) != 1 or table.schema[hits[0]].is_nested():
            return []
        found += hits
    return found


def _are_dates(head: pl.DataFrame, parts: Sequence[str]) -> bool:
    for part, (first, last) in zip(parts, _RANGES, strict=True):
        values = head[part]
        if values.dtype == pl.String:
            values = values.str.strip_chars()
            values = values.set((values == "").fill_null(False), None)
        numbers = values.cast(pl.Float64, strict=False).drop_nulls().to_numpy()
        lost = len(numbers) < len(values.drop_nulls())
        if lost or not len(numbers) or not ((numbers >= first) & (numbers <= last)).all():
            return False
        if not (numbers == np.floor(numbers)).all():
            return False
    return True
