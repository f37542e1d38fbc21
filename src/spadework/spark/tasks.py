"""What runs on executors: functions from batches of Arrow to batches of Arrow, a partition each. A
partition that is run again gives the same, so Spark may lose and repeat tasks as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.data.narrow_frames import united
from spadework.data.vocabulary import Vocabulary
from spadework.kernels import parallel
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.row_blocks import (
    CountedRows,
    ItemSums,
    add_up,
    count_part,
    reduce_block,
)
from spadework.models.counting.channel import Channel
from spadework.ragged import offsets_of
from spadework.spark import payloads
from spadework.spark.part_logs import PartPlan, item_codes, log_of_part

if TYPE_CHECKING:
    from pyarrow import RecordBatch


@dataclass(frozen=True)
class CountPart:
    """All rows of some users to records of counts."""

    plan: PartPlan
    channel: Channel | None  # None: rows are read, and nothing is counted
    now: int | None
    edges: Array  # [blocks + 1] item codes between blocks

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        frame = frame_of(batches)
        if frame is None:
            return
        size = int(frame.estimated_size())
        with own_threads():
            log, aside = log_of_part(frame, self.plan)
            facts = facts_of(log, frame.height, size, aside)
            del frame
            if self.channel is None or not len(log):
                popularity = {"popularity": log.item_counts}
                sums = ItemSums(**{**ItemSums.zeros(log.item_count).arrays, **popularity})
                yield from batches_of([payloads.record_of_sums(sums, item_codes(log), [facts])])
                return
            part = count_part(log, self.channel, self.now)
            facts["groups"] = part.groups
            codes = item_codes(log)
            yield from batches_of([payloads.record_of_sums(part.sums, codes, [facts])])
            for some in part.rows():
                yield from batches_of(payloads.records_of(coded(some, codes), self.edges))


@dataclass(frozen=True)
class ItemCodes:
    """Codes of items by their ids as a table has them: whole numbers or text, each once."""

    raw_ids: pl.Series
    codes: Codes  # [raw ids]

    def sorted(self) -> ItemCodes:
        """The same, by id."""
        order = self.raw_ids.arg_sort()
        return ItemCodes(self.raw_ids.gather(order), self.codes[order.to_numpy()])

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows with codes in place of ids; those of other items are left out."""
        frame = frame.drop_nulls("item")
        places = Vocabulary(self.raw_ids).codes(frame["item"])
        codes = pl.Series(self.codes[places[places >= 0]])
        return frame.filter(pl.Series(places >= 0)).with_columns(item=codes)


@dataclass(frozen=True)
class PackRows:
    """Rows to records of many rows each. With `items`, ids become codes: Spark's own join takes as
    long as all else that is done to a row.
    """

    items: ItemCodes | None

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        items = None if self.items is None else self.items.sorted()
        for some in _together(batches, PACKED_ROWS):
            frame = frame_of(some)
            if frame is not None and items is not None:
                frame = items.of(frame)
            if frame is not None and frame.height:
                yield from batches_of([{"packed": payloads.packed(frame)}])


PACKED_ROWS = 1 << 20
"""Rows of a record, about: a look at all ids is done once for each."""


