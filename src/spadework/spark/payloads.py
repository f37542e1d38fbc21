"""Counted rows and kept neighbours as records of bytes, which Spark carries without a look inside.
Whole counts are written in as few bytes as hold them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Offsets
from spadework.data.narrow_frames import narrow as narrow_frame
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.cooccurrence.row_blocks import ITEM_SUMS, CountedRows, ItemSums
from spadework.ragged import SparseRows, offsets_of

COUNTS = "block int, rows binary, lengths binary, columns binary, joint binary, facts string"
"""Records of counts. Block 0 is that of the sums of items: its `rows` are items, its `columns` the
arrays of `ItemSums` one after the other.
"""
NEIGHBOURS = "first int, lengths binary, columns binary, values binary"
NEIGHBOURS_AND_SUMS = f"{NEIGHBOURS}, rows binary, facts string"
"""Records of neighbours, and one of the sums of items, which has facts."""
PACKED = "packed binary"
"""Records of many rows each."""
SUMS = 0
RECORD_CELLS = 1 << 22
"""Pairs of a record at most, unless one row has more: 48 MiB as they come from a count of weights.
"""
_BY_BYTES = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.float64}

Record = dict[str, Any]


def records_of(counted: CountedRows, edges: Array) -> Iterator[Record]:
    """Records of counted rows: block b, from 1, has the items from edges[b − 1] to before
    edges[b].
    """
    for block, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True), start=1):
        own = counted.between(int(first), int(last))
        for low, high in pieces(own.starts):
            part = own.places(low, high)
            yield {
                "block": block,
                "rows": part.rows.astype(np.int32).tobytes(),
                "lengths": np.diff(part.starts).astype(np.int32).tobytes(),
                "columns": part.columns.astype(np.int32).tobytes(),
                "joint": narrow(part.joint).tobytes(),
                "facts": None,
            }


def rows_of(record: Mapping[str, Any]) -> CountedRows:
    """What `records_of` wrote."""
    columns = np.frombuffer(record["columns"], np.int32)
    joint = record["joint"]
    width = len(joint) // max(len(columns), 1)
    return CountedRows(
        np.frombuffer(record["rows"], np.int32),
        offsets_of(np.frombuffer(record["lengths"], np.int32)),
        columns,
        np.frombuffer(joint, _BY_BYTES[width] if len(columns) else np.uint8),
    )


def narrow(joint: Array) -> Array:
    """Whole numbers in the fewest bytes that hold them; others as they are, in float64."""
    largest = joint.max(initial=0)
    if largest >= 2**32 or (joint.dtype.kind == "f" and not (joint == np.floor(joint)).all()):
        return joint.astype(np.float64, copy=False)
    bytes_of = 1 if largest < 2**8 else 2 if largest < 2**16 else 4
    return joint.astype(_BY_BYTES[bytes_of], copy=False)


def pieces(starts: Offsets) -> Iterator[tuple[int, int]]:
    """Ranges of rows of at most `RECORD_CELLS` cells, or one row; none where there are no rows."""
    low, rows = 0, len(starts) - 1
    while low < rows:
        high = int(np.searchsorted(starts, starts[low] + RECORD_CELLS, side="right")) - 1
        high = min(max(high, low + 1), rows)
        yield low, high
        low = high


def record_of_sums(sums: ItemSums, items: Array, facts: Sequence[Mapping[str, Any]]) -> Record:
    """The record of what is counted of some items, by their codes; `facts` are those of each part
    that is in them.
    """
    arrays = {name: array.astype(ITEM_SUMS[name]) for name, array in sums.arrays.items()}
    return {
        "block": SUMS,
        "rows": items.astype(np.int32).tobytes(),
        "lengths": b"",
        "columns": b"".join(array.tobytes() for array in arrays.values()),
        "joint": b"",
        "facts": json.dumps(facts),
    }


def added_sums(
    records: Iterable[Mapping[str, Any]], items: int
) -> tuple[ItemSums, list[dict[str, Any]]]:
    """What is counted of all items, and the facts of each part."""
    total = ItemSums.zeros(items)
    facts: list[dict[str, Any]] = []
    for record in records:
        codes = np.frombuffer(record["rows"], np.int32)
        words = np.frombuffer(record["columns"], np.int64).reshape(len(ITEM_SUMS), -1)
        for word, (name, dtype) in zip(words, ITEM_SUMS.items(), strict=True):
            total.arrays[name][codes] += word.view(dtype)
        facts += json.loads(record["facts"])
    return total, facts


def packed(frame: pl.DataFrame) -> bytes:
    """Rows as bytes, whole numbers in four where these hold them."""
    room = io.BytesIO()
    narrow_frame(frame).write_ipc(room, compression="uncompressed")
    return room.getvalue()


def unpacked(record: Any) -> pl.DataFrame:
    """What `packed` wrote."""
    return pl.read_ipc(io.BytesIO(record))


def neighbours_of(table: Table, first: int) -> Iterator[Record]:
    """Records of the neighbours of the items from `first` on."""
    for low, high in pieces(table.starts):
        cells = slice(int(table.starts[low]), int(table.starts[high]))
        yield {
            "first": first + low,
            "lengths": np.diff(table.starts[low : high + 1]).astype(np.int32).tobytes(),
            "columns": table.columns[cells].astype(np.int32).tobytes(),
            "values": table.values[cells].astype(np.float32).tobytes(),
        }


def table_of(records: Iterable[Mapping[str, Any]], items: int) -> Table:
    """The neighbours of all items, from records in any order."""
    ordered = sorted(records, key=lambda record: int(record["first"]))
    lengths = np.zeros(items, np.int64)
    for record in ordered:
        own = np.frombuffer(record["lengths"], np.int32)
        lengths[record["first"] : record["first"] + len(own)] = own
    columns = [np.frombuffer(record["columns"], np.int32) for record in ordered]
    values = [np.frombuffer(record["values"], np.float32) for record in ordered]
    return Table(
        offsets_of(lengths),
        np.concatenate([np.zeros(0, np.int32), *columns]),
        np.concatenate([np.zeros(0, np.float32), *values]),
    )


def pairs_of(records: Iterable[Mapping[str, Any]], items: int) -> SparseRows:
    """The pairs of all items, from records whose rows are summed up, in any order."""
    parts = sorted((rows_of(record) for record in records), key=lambda part: int(part.rows[0]))
    lengths = np.zeros(items, np.int64)
    for part in parts:
        lengths[part.rows] = np.diff(part.starts)
    return SparseRows(
        offsets_of(lengths),
        np.concatenate([np.zeros(0, np.int32), *(part.columns for part in parts)]),
        np.concatenate([np.zeros(0), *(part.joint for part in parts)], dtype=np.float64),
    )
