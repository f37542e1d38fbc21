"""JSON lines to a table of text: one object a line, numbers exactly as written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from spadework.data.reading.encodings import decoded
from spadework.data.reading.tables import Table
from spadework.errors import BadData


class _BadLine(ValueError):
    """Why a line is no row."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _BadLine(f"has the key {_shown(twice)} twice")
    return record


def _not_a_number(constant: str) -> None:
    """NaN and the infinities are no JSON; they are what a missing value looks like when Python
    writes it.
    """
    return


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_not_a_number
)


def parse_jsonlines(data: bytes, name: str, *, encoding: str, skip_bad: bool) -> Table:
    """Table of text; NaN and the infinities are missing values.

    Raises BadData at the first line that is not one flat JSON object, telling its number; with
    `skip_bad` such lines are set aside.
    """
    data, remarks = decoded(data, name, encoding, header=False)
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[int] = []
    rows = blank = 0
    for line_number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            blank += 1
            continue
        rows += 1
        try:
            objects.append(_parsed(line))
            numbers.append(rows)
        except _BadLine as error:
            if not skip_bad:
                raise BadData(
                    f"{name}: line {line_number} {error}.",
                    "Mend it, or use --skip-bad to set such lines aside.",
                ) from None
            bad.append(rows)
    if rows == 0:
        raise BadData(f"{name} is empty.", "Give a file with one JSON object a line.")
    if blank > (data.endswith(b"\n")):
        remarks.append("Blank lines are ignored.")
    return _table(name, objects, rows, numbers, bad, remarks, len(data))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        record = _DECODER.decode(line.decode().strip())
    except RecursionError:
        raise _BadLine("is nested too deep") from None
    except _BadLine:
        raise
    except ValueError as error:
        raise _BadLine(f"is not JSON ({error})") from None
    if not isinstance(record, dict):
        found = "a JSON array" if isinstance(record, list) else "a single JSON value"
        raise _BadLine(f"is {found}, not an object")
    if b"\\ud" in line.lower():
        _check_surrogates(record)
    return record


def _check_surrogates(record: dict[str, Any]) -> None:
    """Escapes can spell half a character, which no text may hold."""
    for key, value in record.items():
        for text in (key, value if isinstance(value, str) else ""):
            try:
                text.encode()
            except UnicodeEncodeError:
                raise _BadLine(
                    f"has half a character (a lone surrogate) in {_shown(key)}"
                ) from None


def _shown(text: str) -> str:
    return ascii(text[:60])


def _table(
    name: str,
    objects: list[dict[str, Any]],
    rows: int,
    numbers: list[int],
    bad: list[int],
    remarks: list[str],
    size: int,
) -> Table:
    keys = dict.fromkeys(key for record in objects for key in record)
    nested = {
        key for record in objects for key, value in record.items() if isinstance(value, dict | list)
    }
    schema: dict[str, pl.DataType] = {
        key: pl.List(pl.String()) if key in nested else pl.String() for key in keys
    }

    def fetch(columns: Sequence[str], limit: int | None = None) -> pl.DataFrame:
        return pl.DataFrame(
            {
                key: pl.Series(
                    key, [_text(record.get(key)) for record in objects[:limit]], dtype=pl.String
                )
                for key in columns
            }
        )

    return Table(
        name=name,
        source_format="jsonl",
        schema=schema,
        rows=rows,
        fetch=fetch,
        head=lambda n: fetch(list(schema), n),
        text=True,
        remarks=tuple(remarks),
        dropped={"line is not a JSON object": np.asarray(bad, np.int64)} if bad else {},
        numbers=np.asarray(numbers, np.int64) if bad else None,
        size=size,
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(_text(part) or "" for part in value)
    return ascii(value)