def _together(batches: Iterable[RecordBatch], rows: int) -> Iterator[list[RecordBatch]]:
    """Batches that have so many rows together, or all that are left."""
    held: list[RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= rows:
            yield held
            held = []
    if held:
        yield held


@dataclass(frozen=True)
class CountBlock:
    """All packed rows of a log, with the number of a block of items, to records of the neighbours
    of these items; the first block gives the sums of all items, too.
    """

    plan: PartPlan
    channel: Channel
    now: int | None
    edges: Array  # [blocks + 1] item codes between blocks
    model: CoOccurrence
    items: int

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        block, frames = 0, []
        for record in records_in(batches):
            block = int(record["block"])
            frames.append(payloads.unpacked(record["packed"]))
        if not frames:
            return
        frame = united(frames)
        size = int(frame.estimated_size())
        del frames
        first, last = int(self.edges[block]), int(self.edges[block + 1])
        with own_threads():
            log, aside = log_of_part(frame, self.plan)
            facts = facts_of(log, frame.height, size, aside)
            del frame
            codes = item_codes(log)
            if not len(log):
                sums = ItemSums.zeros(0)
                if block == 0:
                    yield from batches_of([_sums_beside(sums, codes[:0], facts)])
                return
            part = count_part(log, self.channel, self.now, (codes >= first) & (codes < last))
            facts["groups"] = part.groups
            record = _sums_beside(part.sums, codes, facts)
            if block == 0:
                yield from batches_of([record])
            table = among_all(part.neighbours(self.model), codes, first, last)
        for one in payloads.neighbours_of(table, first):
            yield from batches_of([{**one, "rows": b"", "facts": None}])


def facts_of(log: Interactions, rows: int, size: int, aside: dict[str, int]) -> dict[str, Any]:
    """What is told of the rows of a partition."""
    return {
        "rows": rows,
        "bytes": size,
        "set_aside": aside,
        "groups": 0,
        "users": len(log.active_users),
    }


def coded(rows: CountedRows, codes: Codes) -> CountedRows:
    """Rows by the codes of a part's own items, by the codes among all items."""
    return CountedRows(codes[rows.rows], rows.starts, codes[rows.columns], rows.joint)


def among_all(table: Table, codes: Codes, first: int, last: int) -> Table:
    """The rows of the items from `first` to before `last`, by the codes among all items, of a table
    by the codes of a part's own items, in which all other rows are empty.
    """
    lengths = np.zeros(last - first, np.int64)
    has_rows = np.flatnonzero(np.diff(table.starts))
    lengths[codes[has_rows] - first] = np.diff(table.starts)[has_rows]
    return Table(offsets_of(lengths), codes[table.columns], table.values)


def _sums_beside(sums: ItemSums, codes: Codes, facts: dict[str, Any]) -> payloads.Record:
    record = payloads.record_of_sums(sums, codes, [facts])
    return {
        "first": -1,
        "lengths": b"",
        "columns": record["columns"],
        "values": b"",
        "rows": record["rows"],
        "facts": record["facts"],
    }


@dataclass(frozen=True)
class AddSums:
    """Records of sums of items to one record of all."""

    items: int

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        records = list(records_in(batches))
        if records:
            sums, facts = payloads.added_sums(records, self.items)
            codes = np.arange(self.items, dtype=np.int32)
            yield from batches_of([payloads.record_of_sums(sums, codes, facts)])


@dataclass(frozen=True)
class ReduceBlock:
    """Records of counts of one block of items to records of the neighbours that are kept."""

    model: CoOccurrence
    sums: ItemSums
    groups: int
    edges: Array

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for first, last, parts in blocks_in(batches, self.edges):
            with own_threads():
                table = reduce_block(self.model, parts, first, last, self.sums, self.groups)
            yield from batches_of(payloads.neighbours_of(table, first))


@dataclass(frozen=True)
class AddBlock:
    """Records of counts of one block of items to records of their sums."""

    items: int
    edges: Array

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        for first, last, parts in blocks_in(batches, self.edges):
            with own_threads():
                counted = add_up(parts, first, last, self.items)
            yield from batches_of(payloads.records_of(counted, self.edges))


def blocks_in(
    batches: Iterable[RecordBatch], edges: Array
) -> Iterator[tuple[int, int, list[CountedRows]]]:
    """The first item of each block in a partition, the item behind its last, and its counts."""
    by_block: dict[int, list[CountedRows]] = {}
    for record in records_in(batches):
        by_block.setdefault(int(record["block"]), []).append(payloads.rows_of(record))
    for block in sorted(by_block):
        yield int(edges[block - 1]), int(edges[block]), by_block.pop(block)


@contextmanager
def own_threads() -> Iterator[None]:
    """As many threads as the task has processors: other tasks run beside it."""
    from pyspark import TaskContext

    context = TaskContext.get()
    with parallel.using(1 if context is None else max(int(context.cpus()), 1)):
        yield


def frame_of(batches: Iterable[RecordBatch]) -> pl.DataFrame | None:
    """All rows of a partition; None where there are none."""
    import pyarrow as pa

    kept = [batch for batch in batches if batch.num_rows]
    if not kept:
        return None
    frame = pl.from_arrow(pa.Table.from_batches(kept))
    assert isinstance(frame, pl.DataFrame)
    return frame


def records_in(batches: Iterable[RecordBatch]) -> Iterator[payloads.Record]:
    """Records of batches, their bytes without a copy."""
    for batch in batches:
        columns = {name: batch.column(name) for name in batch.schema.names}
        for row in range(batch.num_rows):
            yield {name: _cell(column[row]) for name, column in columns.items()}


def _cell(scalar: Any) -> Any:
    return scalar.as_buffer() if "binary" in str(scalar.type) else scalar.as_py()


def batches_of(records: Iterable[payloads.Record]) -> Iterator[RecordBatch]:
    """A batch for each record."""
    import pyarrow as pa

    for record in records:
        yield pa.RecordBatch.from_pydict(
            {name: pa.array([value], _arrow_type(name)) for name, value in record.items()}
        )


def _arrow_type(name: str) -> Any:
    import pyarrow as pa

    return {"block": pa.int32(), "first": pa.int32(), "facts": pa.string()}.get(name, pa.binary())
