"""Entry points of this package: a log or an item table from files and frames, and from
`sample:NAME` and `world:NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from spadework.data.content import ItemContent
from spadework.data.excluded_items import excluded_items
from spadework.data.interactions import Interactions
from spadework.data.item_tables import read_item_table
from spadework.data.reading.formats.joined_tables import GivenJoins, joins_of
from spadework.data.reading.formats.opening import Source
from spadework.data.reading.reading import FileForm, RowRules, read_source
from spadework.data.reading.rows.checked_rows import Duplicates
from spadework.data.reading.rows.returned_rows import OnReturns
from spadework.data.reading.values.conditions import between
from spadework.data.samples import sample, sample_content
from spadework.data.vocabulary import listed
from spadework.data.worlds.worlds import world
from spadework.errors import BadData, BadRequest
from spadework.sizes import in_bytes

ADDRESSES = ("sample:", "world:")


def read_interactions(
    source: Source,
    *,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    basket: str | None = None,
    weight: str | None = None,
    event: str | None = None,
    events: Sequence[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    skip_bad: bool = False,
    duplicates: Duplicates = "set aside",
    returns: OnReturns = "net",
    shape: str | None = None,
    positive: str | None = None,
    since: str | None = None,
    until: str | None = None,
    dislikes: str | Sequence[str] | None = None,
    exclude_items: str | int | Path | Sequence[str | int | Path] | None = None,
    items: Source | ItemContent | None = None,
    join: GivenJoins | None = None,
    table: str | None = None,
    query: str | None = None,
    explode: str | None = None,
    memory: str | float | None = None,
) -> Interactions:
    """The log of a source, with an account of every row in `.account`.

    `source` is a path, a list of paths, a pattern (`logs/*.csv`), a folder, `s3://…`, a database
    (`postgresql://NAME@HOST/DATABASE`, `mysql://…`; passwords come from the environment), `-` for
    standard input, `sample:grocery`, `world:NAME`, or a frame with the Arrow interface. `table` is
    the table, view or sheet of a database or a workbook, `query` a statement that gives the rows of
    a database, `explode` the list whose entries are rows. `shape` is what cannot be seen:
    "adjacency", "baskets", "matrix", "impressions" or "lists"; docs/shapes.md shows all.

    Columns are found by name, then by their values; names that you give win, and `-` leaves a role
    out. `user="customer,order"` takes the first column that is filled, `time="when:day-first"`
    settles how times are read; docs/guide.md has all. `events` are the event types to use,
    `positive` is a rule that a row has to satisfy ("rating >= 4"), `since` and `until` are the
    first and the last date. `dislikes` are event types, or rules such as "rating <= 2", of rows
    that are no choices: they become `.unwanted`. `exclude_items` are ids of items that are no
    products, files of ids, or rules about the item table `items`. What these leave out has lines of
    its own in the account. `join="orders.csv:order_id"` takes columns from other tables, or of a
    frame: `(frame, "order_id")`. Rows with a weight below zero are returns, taken off what the user
    bought before, or "set aside". A log that takes more than `memory` ("4g", or a number of
    GiB; by default most of what is free) is sorted on disk (`SPADEWORK_SCRATCH`) and mapped: the
    same log, to the bit.

    Raises BadRequest and BadData with the file's name, the row and the value, Undecided where two
    readings are equally good, OutOfMemory where text does not fit; joined tables are sampled.
    """
    _check_policies(duplicates, returns)
    events, dislikes = _events_and_dislikes(events, dislikes)
    given = _names(user=user, item=item, time=time, weight=weight, event=event, basket=basket)
    form = FileForm(delimiter, encoding, skip_bad, table, query, explode)
    if isinstance(source, str) and source.startswith(ADDRESSES):
        options = {
            **given, **form.given(), "events": events, "duplicates": duplicates != "set aside",
            "returns": returns != "net", "shape": shape, "positive": positive, "since": since,
            "until": until, "dislikes": dislikes or None, "exclude_items": exclude_items,
            "join": join or None, "memory": memory,
        }  # fmt: skip
        return _log_of(source, options)
    rules = RowRules(
        events=events,
        duplicates=duplicates,
        returns=returns,
        positive=positive,
        between=between(since, until),
        dislikes=dislikes,
        excluded=() if exclude_items is None else excluded_items(exclude_items, items),
    )
    return read_source(source, given, rules, form, shape, joins_of(join), in_bytes(memory))


def _names(**given: str | None) -> dict[str, str | None]:
    """Role → name. Refuses what is no name of a column, such as a list of names."""
    for role, name in given.items():
        if name is not None and not isinstance(name, str):
            several = ",".join(map(str, name)) if isinstance(name, list | tuple) else "NAME"
            raise BadRequest(
                f"{role}={name!r} is no name of a column.", f"Write it as text: {role}={several!r}."
            )
    return given


def _events_and_dislikes(
    events: str | Sequence[str] | None, dislikes: str | Sequence[str] | None
) -> tuple[list[str] | None, list[str]]:
    """Each as a list. Raises `BadRequest` for an event type that is in both."""
    wanted, disliked = None if events is None else _texts(events), _texts(dislikes or ())
    for each in disliked:
        if each in (wanted or ()):
            raise BadRequest(
                f"The event type {each!r} is among the events and among the dislikes.",
                "Leave it out of one of them.",
            )
    return wanted, disliked


def _texts(given: object) -> list[str]:
    """One entry or several, as texts: event types may be numbers."""
    return [str(each) for each in listed(given)]


def _check_policies(duplicates: str, returns: str) -> None:
    if duplicates not in ("set aside", "keep"):
        raise BadRequest(
            f"There is no policy {duplicates!r} for duplicates.", "Known: 'set aside', 'keep'."
        )
    if returns not in ("net", "set aside"):
        raise BadRequest(
            f"There is no policy {returns!r} for returns.", "Known: 'net', 'set aside'."
        )


def read_content(
    source: Source,
    log: Interactions | None = None,
    *,
    item: str | None = None,
    title: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    before: float | str | date | None = None,
    table: str | None = None,
) -> ItemContent:
    """The content of items from a table, aligned to the items of `log`, or to the table's own items
    without a log.

    Ids match exactly. Where one side has numbers and the other text, a number matches its canonical
    decimal text only: 7 is "7", not "007". `source` and `table` are what `read_interactions` takes;
    numbers in csv are numbers. `title` names the column of titles, where its name does not tell. A
    table with a row for each property of an item becomes one with a column for each; where its
    values change with time, the latest `before` a day (or epoch seconds) counts. Raises BadData
    when not one row fits to the log, with two ids side by side.
    """
    if isinstance(source, str) and source.startswith(ADDRESSES):
        options = {"item": item, "title": title, "delimiter": delimiter, "before": before}
        _refuse(source, options | {"encoding": encoding != "utf-8", "table": table})
        return _content_of(source, log)
    return read_item_table(
        source,
        log,
        item=item,
        title=title,
        delimiter=delimiter,
        encoding=encoding,
        before=before,
        inside=table,
    )


def _refuse(source: str, options: Mapping[str, object]) -> None:
    """Refuse options for reading files: those that are neither None nor False."""
    given = [name for name, value in options.items() if value is not None and value is not False]
    if given:
        raise BadRequest(
            f"{source} is no file, so options for reading do not apply: {', '.join(given)}.",
            "Leave them out.",
        )


def _log_of(source: str, options: Mapping[str, object]) -> Interactions:
    _refuse(source, options)
    scheme, name = source.split(":", 1)
    if scheme == "sample":
        return sample(name)
    return world(name).log


def _content_of(source: str, log: Interactions | None) -> ItemContent:
    scheme, name = source.split(":", 1)
    if scheme == "sample":
        return sample_content(name, log)
    content = world(name).content
    if content is None:
        raise BadData(f"The world {name!r} has no item table.", "Read its log without content.")
    return content
