"""What several files of one log have in common: columns that all have, in types that hold their
values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import polars as pl

from spadework import formatting
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.columns.column_roles import ROLES
from spadework.data.reading.synonyms import candidates
from spadework.data.reading.tables import Table, check_same_columns

_FEW = 3


def common_schema(
    tables: Sequence[Table], wanted: Collection[str]
) -> tuple[dict[str, pl.DataType], list[str]]:
    """Column → type, and what is said of it. A column that some files lack, or that no type holds,
    is left out where nobody asked for it and its name is that of no role. Raises BadData elsewhere.
    """
    first = tables[0]
    if all(dict(table.schema) == dict(first.schema) for table in tables):
        return dict(first.schema), []
    schema: dict[str, pl.DataType] = {}
    notes: list[str] = []
    for column in dict.fromkeys(column for table in tables for column in table.schema):
        types = [table.schema.get(column) for table in tables]
        kinds = list(dict.fromkeys(kind for kind in types if kind is not None))
        lacking = [table.name for table in tables if column not in table.schema]
        found = None if lacking else _common(kinds, is_id=_is_id(column, wanted))
        if found is not None:
            schema[column] = found
            if len(kinds) > 1:
                notes.append(f"The files hold {column!r} as {_types(kinds)}; all is {found}.")
            continue
        if _is_needed(column, kinds, wanted) or any(table.headerless for table in tables):
            other = tables[next(at for at, kind in enumerate(types) if kind != types[0])]
            check_same_columns(first.name, first.schema, other.name, other.schema)
        why = f"{_few(lacking)} without it" if lacking else f"it is {_types(kinds)}"
        notes.append(f"The column {column!r} is not read, since not all files agree: {why}.")
    return schema, notes


def aligned(tables: Sequence[Table], wanted: Collection[str]) -> list[Table]:
    """The tables with the columns that all have; the first of them says what was left out."""
    if len(tables) == 1:
        return list(tables)
    schema, notes = common_schema(tables, wanted)
    if not notes:
        return list(tables)
    made = [_with(table, schema) for table in tables]
    return [replace(made[0], remarks=(*made[0].remarks, *notes)), *made[1:]]


def _with(table: Table, schema: Mapping[str, pl.DataType]) -> Table:
    def cast(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return frame.select([pl.col(column).cast(schema[column]) for column in columns])

    return replace(
        table,
        schema=schema,
        fetch=lambda columns: cast(table.fetch(columns), columns),
        head=lambda rows: cast(table.head(rows), list(schema)),
        sampled=None,
        span=None,
        batches=None
        if (inner := table.batches) is None
        else lambda columns, rows: (cast(frame, columns) for frame in inner(columns, rows)),
    )


def _common(kinds: Sequence[pl.DataType], *, is_id: bool) -> pl.DataType | None:
    """A type that holds the values of all without changing any; None where there is none."""
    filled = [kind for kind in kinds if kind != pl.Null] or list(kinds)
    if len(set(filled)) == 1:
        return filled[0]
    if all(kind.is_integer() for kind in filled):
        return None if pl.UInt64 in filled else pl.Int64()
    if all(kind.is_numeric() and not kind.is_decimal() for kind in filled):
        return None if is_id else pl.Float64()  # which does not hold all large numbers
    if all(kind in (pl.String, pl.Categorical, pl.Enum) for kind in filled):
        return pl.String()
    zones = {kind.time_zone for kind in filled if isinstance(kind, pl.Datetime)}
    if all(isinstance(kind, pl.Datetime) for kind in filled) and len(zones) == 1:
        return pl.Datetime("us", zones.pop())
    return None


def _is_id(column: str, wanted: Collection[str]) -> bool:
    return column in wanted or any(candidates(role, [column]) for role in ("user", "item"))


def _is_needed(column: str, kinds: Sequence[pl.DataType], wanted: Collection[str]) -> bool:
    asked = {name.split(".")[0] for name in wanted} | set(wanted)
    return (
        column in asked
        or any(kind.is_nested() for kind in kinds)
        or any(candidates(role, [column]) for role in ROLES)
    )


def _types(kinds: Sequence[pl.DataType]) -> str:
    return " and ".join(map(str, kinds))


def _few(names: Sequence[str]) -> str:
    if len(names) <= _FEW:
        return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
    return f"{formatting.count(len(names), 'file')}, such as {names[0]!r}, are"
