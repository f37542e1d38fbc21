"""Whether the first row of a text file names its columns, and what the columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spadework.data.reading.columns.column_roles import ROLES
from spadework.data.reading.synonyms import candidates, plain_name
from spadework.errors import BadData

LOOKED_AT = 200
"""Rows below the first one that are compared with it."""

_WORDS = frozenset(
    [
        *("id", "name", "title", "category", "categories", "genre", "genres", "description"),
        *("price", "brand", "type", "color", "text", "tags", "year", "country", "city", "split"),
        *("rank", "label", "set", "fold", "index", "row", "age", "gender", "amount", "department"),
    ]
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ].*)?"
    r"|\d{1,2}:\d{2}(:\d{2}.*)?"
)
_EPOCH = re.compile(r"\d{10}(\d{3}){0,3}(\.\d+)?")


@dataclass(frozen=True)
class Header:
    """Column names; with `headerless` they are invented, because the first row is data."""

    columns: list[str]
    headerless: bool
    remarks: tuple[str, ...] = ()


def header_of(
    first: Sequence[str],
    below: Sequence[Sequence[str]],
    name: str,
    wanted: Sequence[str],
    *,
    names_columns: bool = False,
) -> Header:
    """The header of a file by its first row and some rows below. `wanted` are the columns that the
    user named: `column_1` says that there is no header, a field of the first row that there is one.
    """
    numbered = [f"column_{at}" for at in range(1, len(first) + 1)]
    columns = [field.strip() for field in first]
    named = [column for column in wanted if column in first or column in columns]
    by_number = any(column in numbered for column in wanted) and not named
    evidence = "" if names_columns else _evidence(columns, below)
    if by_number or (evidence and not named):
        return Header(numbered, headerless=True)
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise BadData(
            f"{name} has the column {twice[0]!r} {columns.count(twice[0])} times.",
            "Give every column a name of its own.",
        )
    notes = (
        (
            f"The first row is read as names of columns, as requested, although {evidence}; "
            "column_1, column_2 … read it as data.",
        )
        if evidence
        else ()
    )
    return Header(columns, headerless=False, remarks=notes)


def _evidence(first: Sequence[str], below: Sequence[Sequence[str]]) -> str:
    """Why the first row is data; an empty text where it may be a header."""
    if all(_NUMBER.fullmatch(field) for field in first):
        return "all of it are numbers"
    if any(names_something(field) for field in first):
        return ""
    others = [row for row in below if list(row) != list(first)]  # a header may be written twice
    for at, field in enumerate(first):
        values = [row[at].strip() for row in others if at < len(row)]
        if _DATE.fullmatch(field) or _EPOCH.fullmatch(field):
            return f"{field!r} is a time"
        if _NUMBER.fullmatch(field) and values and all(map(_NUMBER.fullmatch, values)):
            return f"{field!r} is a number, as all values below it"
        if field and field in values:
            return f"{field!r} is a value of its column, too"
    return ""


def names_something(field: str) -> bool:
    """Whether a field is a word that names a column of logs or of item tables."""
    return plain_name(field) in _WORDS or any(candidates(role, [field]) for role in ROLES)
