"""The columns of a table of lists, as they stand in CREATE TABLE, and what is said where two
batches meet.
"""

from __future__ import annotations

import polars as pl

from spadework.data.reading.formats.databases import quoted
from spadework.errors import BadRequest

_TYPES: dict[pl.DataType, str] = {
    pl.String(): "TEXT",
    pl.Float32(): "REAL",
    pl.Int32(): "INTEGER",
}


def columns_of(frame: pl.DataFrame, large: str) -> str:
    """The columns for a frame; its key is the user and the rank, where each list has a user.
    `large` is the type for whole numbers that may be above 2⁶³.
    """
    types = {**_TYPES, pl.UInt64(): large}
    parts = [f"{quoted(name)} {types.get(dtype, 'BIGINT')}" for name, dtype in frame.schema.items()]
    if not frame["user_id"].null_count():
        parts.append("PRIMARY KEY (user_id, rank)")
    return ", ".join(parts)


def other_process(name: str) -> BadRequest:
    """The refusal where the state is not what this process left."""
    return BadRequest(f"Another process is writing {name}.", "Wait for its end.")
