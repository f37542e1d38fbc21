"""Entry points of this package: a log or an item table from files and frames, and from
`sample:NAME` and `world:NAME`.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework.data.content import ItemContent, read_item_table
from spadework.data.interactions import Interactions
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
    positive: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Interactions:
    """The log of a source, with an account of every row in `.account`.

    `source` is a path, a list of paths, a folder of parquet, `-` for standard input,
    `sample:grocery`, `world:NAME`, or a frame with the Arrow interface (polars, pandas,
    pyarrow, duckdb). Formats: csv, tsv and other delimiters, JSON lines (each also gz or zst),
    parquet, Arrow files. Columns are found by name, then by their values; names that you give win,
    and `-` leaves a role out. `time="when:day-first"` settles the order of day and month. `events`
    are the event types to use; where there are several, each row keeps its own in `.event_types`.
    `positive` is a rule that a row has to satisfy to be used, on any column: "rating >= 4", "kind
    != refund", several joined by `and`. `since` and `until` are the first and the last date whose
    rows are used. What these leave out has lines of its own in the account. The many parameters
    are the roles of a log.

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
        reading_options = (events, delimiter, own, positive, since, until)
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
        positive=positive,
        since=since,
        until=until,
    )


def read_content(
    source: Source,
    log: Interactions | None = None,
    *,
    item: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
) -> ItemContent:
    """The content of items from a table, aligned to the items of `log`, or to the table's own items
    without a log.

    Ids match exactly. Where one side has numbers and the other text, a number matches its canonical
    decimal text only: 7 is "7", not "007". `source` is what `read_interactions` takes. Raises
    BadData when not one row fits to the log.
    """
    if isinstance(source, str) and source.startswith(ADDRESSES):
        return _content_of(source, log)
    return read_item_table(source, log, item=item, delimiter=delimiter, encoding=encoding)


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
