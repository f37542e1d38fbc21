"""A co-occurrence model that takes new events: what is kept of its counts, and how few of them are
counted again.

Of each row only the pairs that may be listed are kept, more than the model lists, and a bound: no
other pair of the row has a larger weight. New events change few pairs. A pair that is kept gets its
change; of one that is not, the bound says how large it can be at most. Where that is below the last
one listed, the list of the row is that of a full count. The other rows, few of them, are counted
again in full.

This needs a weight that never grows for a pair of which nothing new is known (see `pair_values`;
decision 0028).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array

from spadework import events
from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.similarity.neighbour_table import Table, tables
from spadework.models.cooccurrence.counts import OWN_ENTRIES
from spadework.models.cooccurrence.kept_rows import Overlay, PairOrder, rows_at
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pair_matrix import all_pairs, no_rows
from spadework.models.cooccurrence.pair_values import Measure, why_unmeasured
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import Pass, count_pass
from spadework.ragged import SparseRows, offsets_of, row_of_cells

LEAST = 1e-12
"""The least size of an item, as in a count of the whole log."""
CLOSE = 1e-5
"""A bound that is so near to the last pair listed, as a share, does not part them: the values are
float32.
"""
SPARE, LEAST_SPARE = 0.25, 100
"""How many more pairs of a row are kept than are listed: a share, and at least so many."""
GONE = 1e-6
"""A count that falls to this share of what it was is none: what is left is rounding."""
EXACT = 2.0**24
"""Whole numbers below this are exact in float32."""
ARRAYS = ("starts", "columns", "joint", "bound", "groups", "sizes", "entries", "popularity")

Recount: TypeAlias = Callable[[Mask], tuple[Counter, Groups]]
"""Given the items [items] whose rows are wanted: what counts their pairs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Standing:
    """What is kept of a model's counts. Rows are history items."""

    item_vocabulary: Vocabulary
    starts: Offsets  # [items + 1]
    columns: Codes  # [pairs] ascending in a row
    joint: Array  # [pairs] float64; float32 where counts are whole numbers that it holds
    bound: Array  # [items] float64: no other pair has a larger value; 0: there is none
    groups: Array  # [1] float64: groups in all
    sizes: Array  # [items] float64
    entries: Array  # [items] int64: entries or events that were counted
    popularity: Array  # [items] int64: rows of the log

    @property
    def arrays(self) -> dict[str, Array]:
        """What is written to disk, with the ids of the items."""
        return {name: getattr(self, name) for name in ARRAYS}


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
    return standing, _fitted(model, standing, order.largest(_rows_of(standing), None))


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
    old = _recoded(standing, after.item_vocabulary)
    more, less = _Sums.of(model.channel, after), _Sums.of(model.channel, before)
    change = csr_array(more.pairs - less.pairs)
    change.eliminate_zeros()
    now = replace(
        old,
        sizes=np.maximum(old.sizes + more.sizes - less.sizes, 0.0),
        entries=old.entries + more.entries - less.entries,
        groups=old.groups + more.groups - less.groups,
        popularity=old.popularity + after.item_counts - before.item_counts,
    )
    order = _order(model, now)
    bound, touched = _with_change(Measure(model), old, now, change)
    changed = Overlay(touched.codes, order.largest(touched.rows, touched.codes))
    table = order.largest(_rows_of(now), None)
    last = _least(table, model.keep)
    last[changed.codes] = _least(changed.rows, model.keep)
    doubtful = (bound > 0) & (bound * (1 + CLOSE) >= last)
    if doubtful.any():
        counter, groups = recount(doubtful)
        by_rank = np.maximum(now.sizes[groups.code_of_rank], LEAST).astype(np.float32)
        counted = _kept_rows(model, counter, groups, by_rank, float(now.groups[0]))
        codes = np.flatnonzero(doubtful)
        bound[codes] = counted.bound[codes]
        joint = counted.joint(model.channel.plain)
        rows = rows_at(SparseRows(counted.table.starts, counted.table.columns, joint), codes)
        touched = touched.under(Overlay(codes, rows))
        changed = changed.under(Overlay(codes, order.largest(rows, codes)))
    starts, columns, joint = touched.over(_rows_of(now))
    now = replace(now, starts=starts, columns=columns, joint=joint, bound=bound)
    fitted = _fitted(model, now, changed.over(table))
    return Updated(now, fitted, change.nnz, int(doubtful.sum()))


# ---- what changed


@dataclass(frozen=True, eq=False)
class _Sums:
    """Counts of some users, exact."""

    pairs: csr_array  # items × items
    sizes: Array  # [items]
    entries: Array  # [items]
    groups: float

    @classmethod
    def of(cls, channel: Channel, log: Interactions) -> _Sums:
        items = log.item_count
        if not len(log):
            nothing = np.zeros(items)
            return cls(csr_array((items, items)), nothing, nothing.astype(np.int64), 0.0)
        with events.aside():
            counted: Pass = count_pass(log, (channel,), exact=True)
        of_code = counted.groups.rank_of_code.astype(np.int64)
        return cls(
            all_pairs(counted),
            counted.sizes[0][of_code],
            counted.groups.item_sizes[of_code],
            counted.totals[0],
        )


