"""A model of pairs, fitted where the rows are: parts of whole users are counted, blocks of items
are added up, weighed and pruned, and the driver gets the neighbours that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from spadework import events, formatting
from spadework.arrays import Array
from spadework.data.account import RowAccount
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, Unsuitable
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.base import Recommender
from spadework.models.cooccurrence.counts import OWN_ENTRIES
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.row_blocks import (
    ItemStatistics,
    check_countable,
    check_exact,
    fitted_from,
)
from spadework.models.counting.channel import Channel
from spadework.spark import payloads
from spadework.spark.sessions import settled, slots
from spadework.spark.span_in_spark import end_of
from spadework.spark.spark_log import LogItems, SparkLog, read
from spadework.spark.tasks import CountPart, ReduceBlock, SumStatistics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PART_ROWS = 8_000_000
"""Rows of a part at most, on average: about 256 MiB of them."""
LARGE_PART = 1 << 28
"""Bytes of a part that are told: workers of Spark often have no more memory than four times that.
"""
BLOCK_BYTES = 1 << 28
"""Bytes of the pairs of a block of items, as far as they are known before they are counted."""
_PARTNERS = 50
"""So many partners an item is thought to get from each of its rows."""
_COLLECTED = 1 << 28
"""Bytes of neighbours that come to the driver at once; of more a partition after the other."""


def fit(
    model: Recommender,
    log: SparkLog | DataFrame,
    *,
    partitions: int | None = None,
    now: int | None = None,
) -> CoOccurrence:
    """Fit a co-occurrence model in Spark: what `model.fit(log)` gives on one machine that read the
    same rows, whatever the number of partitions and however often a task was lost.

    Plain counts give the same bits; counts with decay, order or weights those of `sw.counts.fit`,
    since they are added up in whole steps of 2⁻²⁴. Rows come from Spark in no order: events of one
    user at one time are in the order that `sw.spark.read` says. `partitions` is the number of parts
    of users (by default one for each task that can run at once, and no more than 8 million rows in
    one); `now` (epoch seconds) the time from which ages are counted, by default the end of the log.

    The table is read twice: once grouped by item, once shuffled by user. Counts of pairs are
    shuffled by item and kept on the executors' disks until the model is fitted. The driver gets the
    items and their neighbours, items · keep · 8 bytes.
    """
    log = log if isinstance(log, SparkLog) else read(log)
    if not isinstance(model, CoOccurrence):
        name = model.label if isinstance(model, Recommender) else type(model).__name__
        raise Unsuitable(
            f"{name!r} is not fitted in Spark: it is no co-occurrence model.",
            "Use one such as sw.model('cosine'), or fit it on one machine and let "
            "sw.spark.recommend make its lists in Spark.",
        )
    _check(model, log)
    with settled(log.session):
        items = log.items
        if model.channel.age_half_life is None and model.channel.entry != "recency":
            now = None
        elif now is None:
            now = end_of(log)
        edges = block_edges(items.rows, slots(log.session))
        with _counted(log, items, model.channel, now, edges, partitions) as records:
            statistics, facts = _statistics(records, items)
            _tell(items, facts)
            if not statistics.popularity.any():
                raise _nothing_left(items, facts)
            check_exact(float(statistics.sizes.max(initial=0.0)))
            table = _neighbours(records, ReduceBlock(model, statistics, edges), items)
    return fitted_from(model, *_without_unused(table, statistics, items.vocabulary))


def account(log: SparkLog | DataFrame) -> RowAccount:
    """What was read, what is used and what was set aside, and why: it adds up over all parts."""
    log = log if isinstance(log, SparkLog) else read(log)
    with settled(log.session):
        items = log.items
        edges = np.asarray([0, len(items.vocabulary)])
        with _counted(log, items, None, None, edges, None) as records:
            _, facts = _statistics(records, items)
    aside = _set_aside(items, facts)
    return RowAccount(
        source="a table in Spark",
        read=items.read,
        used=items.read - sum(aside.values()),
        set_aside=aside,
        columns={role: log.names[role] for role in items.plan.roles if role != "order"},
    )


def block_edges(rows: Array, tasks: int) -> Array:
    """Item codes between blocks: as even as can be told from the rows of items [items], a block
    for each task, and more where they would be large.
    """
    cells = np.cumsum(np.minimum(rows * _PARTNERS, len(rows)).astype(np.int64))
    blocks = min(max(tasks, -(-12 * int(cells[-1]) // BLOCK_BYTES)), len(rows))
    inner = np.searchsorted(cells, cells[-1] * np.arange(1, blocks) / blocks) + 1
    return np.unique(np.concatenate([[0], inner, [len(rows)]]).astype(np.int64))


@contextmanager
def _counted(
    log: SparkLog,
    items: LogItems,
    channel: Channel | None,
    now: int | None,
    edges: Array,
    partitions: int | None,
) -> Iterator[DataFrame]:
    """Records of counts, one partition for each block, kept until the end."""
    from pyspark import StorageLevel

    parts = by_user(log, items, partitions)
    counted = parts.mapInArrow(CountPart(items.plan, channel, now, edges), payloads.COUNTS)
    records = counted.repartitionById(len(edges), counted["block"]).persist(StorageLevel.DISK_ONLY)
    try:
        yield records
    finally:
        records.unpersist()


def by_user(log: SparkLog, items: LogItems, partitions: int | None) -> DataFrame:
    """The rows with the codes of their items, all of a user in one partition."""
    from pyspark.sql import functions

    parts = partitions or max(slots(log.session), -(-items.read // PART_ROWS))
    mapping = functions.broadcast(items.mapping(log.session))
    rows = log.rows()
    coded = rows.join(mapping, rows["item"] == mapping["raw_item"])
    names = ["code" if role == "item" else role for role in items.plan.roles]
    return coded.select(*names).withColumnRenamed("code", "item").repartition(parts, "user")


def _statistics(records: DataFrame, items: LogItems) -> tuple[ItemStatistics, list[dict[str, Any]]]:
    from pyspark.sql import functions

    count = len(items.vocabulary)
    own = records.where(functions.col("block") == payloads.STATISTICS)
    summed = own.mapInArrow(SumStatistics(count), payloads.COUNTS).toArrow().to_pylist()
    return payloads.summed_statistics(summed, count)


def _neighbours(records: DataFrame, reduce: ReduceBlock, items: LogItems) -> Table:
    from pyspark.sql import functions

    rows = records.where(functions.col("block") != payloads.STATISTICS)
    kept = rows.mapInArrow(reduce, payloads.NEIGHBOURS)
    count = len(items.vocabulary)
    if 8 * count * min(reduce.model.keep, count) <= _COLLECTED:
        return payloads.table_of(kept.toArrow().to_pylist(), count)
    return payloads.table_of((row.asDict() for row in kept.toLocalIterator()), count)


def _check(model: CoOccurrence, log: SparkLog) -> None:
    """Refuse what cannot be counted in parts, and what the log lacks."""
    check_countable(model)
    if model.channel.entry not in OWN_ENTRIES:
        raise Unsuitable(
            f"The entry weight {model.channel.entry!r} changes with every user that is added, so "
            "parts of a log cannot be counted apart.",
            f"Choose one of {', '.join(OWN_ENTRIES)}; or fit the model on one machine.",
        )
    if model.channel.needs_times and "time" not in log.names:
        raise Unsuitable(
            f"The model {model.label!r} needs times, and there are none.",
            "Name the time column: sw.spark.read(table, time=...).",
        )
    if model.group == "basket" and not {"time", "basket"} & set(log.names):
        raise Unsuitable(
            f"The model {model.label!r} counts by basket, and the log has neither baskets nor "
            "times.",
            "Name the basket or the time column, or count by user (group='user').",
        )


def _set_aside(items: LogItems, facts: list[dict[str, Any]]) -> dict[str, int]:
    aside = dict(items.set_aside)
    for part in facts:
        for reason, rows in part["set_aside"].items():
            aside[reason] = aside.get(reason, 0) + rows
    return aside


def _tell(items: LogItems, facts: list[dict[str, Any]]) -> None:
    """Note rows that were set aside, and parts that are large."""
    aside = _set_aside(items, facts)
    if aside:
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in aside.items())
        events.note(f"Set aside of {formatting.count(items.read, 'row')} in Spark: {reasons}.")
    largest = max((int(part["bytes"]) for part in facts), default=0)
    if largest > LARGE_PART:
        events.note(
            f"The largest part of the log has {largest / 2**20:,.0f} MiB in a worker of Spark. "
            "Ask for more partitions; where one user has most of it, no number of them helps."
        )


def _nothing_left(items: LogItems, facts: list[dict[str, Any]]) -> BadData:
    told = ", ".join(f"{n:,} {reason}" for reason, n in _set_aside(items, facts).items())
    return BadData(
        f"No row of the table in Spark can be used: {told}.",
        "Check which columns are meant with user, item, time and weight.",
    )


def _without_unused(
    table: Table, statistics: ItemStatistics, items: Vocabulary
) -> tuple[Table, ItemStatistics, Vocabulary]:
    """The same without items of which no row is used."""
    used = statistics.popularity > 0
    if used.all():
        return table, statistics, items
    codes = np.cumsum(used, dtype=np.int32) - np.int32(1)
    starts = np.append(table.starts[:-1][used], table.starts[-1])  # unused items have no rows
    return (
        Table(starts, codes[table.columns], table.values),
        ItemStatistics(
            statistics.groups,
            statistics.sizes[used],
            statistics.entries[used],
            statistics.popularity[used],
        ),
        Vocabulary(items.take(np.flatnonzero(used))),
    )
