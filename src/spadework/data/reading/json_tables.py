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
    types = _types(flat)

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
        remarks=tuple(remarks),
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


def _types(records: Sequence[Record]) -> dict[str, pl.DataType]:
    """Column → text, list of text, or list of objects, whose fields may be lists again."""
    types: dict[str, pl.DataType] = dict.fromkeys(
        (key for record in records for key in record), pl.String()
    )
    nested = dict.fromkeys(
        key
        for record in records
        for key, value in record.items()
        if isinstance(value, (list, dict))
    )
    for key in nested:
        values = [record[key] for record in records if record.get(key) is not None]
        entries = [
            entry
            for value in values
            for entry in (value if isinstance(value, list) else [value])
            if entry is not None
        ]
        if entries and all(isinstance(entry, dict) for entry in entries):
            fields = _types(flattened(entries))
            if len(fields) <= _MOST:
                types[key] = pl.List(pl.Struct(fields))
                continue
        deep = any(isinstance(entry, list) for entry in entries)
        types[key] = pl.List(pl.List(pl.String())) if deep else pl.List(pl.String())
    return types


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
