"""Tables whose columns or fields are lists of items: a matrix of users and items, lists of what was
shown and clicked, and lists that are written as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from spadework import formatting
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.synonyms import candidates
from spadework.data.reading.tables import Table, told_parts
from spadework.data.reading.values.cells_of_lists import entries_of, sign_in, sign_of_lists
from spadework.errors import BadData, Undecided

MATRIX, IMPRESSIONS, LISTS = "matrix", "impressions", "lists"
_SHOWN = re.compile(r"\S+-[01]( \S+-[01])*")
_SAMPLE = 1_000
_MANY_COLUMNS = 60
"""From so many columns on, none of which is the item, a table may be a matrix."""

_MIND = ("impression", "user_id", "time", "earlier clicks", "impressions")


def reshaped(table: Table, shape: str | None, given: Mapping[str, str | None]) -> Table:
    """The table with one row for each user and item, where it has another shape. Raises Undecided
    where it looks like one and no `shape` is given.
    """
    if table.rows == 0:
        return table
    if shape == MATRIX:
        return _of_matrix(table, given.get("user"))
    if shape == IMPRESSIONS:
        return _of_impressions(table, given.get("item"))
    if shape == LISTS:
        return _of_lists(table, given.get("item"))
    if given.get("item") is None and not table.headerless:
        _ask_for_matrix(table)
    if table.text and given.get("item") is None and not candidates("item", table.columns):
        _ask_for_impressions(table)
    return table


# ---- users × items


def _ask_for_matrix(table: Table) -> None:
    columns = table.columns
    if len(columns) < _MANY_COLUMNS or any(dtype.is_nested() for dtype in table.schema.values()):
        return
    if candidates("item", columns) or candidates("item", [c.rpartition(".")[2] for c in columns]):
        return  # the item may stand inside an object
    raise Undecided(
        f"{table.name} has {formatting.count(len(columns), 'column')}, and none looks like the "
        "item.",
        "If each column is an item and each row a user: --shape matrix. Otherwise name the column: "
        "--item.",
    )


def _of_matrix(table: Table, user: str | None) -> Table:
    """One row for each cell that is neither empty nor zero; the first column is the user's, under
    its own name. `user` is that name where the column has none, too.
    """
    first = table.columns[0] if user in (None, "user") and user not in table.schema else user
    if first is None or first not in table.schema:
        raise BadData(
            f"{table.name} has no column {first!r} (--user).",
            f"Its columns are {listed(table.columns)}.",
        )
    items = [column for column in table.columns if column != first]
    if not items:
        raise BadData(
            f"{table.name} has one column, {first!r}, so it is no matrix of users and items.",
            "Look at its delimiter (--delimiter), or leave the shape out.",
        )
    frame = table.fetch(table.columns)
    kept, texts = [], 0
    for item in items:
        numbers = frame[item].cast(pl.Float64, strict=False)
        texts += int((numbers.is_null() & frame[item].is_not_null() & _filled(frame[item])).sum())
        kept.append((numbers.fill_nan(None).fill_null(0) != 0).to_numpy())
    if texts:
        raise BadData(
            f"{table.name} is no matrix of numbers: {formatting.count(texts, 'cell')} of text.",
            "Every column but the first has to be an item, with numbers or nothing below it.",
        )
    rows, columns = np.nonzero(np.column_stack(kept))
    values = np.stack([frame[item].cast(pl.Float64, strict=False).to_numpy() for item in items])
    long = pl.DataFrame(
        {
            "user" if first in ("", "item", "rating") else first: frame[first].gather(rows),
            "item": pl.Series(items, dtype=pl.String).gather(columns),
            "rating": values[columns, rows],
        }
    )
    remark = (
        f"The table is a matrix of {formatting.count(frame.height, 'user')} and "
        f"{formatting.count(len(items), 'item')}; its {formatting.count(long.height, 'cell')} that "
        "are neither empty nor zero are the rows."
    )
    return _of_frame(table, long, remark)


def _filled(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        return pl.Series(np.ones(len(column), np.bool_))
    return column.str.strip_chars().fill_null("") != ""


# ---- shown and clicked


def _looks_shown(column: pl.Series) -> bool:
    texts = column.drop_nulls()
    texts = texts.filter(texts != "")
    return (
        len(texts) > 0
        and bool(texts.str.contains(rf"^{_SHOWN.pattern}$").all())
        and bool(texts.str.contains(" ").any())
    )


def _shown_columns(table: Table) -> list[str]:
    head = table.head(_SAMPLE)
    return [
        column
        for column in table.columns
        if head[column].dtype == pl.String and _looks_shown(head[column])
    ]


def _ask_for_impressions(table: Table) -> None:
    first = table.head(1)
    # one look at the first row, so that a plain log is not looked at further
    if not any(
        value is not None and " " in str(value) and _SHOWN.fullmatch(str(value))
        for value in first.row(0)
    ):
        return
    shown = _shown_columns(table)
    if shown:
        raise Undecided(
            f"The column {shown[0]!r} of {table.name} holds lists of what was shown, each with 1 "
            "where it was clicked and 0 where not.",
            "To read each entry as a row: --shape impressions; add --events clicked to leave out "
            "what was only shown. To read something else: --item COLUMN.",
        )


def _of_impressions(table: Table, item: str | None) -> Table:
    """One row for each entry, with the event `clicked` or `shown`."""
    columns = table.columns
    found = _shown_columns(table)
    # what was read once has an item column of this name
    shown = [item] if item in columns and (item != "item" or item in found) else found
    if len(shown) != 1:
        raise BadData(
            f"{table.name} has {len(shown)} columns of entries such as N123-1 N456-0.",
            f"Name it with --item. Its columns are {listed(columns)}.",
        )
    names = dict(zip(columns, columns, strict=True))
    if table.headerless and len(columns) == len(_MIND) and shown == columns[-1:]:
        names = dict(zip(columns, _MIND, strict=True))
    names[shown[0]] = "item"
    moved = {c: f"own_{c}" for c in columns if c in ("item", "event") and c != shown[0]}
    while set(moved.values()) & set(columns):
        moved = {column: f"own_{name}" for column, name in moved.items()}
    names |= moved
    frame = table.fetch(columns).rename(names)
    entries = (
        frame.with_columns(
            pl.when(pl.col("item") != "").then(pl.col("item").str.split(" ")).alias("item")
        )
        .explode("item")
        .with_columns(
            item=pl.col("item").str.replace(r"-[01]$", ""),
            event=pl.when(pl.col("item").str.ends_with("-1"))
            .then(pl.lit("clicked"))
            .when(pl.col("item").str.ends_with("-0"))
            .then(pl.lit("shown")),
        )
    )
    clicked = int((entries["event"] == "clicked").sum())
    remark = (
        f"Each entry of {shown[0]!r} is a row: {formatting.count(entries.height, 'row')} of "
        f"{formatting.count(frame.height, 'list')}, {clicked:,} of them clicked and the others "
        "shown."
    )
    for column, name in moved.items():
        remark += f" The table's own column {column!r} is called {name!r} then."
    return _of_frame(table, entries, remark)


# ---- lists as text


def _of_lists(table: Table, item: str | None) -> Table:
    """One row for each entry of the lists in the item column, which is then called item."""
    columns = table.columns
    head = table.head(_SAMPLE)
    signs = {
        column: sign_of_lists(head[column]) for column in columns if head[column].dtype == pl.String
    }
    found = [item] if item in columns else [column for column, sign in signs.items() if sign]
    if item in signs:
        signs[str(item)] = signs[str(item)] or sign_in(head[item])
    if len(found) != 1 or not signs.get(found[0]):
        raise BadData(
            f"{table.name} has {len(found) if item not in columns else 'no'} "
            f"{'columns' if item not in columns else f'column {item!r}'} of lists that are "
            "written as text, such as a|b|c or [1, 2].",
            f"Name it with --item, or leave the shape out. Its columns are {listed(columns)}.",
        )
    column = found[0]
    frame = table.fetch(columns)
    if frame[column].str.contains(r"\{.*:.*\}").any():
        raise BadData(
            f"The lists in {column!r} of {table.name} hold objects, which are not read from text.",
            "Export the table as JSON lines or parquet, whose lists of objects are read.",
        )
    names = {other: f"{other}_" for other in columns if other == "item" != column}
    entries = (
        frame.with_columns(entries_of(frame[column], str(signs[column])).alias(column))
        .rename(names)
        .rename({column: "item"})
        .explode("item")
    )
    remark = (
        f"Each entry of the lists in {column!r} is a row: "
        f"{formatting.count(entries.height, 'row')} of {formatting.count(frame.height, 'list')}."
    )
    return _of_frame(table, entries, remark)


def _of_frame(table: Table, frame: pl.DataFrame, remark: str) -> Table:
    if table.dropped:
        raise BadData(
            f"{table.name} has rows that cannot be read, and its shape needs all of them.",
            "Mend the file: --skip-bad does not apply here.",
        )

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        return frame.select(columns)

    return replace(
        table,
        schema=dict(frame.schema),
        rows=frame.height,
        fetch=fetch,
        head=frame.head,
        headerless=False,
        remarks=(*table.remarks, remark, *told_parts(table.parts)),
        parts=(),
        numbers=None,
        sampled=None,
        span=None,
        batches=None,
    )
