"""A model of pairs, fitted where the rows are: parts of whole users are counted, blocks of items
are added up, weighed and pruned, and the driver gets the neighbours that are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Mask
from spadework.data.account import RowAccount
from spadework.data.reading.values.calendars import without_zone
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, Unsuitable
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.base import Recommender
from spadework.models.cooccurrence.counts import OWN_ENTRIES, Counts, channel_of, check_exact
from spadework.models.cooccurrence.counts import fit as fit_counts
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pruning import finished
from spadework.models.cooccurrence.row_blocks import ItemSums
from spadework.models.cooccurrence.user_sets import UserSet, edges_of
from spadework.models.counting.channel import Channel
from spadework.ragged import SparseRows
from spadework.spark import payloads
from spadework.spark.coded_rows import coded_rows
from spadework.spark.fit_by_items import COLLECTED, neighbours_by_items, suits
from spadework.spark.sessions import settled, slots
from spadework.spark.span_in_spark import end_of
from spadework.spark.spark_log import LogItems, SparkLog, read
from spadework.spark.tasks import AddBlock, AddSums, CountPart, ReduceBlock

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


def fit(
    model: Recommender,
    log: SparkLog | DataFrame,
    *,
    partitions: int | None = None,
    now: int | None = None,
) -> Recommender:
    """Fit a model in Spark: what `model.fit(log)` gives on one machine that read the same rows,
    whatever the number of partitions and however often a task was lost.

    Plain counts give the same bits; counts with decay, order or weights those of `sw.counts.fit`,
    since they are added up in whole steps of 2⁻²⁴. Rows come from Spark in no order: events of one
    user at one time are in the order that `sw.spark.read` says. `now` (epoch seconds) is the time
    from which ages are counted, by default the end of the log.

    The table is read twice. Of up to 32 million rows every task gets all, and counts the pairs of
    its items. Of more, or with `partitions` (a number of parts of users), rows are shuffled by
    user; counts of pairs are shuffled by item and kept on the executors' disks until the model is
    fitted. Of a co-occurrence model the driver gets the items and the neighbours that are kept,
    items · keep · 8 bytes; other models of counted pairs (EASE and its kin) are solved on the
    driver, which gets all pairs.
    """
    log = log if isinstance(log, SparkLog) else read(log)
    channel = _channel(model, log)
    if not isinstance(model, CoOccurrence):
        return fit_counts(model, count(model, log, partitions=partitions, now=now))
    if partitions is None and suits(log.items.read):
        with settled(log.session):
            table, sums, facts = neighbours_by_items(model, log, channel, _now(log, channel, now))
            _check_exact_sizes(sums)
            _tell(log.items, facts)
            if not sums.popularity.any():
                raise _nothing_left(log.items, facts)
    else:
        with settled(log.session), _counted(log, channel, now, partitions) as counted:
            sums = counted.sums
            _check_exact_sizes(sums)
            task = ReduceBlock(model, sums, counted.groups, counted.edges)
            table = _neighbours(counted, task)
    used = np.asarray(sums.popularity > 0)
    items = Vocabulary(log.items.vocabulary.take(np.flatnonzero(used)))
    sums = sums.take(used)
    state = finished(model, _of_used(table, used), sums.sizes, sums.popularity)
    model._restore({**state, "popularity": sums.popularity}, items)
    return model


def count(
    model: Recommender,
    log: SparkLog | DataFrame,
    *,
    partitions: int | None = None,
    now: int | None = None,
) -> Counts:
    """Count in Spark: what `sw.counts.count(model, log)` gives, but for its users. They are known
    as all users, so nothing can be merged with these counts; users can be taken out.

    All pairs come to the driver, 12 bytes each. The other arguments are those of `fit`.
    """
    log = log if isinstance(log, SparkLog) else read(log)
    channel = _channel(model, log)
    with settled(log.session), _counted(log, channel, now, partitions) as counted:
        _check_exact_sizes(counted.sums)
        task = AddBlock(len(log.items.vocabulary), counted.edges)
        records = counted.blocks().mapInArrow(task, payloads.COUNTS).toLocalIterator()
        pairs = payloads.pairs_of((row.asDict() for row in records), len(log.items.vocabulary))
    used = counted.used
    pairs = _of_used(pairs, used)
    check_exact(pairs.values, counted.sums.sizes)
    kind = "number" if log.types["user"] != pl.String else "text"
    users = sum(int(part["users"]) for part in counted.facts)
    return Counts(
        channel=channel,
        now=counted.now,
        item_vocabulary=Vocabulary(log.items.vocabulary.take(np.flatnonzero(used))),
        users=UserSet(kind, users, edges_of((0, 1)), np.zeros(0, np.uint64)),
        groups=counted.groups,
        starts=pairs.starts,
        columns=pairs.columns,
        joint=pairs.values,
        **counted.sums.take(used).arrays,
    )


def account(log: SparkLog | DataFrame) -> RowAccount:
    """What was read, what is used and what was set aside, and why: it adds up over all parts."""
    log = log if isinstance(log, SparkLog) else read(log)
    with settled(log.session), _counted(log, None, None, None) as counted:
        aside = _set_aside(log.items, counted.facts)
    items = log.items
    return RowAccount(
        source="a table in Spark",
        read=items.read,
        used=items.read - sum(aside.values()),
        set_aside=aside,
        columns={role: log.names[role] for role in items.plan.roles if role != "order"},
        remarks=_remarks(log),
    )


def _remarks(log: SparkLog) -> tuple[str, ...]:
    """What the account says of choices that were made."""
    time = log.types.get("time")
    if isinstance(time, pl.Datetime) and time.time_zone is None:
        return (without_zone(log.names["time"]),)
    return ()


@dataclass(frozen=True, eq=False)
class Counted:
    """Counts in Spark, and what is known of them."""

    records: DataFrame  # a partition for each block, and one for the sums of items
    edges: Array  # [blocks + 1] item codes between blocks
    now: int | None
    sums: ItemSums
    facts: list[dict[str, Any]]  # of each part

    @property
    def groups(self) -> int:
        """Users, sessions or baskets."""
        return sum(int(part["groups"]) for part in self.facts)

    @property
    def used(self) -> Mask:
        """The items of which a row is used. Shape [items]."""
        return np.asarray(self.sums.popularity > 0)

    def blocks(self) -> DataFrame:
        """The records of pairs."""
        return self.records.where(self.records["block"] != payloads.SUMS)


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
    log: SparkLog, channel: Channel | None, now: int | None, partitions: int | None
) -> Iterator[Counted]:
    """The log counted, and kept until the end. Refuses a log of which no row is used."""
    from pyspark import StorageLevel

    items = log.items
    now = _now(log, channel, now)
    edges = block_edges(items.rows, slots(log.session))
    parts = by_user(log, items, partitions)
    counts = parts.mapInArrow(CountPart(items.plan, channel, now, edges), payloads.COUNTS)
    records = counts.repartitionById(len(edges), counts["block"]).persist(StorageLevel.DISK_ONLY)
    try:
        count = len(items.vocabulary)
        own = records.where(records["block"] == payloads.SUMS)
        added = own.mapInArrow(AddSums(count), payloads.COUNTS).toArrow().to_pylist()
        sums, facts = payloads.added_sums(added, count)
        _tell(items, facts)
        if not sums.popularity.any():
            raise _nothing_left(items, facts)
        yield Counted(records, edges, now, sums, facts)
    finally:
        records.unpersist()


def _now(log: SparkLog, channel: Channel | None, now: int | None) -> int | None:
    """The time from which ages are counted; None where none are."""
    if channel is None or (channel.age_half_life is None and channel.entry != "recency"):
        return None
    return end_of(log) if now is None else now


def by_user(log: SparkLog, items: LogItems, partitions: int | None) -> DataFrame:
    """The rows with the codes of their items, all of a user in one partition, however a name is
    written: é is one letter or two, and one user.
    """
    from pyspark.sql import functions

    parts = partitions or max(slots(log.session), -(-items.read // PART_ROWS))
    rows = coded_rows(log, items)
    if log.types["user"] == pl.String:
        return rows.repartition(parts, functions.collate(rows["user"], "UNICODE"))
    return rows.repartition(parts, "user")


def _neighbours(counted: Counted, task: ReduceBlock) -> Table:
    kept = counted.blocks().mapInArrow(task, payloads.NEIGHBOURS)
    items = len(counted.sums.popularity)
    if 8 * items * min(task.model.keep, items) <= COLLECTED:
        return payloads.table_of(kept.toArrow().to_pylist(), items)
    return payloads.table_of((row.asDict() for row in kept.toLocalIterator()), items)


def _channel(model: Recommender, log: SparkLog) -> Channel:
    """What is counted for the model; refuses what cannot be counted in parts, and what the log
    lacks.
    """
    channel = channel_of(model)
    if channel.entry not in OWN_ENTRIES:
        raise Unsuitable(
            f"The entry weight {channel.entry!r} changes with every user that is added, so parts "
            "of a log cannot be counted apart.",
            f"Choose one of {', '.join(OWN_ENTRIES)}; or fit the model on one machine.",
        )
    if channel.needs_times and "time" not in log.names:
        raise Unsuitable(
            f"The model {model.label!r} needs times, and there are none.",
            "Name the time column: sw.spark.read(table, time=...).",
        )
    if channel.group == "basket" and not {"time", "basket"} & set(log.names):
        raise Unsuitable(
            f"The model {model.label!r} counts by basket, and the log has neither baskets nor "
            "times.",
            "Name the basket or the time column, or count by user (group='user').",
        )
    return channel


def _check_exact_sizes(sums: ItemSums) -> None:
    check_exact(np.zeros(0), sums.sizes)


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


def _of_used(pairs: SparseRows, used: Mask) -> SparseRows:
    """The same without items of which no row is used, in the codes of the others."""
    if used.all():
        return pairs
    codes = np.cumsum(used, dtype=np.int32) - np.int32(1)
    starts = np.append(pairs.starts[:-1][used], pairs.starts[-1])  # unused items have no pairs
    return SparseRows(starts, codes[pairs.columns], pairs.values)
