"""Entry points of this package: a log or an item table from files and frames, and from
`sample:NAME` and `world:NAME`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.item_tables import read_item_table
from spadework.data.reading.assembly import Duplicates
from spadework.data.reading.opening import Source
from spadework.data.reading.reading import read_source
from spadework.data.samples import sample, sample_content
from spadework.data.worlds.worlds import world
from spadework.errors import BadData, BadRequest

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
    shape: str | None = None,
    positive: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Interactions:
    """The log of a source, with an account of every row in `.account`.

    `source` is a path, a list of paths, a pattern (`logs/*.csv`), a folder of parquet, `-` for
    standard input, `sample:grocery`, `world:NAME`, or a frame with the Arrow interface (polars,
    pandas, pyarrow, duckdb). Formats: csv, tsv and other delimiters, JSON lines and documents (each
    also gz, zst, or alone in a zip), parquet, Arrow files; docs/shapes.md shows all. `shape` says
    what cannot be seen: "adjacency" or "baskets" (lines are lists), "matrix" (a column for each
    item), "impressions" (lists of what was shown and clicked).

    Columns are found by name, then by their values; names that you give win, and `-` leaves a role
    out. `time="when:day-first"` settles how times are read: day-first, month-first, seconds,
    milliseconds, microseconds, nanoseconds, filetime, ticks, written (202601310930), serial (days
    of a spreadsheet) or position (order alone). `time="day+clock"` joins a date and a time of day;
    `time="@row"` takes the order of the rows, which must be sorted. `events` are the event types to
    use; where there are several, each row keeps its own in `.event_types`. `positive` is a rule
    that a row has to satisfy to be used, on any column: "rating >= 4", "kind != refund", several
    joined by `and`. `since` and `until` are the first and the last date whose rows are used. What
    these leave out has lines of its own in the account. The many parameters are the roles of a log.

    Raises BadRequest and BadData with the file's name, the row and the value; Undecided where two
    readings are equally good. Memory is predicted first: where it is short, parquet is sampled by
    users, and text is refused (OutOfMemory).
    """
    if duplicates not in ("set aside", "keep"):
        raise BadRequest(
            f"There is no policy {duplicates!r} for duplicates.", "Known: 'set aside', 'keep'."
        )
    if isinstance(events, str):
        events = [events]
    given = {
        "user": user,
        "item": item,
        "time": time,
        "weight": weight,
        "event": event,
        "basket": basket,
    }
    if isinstance(source, str) and source.startswith(ADDRESSES):
        own = encoding != "utf-8" or None
        reading_options = (events, delimiter, own, shape, positive, since, until)
        return _log_of(
            source, any(name is not None for name in (*given.values(), *reading_options))
        )
    return read_source(
        source,
        given,
        events=events,
        delimiter=delimiter,
        encoding=encoding,
        skip_bad=skip_bad,
        duplicates=duplicates,
        shape=shape,
        positive=positive,
        since=since,
        until=until,
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
) -> ItemContent:
    """The content of items from a table, aligned to the items of `log`, or to the table's own items
    without a log.

    Ids match exactly. Where one side has numbers and the other text, a number matches its canonical
    decimal text only: 7 is "7", not "007". `source` is what `read_interactions` takes; numbers in
    csv are numbers. `title` names the column of titles, where its name does not tell. A table with
    a row for each property of an item becomes one with a column for each; where its values change
    with time, the latest `before` a day (or epoch seconds) counts. Raises BadData when not one row
    fits to the log, with two ids side by side.
    """
    if isinstance(source, str) and source.startswith(ADDRESSES):
        return _content_of(source, log)
    return read_item_table(
        source,
        log,
        item=item,
        title=title,
        delimiter=delimiter,
        encoding=encoding,
        before=before,
    )


def _log_of(source: str, has_options: bool) -> Interactions:
    scheme, name = source.split(":", 1)
    if has_options:
        raise BadRequest(
            f"{source} brings its own columns, so options for reading do not apply.",
            "Leave them out.",
        )
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
