"""JSON objects as a table: nested keys are dotted columns (`product.id`), lists stay lists, every
value is text exactly as written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from spadework.data.reading.tables import Table

Record: TypeAlias = dict[str, Any]

_DEEPEST = 8  # levels of nested objects that become columns
_MOST = 1_000  # columns; objects whose keys are data, such as ids, have more and stay as they are


def table_of_records(
    name: str,
    records: Sequence[Record],
    *,
    rows: int,
    size: int,
    numbers: Sequence[int] = (),
    bad: Sequence[int] = (),
    bad_reason: str = "line is not a JSON object",
    remarks: Sequence[str] = (),
) -> Table:
    """The table of records whose scalars are text, true, false or None. `bad` are the row numbers
    that hold no record, `numbers` those of the records.
    """
    flat = flattened(records)
    types, mixed = _types(flat)
    notes: list[str] = []
    if mixed:
        flat, notes = _of_one_kind(flat, mixed)
        types, _ = _types(flat)

    def fetch(columns: Sequence[str], limit: int | None = None) -> pl.DataFrame:
        return pl.DataFrame([_series(key, types[key], flat[:limit]) for key in columns])

    return Table(
        name=name,
        source_format="jsonl",
        schema=types,
        rows=rows,
        fetch=fetch,
        head=lambda n: fetch(list(types), n),
        text=True,
        remarks=(*remarks, *notes),
        dropped={bad_reason: np.asarray(bad, np.int64)} if bad else {},
        numbers=np.asarray(numbers, np.int64) if bad else None,
        size=size,
    )


def flattened(records: Sequence[Record]) -> Sequence[Record]:
    """Records without objects inside: `{"a": {"b": 1}}` has the key `a.b`. A key that is written
    with a dot wins.
    """
    nested = {key for record in records for key, value in record.items() if isinstance(value, dict)}
    if not nested:
        return records
    found = [_flat(record, "", _DEEPEST) for record in records]
    if len({key for record in found for key in record}) <= _MOST:
        return found
    return [_flat(record, "", 0) for record in records]


def _flat(record: Record, prefix: str, levels: int) -> Record:
    found: Record = {}
    for key, value in record.items():
        if isinstance(value, dict) and levels:
            for inner, content in _flat(value, f"{prefix}{key}.", levels - 1).items():
                if inner not in record:
                    found.setdefault(inner, content)
        else:
            found[f"{prefix}{key}"] = value
    return found


def _types(records: Sequence[Record]) -> tuple[dict[str, pl.DataType], dict[str, int]]:
    """Column → text, list of text, or list of objects; and column → objects, where a column has
    them among other values.
    """
    types: dict[str, pl.DataType] = dict.fromkeys(
        (key for record in records for key in record), pl.String()
    )
    mixed: dict[str, int] = {}
    for key in _nested(records):
        entries = _entries(records, key)
        objects = sum(isinstance(entry, dict) for entry in entries)
        if objects and objects == len(entries):
            fields, _ = _types(flattened(entries))
            if len(fields) <= _MOST:
                types[key] = pl.List(pl.Struct(fields))
                continue
        elif objects:
            mixed[key] = objects
        deep = any(isinstance(entry, list) for entry in entries)
        types[key] = pl.List(pl.List(pl.String())) if deep else pl.List(pl.String())
    return types, mixed


def _nested(records: Sequence[Record]) -> list[str]:
    """The keys that hold a list or an object in some record."""
    return list(
        dict.fromkeys(
            key
            for record in records
            for key, value in record.items()
            if isinstance(value, (list, dict))
        )
    )


def _entries(records: Sequence[Record], key: str) -> list[Any]:
    """The entries of all lists of a key, without missing ones; a single value is one."""
    return [
        entry
        for record in records
        if (value := record.get(key)) is not None
        for entry in (value if isinstance(value, list) else [value])
        if entry is not None
    ]


def _of_one_kind(
    records: Sequence[Record], mixed: Mapping[str, int]
) -> tuple[Sequence[Record], list[str]]:
    """Lists with objects among other values keep the kind that has more of them; the others become
    missing values, and a remark counts them. An object is no text, so it can be no id.
    """
    remarks = []
    for key, objects in mixed.items():
        others = len(_entries(records, key)) - objects
        keep = objects >= others
        records = [
            {**record, key: _kept(record[key], keep)} if key in record else record
            for record in records
        ]
        what, odd = ("objects", others) if keep else ("single values", objects)
        remarks.append(
            f"Entries of {key!r} that are no {what}, unlike the others, are read as missing: "
            f"{odd:,}."
        )
    return records, remarks


def _kept(value: Any, objects: bool) -> Any:
    """A list, or a single value, with None for each entry that is of the other kind."""
    if isinstance(value, list):
        return [entry if isinstance(entry, dict) == objects else None for entry in value]
    return value if isinstance(value, dict) == objects else None


def _series(key: str, dtype: pl.DataType, records: Sequence[Record]) -> pl.Series:
    return pl.Series(key, [_value(record.get(key), dtype) for record in records], dtype=dtype)


def _value(value: Any, dtype: pl.DataType) -> Any:
    """A value as its column's type holds it."""
    if not isinstance(dtype, pl.List):
        return text_of(value)
    if value is None:
        return None
    entries = value if isinstance(value, list) else [value]
    inner: Any = dtype.inner
    if isinstance(inner, pl.Struct):
        return [_entry(entry, inner) for entry in entries]
    return [_value(entry, inner) for entry in entries]


def _entry(entry: Record | None, dtype: pl.Struct) -> dict[str, Any]:
    flat: Mapping[str, Any] = {} if entry is None else flattened([entry])[0]
    return {field.name: _value(flat.get(field.name), _made(field.dtype)) for field in dtype.fields}


def _made(dtype: Any) -> pl.DataType:
    """The type itself, where polars gives its class."""
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def text_of(value: Any) -> str | None:
    """A scalar as it was written; lists joined by `|`, objects in ASCII."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(text_of(part) or "" for part in value)
    return ascii(value)
