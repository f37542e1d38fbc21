"""What runs on executors: functions from batches of Arrow to batches of Arrow, a partition each. A
partition that is run again gives the same, so Spark may lose and repeat tasks as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.kernels import parallel
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.row_blocks import ItemStatistics, count_part, reduce_block
from spadework.models.counting.channel import Channel
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
            facts = {"rows": frame.height, "bytes": size, "set_aside": aside, "groups": 0}
            del frame
            if self.channel is None or not len(log):
                yield from batches_of([_bare(log, facts)])
                return
            counted, statistics = count_part(log, self.channel, self.now)
        codes = item_codes(log)
        facts["groups"] = statistics.groups
        yield from batches_of([payloads.record_of_statistics(statistics, codes, [facts])])
        every = type(counted)(
            codes[counted.rows], counted.starts, codes[counted.columns], counted.joint
        )
        del counted
        yield from batches_of(payloads.records_of(every, self.edges))


def _bare(log: Any, facts: Mapping[str, Any]) -> payloads.Record:
    popularity = log.item_counts
    nothing = ItemStatistics(0, 0.0 * popularity, 0 * popularity, popularity)
    return payloads.record_of_statistics(nothing, item_codes(log), [facts])


@dataclass(frozen=True)
class SumStatistics:
    """Records of statistics to one record of their sums."""

    items: int

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        records = list(records_in(batches))
        if records:
            sums, facts = payloads.summed_statistics(records, self.items)
            codes = np.arange(self.items, dtype=np.int32)
            yield from batches_of([payloads.record_of_statistics(sums, codes, facts)])


@dataclass(frozen=True)
class ReduceBlock:
    """Records of counts of one block of items to records of the neighbours that are kept."""

    model: CoOccurrence
    statistics: ItemStatistics
    edges: Array

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        by_block: dict[int, list[Any]] = {}
        for record in records_in(batches):
            by_block.setdefault(int(record["block"]), []).append(payloads.rows_of(record))
        for block in sorted(by_block):
            first, last = int(self.edges[block - 1]), int(self.edges[block])
            with own_threads():
                table = reduce_block(self.model, by_block.pop(block), first, last, self.statistics)
            yield from batches_of(payloads.neighbours_of(table, first))


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
