"""Files, folders and frames in; a log and its row account out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from spadework.data.assembly import Duplicates, Plan, assemble
from spadework.data.columns import choose_roles
from spadework.data.identifiers import check_id_type
from spadework.data.interactions import Interactions
from spadework.data.memory import check_expansion, keep_one_of
from spadework.data.opening import Source, open_table
from spadework.data.tables import Table
from spadework.errors import BadData, BadRequest

__all__ = ["Source", "read_interactions"]


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
) -> Interactions:
    """The log of a source, with an account of every row in `.account`.

    `source` is a path, a list of paths, a folder of parquet, `-` for standard input, `sample:grocery`, `world:NAME`, or a frame that
    speaks the Arrow interface (polars, pandas, pyarrow, duckdb). Kinds: csv, tsv and other delimiters, JSON lines (each also gz or zst),
    parquet, Arrow files. Columns are found by name, then by their values; names that you give win, and `-` leaves a role out.
    `time="when:day-first"` settles the order of day and month. `events` are the kinds to use; where there are several, each
    row keeps its own in `.kinds`. The many parameters are the roles of a log.

    Raises BadRequest and BadData with the file's name, the row and the value; Undecided where two readings are equally good.
    Memory is predicted first: where it is short, parquet is sampled by whole users, and text is refused (OutOfMemory).
    """
    if duplicates not in ("set aside", "keep"):
        raise BadRequest(f"There is no policy {duplicates!r} for duplicates.", "Known: 'set aside', 'keep'.")
    if isinstance(events, str):
        events = [events]
    given = {"user": user, "item": item, "time": time, "weight": weight, "event": event, "basket": basket}
    if isinstance(source, str) and source.startswith(("sample:", "world:")):
        options = (events, delimiter, encoding != "utf-8" or None)
        return _by_address(source, any(name is not None for name in (*given.values(), *options)))
    wanted = [name for name in given.values() if name not in (None, "-")]
    table = open_table(source, delimiter=delimiter, encoding=encoding, skip_bad=skip_bad, wanted=[_bare(name) for name in wanted if name])
    return read_table(table, given, events=events, duplicates=duplicates)


def read_table(
    table: Table, given: Mapping[str, str | None], *, events: Sequence[str] | None = None, duplicates: Duplicates = "set aside"
) -> Interactions:
    """The log of an opened table; `given` maps roles to the names that the user gave."""
    if table.rows == 0:
        raise BadData(f"{table.name} has 0 rows.", "Give a source with rows.")
    roles = choose_roles(table, given)
    columns = roles.columns()
    if events is not None and roles.event is None:
        raise BadRequest(f"Events are asked for, but {table.name} has no event column.", "Name it with --event.")
    for role in ("user", "item"):
        check_id_type(table.schema[columns[role]], role, columns[role])
    _check_types(table, columns)
    check_expansion(table, columns)
    every = keep_one_of(table, columns)
    names = list(columns.values())
    numbers = table.numbers
    if every > 1 and table.sampled is not None:
        frame, numbers = table.sampled(names, roles.user, every)
    else:
        frame = table.fetch(names)
    frame = frame.rename({column: role for role, column in columns.items()})
    plan = Plan(roles=roles, events=None if events is None else tuple(events), duplicates=duplicates, every=every)
    return assemble(frame, table, plan, numbers)


def _check_types(table: Table, columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        kind = table.schema[column]
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            what = "lists or structures" if kind.is_nested() else "bytes or foreign objects"
            raise BadData(f"The {role} column {column!r} holds {what}.", f"Name a column of single values, or read none: --{role} -.")


def _bare(name: str) -> str:
    return name.removesuffix(":day-first").removesuffix(":month-first")


def _by_address(source: str, options: bool) -> Interactions:
    kind, name = source.split(":", 1)
    if options:
        raise BadRequest(f"{source} brings its own columns, so options for reading do not apply.", "Leave them out.")
    if kind == "sample":
        from spadework.data.samples import sample

        return sample(name)
    from spadework.data.worlds import world

    return world(name).log
