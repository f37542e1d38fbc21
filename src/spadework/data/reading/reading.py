"""Files, folders and frames in; a log and its row account out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from spadework.data.interactions import Interactions
from spadework.data.reading.assembly import Duplicates, Plan, assemble
from spadework.data.reading.column_roles import ROLES, choose_roles, no_such_column
from spadework.data.reading.conditions import between, parse
from spadework.data.reading.identifiers import check_id_type
from spadework.data.reading.opening import Source, open_table
from spadework.data.reading.reading_memory import check_expansion, keep_one_of
from spadework.data.reading.tables import Table
from spadework.errors import BadData, BadRequest


def read_source(
    source: Source,
    given: Mapping[str, str | None],
    *,
    events: Sequence[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    skip_bad: bool = False,
    duplicates: Duplicates = "set aside",
    positive: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Interactions:
    """The log of a file, a folder or a frame; `given` maps roles to the names that the user
    gave.
    """
    wanted = [_bare(name) for name in given.values() if name not in (None, "-") and name]
    wanted += [condition.column for condition in parse(positive)]
    between(since, until)
    table = open_table(
        source, delimiter=delimiter, encoding=encoding, skip_bad=skip_bad, wanted=wanted
    )
    return read_table(
        table,
        given,
        events=events,
        duplicates=duplicates,
        positive=positive,
        since=since,
        until=until,
    )


def read_table(
    table: Table,
    given: Mapping[str, str | None],
    *,
    events: Sequence[str] | None = None,
    duplicates: Duplicates = "set aside",
    positive: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Interactions:
    """The log of an opened table; `given` maps roles to the names that the user gave."""
    if table.rows == 0:
        raise BadData(f"{table.name} has 0 rows.", "Give a source with rows.")
    roles = choose_roles(table, given)
    columns = roles.columns()
    if events is not None and roles.event is None:
        raise BadRequest(
            f"Events are named, but {table.name} has no event column.", "Name it with --event."
        )
    for role in ("user", "item"):
        check_id_type(table.schema[columns[role]], role, columns[role])
    _check_types(table, columns)
    check_expansion(table, columns)
    every = keep_one_of(table, columns)
    conditions = parse(positive)
    names = list(columns.values())
    for condition in conditions:
        if condition.column not in table.columns:
            raise no_such_column(condition.column, f"the rule {str(condition)!r}", table)
        if condition.column not in names:
            names.append(condition.column)
    numbers = table.numbers
    if every > 1 and table.sampled is not None:
        frame, numbers = table.sampled(names, roles.user, every)
    else:
        frame = table.fetch(names)
    apart = {column: f"column {column}" for column in names if column in ROLES}
    renamed = apart | {column: role for role, column in columns.items()}
    frame = frame.rename(renamed)
    plan = Plan(
        roles=roles,
        events=None if events is None else tuple(events),
        duplicates=duplicates,
        every=every,
        conditions=tuple((each, renamed.get(each.column, each.column)) for each in conditions),
        between=between(since, until),
    )
    return assemble(frame, table, plan, numbers)


def _check_types(table: Table, columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        dtype = table.schema[column]
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            found = "lists or structures" if dtype.is_nested() else "bytes or foreign objects"
            raise BadData(
                f"The {role} column {column!r} holds {found}.",
                f"Name a column of single values, or read none: --{role} -.",
            )


def _bare(name: str) -> str:
    return name.removesuffix(":day-first").removesuffix(":month-first")
