"""Tables that bring their own split in a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from spadework import formatting
from spadework.data import cuts
from spadework.data.addresses import read_interactions
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.formats.named_tables import for_log
from spadework.data.reading.formats.opening import Source, open_table
from spadework.data.reading.rows.returned_rows import OnReturns
from spadework.data.splitting import Split
from spadework.errors import BadData, BadRequest


def read_split(
    source: Source,
    column: str,
    *,
    train: str = "train",
    test: str = "test",
    valid: str | None = None,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    exclude_items: str | int | Path | Sequence[str | int | Path] | None = None,
    items: Source | ItemContent | None = None,
    table: str | None = None,
    query: str | None = None,
) -> Split:
    """Read a table whose `column` labels each row as train or test rows, and keep that cut.

    Rows labelled `valid` are trained on in the final fit and expected in the validation cut. Any
    other label is an error. `exclude_items` are no products, as in `read_interactions`: their rows
    are in no part; `table` and `query` are those of a database or a workbook. The source is read
    once per label, since every part has its own row account (`split.train.account` and so on). What
    the cut leaks, and test rows that stand in train, are told in `.leak` and `.remarks`.
    """
    labels = [label for label in (train, valid, test) if label is not None]
    _check_labels(source, column, labels, (table, query), {"user": user, "item": item})

    def read(names: list[str], returns: OnReturns = "net") -> Interactions:
        log = read_interactions(
            source,
            user=user,
            item=item,
            time=time,
            event=column,
            events=names,
            duplicates="keep",
            returns=returns,
            exclude_items=exclude_items,
            items=items,
            table=table,
            query=query,
        )
        # labels of a split are no event types
        return replace(log, event_types=None, event_type_names=())

    # of purchases that were returned in a later part, too, the ids are known
    log = read(labels, returns="set aside")

    def coded(part: Interactions) -> Interactions:
        own = part.recoded(log.user_vocabulary, log.item_vocabulary)  # all of its ids are known
        return replace(own, account=part.account)

    parts = {label: coded(read([label])) for label in labels}
    train_log = parts[train] if valid is None else coded(read([train, valid]))
    inner = (
        None
        if valid is None
        else _split(parts[train], parts[valid], f"rows labelled {valid!r} in {column!r}", None)
    )
    return _split(
        train_log,
        parts[test],
        f"the split of the data: rows labelled {test!r} in {column!r}",
        inner,
    )


def _split(
    train: Interactions, expected: Interactions, description: str, valid: Split | None
) -> Split:
    given = train.of_user_codes(expected.active_users)
    return cuts.checked(
        Split(
            train=train,
            given=given,
            expected=expected,
            name="from_column",
            description=description,
            span=cuts.dates(expected.times),
            valid=valid,
        )
    )


def _check_labels(
    source: Source,
    column: str,
    labels: list[str],
    inside: tuple[str | None, str | None],
    given: Mapping[str, str | None],
) -> None:
    if not isinstance(column, str):
        raise BadRequest(
            f"The split is named by a column, and {type(column).__name__} is none.",
            "Put the parts into one table with a column that says which part a row is of, "
            "such as train or test, and give the column's name.",
        )
    purpose = for_log(given, [column])
    table = open_table(source, wanted=[column], inside=inside[0], query=inside[1], purpose=purpose)
    if column not in table.schema:
        raise BadData(
            f"{table.name} has no column {column!r}.",
            f"Columns there are: {', '.join(table.schema)}.",
        )
    found = table.fetch([column])[column].cast(pl.String)
    strange = found.filter(found.is_null() | ~found.is_in(labels))
    if len(strange):
        raise BadData(
            (
                f"The split column {column!r} holds {strange[0]!r} "
                f"({formatting.count(len(strange), 'row')}), which is none of {', '.join(labels)}."
            ),
            "Name the labels with train=, valid= and test=.",
        )
