"""Item tables with a row for each property of an item, as one row an item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Mask
from spadework.data.item_values import flat, typed
from spadework.data.joins import shown
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.synonyms import candidates, plain_name
from spadework.data.reading.values.clocks import read_clock
from spadework.errors import BadData, BadRequest

_PROPERTIES = (
    *("property", "propertyname", "propertyid", "propertykey", "attribute", "attributename"),
    *("attributeid", "attributekey", "attributecode", "key", "feature", "featurename", "field"),
    *("fieldname", "characteristic"),
)
_VALUES = ("value", "values", "propertyvalue", "attributevalue", "featurevalue", "fieldvalue")
MOST = 100
"""Properties that become columns; others are rare ones of many."""
_FEW, _ALWAYS = 50, 0.95
"""A column of at most so many values that nearly never repeat within an item looks like the names
of properties.
"""


@dataclass(frozen=True)
class LongShape:
    """The columns of a long table."""

    properties: str
    values: str
    time: str | None


def shape_of(columns: list[str]) -> LongShape | None:
    """The columns of a long table by their names, without that of the item; None where names do
    not say it.
    """
    plain = {column: plain_name(column) for column in columns}
    values = [column for column in columns if plain[column] in _VALUES]
    properties = [column for column in columns if plain[column] in _PROPERTIES]
    if not properties and len(columns) <= 3:
        properties = [column for column in columns if plain[column] == "name"]
    if len(values) != 1 or len(properties) != 1:
        return None
    clocks = candidates("time", [c for c in columns if c not in (*values, *properties)])
    return LongShape(properties[0], values[0], clocks[0] if len(clocks) == 1 else None)


def pivoted(
    frame: pl.DataFrame, ids: pl.Series, shape: LongShape, before: int | None, ledger: Ledger
) -> tuple[pl.DataFrame, pl.Series]:
    """One row an item with a column for each property, and the items' ids.

    Where there are times, the latest value before `before` (epoch seconds) counts; without it,
    values that change are refused, since the latest one would be known only later. Several values
    of one property at the same time are a list. O(rows log rows). Raises BadRequest and BadData
    where `before` is given and there are no dates.
    """
    if before is not None and shape.time is None:
        raise BadRequest(
            "The item table has no single column of times, so --items-before has no meaning.",
            f"Leave it out, or leave one column of times. The columns are {listed(frame.columns)}.",
        )
    rows = pl.DataFrame(
        {
            "item": ids,
            "property": frame[shape.properties].cast(pl.String),
            "value": flat(frame[shape.values]).cast(pl.String),
        }
    )
    if shape.time is not None:
        clock = read_clock(frame[shape.time], shape.time, ledger)
        if before is not None and not clock.calendar:
            raise BadData(
                f"The times of the item table ({shape.time!r}) are no dates, so --items-before "
                "has no meaning.",
                "Leave it out, or write dates or epoch seconds.",
            )
        seconds = pl.Series("time", clock.seconds).set(pl.Series(~_used(ledger, len(rows))), None)
        rows = rows.with_columns(seconds)
    complete = rows.drop_nulls()
    if lost := len(rows) - len(complete):
        ledger.remark(
            f"Rows of the item table without an item, a property, a value or a usable time: "
            f"{lost:,} of {len(rows):,}."
        )
    if shape.time is not None:
        complete = _as_of(complete, before, ledger)
    if not len(complete):
        raise BadData(
            "The item table has no value that can be used.",
            "Give one row an item, or another day with --items-before.",
        )
    return _wide(complete, shape, ledger)


def _used(ledger: Ledger, rows: int) -> Mask:
    used = ledger.used()
    return np.ones(rows, np.bool_) if used is None else used


def _as_of(rows: pl.DataFrame, before: int | None, ledger: Ledger) -> pl.DataFrame:
    """The latest values of each property of an item before a time."""
    by = ["item", "property"]
    if before is not None:
        known = rows.filter(pl.col("time") < before)
        ledger.remark(
            f"Of each property of an item the latest value before that day counts; later rows of "
            f"the item table, left out: {len(rows) - len(known):,} of {len(rows):,}."
        )
        return known.filter(pl.col("time") == pl.col("time").max().over(by))
    states = rows.group_by([*by, "time"]).agg(pl.col("value").unique().sort())
    changing = states.group_by(by, maintain_order=True).agg(pl.col("value").n_unique())
    changing = changing.filter(pl.col("value") > 1)
    if len(changing):
        item, name = changing.sort(by).row(0)[:2]
        raise BadData(
            (
                "The item table has values that change with time "
                f"({formatting.count(len(changing), 'pair')} of item and property, such as "
                f"{name!r} of item {shown(item)}): the latest ones would tell models what came "
                "later."
            ),
            (
                "Say up to when they may be known, best the day on which the test span begins: "
                "--items-before 2026-01-31. Or give one row an item."
            ),
        )
    return rows


def _wide(rows: pl.DataFrame, shape: LongShape, ledger: Ledger) -> tuple[pl.DataFrame, pl.Series]:
    cells = rows.group_by(["item", "property"], maintain_order=True).agg(
        pl.col("value").unique(maintain_order=True).str.join("|")
    )
    names = (
        cells["property"]
        .value_counts(sort=True)
        .sort("count", "property", descending=[True, False])
    )
    kept = names["property"].head(MOST).to_list()
    if len(names) > MOST:
        ledger.remark(
            f"Properties of the item table beyond the {MOST} that most items have, left out: "
            f"{len(names) - MOST:,}."
        )
    key = "item"
    while key in kept:  # a property of that name
        key += "_"
    wide = (
        cells.rename({"item": key})
        .filter(pl.col("property").is_in(kept))
        .pivot(on="property", index=key, values="value", maintain_order=True)
    )
    ledger.remark(
        f"The item table has a row for each property ({shape.properties!r}) of an item: "
        f"{formatting.count(len(rows), 'row')} became {formatting.count(len(wide), 'item')} with "
        f"{formatting.count(len(kept), 'column')}."
    )
    columns = [typed(wide[name]) for name in kept]
    return pl.DataFrame(columns), wide[key]


def refuse_unclear(frame: pl.DataFrame, ids: pl.Series, name: str) -> None:
    """Refuse a table that looks long, but whose columns do not say which are the properties: two
    rows an item or more, and two other columns, of which one has few values that never repeat
    within an item.
    """
    others = [
        column
        for column in frame.columns
        if column not in candidates("time", frame.columns) and not frame[column].dtype.is_nested()
    ]
    known = ids.drop_nulls()
    if len(others) != 2 or len(known) < 2 * max(known.n_unique(), 2):
        return
    for column in others:
        few = frame[column].n_unique()
        pairs = pl.DataFrame({"item": ids, "column": frame[column]}).drop_nulls()
        if 2 <= few <= _FEW and pairs.n_unique() >= _ALWAYS * len(pairs) > 0:
            raise BadData(
                (
                    f"{name} has {formatting.count(len(known), 'row')} for "
                    f"{formatting.count(known.n_unique(), 'item')}, as if each were one property "
                    f"of an item ({column!r}, perhaps)."
                ),
                (
                    "Call these two columns property and value, or give one row an item. Its "
                    f"columns are {listed(frame.columns)}."
                ),
            )