def _with_change(
    measure: Measure, old: Standing, now: Standing, change: csr_array
) -> tuple[Array, Overlay]:
    """Bounds that hold for pairs that are not kept, and the rows of kept pairs that changed."""
    items, bound = len(now.bound), _grown(measure, old, now)
    touched = np.flatnonzero(np.diff(change.indptr))
    begins, columns, joint = rows_at(_rows_of(now), touched)
    own = np.repeat(touched, np.diff(begins)) * np.int64(items) + columns
    rows = row_of_cells(change.indptr)
    wanted = rows * np.int64(items) + change.indices
    at = np.searchsorted(own, wanted)
    is_kept = at < len(own)
    is_kept[is_kept] = own[at[is_kept]] == wanted[is_kept]
    places, more = at[is_kept], change.data[is_kept]
    was = joint[places].astype(np.float64)
    joint[places] = np.where(was + more > GONE * was, was + more, 0)
    rows, others, more, at = (each[~is_kept] for each in (rows, change.indices, change.data, at))
    complete = now.bound[rows] == 0
    unknown = (rows[~complete], others[~complete], more[~complete])
    _raise(bound, unknown[0], _values(measure, old, now, *unknown))
    new = complete & (more > 0)
    lengths = np.diff(begins) + np.bincount(rows[new], minlength=items)[touched]
    changed = SparseRows(
        offsets_of(lengths),
        np.insert(columns, at[new], others[new].astype(np.int32)),
        np.insert(joint, at[new], more[new].astype(joint.dtype)),
    )
    return bound, Overlay(touched, changed)


def _grown(measure: Measure, old: Standing, now: Standing) -> Array:
    """Bounds for pairs whose count did not change. A right item that lost users lifts them."""
    bound = old.bound * measure.scale(float(old.groups[0]), float(now.groups[0]))
    if not (now.sizes < old.sizes).any():
        return bound
    if measure.by_row:
        return np.where(bound > 0, np.inf, 0.0)  # all of these rows are counted again
    ones = np.ones(len(bound))
    was, is_now = (
        measure.count(ones, ones, np.maximum(each.sizes, LEAST), 1.0) for each in (old, now)
    )
    known = old.sizes > 0
    return bound * max(float((was[known] / is_now[known]).max(initial=1.0)), 1.0)


def _values(
    measure: Measure, old: Standing, now: Standing, rows: Array, columns: Codes, more: Array
) -> Array:
    """The largest value that pairs which are not kept can have by now."""
    was, is_now = (np.maximum(each.sizes, LEAST) for each in (old, now))
    counts = measure.count(old.bound[rows], was[rows], was[columns], float(old.groups[0]))
    counts = np.maximum(counts + more, 0.0)
    return measure.value(counts, is_now[rows], is_now[columns], float(now.groups[0]))


def _raise(bound: Array, rows: Array, values: Array) -> None:
    """Raise bounds to the values of pairs whose counts changed. Rows ascend."""
    if not len(rows):
        return
    begins = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    own = rows[begins]
    bound[own] = np.maximum(bound[own], np.maximum.reduceat(values, begins))


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
    kept = min(model.keep + max(LEAST_SPARE, int(model.keep * SPARE)), max(groups.item_count, 1))
    weighing = replace(model.weighing(0, sizes, total), keep=kept)
    (table,) = tables(counter, groups, [weighing], f"count {model.label}")
    by_code = sizes[groups.rank_of_code.astype(np.int64)].astype(np.float64)
    return _Rows(Measure(model), table, by_code, total, _least(table, kept))


def _order(model: CoOccurrence, standing: Standing) -> PairOrder:
    sizes = np.maximum(standing.sizes, LEAST)
    return PairOrder.of(model, standing.entries, sizes, float(standing.groups[0]))


def _rows_of(standing: Standing) -> SparseRows:
    return SparseRows(standing.starts, standing.columns, standing.joint)


def _fitted(model: CoOccurrence, standing: Standing, table: Table) -> CoOccurrence:
    sizes = np.maximum(standing.sizes, LEAST).astype(np.float32)
    state = model._finished(table, sizes, no_rows(standing.item_vocabulary), None)
    fitted = type(model)(**model.params)
    fitted._restore({**state, "popularity": standing.popularity}, standing.item_vocabulary)
    return fitted


def _recoded(standing: Standing, vocabulary: Vocabulary) -> Standing:
    """The same under a vocabulary that holds more items."""
    if standing.item_vocabulary == vocabulary:
        return standing
    codes = vocabulary.codes(standing.item_vocabulary.ids)
    lengths = np.zeros(len(vocabulary), np.int64)
    lengths[codes] = np.diff(standing.starts)

    def spread(array: Array) -> Array:
        out = np.zeros(len(vocabulary), array.dtype)
        out[codes] = array
        return out

    return Standing(
        item_vocabulary=vocabulary,
        starts=offsets_of(lengths),
        columns=codes[standing.columns],
        joint=standing.joint,
        bound=spread(standing.bound),
        groups=standing.groups,
        sizes=spread(standing.sizes),
        entries=spread(standing.entries),
        popularity=spread(standing.popularity),
    )
