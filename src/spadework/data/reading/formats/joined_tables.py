"""Columns of other tables for the rows of a log, by a key: the lines of orders get the customer and
the time of their order.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import files, formatting
from spadework.arrays import Mask
from spadework.data.joins import codes_of, join, shown
from spadework.data.reading.columns.column_names import listed, no_such_column
from spadework.data.reading.formats.named_tables import Purpose
from spadework.data.reading.formats.opening import Source, has_tables, open_table
from spadework.data.reading.formats.server_addresses import kind_of
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import RowNumbers, Table
from spadework.data.reading.values.identifiers import clean_ids
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest, OutOfMemory, Undecided

_SIGN, _EQUAL = ":", "="
_IDS = (pl.String, pl.Categorical, pl.Enum)

GivenJoins: TypeAlias = str | tuple[Source, str] | Sequence[str | tuple[Source, str]]


@dataclass(frozen=True, eq=False)
class Join:
    """A table and the column that finds its rows: `order_id`, or `order_id=id` where it is called
    `id` in that table; empty where none is named. `table` is that of a database or a workbook.
    """

    source: Source
    key: str
    table: str | None = None

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.source}{'' if self.table is None else f'/{self.table}'}:{self.key}"

    @classmethod
    def parse(cls, given: object) -> Join:
        """The join of a text `FILE:COLUMN` or `FILE/TABLE:COLUMN`, or of a pair of a source and a
        column.
        """
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
            source, table = _source_and_table(given[0])
            return cls(source, given[1], table)
        if not isinstance(given, str | Path) or not str(given).strip():
            what = repr(given) if isinstance(given, str) else f"of type {type(given).__name__}"
            raise BadRequest(
                f"The join {what} names no table and column.",
                "Write FILE:COLUMN, such as orders.csv:order_id; in Python also (frame, "
                '"order_id"), and a list of several.',
            )
        text = str(given)
        ends = [at for at, sign in enumerate(text) if sign == _SIGN]
        found = [at for at in ends if files.is_there(text[:at])]
        if files.is_there(text) or not ends:
            source, table = _source_and_table(text)
            return cls(source, "", table)
        at = (found or ends[-1:])[-1]
        if kind_of(text) is not None and "/" in text[at:]:  # the sign before a port
            return cls(text, "")
        source, table = _source_and_table(text[:at])
        return cls(source, text[at + 1 :], table)


def _source_and_table(source: Source) -> tuple[Source, str | None]:
    """A source, and the table after it: `shop.db/orders` where `shop.db` is a file."""
    if isinstance(source, str | Path) and not files.is_there(str(source)):
        file, sign, table = str(source).rpartition("/")
        if sign and table and has_tables(file):
            return file, table
    return source, None


def joins_of(given: GivenJoins | None) -> list[Join]:
    """The joins that a user gave: one, or a list of several, which follow one another."""
    if given is None:
        return []
    several = given if isinstance(given, list) else [given]
    return [Join.parse(each) for each in several]


def with_joined(table: Table, joins: Sequence[Join], *, encoding: str, skip_bad: bool) -> Table:
    """The table with the columns of other tables. Rows whose key is not there stay, without values,
    and are set aside by `Table.aside`.

    Raises BadData where no key fits, with two of them side by side, and where a key has several
    rows, since rows of the log would count several times. One pass over the keys; other columns are
    read when they are fetched.
    """
    for each in joins:
        if table.rows:
            other = open_table(
                each.source,
                encoding=encoding,
                skip_bad=skip_bad,
                wanted=_wanted(each.key),
                inside=each.table,
                purpose=_for_join(each, table.name),
            )
            if other.source_format == "frame":
                other = replace(other, name="the joined frame")
            table = _with(table, other, each.key)
    return table


def _for_join(each: Join, log: str) -> Purpose:
    """A table with the key which is not that of the log itself."""
    file, key = str(each.source), each.key or "COLUMN"
    names = set(_wanted(key))
    stem = Path(file).name
    log_table = log.removeprefix(f"{stem}/") if log.startswith(f"{stem}/") else None

    def suffices(columns: Sequence[str]) -> bool:
        return bool(names & set(columns))

    return Purpose(
        f"the key {key!r}",
        suffices,
        "--join",
        before=f"{file}/",
        behind=f":{key}",
        leaves_out=log_table,
        is_join=True,
    )


def _wanted(key: str) -> list[str]:
    """What the key may be called in the other table."""
    return [key, *(key[at + 1 :] for at, sign in enumerate(key) if sign == _EQUAL)]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Match:
    """Which row of the other table belongs to each row."""

    other: Table
    own: str  # the column of the key
    vocabulary: Vocabulary  # keys of the other table
    rows: NDArray[np.int64]  # [keys] the row of each in the other table
    at: NDArray[np.int64]  # [rows of the log] the row there, −1 where there is none
    names: Mapping[str, str]  # column → its name in the other table

    def columns(self, wanted: Sequence[str], at: NDArray[np.int64]) -> pl.DataFrame:
        """Columns of the other table for rows there; null where there is none."""
        frame = self.other.fetch([self.names[column] for column in wanted])
        where = pl.Series(at).set(pl.Series(at < 0), None)
        return pl.DataFrame(
            [frame[self.names[column]].gather(where).alias(column) for column in wanted]
        )

    def found(self, keys: pl.Series) -> NDArray[np.int64]:
        """The row of each key in the other table, −1 where there is none."""
        codes = codes_of(clean_ids(keys, self.own, self.own, Ledger(len(keys))), self.vocabulary)
        return np.where(codes < 0, -1, self.rows[codes])


def _with(table: Table, other: Table, key: str) -> Table:
    own, theirs = _key_columns(table, other, key)
    if other.rows == sum(map(len, other.dropped.values())):
        raise BadData(f"{other.name} has 0 rows.", "Give a table with rows.")
    keys, aside, notes = _keys(table, own)
    ids, without, _ = _keys(other, theirs)
    present = np.flatnonzero(ids.is_not_null().to_numpy())
    vocabulary, codes = Vocabulary.build(ids.drop_nulls())
    notes += _one_row_a_key(table, other, (own, theirs), ids, codes, present)
    first = np.full(len(vocabulary), -1, np.int64)
    first[codes[::-1]] = present[::-1]
    matched = join(keys, vocabulary, what=own, here=table.name, there=other.name)
    if not (matched.codes >= 0).any():
        raise BadData(f"No row of {table.name} has a {own!r}.", "Name the column of the key.")
    lost = (matched.codes < 0) & keys.is_not_null().to_numpy()
    if lost.any():
        aside = {**aside, f"{own} not in {other.name}": lost}
    names = _names(table, other, theirs, notes)
    match = _Match(
        other=other,
        own=own,
        vocabulary=vocabulary,
        rows=first,
        at=np.where(matched.codes < 0, -1, first[matched.codes]),
        names=names,
    )
    used = len(np.unique(matched.codes[matched.codes >= 0]))
    by = repr(own) if own == theirs else f"{own!r} = {theirs!r}"
    without_key = sum(int(mask.sum()) for mask in without.values())
    summary = (
        f"{other.name} is joined by {by}: it adds {listed(list(names)) or 'no column'}, and "
        f"{used:,} of its {formatting.count(len(vocabulary), 'key')} "
        f"{'has' if used == 1 else 'have'} rows here."
        + (
            f" {formatting.count(without_key, 'row')} there without {theirs!r}."
            if without_key
            else ""
        )
    )
    return _joined(table, match, aside, (summary, *notes, *matched.remarks, *other.remarks))


def _joined(
    table: Table, match: _Match, aside: Mapping[str, Mask], remarks: Sequence[str]
) -> Table:
    other, names = match.other, match.names

    def beside(frame: pl.DataFrame, columns: Sequence[str], at: Any) -> pl.DataFrame:
        added = [column for column in columns if column in names]
        return frame.hstack(match.columns(added, at)).select(columns) if added else frame

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        mine = [column for column in columns if column not in names]
        if not mine:
            return match.columns(columns, match.at)
        return beside(table.fetch(mine), columns, match.at)

    def head(rows: int) -> pl.DataFrame:
        frame = table.head(rows)  # of several files, these are not the first rows of all
        return beside(frame, [*frame.columns, *names], match.found(frame[match.own]))

    def sampled(columns: Sequence[str], user: str, every: int) -> tuple[pl.DataFrame, RowNumbers]:
        assert table.sampled is not None
        if user in names:
            raise OutOfMemory(
                f"There is too little memory for all rows of {table.name}, and its users, in "
                f"{user!r}, are in {other.name}, so that some of them cannot be read alone.",
                "Join the two before, and write one parquet file of them.",
            )
        mine = [column for column in columns if column not in names]
        frame, numbers = table.sampled(mine, user, every)
        at = match.at[np.searchsorted(table.row_numbers(), numbers)]
        return beside(frame, columns, at), numbers

    return replace(
        table,
        schema=table.schema | {column: other.schema[name] for column, name in names.items()},  # type: ignore[operator]
        fetch=fetch,
        head=head,
        sampled=None if table.sampled is None else sampled,
        span=None,
        batches=None,
        size=table.size + other.size,
        aside={**aside, **table.aside},
        remarks=(*table.remarks, *remarks),
    )


def _key_columns(table: Table, other: Table, key: str) -> tuple[str, str]:
    """The key's name in the log and in the other table."""
    if not key:
        shared = [column for column in table.columns if column in other.schema]
        such = shared[0] if shared else "COLUMN"
        raise Undecided(
            f"By which column {other.name} is joined to {table.name} is not said; "
            + (f"both have {listed(shared)}." if shared else "they have no column in common."),
            f"Name it behind the file: --join {other.name}:{such}"
            + ("." if shared else ", or COLUMN=NAME where it is called NAME there."),
        )
    pairs = [(key[:at], key[at + 1 :]) for at, sign in enumerate(key) if sign == _EQUAL]
    if key in table.schema or not pairs:
        pairs = [(key, key)]
    own, theirs = next(((a, b) for a, b in pairs if a in table.schema), pairs[0])
    for column, place in ((own, table), (theirs, other)):
        if column not in place.schema:
            error = no_such_column(column, "--join", place)
            more = (
                f" Where it is called otherwise in {other.name}: --join FILE:{own}=NAME."
                if own == theirs
                else ""
            )
            raise type(error)(error.message, error.hint + more)
        dtype = place.schema[column]
        if not (dtype in _IDS or dtype.is_integer() or dtype.is_float() or dtype.is_decimal()):
            raise BadData(
                f"{place.name} cannot be joined by {column!r}, which holds {dtype}.",
                "A key is text or whole numbers.",
            )
    return own, theirs


