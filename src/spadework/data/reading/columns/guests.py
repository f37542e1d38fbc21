"""Users of several columns: the first one that is filled in a row is its user, so that a guest's
order is a user of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from spadework import formatting
from spadework.data.reading.columns.column_names import no_such_column
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import Table
from spadework.data.reading.values.identifiers import check_id_type, clean_ids
from spadework.errors import BadData, BadRequest

SEPARATOR = ","
_TEXT = (pl.String, pl.Categorical, pl.Enum)


def names_of_user(given: str) -> list[str]:
    """The column names in a text for the user, before the columns are known."""
    return [given, *(part.strip() for part in given.split(SEPARATOR))]


def with_guests(table: Table, given: str | None) -> Table:
    """The table with a column of the name `given`, such as `customer,invoice`, that has in each row
    the first of these columns that is filled. A table that has such a column is returned as it is.

    Raises BadData where two of the columns share an id, since two users would become one.
    """
    if given is None or given in table.columns or SEPARATOR not in given:
        return table
    names = _columns_of(given, table.columns)
    if names is None:
        parts = names_of_user(given)[1:]
        missing = next(part for part in parts if part not in table.columns)
        if any(part in table.columns for part in parts):
            raise no_such_column(missing, "--user", table)
        return table
    if len(set(names)) < len(names):
        raise BadRequest(
            f"The user is taken from {given!r}, which names a column twice.",
            "Name each column once, the first that is filled counts.",
        )
    for name in names:
        if table.schema[name] != pl.Null:
            check_id_type(table.schema[name], "user", name)
    ids, remarks = _first_filled(table.fetch(names), names)
    ids = ids.alias(given)
    schema: Mapping[str, pl.DataType] = {**table.schema, given: ids.dtype}

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        others = [column for column in columns if column != given]
        if not others:
            return pl.DataFrame([ids])
        frame = table.fetch(others)
        return frame.with_columns(ids).select(columns) if given in columns else frame

    def head(rows: int) -> pl.DataFrame:
        frame = table.head(rows)  # of several files, these are not the first rows of all
        first, _ = _first_filled(frame, names)
        return frame.with_columns(first.cast(ids.dtype).alias(given))

    return replace(
        table,
        schema=schema,
        fetch=fetch,
        head=head,
        sampled=None,
        span=None,
        batches=None,
        remarks=(*table.remarks, *remarks),
        of_user=tuple(names),
    )


def _columns_of(given: str, columns: Sequence[str]) -> list[str] | None:
    """The columns that a text names, with as few commas between them as can be; None where it names
    others.
    """
    alone = next((name for name in (given, given.strip()) if name in columns), None)
    if alone is not None:
        return [alone]
    for at in reversed([at for at, letter in enumerate(given) if letter == SEPARATOR]):
        first = next((name for name in (given[:at], given[:at].strip()) if name in columns), None)
        rest = None if first is None else _columns_of(given[at + 1 :], columns)
        if first is not None and rest is not None:
            return [first, *rest]
    return None


def _first_filled(frame: pl.DataFrame, names: Sequence[str]) -> tuple[pl.Series, list[str]]:
    """The ids of the first column that is filled in each row, and what is said of the others."""
    remarks: list[str] = []
    columns = [_plain(frame[name], name, remarks) for name in names]
    types = {column.dtype for column in columns if column.dtype != pl.Null}
    dtype = types.pop() if len(types) == 1 else pl.String
    columns = [column.cast(dtype) for column in columns]
    ids, source = columns[0], pl.Series([0], dtype=pl.Int8).new_from_index(0, len(frame))
    for at, column in enumerate(columns[1:], start=1):
        takes = ids.is_null() & column.is_not_null()
        source = source.set(takes, at)
        ids = ids.zip_with(ids.is_not_null(), column)
        guests = column.filter(takes)
        remarks.append(
            f"Where {' and '.join(map(repr, names[:at]))} {'is' if at == 1 else 'are'} empty, "
            f"{names[at]!r} is the user: {formatting.count(len(guests), 'row')}, "
            f"{formatting.count(guests.n_unique(), 'user')}."
        )
    _refuse_shared(ids, source, names)
    return ids, remarks


def _plain(column: pl.Series, name: str, remarks: list[str]) -> pl.Series:
    """Ids as text, or as whole numbers of one type; null where there is none."""
    if column.dtype in _TEXT:
        text = column.cast(pl.String)
        return text.set(text.str.contains(r"^\s*$").fill_null(False), None)
    if column.dtype == pl.Null:
        return column
    ledger = Ledger(len(column))
    whole = clean_ids(column, "user", name, ledger)
    remarks += ledger.remarks
    narrow = whole.cast(pl.Int64, strict=False)
    return narrow if narrow.null_count() == whole.null_count() else whole.cast(pl.String)


def _refuse_shared(ids: pl.Series, source: pl.Series, names: Sequence[str]) -> None:
    """Refuse an id that comes from two columns."""
    distinct = pl.DataFrame({"id": ids, "source": source}).drop_nulls().unique()
    if ids.dtype == pl.String:
        distinct = distinct.with_columns(pl.col("id").str.normalize("NFC"))
    shared = (
        distinct.group_by("id")
        .agg(pl.col("source").min().alias("first"), pl.col("source").max().alias("last"))
        .filter(pl.col("first") < pl.col("last"))
        .sort("id")
    )
    if not len(shared):
        return
    value, first, last = shared.row(0)
    raise BadData(
        f"The columns {names[first]!r} and {names[last]!r} share ids of users, such as {value!r} "
        f"({formatting.count(len(shared), 'id')} in all), so different users would become one.",
        "Write something before the ids of one of the columns, or name one column: --user "
        f"{names[first]}.",
    )
