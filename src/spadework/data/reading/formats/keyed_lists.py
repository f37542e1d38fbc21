"""Lists of keys and values, such as the `event_params` of Google Analytics: the value of a key is a
column where it is named, `event_params.page`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from spadework.data.reading.formats.nested_types import inner_of, leaves, value_at
from spadework.data.reading.tables import Table

_KEYS = ("key", "name")
_VALUE = "value"


def with_keys(table: Table, names: Iterable[str]) -> Table:
    """The table with a column of text for each of the names that is a key of such a list. The value
    of a key is the first that is filled of what the entry holds; rows without the key have none.
    """
    added: dict[str, tuple[str, pl.Expr]] = {}
    for name in names:
        column, dot, key = name.partition(".")
        if name in table.schema or not dot or column not in table.schema:
            continue
        value = _value(table.schema[column], key)
        if value is not None:
            added[name] = (column, pl.col(column).list.eval(value).list.drop_nulls().list.first())
    if not added:
        return table

    def beside(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        return frame.select(
            [added[name][1].alias(name) if name in added else pl.col(name) for name in columns]
        )

    def own(columns: Sequence[str]) -> list[str]:
        names = [added[name][0] if name in added else name for name in columns]
        return list(dict.fromkeys(names))

    schema = {**table.schema, **dict.fromkeys(added, pl.String())}
    return replace(
        table,
        schema=schema,
        fetch=lambda columns: beside(table.fetch(own(columns)), columns),
        head=lambda n: beside(table.head(n), list(schema)),
        sampled=None,
        span=None,
        batches=None
        if (inner := table.batches) is None
        else lambda columns, rows: (beside(frame, columns) for frame in inner(own(columns), rows)),
    )


def _value(dtype: pl.DataType, key: str) -> pl.Expr | None:
    """The value of an entry with that key, else null; None where there are no keys and values."""
    inner = inner_of(dtype)
    if not isinstance(inner, pl.Struct) or not isinstance(dtype, pl.List):
        return None
    fields = {field.name for field in inner.fields}
    names = [name for name in _KEYS if name in fields]
    # one that is called as a field is the path to that field
    if not names or _VALUE not in {name.split(".")[0] for name in fields} or key in fields:
        return None
    element = pl.element().alias(_VALUE)
    found = [
        value_at(("", *path[1:]), element).cast(pl.String)
        for path, kind in leaves(("",), inner)
        if path[1].split(".")[0] == _VALUE and not kind.is_nested()
    ]
    if not found:
        return None
    return pl.when(element.struct.field(names[0]) == key).then(pl.coalesce(found))
