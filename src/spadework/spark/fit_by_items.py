"""A model of pairs, fitted in Spark from a log that each worker can hold: every task gets all rows
and counts the pairs of its block of items. Rows are packed into bytes and shuffled once for each
task, and no pairs are: of a dense log there are a hundred times as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.row_blocks import ItemSums
from spadework.models.counting.channel import Channel
from spadework.spark import payloads
from spadework.spark.coded_rows import coded_rows
from spadework.spark.sessions import slots
from spadework.spark.spark_log import SparkLog
from spadework.spark.tasks import CountBlock, ItemCodes, PackRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WORKER_ROWS = 32_000_000
"""Rows that a worker holds: about a gibibyte while they are arranged."""
SHIPPED_ROWS = 128_000_000
"""Rows that go to all tasks together, at most."""
COLLECTED = 1 << 28
"""Bytes of neighbours that come to the driver at once; of more a partition after the other."""


def suits(rows: int) -> bool:
    """Whether a log of so many rows is fitted so."""
    return rows <= WORKER_ROWS


def neighbours_by_items(
    model: CoOccurrence, log: SparkLog, channel: Channel, now: int | None
) -> tuple[Table, ItemSums, list[dict[str, Any]]]:
    """The neighbours of all items, what is counted of each item, and the facts of the log."""
    items = log.items
    count = len(items.vocabulary)
    blocks = max(1, min(slots(log.session), SHIPPED_ROWS // max(items.read, 1), count))
    edges = _edges(items.rows, blocks)
    task = CountBlock(items.plan, channel, now, edges, model, count)
    kept = _for_each_block(_packed(log), len(edges) - 1).mapInArrow(
        task, payloads.NEIGHBOURS_AND_SUMS
    )
    if 8 * count * min(model.keep, count) <= COLLECTED:
        records = kept.toArrow().to_pylist()
    else:
        records = [row.asDict() for row in kept.toLocalIterator()]
    sums, facts = payloads.added_sums(
        (record for record in records if record["facts"] is not None), count
    )
    table = payloads.table_of((one for one in records if one["facts"] is None), count)
    return table, sums, facts


def _edges(rows: Array, blocks: int) -> Array:
    """Item codes between blocks of about as many rows. Shape [blocks + 1]."""
    before = np.cumsum(rows)
    inner = np.searchsorted(before, before[-1] * np.arange(1, blocks) / blocks) + 1
    return np.unique(np.concatenate([[0], inner, [len(rows)]]).astype(np.int64))


def _packed(log: SparkLog) -> DataFrame:
    """The rows that may be used, with the codes of their items, packed into records."""
    items = log.items
    raw_ids = pl.Series(pl.from_arrow(items.raw_ids))
    if raw_ids.dtype.is_integer() or raw_ids.dtype == pl.String:
        rows = log.rows().select(*items.plan.roles)
        return rows.mapInArrow(PackRows(ItemCodes(raw_ids, items.codes)), payloads.PACKED)
    return coded_rows(log, items).mapInArrow(PackRows(None), payloads.PACKED)


def _for_each_block(packed: DataFrame, blocks: int) -> DataFrame:
    """All records in each of so many partitions, with the number of the block."""
    from pyspark.sql import functions

    numbers = functions.array(*(functions.lit(block) for block in range(blocks)))
    every = packed.withColumn("block", functions.explode(numbers))
    return every.repartitionById(blocks, every["block"])
