"""An item table, from a file or a frame, as content aligned to the items of a log."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from spadework.data import long_tables
from spadework.data.content import ItemContent, roles_of
from spadework.data.interactions import Interactions
from spadework.data.item_values import flat, is_readable, typed
from spadework.data.joins import examples_of, join
from spadework.data.reading.columns.column_names import listed, no_such_column
from spadework.data.reading.formats.named_tables import for_items
from spadework.data.reading.formats.opening import Source, open_table
from spadework.data.reading.item_options import item_options
from spadework.data.reading.library_errors import named
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.synonyms import candidates, plain_name
from spadework.data.reading.tables import Table
from spadework.data.reading.values.conditions import seconds_in
from spadework.data.reading.values.identifiers import check_id_type, clean_ids
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest, Undecided
from spadework.timestamps import timestamp


def read_item_table(
    source: Source,
    log: Interactions | None = None,
    *,
    item: str | None = None,
    title: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    before: float | str | date | None = None,
    inside: str | None = None,
) -> ItemContent:
    """The content of items from a file or a frame; see `read_content`."""
    wanted = [column for column in (item, title) if column]
    with item_options():
        table = open_table(
            source,
            delimiter=delimiter,
            encoding=encoding,
            wanted=wanted,
            inside=inside,
            purpose=for_items(item),
        )
        if table.rows == 0:
            raise BadData(f"{table.name} has 0 rows.", "Give an item table with rows.")
        name = _item_column(table, item)
        check_id_type(table.schema[name], "item", name)
        others = [
            column
            for column in table.columns
            if column != name and is_readable(table.schema[column])
        ]
        types = {column: str(table.schema[column]) for column in [name, *others]}
        with named(table.name, types):
            frame = table.fetch([name, *others])
            ledger = Ledger(frame.height)
            ids = clean_ids(frame[name], "item", name, ledger)
            values, ids = _one_row_an_item(frame.select(others), ids, table, title, before, ledger)
    vocabulary = log.item_vocabulary if log is not None else Vocabulary.build(ids.drop_nulls())[0]
    if log is not None and log.account is not None and log.account.excluded_items:
        values, ids = _without(log.account.excluded_items, values, ids)
    if table.text:
        values = values.with_columns(typed(column) for column in values.get_columns())
    if title is not None:
        if title not in values.columns:
            raise BadData(
                f"{table.name} has no column {title!r} (--title).",
                f"Its columns are {listed(values.columns)}.",
            )
        values = values.with_columns(pl.col(title).cast(pl.String))
    return _aligned(values, ids, vocabulary, table, ledger, title)


def _one_row_an_item(
    values: pl.DataFrame,
    ids: pl.Series,
    table: Table,
    title: str | None,
    before: float | str | date | None,
    ledger: Ledger,
) -> tuple[pl.DataFrame, pl.Series]:
    """The columns and the items' ids; of a table with a row for each property, turned into one with
    a column for each.
    """
    shape, rows = long_tables.shape_of(values.columns), len(ids)
    if (
        shape is not None
        and rows > ids.n_unique()
        and rows >= 2 * values[shape.properties].n_unique()
    ):
        known = timestamp(seconds_in(before) if isinstance(before, str) else before)
        return long_tables.pivoted(values, ids, shape, known, ledger)
    if before is not None:
        raise BadRequest(
            f"{table.name} has one row an item and no times, so --items-before has no meaning.",
            "Leave it out.",
        )
    if title is None:
        long_tables.refuse_unclear(values, ids, table.name)
    return values, ids


def _without(
    excluded: Sequence[int | str], values: pl.DataFrame, ids: pl.Series
) -> tuple[pl.DataFrame, pl.Series]:
    """The rows but for those of items that are excluded from the log, which therefore need not fit
    to it.
    """
    kept = ~ids.cast(pl.String).is_in(list(map(str, excluded))).fill_null(False)
    return values.filter(kept), ids.filter(kept)


def _item_column(table: Table, item: str | None) -> str:
    if item is not None:
        if item not in table.columns:
            raise no_such_column(item, "--items-id", table)
        return item
    hits = candidates("item", table.columns)
    if not hits and "id" in map(plain_name, table.columns):
        hits = [column for column in table.columns if plain_name(column) == "id"]
    if len(hits) > 1:
        raise Undecided(
            f"The columns {' and '.join(repr(hit) for hit in hits)} could each be the item.",
            "Say which: --items-id " + " or --items-id ".join(map(shlex.quote, hits)) + ".",
        )
    if not hits:
        raise BadData(
            f"{table.name} has no column that looks like the item.",
            f"Name it with --items-id. Its columns are {listed(table.columns)}.",
        )
    return hits[0]


def _aligned(
    others: pl.DataFrame,
    ids: pl.Series,
    vocabulary: Vocabulary,
    table: Table,
    ledger: Ledger,
    title: str | None,
) -> ItemContent:
    joined = join(ids, vocabulary, what="item", here=table.name, there="the log")
    codes, missing = joined.codes, ids.is_null().to_numpy()
    if not (codes >= 0).any():
        raise BadData(
            f"{table.name} has no usable item id.", "Name the column that holds them: --items-id."
        )
    matched = np.flatnonzero(codes >= 0)
    known_codes, first = np.unique(codes[matched], return_index=True)
    source_row = np.full(len(vocabulary), -1, np.int64)
    source_row[known_codes] = matched[first]
    at = pl.Series(np.where(source_row < 0, 0, source_row))
    absent = pl.Series(source_row < 0)
    columns = [flat(column).gather(at).set(absent, None) for column in others.get_columns()]
    for remark in joined.remarks:
        ledger.remark(remark)
    duplicates, without_id = len(matched) - len(known_codes), int(missing.sum())
    without_row = len(vocabulary) - len(known_codes)
    repeated = ids.filter(pl.Series(codes >= 0)).filter(
        ~pl.Series(codes[matched]).is_first_distinct()
    )
    for count, sentence, examples in (
        (
            without_row,
            "Items of the log without a row in the item table",
            vocabulary.ids.filter(absent).head(3),
        ),
        (
            duplicates,
            "Rows that repeat an item of the item table, of which the first counts",
            repeated,
        ),
        (without_id, "Rows of the item table without a usable item id", ids.head(0)),
    ):
        if count:
            such = f", such as {examples_of(examples)}" if len(examples) else ""
            ledger.remark(f"{sentence}: {count:,}{such}.")
    aligned = pl.DataFrame(columns) if columns else pl.DataFrame(height=len(vocabulary))
    return ItemContent(
        item_vocabulary=vocabulary,
        table=aligned,
        roles=roles_of(aligned, title),
        rows=table.rows,
        unmatched_rows=int(((codes < 0) & ~missing).sum()),
        duplicate_rows=duplicates,
        rows_without_id=without_id,
        items_without_row=without_row,
        remarks=(*table.remarks, *ledger.remarks),
    )
