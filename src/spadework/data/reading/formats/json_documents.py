"""One JSON document to records: an array of objects, an object with one array of objects, columns
of values, or objects that are written over several lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from spadework.errors import BadData, Undecided

_LINES = "Write one object a line (jq -c '.[]' does it for an array)."


def documents(text: str, decoder: json.JSONDecoder) -> list[Any] | None:
    """The values that follow each other in a text; None where it is not JSON throughout.

    Raises ValueError as the decoder does for a value that is JSON but no record.
    """
    found: list[Any] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in " \t\r\n":
            at += 1
        if at == end:
            return found
        try:
            value, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            return None
        found.append(value)


def records_of(
    values: Sequence[Any], name: str, wanted: Sequence[str]
) -> tuple[list[Any], list[str]]:
    """The records in the values of a document, and remarks. `wanted` are the columns that the user
    named, such as `orders.item`, which decide between several arrays.
    """
    if len(values) > 1:
        return list(values), ["Objects are written over several lines."]
    value = values[0]
    if isinstance(value, list):
        return value, ["The file is one JSON array; each of its entries is a record."]
    if not isinstance(value, Mapping):
        raise BadData(f"{name} is a single JSON value, not a table.", _LINES)
    split = _split(value)
    if split is not None:
        return split, ["The file has names of columns and rows of values."]
    arrays = {key: rows for key, rows in value.items() if _is_records(rows)}
    if len(arrays) > 1:
        paths = {path.split(".")[0] for path in wanted}
        chosen = [key for key in arrays if key in paths]
        if len(chosen) != 1:
            raise Undecided(
                f"{name} holds several arrays of objects: {', '.join(map(repr, arrays))}.",
                "Write the one that is the log to a file of its own, for example: "
                f"jq -c '.{next(iter(arrays))}[]' {name} > log.jsonl",
            )
        arrays = {chosen[0]: arrays[chosen[0]]}
    if arrays:
        key, rows = next(iter(arrays.items()))
        others = [other for other in value if other != key]
        left = f"; not read: {', '.join(others[:5])}" if others else ""
        return rows, [f"The records are in {key!r}{left}."]
    columns = _columns(value)
    if columns is not None:
        return columns, ["The file holds columns, not rows; values with one key are one row."]
    return [value], []


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _split(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """`{"columns": […], "data": [[…], …]}`, as pandas writes it."""
    names, rows = value.get("columns"), value.get("data")
    if not (isinstance(names, list) and isinstance(rows, list) and names and rows):
        return None
    if not all(isinstance(name, str) for name in names) or not all(
        isinstance(row, list) and len(row) == len(names) for row in rows
    ):
        return None
    return [dict(zip(names, row, strict=True)) for row in rows]


def _columns(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """`{"user": {"0": …, "1": …}, "item": {…}}`, as pandas writes it, or lists of one length."""
    columns = list(value.values())
    if len(columns) < 2:
        return None
    if all(isinstance(column, dict) and column for column in columns):
        keys = list(columns[0])
        # other keys are those of nested objects, which are one record
        if all(list(column) == keys for column in columns) and all(map(str.isdigit, keys)):
            return [{name: column[key] for name, column in value.items()} for key in keys]
        return None
    if all(isinstance(column, list) and column for column in columns):
        lengths = {len(column) for column in columns}
        if len(lengths) == 1 and lengths != {1}:
            rows = zip(*columns, strict=True)
            return [dict(zip(value, row, strict=True)) for row in rows]
    return None
