"""Columns that stand in the names of folders: `event=view/dt=2026-01-01/part.parquet`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import TypeAlias

import polars as pl

from spadework.data.reading.tables import Table
from spadework.errors import BadData

Value: TypeAlias = str | int | date | None

_FOLDER = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_EMPTY = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WRITTEN_DAY = re.compile(r"(19|20)\d{6}")
_DAY_NAMES = frozenset(["dt", "date", "day", "ds", "pdate", "logdate", "eventdate"])
_CALENDAR = (("year", "yyyy", "y"), ("month", "mm", "m"), ("day", "dd", "d"))


def top_of(folder: Path) -> Path:
    """The folder above all folders called KEY=VALUE that `folder` ends with: from there on, paths
    say the same, however many of them are given.
    """
    while _FOLDER.fullmatch(folder.name):
        folder = folder.parent
    return folder


def columns_of_folders(paths: Sequence[PurePath]) -> list[dict[str, Value]]:
    """Column → value of each path, relative to the root; all empty where no folder says KEY=VALUE.

    Whole numbers without leading zeros and dates are typed, anything else is text. Year, month and
    day become one date. Raises BadData where the paths have different keys.
    """
    texts = [_texts(path) for path in paths]
    keys = list(texts[0]) if texts else []
    for path, found in zip(paths, texts, strict=True):
        if list(found) != keys:
            raise BadData(
                f"{path.as_posix()} lies in folders that say {_listed(found)}, but "
                f"{paths[0].as_posix()} in folders that say {_listed(texts[0])}.",
                "Give folders with the same keys, or read them one by one.",
            )
    typed = {key: _typed(key, [found[key] for found in texts]) for key in keys}
    typed = _dated(typed)
    return [{key: values[at] for key, values in typed.items()} for at in range(len(paths))]


@dataclass(frozen=True)
class FolderColumns:
    """The columns that the names of folders give: values of each file, and types over all."""

    values: Sequence[Mapping[str, Value]]
    types: Mapping[str, pl.DataType]

    @classmethod
    def of(cls, paths: Sequence[PurePath]) -> FolderColumns:
        """Those of paths relative to the root."""
        values = columns_of_folders(paths)
        keys = list(values[0]) if values else []
        return cls(values, {key: dtype_of([found[key] for found in values]) for key in keys})

    def part(self, begin: int, end: int) -> FolderColumns:
        """Those of some of the files, in the types of all."""
        return FolderColumns(self.values[begin:end], self.types)


def dtype_of(values: Sequence[Value]) -> pl.DataType:
    """The type of a column of folders."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, int) for value in present):
        return pl.Int64()
    if present and all(isinstance(value, date) for value in present):
        return pl.Date()
    return pl.String()


def with_columns(
    table: Table, values: Mapping[str, Value], types: Mapping[str, pl.DataType]
) -> Table:
    """The table with columns that have one value throughout, unless it has such a column itself."""
    added = {key: value for key, value in values.items() if key not in table.schema}
    if not added:
        return table
    if table.text:  # every value of such a table is text
        added = {key: None if value is None else str(value) for key, value in added.items()}
        types = dict.fromkeys(added, pl.String())
    constants = {key: pl.lit(value, types[key]).alias(key) for key, value in added.items()}

    def own(columns: Sequence[str]) -> list[str]:
        return [column for column in columns if column not in constants] or table.columns[:1]

    def with_constants(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return frame.with_columns([constants[c] for c in columns if c in constants]).select(columns)

    return replace(
        table,
        schema={**table.schema, **{key: types[key] for key in added}},
        fetch=lambda columns: with_constants(table.fetch(own(columns)), columns),
        head=lambda n: table.head(n).with_columns(list(constants.values())),
        sampled=None,
        span=None,
        batches=None
        if (inner := table.batches) is None
        else lambda columns, rows: (
            with_constants(frame, columns) for frame in inner(own(columns), rows)
        ),
    )


def _texts(path: PurePath) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for folder in path.parent.parts:
        match = _FOLDER.fullmatch(folder)
        if match is not None:
            key, text = _decoded(match[1]), _decoded(match[2])
            value = None if text in (_EMPTY, "") else text
            if found.setdefault(key, value) != value:
                raise BadData(
                    f"The folders of {path.as_posix()} say {key!r} twice, as {found[key]!r} and as "
                    f"{value!r}.",
                    "Rename one of them: a row has one value in a column.",
                )
    return found


def _decoded(text: str) -> str:
    """%3A and the like, which stand for signs that no folder name may have."""
    if "%" not in text:
        return text
    pieces = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    try:
        return pieces.decode()
    except UnicodeDecodeError:
        return text


def _typed(key: str, texts: Sequence[str | None]) -> list[Value]:
    present = [text for text in texts if text is not None]
    if present and all(_DAY.fullmatch(text) for text in present):
        days = [_day(text, "%Y-%m-%d") for text in present]
        if None not in days:
            return [None if text is None else _day(text, "%Y-%m-%d") for text in texts]
    plain = "".join(letter for letter in key.casefold() if letter.isalnum())
    if plain in _DAY_NAMES and present and all(_WRITTEN_DAY.fullmatch(text) for text in present):
        days = [_day(text, "%Y%m%d") for text in present]
        if None not in days:
            return [None if text is None else _day(text, "%Y%m%d") for text in texts]
    if present and all(_WHOLE.fullmatch(text) for text in present):
        return [None if text is None else int(text) for text in texts]
    return list(texts)


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()
    except ValueError:
        return None


def _dated(typed: dict[str, list[Value]]) -> dict[str, list[Value]]:
    """Year, month and day as one column; a day of the month alone would be read as a time."""
    by_plain = {key.casefold(): key for key in typed}
    keys = [next((by_plain[n] for n in names if n in by_plain), None) for names in _CALENDAR]
    year, month, day = keys
    if year is None or month is None:
        return typed
    used = [year, month] + ([day] if day is not None else [])
    days: list[Value] = []
    for numbers in zip(*(typed[key] for key in used), strict=True):
        try:
            days.append(date(*(int(number) for number in numbers), *([1] if day is None else [])))
        except (TypeError, ValueError):
            return typed
    others = {key: values for key, values in typed.items() if key not in used}
    return {"/".join(used): days, **others}


def _listed(found: Mapping[str, object]) -> str:
    return ", ".join(f"{key}=…" for key in found) or "nothing"
