"""The memory that a reading will need, estimated before it starts, and what happens when there
is too little.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from spadework.data.reading.formats.byte_sources import EXPANSION_LIMIT, LEAST_LIMIT
from spadework.data.reading.tables import Table
from spadework.errors import BadData, OutOfMemory
from spadework.events import note
from spadework.formatting import count, size
from spadework.limits import available_bytes

SHARE = 0.8
"""Share of the available memory that a reading may use."""

_WORK = 60  # bytes a row for codes, clock, sort keys and the permutation, measured on 20 M rows
# bytes of a text value in memory: its view, its characters, its position in the vocabulary
_TEXT_VALUE = 48
TEXT_FILE = 10
"""Bytes of memory a byte of a text file: 6 to 8 were measured, 14 where most rows are
duplicates.
"""
_LARGE = 1 << 32  # from here on the prediction is reported


def available() -> int:
    """Bytes of memory that can still be used, by the machine and by the container."""
    return available_bytes()


def room_for(memory: int | None) -> int:
    """Bytes that a reading may use: the limit that was set, or most of what is free."""
    room = int(SHARE * available())
    return room if memory is None else min(memory, room)


def predicted(table: Table, columns: Mapping[str, str]) -> int:
    """Bytes at the peak of reading these columns (role → column)."""
    if table.text:
        return table.size * TEXT_FILE
    return table.rows * (_WORK + sum(width(table.schema[column]) for column in columns.values()))


def width(dtype: pl.DataType) -> int:
    """Bytes of a value of this type, about."""
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _TEXT_VALUE
    return 16 if dtype.is_decimal() else 8


def check_expansion(table: Table, columns: Mapping[str, str]) -> None:
    """Refuse a small file that claims an absurd number of rows."""
    if table.size == 0 or table.text:
        return
    claimed = table.rows * sum(width(table.schema[column]) for column in columns.values())
    limit = max(LEAST_LIMIT, EXPANSION_LIMIT * table.size)
    if claimed > limit:
        raise BadData(
            (
                f"{table.name} expands from {table.size:,} bytes to {claimed:,} ("
                f"{count(table.rows, 'row')}); the limit is {limit:,}."
            ),
            (
                f"A log shrinks far less than {EXPANSION_LIMIT} times. If the file is sound, "
                "read it into a frame and give that."
            ),
        )


def fits(length: int) -> bool:
    """Whether a text file of so many bytes fits into what is free."""
    return length * TEXT_FILE <= SHARE * available()


def check_text_size(length: int, name: str) -> None:
    """Refuse, before reading, a text file that does not fit; a sample of its users cannot be drawn
    without reading the full file.
    """
    need, room = length * TEXT_FILE, available()
    scan = "scan_ndjson('LOG.jsonl')" if "json" in name.lower() else "scan_csv('LOG.csv')"
    if need > SHARE * room:
        raise OutOfMemory(
            (
                f"Reading {name} would take about {size(need)}, and {size(room)} of memory are "
                "available."
            ),
            'Turn it into parquet, which is read in parts: python -c "import polars; '
            f"polars.{scan}.sink_parquet('LOG.parquet')\".",
        )


def check_rows_size(rows: int, schema: Mapping[str, pl.DataType], name: str) -> None:
    """Refuse, before reading, a view that does not fit: it is read once, with all its columns."""
    need, room = rows * (_WORK + sum(map(width, schema.values()))), available()
    if need > SHARE * room:
        raise OutOfMemory(
            f"Reading {name} would take about {size(need)}, and {size(room)} of memory are "
            "available. It is read by one statement, with all its columns.",
            "Make a table of it, or a view with fewer columns; or export it to parquet, which is "
            "read in parts.",
        )


def keep_one_of(table: Table, columns: Mapping[str, str]) -> int:
    """1 to read every user, N to read one user in N. Raises OutOfMemory where a sample cannot be
    drawn.
    """
    need, room = predicted(table, columns), available()
    if need > _LARGE:
        note(
            f"Reading {table.name} will take about {size(need)} of memory; {size(room)} are "
            "available."
        )
    if need <= SHARE * room or table.source_format == "frame":
        return 1
    if table.sampled is None:
        raise OutOfMemory(
            (
                f"Reading {table.name} would take about {size(need)}, and {size(room)} of memory "
                "are available."
            ),
            (
                "Turn it into one folder of parquet, which is read by columns and can be "
                "sampled by users."
            ),
        )
    return max(2, -int(-need // (SHARE * room)))
