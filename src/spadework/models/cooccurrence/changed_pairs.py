"""What new events change: the counts of kept pairs, and how much others can be worth by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from spadework import events
from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.kernels.similarity.ascending_rows import find_columns
from spadework.models.cooccurrence.kept_counts import LEAST, Standing
from spadework.models.cooccurrence.kept_rows import Overlay, rows_at
from spadework.models.cooccurrence.pair_matrix import all_pairs
from spadework.models.cooccurrence.pair_values import Measure
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import Pass, count_pass
from spadework.ragged import SparseRows, offsets_of, row_of_cells

GONE = 1e-6
"""A count that falls to this share of what it was is none: what is left is rounding."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Counts of some users, exact."""

    pairs: csr_array  # items × items
    sizes: Array  # [items]
    entries: Array  # [items]
    groups: float

    @classmethod
    def of(cls, channel: Channel, log: Interactions) -> Sums:
        """The pairs and sizes of all users of a log."""
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


@dataclass(frozen=True, eq=False)
class News:
    """What a change does to rows: kept pairs with their new counts, and pairs that are not kept."""

    touched: Overlay  # the rows with news; of kept pairs alone
    # pairs that are not kept, rows ascending
    rows: Array  # [pairs]
    columns: Codes  # [pairs]
    more: Array  # [pairs] by how much the count grew
    places: Array  # [pairs] where the pair belongs among the cells of `touched`

    @classmethod
    def of(cls, standing: Standing, change: csr_array) -> News:
        """A change of counts, items × items, columns ascending in each row."""
        lengths = np.diff(change.indptr)
        touched = np.flatnonzero(lengths)
        begins, columns, joint = rows_at(standing.rows, touched)
        wanted = change.indices.astype(np.int32, copy=False)
        at, is_kept = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.bool_)
        find_columns(begins, columns, offsets_of(lengths[touched]), wanted, at, is_kept)
        places, more = at[is_kept], change.data[is_kept]
        was = joint[places].astype(np.float64)
        joint[places] = np.where(was + more > GONE * was, was + more, 0)
        other, rows = ~is_kept, row_of_cells(change.indptr)
        return cls(
            Overlay(touched, SparseRows(begins, columns, joint)),
            rows[other],
            wanted[other],
            change.data[other],
            at[other],
        )

    def with_pairs(self, joint: Array) -> Overlay:
        """The touched rows with those pairs that have a count [pairs] above zero."""
        codes, (starts, columns, kept) = self.touched.codes, self.touched.rows
        new = joint > 0
        more = np.bincount(self.rows[new], minlength=int(codes[-1]) + 1 if len(codes) else 0)
        rows = SparseRows(
            offsets_of(np.diff(starts) + more[codes]),
            np.insert(columns, self.places[new], self.columns[new]),
            np.insert(kept, self.places[new], joint[new].astype(kept.dtype)),
        )
        return Overlay(codes, rows)


def grown(measure: Measure, old: Standing, now: Standing) -> Array:
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


def largest_values(
    measure: Measure, old: Standing, now: Standing, rows: Array, columns: Codes, more: Array
) -> Array:
    """The largest value that pairs which are not kept can have by now."""
    was, is_now = (np.maximum(each.sizes, LEAST) for each in (old, now))
    counts = measure.count(old.bound[rows], was[rows], was[columns], float(old.groups[0]))
    counts = np.maximum(counts + more, 0.0)
    return measure.value(counts, is_now[rows], is_now[columns], float(now.groups[0]))


def raised(bound: Array, rows: Array, values: Array) -> Array:
    """Bounds raised to the values of pairs whose counts changed. Rows ascend."""
    bound = bound.copy()
    if not len(rows):
        return bound
    begins = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    own = rows[begins]
    bound[own] = np.maximum(bound[own], np.maximum.reduceat(values, begins))
    return bound
