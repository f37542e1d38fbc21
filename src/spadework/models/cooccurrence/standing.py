"""A co-occurrence model that takes new events: what is kept of its counts, and how few of them are
counted again.

Of each row only the pairs that may be listed are kept, more than the model lists, and a bound: no
other pair of the row has a larger weight. New events change few pairs. A pair that is kept gets its
change; of one that is not, the bound says how large it can be at most. Where that is below the last
one listed, the list of the row is that of a full count. Where a changed pair may be above it, that
pair is counted; where the bound itself may, the row is counted again in full, which few are.

This needs a weight that never grows for a pair of which nothing new is known (see `pair_values`;
decision 0028).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Mask
from spadework.data.interactions import Interactions
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.similarity.neighbour_table import Table, tables
from spadework.models.cooccurrence import changed_pairs
from spadework.models.cooccurrence.changed_pairs import News, Sums, raised
from spadework.models.cooccurrence.counts import OWN_ENTRIES
from spadework.models.cooccurrence.kept_counts import LEAST, Standing, recoded
from spadework.models.cooccurrence.kept_rows import Overlay, PairOrder, rows_at
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pair_values import Measure, why_unmeasured
from spadework.models.counting.count_passes import count_pass
from spadework.ragged import SparseRows, row_of_cells

CLOSE = 1e-5
"""A bound that is so near to the last pair listed, as a share, does not part them: the values are
float32.
"""
SPARE, LEAST_SPARE = 0.25, 100
"""How many more pairs of a row are kept than are listed: a share, and at least so many."""
EXACT = 2.0**24
"""Whole numbers below this are exact in float32."""
GROWN = 1.5
"""A row with so many times the pairs that are kept of one is counted again, and cut."""


class Recount(Protocol):
    """What can be counted again of the log as it is now."""

    def rows(self, wanted: Mask) -> tuple[Counter, Groups]:
        """What counts the pairs of these items [items]."""

    def pairs(self, left: Array, right: Array) -> Array | None:
        """The counts of single pairs of items; None where only rows can be."""


@dataclass(frozen=True, eq=False)
class Updated:
    """What an update made."""

    standing: Standing
    model: CoOccurrence
    changed: int  # pairs whose count changed
    recounted: int  # rows that were counted again


def why_not(model: CoOccurrence) -> str | None:
    """Why a model cannot take new events into its counts; None where it can."""
    channel = model.channel
    if channel.age_half_life is not None or channel.entry == "recency":
        return "its counts fade with their age at the end of the log, so all of them change"
    if channel.entry not in OWN_ENTRIES:
        return f"the entry weight {channel.entry!r} changes with every user that is added"
    if model.content_share or model.content_cold:
        return "it mixes in content"
    if model.support > 0:
        return "pairs below the support are left out, and new events may bring any of them in"
    return why_unmeasured(model)


def learn(model: CoOccurrence, log: Interactions) -> tuple[Standing, CoOccurrence]:
    """Count a whole log, and fit the model. As long as a fit."""
    counted = count_pass(log, (model.channel,))
    groups, plain = counted.groups, model.channel.plain
    sizes = counted.sizes[0].astype(np.float64)
    total = counted.totals[0]
    rows = _kept_rows(model, counted.counter, groups, counted.sizes[0], total)
    of_code = groups.rank_of_code.astype(np.int64)
    standing = Standing(
        item_vocabulary=log.item_vocabulary,
        starts=rows.table.starts,
        columns=rows.table.columns,
        joint=rows.joint(plain),
        bound=rows.bound,
        groups=np.asarray([total]),
        sizes=np.where(sizes > 2 * LEAST, sizes, 0.0)[of_code],
        entries=groups.item_sizes[of_code],
        popularity=log.item_counts,
    )
    order = _order(model, standing)
    return standing, _fitted(model, standing, order.largest(standing.rows, None)[0])


def update(
    model: CoOccurrence,
    standing: Standing,
    before: Interactions,
    after: Interactions,
    recount: Recount,
) -> Updated:
    """Take in what some users did: `before` is all that they had done, `after` all that they have
    done now. Both have the new vocabulary of items, which holds the old one.
    """
    old = recoded(standing, after.item_vocabulary)
    more, less = Sums.of(model.channel, after), Sums.of(model.channel, before)
    change = csr_array(more.pairs - less.pairs)
    change.eliminate_zeros()
    change.sort_indices()
    now = replace(
        old,
        sizes=np.maximum(old.sizes + more.sizes - less.sizes, 0.0),
        entries=old.entries + more.entries - less.entries,
        groups=old.groups + more.groups - less.groups,
        popularity=old.popularity + after.item_counts - before.item_counts,
    )
    order = _order(model, now)
    judged = _settled(model, old, now, News.of(now, change), order, recount)
    bound = judged.bound
    rows = judged.touched.over(now.rows)
    table, least = order.largest(rows, None)
    doubtful = judged.doubtful | _in_doubt(bound, least)
    if doubtful.any():
        counter, groups = recount.rows(doubtful)
        by_rank = np.maximum(now.sizes[groups.code_of_rank], LEAST).astype(np.float32)
        counted = _kept_rows(model, counter, groups, by_rank, float(now.groups[0]))
        codes = np.flatnonzero(doubtful)
        bound[codes] = counted.bound[codes]
        joint = counted.joint(model.channel.plain)
        again = rows_at(SparseRows(counted.table.starts, counted.table.columns, joint), codes)
        rows = Overlay(codes, again).over(rows)
        table = Overlay(codes, order.largest(again, codes)[0]).over(table)
    now = replace(now, starts=rows.starts, columns=rows.columns, joint=rows.values, bound=bound)
    return Updated(now, _fitted(model, now, table), change.nnz, int(doubtful.sum()))


@dataclass(frozen=True, eq=False)
class _Settled:
    """Rows with news, and those of them that must be counted again in full."""

    touched: Overlay
    bound: Array  # [items] of all rows
    doubtful: Mask  # [items]


def _settled(
    model: CoOccurrence,
    old: Standing,
    now: Standing,
    news: News,
    order: PairOrder,
    recount: Recount,
) -> _Settled:
    """Take in the pairs that are not kept: those that may be listed by now are counted one by one
    where that can be done, and kept. What is then in doubt is a row whose bound alone is too high.
    """
    measure, rows = Measure(model), news.rows
    grown = changed_pairs.grown(measure, old, now)
    complete = now.bound[rows] == 0
    values = changed_pairs.largest_values(measure, old, now, rows, news.columns, news.more)
    values[complete] = 0
    joint = np.where(complete, news.more, 0)
    bound = raised(grown, rows, values)
    codes, cells = news.touched.codes, news.touched.rows
    doubtful, last = np.zeros(len(bound), np.bool_), np.zeros(len(bound), np.float32)
    last[codes] = order.least(cells, codes)
    doubtful[codes] = _in_doubt(bound, last)[codes]
    if not doubtful.any():
        return _Settled(news.with_pairs(joint), bound, doubtful)
    near = np.flatnonzero(doubtful[rows] & ~complete & (values * (1 + CLOSE) >= last[rows]))
    # a row that is counted in full anyhow has no use for single pairs
    near = near[(grown[rows[near]] * (1 + CLOSE) < last[rows[near]])]
    counts = recount.pairs(rows[near], news.columns[near])
    if counts is not None:
        sizes = np.maximum(now.sizes, LEAST)
        left, right = sizes[rows[near]], sizes[news.columns[near]]
        worth = measure.value(counts, left, right, float(now.groups[0]))
        listed = worth * (1 + CLOSE) >= last[rows[near]]
        joint[near] = np.where(listed, counts, 0)
        values[near] = np.where(listed, 0, worth)
        bound = raised(grown, rows, values)
        doubtful &= _in_doubt(bound, last)
    touched = news.with_pairs(joint)
    # pairs that were let in one by one are not let in for ever
    longest = int(GROWN * _kept_pairs(model))
    doubtful[codes] |= (bound[codes] > 0) & (np.diff(touched.rows.starts) > longest)
    return _Settled(touched, bound, doubtful)


def _in_doubt(bound: Array, least: Array) -> Mask:
    """Rows of which a pair that is not kept may be among the listed, the last of which weighs
    `least`. Shape [rows].
    """
    return np.asarray((bound > 0) & (bound * (1 + CLOSE) >= least))


def _least(table: Table, full: int) -> Array:
    """The least value of each row of at least `full` pairs, 0 for the others. Shape [rows]."""
    least, lengths = np.zeros(len(table.starts) - 1), np.diff(table.starts)
    filled = np.flatnonzero(lengths)
    if len(filled):
        least[filled] = np.minimum.reduceat(table.values, table.starts[filled])
    return np.where(lengths >= full, least, 0.0)


# ---- rows of pairs


@dataclass(frozen=True, eq=False)
class _Rows:
    """The largest pairs of some rows by value."""

    measure: Measure
    table: Table
    sizes: Array  # [items] float64 by code
    groups: float
    bound: Array  # [items] float64

    def joint(self, plain: bool) -> Array:
        """The counts. They are whole numbers where nothing is weighted."""
        rows = row_of_cells(self.table.starts) if self.measure.by_row else 0
        left, right = self.sizes[rows], self.sizes[self.table.columns]
        values = self.table.values.astype(np.float64)
        counts = self.measure.count(values, np.asarray(left), right, self.groups)
        if not plain:
            return counts
        counts = np.rint(counts)
        return counts.astype(np.float32) if counts.max(initial=0) < EXACT else counts


def _kept_rows(
    model: CoOccurrence, counter: Counter, groups: Groups, sizes: Array, total: float
) -> _Rows:
    """What is kept of counted rows; `sizes` [items] float32 by rank, `total` groups in all."""
    kept = min(_kept_pairs(model), max(groups.item_count, 1))
    weighing = replace(model.weighing(0, sizes, total), keep=kept)
    (table,) = tables(counter, groups, [weighing], f"count {model.label}")
    by_code = sizes[groups.rank_of_code.astype(np.int64)].astype(np.float64)
    return _Rows(Measure(model), table, by_code, total, _least(table, kept))


def _kept_pairs(model: CoOccurrence) -> int:
    return model.keep + max(LEAST_SPARE, int(model.keep * SPARE))


def _order(model: CoOccurrence, standing: Standing) -> PairOrder:
    sizes = np.maximum(standing.sizes, LEAST)
    return PairOrder.of(model, standing.entries, sizes, float(standing.groups[0]))


def _fitted(model: CoOccurrence, standing: Standing, table: Table) -> CoOccurrence:
    state = model._finished(table, None, standing.popularity, None)
    fitted = type(model)(**model.params)
    fitted._restore({**state, "popularity": standing.popularity}, standing.item_vocabulary)
    return fitted
