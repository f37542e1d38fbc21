"""Files, folders and frames in; a log and its row account out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import polars as pl

from spadework.data.interactions import Interactions
from spadework.data.reading.columns.column_names import no_such_column
from spadework.data.reading.columns.column_roles import ABSENT, ROLES, Roles, choose_roles
from spadework.data.reading.columns.guests import names_of_user, with_guests
from spadework.data.reading.columns.headers import names_something
from spadework.data.reading.formats.joined_tables import Join, with_joined
from spadework.data.reading.formats.keyed_lists import with_keys
from spadework.data.reading.formats.named_tables import for_log
from spadework.data.reading.formats.nested_rows import unnested
from spadework.data.reading.formats.opening import Source, open_table
from spadework.data.reading.formats.reading_memory import (
    check_expansion,
    keep_one_of,
    predicted,
    room_for,
)
from spadework.data.reading.formats.wide_tables import IMPRESSIONS, LISTS, MATRIX, reshaped
from spadework.data.reading.large.large_log import comes_in_batches, read_large
from spadework.data.reading.large.part_sizes import Sizes
from spadework.data.reading.library_errors import named
from spadework.data.reading.rows.assembly import assemble
from spadework.data.reading.rows.checked_rows import Duplicates, Plan
from spadework.data.reading.rows.no_choices import Dislike, ExcludedItems
from spadework.data.reading.rows.returned_rows import OnReturns
from spadework.data.reading.tables import Table
from spadework.data.reading.values.calendar_columns import with_dates
from spadework.data.reading.values.conditions import Condition, is_rule, parse
from spadework.data.reading.values.identifiers import check_id_type
from spadework.data.reading.values.readings import names_in
from spadework.errors import BadData, BadRequest

_TAKEN = (*ROLES, "date", "row", "reason")
"""Names that the frame of roles and the rows set aside have themselves."""
SHOWN = 20
"""As many columns are listed where the library of tables fails."""


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """Which rows are used, and for what: as the user says it."""

    events: Sequence[str] | None = None
    duplicates: Duplicates = "set aside"
    returns: OnReturns = "net"
    positive: str | None = None
    between: tuple[int | None, int | None] = (None, None)  # first and last second that are used
    dislikes: Sequence[str] = ()
    excluded: Sequence[ExcludedItems] = ()

    def conditions(self) -> list[Condition]:
        """The comparisons of all rules about rows."""
        rules = (self.positive, *filter(is_rule, self.dislikes))
        return [condition for rule in rules for condition in parse(rule)]

    def plan(self, roles: Roles, every: int, renamed: Mapping[str, str]) -> Plan:
        """What to do with the rows of a frame whose columns were renamed."""

        def located(rule: str | None) -> tuple[tuple[Condition, str], ...]:
            return tuple((each, renamed.get(each.column, each.column)) for each in parse(rule))

        return Plan(
            roles=roles,
            events=None if self.events is None else tuple(self.events),
            duplicates=self.duplicates,
            returns=self.returns,
            every=every,
            conditions=located(self.positive),
            between=self.between,
            excluded=tuple(self.excluded),
            dislikes=tuple(
                Dislike(rule=located(each)) if is_rule(each) else Dislike(event_type=each)
                for each in self.dislikes
            ),
        )


@dataclass(frozen=True)
class FileForm:
    """How a text file is written, or which table of a file of several is read."""

    delimiter: str | None = None
    encoding: str = "utf-8"
    skip_bad: bool = False
    table: str | None = None
    query: str | None = None
    explode: str | None = None

    def given(self) -> dict[str, object]:
        """Name → value of what is not left as it is."""
        return {
            each.name: value
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default
        }


def read_source(
    source: Source,
    given: Mapping[str, str | None],
    rules: RowRules,
    form: FileForm,
    shape: str | None,
    joins: Sequence[Join] = (),
    memory: int | None = None,
) -> Interactions:
    """The log of a file, a folder or a frame; `given` maps roles to the names that the user
    gave. `joins` are tables with further columns.
    """
    wanted = [
        part
        for role, name in given.items()
        if name and name != ABSENT
        for part in _names_in(role, name)
    ]
    wanted += [condition.column for condition in rules.conditions()]
    table = open_table(
        source,
        delimiter=form.delimiter,
        encoding=form.encoding,
        skip_bad=form.skip_bad,
        wanted=wanted,
        shape=shape,
        inside=form.table,
        query=form.query,
        purpose=for_log(given, wanted),
        memory=memory,
    )
    with named(table.name, _types_of(table)):
        table = reshaped(table, shape, given)
        if shape == MATRIX and table.rows:
            given = {**given, "user": table.columns[0]}
        elif shape in (IMPRESSIONS, LISTS):
            given = {**given, "item": "item"}
        table = with_keys(table, wanted)
        table, found = unnested(table, given, form.explode)
        table = with_joined(table, joins, encoding=form.encoding, skip_bad=form.skip_bad)
        table = with_guests(table, given.get("user"))
        table, dates = with_dates(table, given.get("time") or found.get("time"))
    found |= dates
    chosen = {role: given.get(role) or found.get(role) for role in (*given, *found)}
    return read_table(table, chosen, rules, memory)


def _names_in(role: str, name: str) -> list[str]:
    """The column names in what is given for a role."""
    return names_in(name) if role == "time" else names_of_user(name) if role == "user" else [name]


def read_table(
    table: Table,
    given: Mapping[str, str | None],
    rules: RowRules | None = None,
    memory: int | None = None,
) -> Interactions:
    """The log of an opened table; `given` maps roles to the names that the user gave. Columns are
    mapped files where it takes more than `memory` bytes, by default most of what is free.
    """
    if table.rows == 0:
        raise BadData(f"{table.name} has 0 rows.", "Give a source with rows.")
    dropped = {reason: len(rows) for reason, rows in table.dropped.items()}
    if sum(dropped.values()) == table.rows:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        raise BadData(
            f"No row of {table.name} can be read: {reasons}.",
            "Read it without --skip-bad to see the first one; it may be in another format.",
        )
    roles = _roles(table, given)
    columns = roles.fetched()
    rules = rules or RowRules()
    if rules.events is not None and roles.event is None:
        raise BadRequest(
            f"Events are named, but {table.name} has no event column.", "Name it with --event."
        )
    for role in ("user", "item"):
        check_id_type(table.schema[columns[role]], role, columns[role])
    _check_types(table, columns)
    check_expansion(table, columns)
    names = list(columns.values())
    for condition in rules.conditions():
        if condition.column not in table.columns:
            raise no_such_column(condition.column, f"the rule {str(condition)!r}", table)
        if condition.column not in names:
            names.append(condition.column)
    apart = {column: f"column {column}" for column in names if column in _TAKEN}
    renamed = apart | {column: role for role, column in columns.items()}
    room = room_for(memory)
    if comes_in_batches(table) and predicted(table, columns) > room:
        plan = rules.plan(roles, 1, renamed)
        with named(table.name, {name: str(table.schema[name]) for name in names}):
            return read_large(table, plan, names, renamed, Sizes.of(room))
    every = keep_one_of(table, columns)
    numbers = table.numbers
    if every > 1 and table.sampled is not None:
        frame, numbers = table.sampled(names, roles.user, every)
    else:
        frame = table.fetch(names)
    frame = frame.rename(renamed)
    plan = rules.plan(roles, every, renamed)
    used = {column: table.schema[column] for column in names}
    with named(table.name, {column: str(dtype) for column, dtype in used.items()}):
        return assemble(frame, table, plan, numbers)


def _roles(table: Table, given: Mapping[str, str | None]) -> Roles:
    _check_types(
        table, {role: name for role, name in given.items() if name and name in table.schema}
    )
    try:
        with named(table.name, _types_of(table)):
            return choose_roles(table, given)
    except BadData as error:
        if not _may_lack_a_header(table):
            raise
        advice = "If the first row is data, call the columns column_1, column_2 and so on."
        raise type(error)(error.message, f"{error.hint} {advice}") from None


def _may_lack_a_header(table: Table) -> bool:
    return (
        table.has_header_row
        and not table.headerless
        and not any(map(names_something, table.columns))
    )


def _types_of(table: Table) -> dict[str, str]:
    return {column: str(dtype) for column, dtype in list(table.schema.items())[:SHOWN]}


def _check_types(table: Table, columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        dtype = table.schema[column]
        found = _unfit(dtype, role)
        if found:
            raise BadData(
                f"The {role} column {column!r} holds {found}.",
                "Name a column of single values, or read none: "
                f"--{'time' if role == 'date' else role} -.",
            )


def _unfit(dtype: pl.DataType, role: str) -> str:
    """What a column holds that cannot be read in a role; an empty text where it can."""
    if dtype.is_nested():
        return "lists or structures"
    if dtype in (pl.Binary, pl.Object):
        return "bytes or foreign objects"
    if dtype == pl.Duration:
        return "durations"
    if dtype == pl.Time and role == "weight":
        return "times of the day without a date"
    return ""