def _keys(table: Table, column: str) -> tuple[pl.Series, dict[str, Mask], list[str]]:
    """The keys, null where there is none; reason → the rows without; and what is said of them."""
    values = table.fetch([column])[column]
    ledger = Ledger(len(values))
    keys = clean_ids(values, column, column, ledger)
    at, reasons = ledger.aside()
    aside: dict[str, Mask] = {}
    for reason in dict.fromkeys(reasons):
        mask = np.zeros(len(values), np.bool_)
        mask[at[np.asarray(reasons) == reason]] = True
        aside[reason] = mask
    return keys, aside, [f"{table.name}: {remark}" for remark in ledger.remarks]


def _one_row_a_key(
    table: Table,
    other: Table,
    columns: tuple[str, str],
    ids: pl.Series,
    codes: NDArray[np.int32],
    present: NDArray[np.int64],
) -> list[str]:
    """Refuse keys with several rows, unless these are the same throughout, which is told."""
    counts = np.bincount(codes)
    if not len(counts) or int(counts.max()) == 1:
        return []
    again = np.flatnonzero(counts[codes] > 1)
    rows = present[again]
    frame = other.fetch(other.columns)[rows]
    kinds = pl.DataFrame({"code": codes[again], "row": rows, "hash": frame.hash_rows(seed=0)})
    unlike = (
        kinds.group_by("code")
        .agg(pl.col("hash").n_unique().alias("kinds"), pl.col("row").sort().head(2))
        .filter(pl.col("kinds") > 1)
        .sort("code")
    )
    if not len(unlike):
        spare = len(again) - int((counts > 1).sum())
        verb = "repeats" if spare == 1 else "repeat"
        return [f"{other.name}: {formatting.count(spare, 'row')} {verb} another one throughout."]
    one, two = (int(other.row_numbers()[row]) for row in unlike["row"][0])
    own, theirs = columns
    by = own if own == theirs else f"{theirs}={own}"
    raise BadData(
        f"{other.name} has {formatting.count(len(unlike), f'{theirs!r} value')} with several rows, "
        f"such as {shown(ids[int(unlike['row'][0][0])])} in the rows {one:,} and {two:,}: rows of "
        f"{table.name} would count several times.",
        f"Join a table with one row for each {theirs}. If {other.name} has the events, read it and "
        f"join the other one: {_as_typed(other)} --join {table.name}:{by}.",
    )


def _as_typed(table: Table) -> str:
    """A source as it is typed: of a database `shop.db --table orders`."""
    if table.source_format in ("sqlite", "duckdb", "workbook"):
        file, _, inside = table.name.partition("/")
        return f"{shlex.quote(file)} --table {shlex.quote(inside)}"
    return table.name


def _names(table: Table, other: Table, theirs: str, notes: list[str]) -> dict[str, str]:
    """The name of each column of the other table in the log."""
    _, inside, name = other.name.rpartition("/")
    stem = name.rpartition(".")[2] if inside else name.split(".")[0]
    stem = "joined" if other.source_format == "frame" else stem
    found: dict[str, str] = {}
    twice: list[str] = []
    for column in other.columns:
        if column == theirs:
            continue
        name = column
        while name in table.schema or name in found:
            name = f"{stem}.{name}"
        if name != column:
            twice.append(f"{column!r} is that of {table.name}, {name!r} that of {other.name}")
        found[name] = column
    notes += [f"Both tables have such a column: {'; '.join(twice)}."] if twice else []
    return found
