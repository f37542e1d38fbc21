"""Names of columns: whether the first row has names, and what to say where a name is unknown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from spadework.data.reading.columns.column_values import Look
from spadework.data.reading.synonyms import candidates
from spadework.data.reading.tables import Table
from spadework.errors import BadData, Undecided, nearest

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?$|[0-9]{4}-[0-9]{2}-[0-9]{2}")  # or a date


def no_such_column(column: str, option: str, table: Table) -> BadData:
    """The error for a column that does not exist; it lists those that do."""
    near = nearest(column, table.columns)
    hint = f"Did you mean {near!r}? " if near else ""
    return BadData(
        f"{table.name} has no column {column!r} ({option}).",
        f"{hint}Its columns are {listed(table.columns)}.",
    )


def listed(columns: Sequence[str]) -> str:
    """Columns for a sentence; long lists are cut."""
    shown = ", ".join(repr(column) for column in columns[:30])
    return shown + (f" and {len(columns) - 30} more" if len(columns) > 30 else "")


def ask(role: str, hits: Iterable[str], why: str = "") -> Undecided:
    """The question which of several columns has a role."""
    names = list(hits)
    shown = " and ".join(repr(hit) for hit in names)
    return Undecided(
        why or f"The columns {shown} could each be the {role}.",
        f"Say which: --{role} "
        + f" or --{role} ".join(map(shlex.quote, names))
        + ("." if role in ("user", "item") else f"; --{role} - reads none."),
    )


def check_header(table: Table, found: Mapping[str, str]) -> None:
    """Ask for the columns of a table without a header, and of one whose first row looks like data,
    unless `found` has the user and the item.
    """
    if {"user", "item"} <= set(found):
        return
    if not table.headerless:
        _check_that_names_are_names(table)
        return
    values = table.head(1).row(0)
    look = Look(table)
    clocks = [column for column in table.columns if look.is_calendar(column)]
    others = [column for column in table.columns if column not in clocks]
    ids = [column for column in others if look.holds_ids(column)]
    user, item = (ids if len(ids) > 1 else [*others, *clocks, "column_1", "column_2"])[:2]
    example = f"--user {user} --item {item}" + (f" --time {clocks[0]}" if len(clocks) == 1 else "")
    raise Undecided(
        (
            f"{table.name} has no header: its first row is "
            f"{', '.join(str(value) for value in values)}. The columns count as "
            f"{listed(table.columns)}."
        ),
        f"Say which is which, for example {example}.",
    )


def _check_that_names_are_names(table: Table) -> None:
    """A first row in which there are numbers, and no name that means anything, is data."""
    numbers = [name for name in table.columns if _NUMBER.match(name.strip())]
    if not table.has_header_row or not numbers:
        return
    if any(candidates(role, table.columns) for role in ("user", "item", "time")):
        return
    width = len(table.columns)
    raise Undecided(
        f"The first row of {table.name} looks like data, not like names: {listed(table.columns)}.",
        f"Without a header the columns count as column_1 to column_{width}: say which is which, "
        "for example --user column_1 --item column_2. If these are names, name them so.",
    )
