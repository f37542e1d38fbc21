"""Records with structures inside to rows of a log: objects become dotted columns, and where the
items of a record stand in a list, each entry of the list is a row.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.columns.column_roles import ABSENT, ROLES
from spadework.data.reading.formats.nested_types import (
    Fields,
    inner_of,
    leaves,
    names_inside,
    steps,
    value_at,
)
from spadework.data.reading.formats.numbered_entries import numbered, parts_of_entries
from spadework.data.reading.synonyms import candidates
from spadework.data.reading.tables import RowNumbers, Table
from spadework.errors import BadData, BadRequest, Undecided

_DEEPEST = 4  # lists within lists


def unnested(
    table: Table, given: Mapping[str, str | None], explode: str | None = None
) -> tuple[Table, dict[str, str]]:
    """The table that a log is read from, and role → column where a part of a path has the name of a
    role (`events.ts`). `given` are the columns that the user named.

    The list whose entries are rows is `explode`, or holds the path that this is, which is then the
    item; `-` is none. Else it is found by the user's name of the item (`events.aid`) or by the
    names of columns. Raises Undecided where two lists could hold the items, BadRequest where there
    is no list to take apart.
    """
    if not any(dtype.is_nested() or "." in column for column, dtype in table.schema.items()):
        if explode not in (None, ABSENT):
            raise _no_such_list(table, str(explode))
        return table, {}
    flat = rows = _without_objects(table)
    chosen: str | None = None
    for _ in range(_DEEPEST):  # lists may stand in the entries of lists
        found = _list_of_items(rows, given) if explode is None else _list_at(rows, explode)
        if found is None:
            break
        chosen = found
        rows = _one_row_an_entry(rows, chosen, given)
    if explode not in (None, ABSENT):
        if chosen is None:
            raise _no_such_list(flat, str(explode))
        _check_path(rows, str(explode), chosen)
        if explode != chosen and explode in rows.schema and given.get("item") is None:
            given = {**given, "item": explode}
    paths = [
        column
        for column, dtype in rows.schema.items()
        if not dtype.is_nested() and (column not in table.schema or "." in column)
    ]
    entries = set(rows.columns) - set(flat.columns) if chosen is not None else set()
    lists = [
        column
        for column, dtype in rows.schema.items()
        if dtype != flat.schema.get(column) and not dtype.is_nested()
    ]
    roles = _by_last_part(rows.columns, list(dict.fromkeys([*paths, *lists])), entries, given)
    if chosen in lists and "item" not in roles and given.get("item") is None:
        roles["item"] = str(chosen)  # a list of single values whose name means nothing
    notes = [f"The column {column!r} is the {role}." for role, column in roles.items()]
    notes += _unread_lists(rows, roles.get("item"), given)
    if given.get("item") == explode and explode in rows.schema:
        roles["item"] = str(explode)
    return replace(rows, remarks=(*rows.remarks, *notes)), roles


def _unread_lists(table: Table, item: str | None, given: Mapping[str, str | None]) -> list[str]:
    """Lists of objects that have ids of items, too, where the item is a single value."""
    if given.get("item") is not None or item is None:
        return []
    notes = []
    for column, dtype in table.schema.items():
        inner = inner_of(dtype)
        if isinstance(inner, pl.Struct):
            hits = [
                path for path, name in names_inside(column, dtype).items() if _means("item", name)
            ]
            if hits:
                notes.append(
                    f"The list {column!r} may hold items, too, and is not read; --item "
                    f"{shlex.quote(hits[0])} reads it instead."
                )
    return notes


def _by_last_part(
    columns: Sequence[str],
    paths: Sequence[str],
    entries: set[str],
    given: Mapping[str, str | None],
) -> dict[str, str]:
    """Role → path, where no column has the full name of a role and one path ends in one."""
    found: dict[str, str] = {}
    for role in ("user", "item", "time", "event", "basket"):
        if given.get(role) is not None or candidates(role, columns):
            continue
        names = {
            path: name
            for path in paths
            if path not in found.values()
            and path not in given.values()
            # the type of a product is no type of event, that of an entry is
            and not (role == "event" and path.endswith(".type") and path not in entries)
            and (name := _meaning(role, path))
        }
        best = candidates(role, list(names.values()))
        hits = [path for path, name in names.items() if name in best]
        if len(hits) == 1:
            found[role] = hits[0]
    return found


def _meaning(role: str, path: str) -> str:
    """The part of a path that is a name of a role: its last one, or its last two (`user.id`); an
    empty text where there is none. It is in the singular.
    """
    parts = path.split(".")
    for name in (parts[-1], "".join(parts[-2:])):
        for singular in (name, name[:-1] if name.lower().endswith("s") else ""):
            if candidates(role, [singular]):
                return singular
    return ""


# ---- objects


def _without_objects(table: Table) -> Table:
    """Columns that hold objects as one column a key, `properties.product_id`."""
    paths: dict[str, tuple[Fields, pl.DataType]] = {}
    for column, dtype in table.schema.items():
        for fields, inner in leaves((column,), dtype):
            paths.setdefault(".".join(fields), (fields, inner))
    if all(len(fields) == 1 for fields, _ in paths.values()):
        return table

    def picked(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return frame.select([value_at(paths[column][0]).alias(column) for column in columns])

    def outer(columns: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(paths[column][0][0] for column in columns))

    def sampled(columns: Sequence[str], user: str, every: int) -> tuple[pl.DataFrame, RowNumbers]:
        assert table.sampled is not None
        frame, numbers = table.sampled(outer(columns), paths[user][0][0], every)
        return picked(frame, columns), numbers

    return replace(
        table,
        schema={path: dtype for path, (_, dtype) in paths.items()},
        fetch=lambda columns: picked(table.fetch(outer(columns)), columns),
        head=lambda n: picked(table.head(n), list(paths)),
        sampled=None if table.sampled is None else sampled,
        span=None,
        batches=None
        if (by_batch := table.batches) is None
        else lambda columns, rows: (
            picked(frame, columns) for frame in by_batch(outer(columns), rows)
        ),
    )


# ---- lists


def _means(role: str, name: str) -> bool:
    """Whether a name or its singular is one of a role: item_id, products, timestamps."""
    return bool(
        candidates(role, [name]) or (name.lower().endswith("s") and candidates(role, [name[:-1]]))
    )


def _list_at(table: Table, path: str) -> str | None:
    """The list that a path names, or leads through; None where none is left to take apart."""
    for column, dtype in table.schema.items():
        if inner_of(dtype) is not None and (column == path or path.startswith(f"{column}.")):
            return column
    return None


def _no_such_list(table: Table, path: str) -> BadRequest:
    lists = [column for column, dtype in table.schema.items() if inner_of(dtype) is not None]
    return BadRequest(
        f"{table.name} has no list {path!r} to take apart.",
        f"Its lists: {listed(lists)}." if lists else "It has no lists: leave --explode out.",
    )


def _check_path(rows: Table, path: str, chosen: str) -> None:
    """Refuse a path that goes on where nothing is."""
    if path == chosen or any(each == path or each.startswith(f"{path}.") for each in rows.schema):
        return
    inside = [column for column in rows.columns if column.startswith(f"{chosen}.")]
    raise BadRequest(
        f"The entries of the list {chosen!r} have no field {path.removeprefix(f'{chosen}.')!r}.",
        f"Their fields: {listed(inside)}."
        if inside
        else f"They are single values: write --explode {shlex.quote(chosen)}.",
    )


def _list_of_items(table: Table, given: Mapping[str, str | None]) -> str | None:
    """The list whose entries are the rows of a log; None where items are single values."""
    lists = {
        column: names_inside(column, dtype)
        for column, dtype in table.schema.items()
        if (inner := inner_of(dtype)) is not None and not isinstance(inner, (pl.List, pl.Array))
    }
    single = [column for column, dtype in table.schema.items() if inner_of(dtype) is None]
    for role in ("item", "user"):
        name = given.get(role)
        inside = [column for column, names in lists.items() if name in names]
        if inside:
            return inside[0]
        if role == "item" and name is not None:
            return None  # a single value, or a name that does not exist
    if (
        not lists
        or candidates("item", single)
        or candidates("item", [column.rpartition(".")[2] for column in single])
    ):
        return None
    holding = {
        column: [path for path, name in names.items() if _means("item", name)]
        for column, names in lists.items()
    }
    fitting = [column for column, paths in holding.items() if paths]
    if len(fitting) > 1:
        options = [holding[column][0] for column in fitting]
        raise Undecided(
            f"The items of {table.name} could stand in the lists {listed(fitting)}.",
            "Say which: --item " + " or --item ".join(map(shlex.quote, options)) + ".",
        )
    if fitting:
        return fitting[0]
    objects = [column for column in lists if isinstance(inner_of(table.schema[column]), pl.Struct)]
    others = [
        column
        for column in single
        if not any(
            candidates(role, [part])
            for role in ROLES
            for part in (column, column.rpartition(".")[2])
        )
    ]
    if len(objects) == 1 and not others:
        return objects[0]
    return next(iter(lists)) if len(lists) == 1 and not others else None


@dataclass(frozen=True, eq=False)
class _Entries:
    """The lists that are taken apart together, and how many rows each record becomes."""

    columns: tuple[str, ...]
    counts: NDArray[np.int64]  # [records] rows; a record with an empty list is one row
    empty: int  # such records


def _one_row_an_entry(table: Table, chosen: str, given: Mapping[str, str | None]) -> Table:
    entries = _entries(table, chosen, given)
    inside = {
        ".".join(leaf): column
        for column in entries.columns
        for leaf, _ in leaves((column,), inner_of(table.schema[column]) or pl.String())
    }
    schema = _schema(table, entries.columns)
    single = [column for column in schema if column not in inside]

    def apart(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return _apart(frame, entries.columns).select(
            [_path(column, inside, table.schema) for column in columns]
        )

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        outer = [column for column in columns if column in single]
        return apart(table.fetch([*outer, *entries.columns]), columns)

    rows, numbers, dropped = numbered(table, entries.counts)
    records = len(entries.counts)
    empty = entries.empty
    is_empty = f"; {formatting.count(empty, 'list')} {'is' if empty == 1 else 'are'} empty"
    of = f"{formatting.count(records, 'record')}{is_empty if empty else ''}"
    remark = (
        f"Each entry of {listed(entries.columns)} is a row: {formatting.count(rows, 'row')} of "
        f"{of}. Rows are counted after that."
    )
    return replace(
        table,
        schema=schema,
        rows=rows,
        fetch=fetch,
        head=lambda n: apart(table.head(n), list(schema)).head(n),
        remarks=(*table.remarks, remark),
        parts=parts_of_entries(table, entries.counts),
        numbers=numbers,
        dropped=dropped,
        sampled=None,
        span=None,
        batches=None,
    )


def _schema(table: Table, taken: Sequence[str]) -> dict[str, pl.DataType]:
    schema: dict[str, pl.DataType] = {}
    for column, dtype in table.schema.items():
        inner = inner_of(dtype) if column in taken else None
        if inner is None:
            schema.setdefault(column, dtype)
        else:
            for fields, leaf in leaves((column,), inner):
                schema.setdefault(".".join(fields), leaf)
    return schema


def _path(column: str, inside: Mapping[str, str], schema: Mapping[str, pl.DataType]) -> pl.Expr:
    outer = inside.get(column)
    if outer is None or outer == column:
        return pl.col(column)
    value = pl.col(outer)
    for name in steps(inner_of(schema[outer]), column.removeprefix(f"{outer}.")):
        value = value.struct.field(name)
    return value.alias(column)


def _apart(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """One row for each entry; a record with an empty list keeps one row without a value."""
    lists = [_as_list(column, frame.schema[column]) for column in columns]
    filled = frame.with_columns(
        [
            pl.when(values.list.len() == 0).then(None).otherwise(values).alias(column)
            for column, values in zip(columns, lists, strict=True)
        ]
    )
    return filled.explode(list(columns))


def _as_list(column: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(column).arr.to_list() if isinstance(dtype, pl.Array) else pl.col(column)


def _lengths(table: Table, column: str) -> NDArray[np.int64]:
    values = _as_list(column, table.schema[column]).list.len().fill_null(0).cast(pl.Int64)
    return table.fetch([column]).select(values).to_series().to_numpy()


def _entries(table: Table, chosen: str, given: Mapping[str, str | None]) -> _Entries:
    lengths = _lengths(table, chosen)
    counts, empty = np.maximum(lengths, 1), int((lengths == 0).sum())
    if isinstance(inner_of(table.schema[chosen]), pl.Struct):
        return _Entries((chosen,), counts, empty)
    named = set(given.values()) - {None, ABSENT}
    together = [chosen]
    for column, dtype in table.schema.items():
        inner = inner_of(dtype)
        if column == chosen or inner is None or inner.is_nested():
            continue
        own = _lengths(table, column)
        if np.array_equal(own, lengths):
            together.append(column)
        elif column in named or any(candidates(role, [column]) for role in ROLES):
            at = int(np.flatnonzero(own != lengths)[0])
            raise BadData(
                f"{table.name}: in record {at + 1} the list {column!r} has "
                f"{formatting.count(int(own[at]), 'value')}, but {chosen!r} has "
                f"{int(lengths[at])}.",
                "Lists that belong together need one length; leave the column out, or mend it.",
            )
    return _Entries(tuple(c for c in table.columns if c in together), counts, empty)
