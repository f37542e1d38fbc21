"""Histories with every basket in which an item was bought: the input of models of repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds
from spadework.data.baskets import basket_numbers
from spadework.data.interactions import Interactions
from spadework.models.histories import Histories
from spadework.ragged import cells_of_rows, offsets_of, places_in_rows, row_of_cells

ROWS_AT_ONCE = 1_000_000
"""Log rows whose purchases are arranged together while a model learns."""
A_ROW_AT_ONCE = 300
"""Bytes that such a row takes, about."""
READ_PURCHASES = frozenset({"personal", "basket neighbours"})
"""Families of the models that read purchases."""


@dataclass(frozen=True, eq=False)
class Purchases(Histories):
    """Histories, and for each distinct item the baskets that held it, the oldest first.

    Baskets are those of the log, else the timestamps of a user; where a log has neither, every
    event is a basket of its own, of unknown age. Baskets of entry e are
    `baskets_ago[visits[e]:visits[e + 1]]`.
    """

    visits: Offsets  # [entries + 1]
    baskets_ago: Codes  # [visits] baskets between this one and the user's latest, which is 0
    seconds_ago: Seconds  # [visits] from this basket to the user's last event; 0 without times
    firsts: (
        Codes  # [entries] position of the item's first event among all events of the user, from 0
    )
    baskets: Codes  # [users] number of baskets
    # [users] float64, seconds from the last event to the time of the request; NaN where it is
    # unknown: one basket, or no times
    elapsed: Array
    # whether the order of baskets is known; else every event is a basket, and none is older than
    # another
    aged: bool

    @property
    def entries(self) -> Array:
        """Entry of each visit. Shape [visits]."""
        return np.repeat(np.arange(len(self.items)), np.diff(self.visits))

    def summed(self, weights: Array) -> Array:
        """Σ over the visits of each entry, the oldest first: float64 [entries]."""
        return np.bincount(self.entries, weights=weights, minlength=len(self.items))

    @classmethod
    def of_log(cls, log: Interactions, users: Codes) -> Purchases:
        """The purchases of these users, in their order. O(events · log events)."""
        base = Histories.of(log, users)
        rows, starts = cells_of_rows(log.starts, users)
        owners, lengths = row_of_cells(starts), np.diff(starts)
        positions = places_in_rows(lengths)
        keys = _basket_keys(log, rows, owners)
        latest = np.full(len(users), -1, np.int64)
        np.maximum.at(latest, owners, keys)
        earliest = np.full(len(users), np.iinfo(np.int64).max)
        np.minimum.at(earliest, owners, keys)
        unknown = log.baskets is None and log.times is None
        order = np.lexsort((keys, log.items[rows], owners))
        item, owner, key = log.items[rows][order], owners[order], keys[order]
        new_entry = np.ones(len(order), np.bool_)
        new_entry[1:] = (item[1:] != item[:-1]) | (owner[1:] != owner[:-1])
        new_visit = new_entry.copy()
        new_visit[1:] |= key[1:] != key[:-1]
        seconds = np.zeros(len(order), np.int64)
        if log.times is not None and len(order):
            last = log.times[log.starts[users + 1] - 1] if len(users) else log.times[:0]
            seconds = last[owner] - log.times[rows][order]
        firsts = (
            np.minimum.reduceat(positions[order], np.flatnonzero(new_entry))
            if len(order)
            else positions
        )
        visits = offsets_of(
            np.bincount((np.cumsum(new_entry) - 1)[new_visit], minlength=len(base.items))
        )
        ago = (
            np.zeros(int(new_visit.sum()), np.int64)
            if unknown
            else (latest[owner] - key)[new_visit]
        )
        elapsed = (
            np.full(len(users), np.nan)
            if log.times is None
            else _elapsed(log, users, latest - earliest)
        )
        return cls(
            base.starts,
            base.items,
            base.ages,
            base.counts,
            base.seconds,
            base.values,
            visits.astype(np.int64),
            ago.astype(np.int32),
            seconds[new_visit],
            firsts.astype(np.int32),
            np.where(lengths > 0, latest - earliest + 1, 0).astype(np.int32),
            elapsed,
            not unknown,
        )


@dataclass(frozen=True)
class Baskets:
    """What models of repeats read of a user: every basket with an item."""

    def read(self, log: Interactions, users: Codes) -> Purchases:
        """The purchases of these users, in their order."""
        return Purchases.of_log(log, users)


def purchases_by_block(log: Interactions, users: Codes) -> Iterator[Purchases]:
    """The purchases of these users, in their order, some users at a time."""
    ends = np.cumsum(log.starts[users + 1] - log.starts[users])
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(ROWS_AT_ONCE, total, ROWS_AT_ONCE), side="right")
    for block in np.split(users, np.unique(cuts)):
        if len(block):
            yield Purchases.of_log(log, block)


def _elapsed(log: Interactions, users: Codes, gaps: Array) -> Array:
    """Seconds from the last event to the log's `now`; where it has none, the user's mean gap
    between baskets. NaN without a gap.
    """
    assert log.times is not None
    filled = log.starts[users + 1] > log.starts[users]
    first, last = np.zeros(len(users)), np.zeros(len(users))
    first[filled] = log.times[log.starts[users[filled]]]
    last[filled] = log.times[log.starts[users[filled] + 1] - 1]
    if log.now is not None:
        return np.where(filled, np.maximum(log.now - last, 0.0), np.nan)
    return np.where(filled & (gaps > 0), (last - first) / np.maximum(gaps, 1), np.nan)


def _basket_keys(log: Interactions, rows: Array, owners: Array) -> Codes:
    """Number of the basket of each of these rows, counted up within a user by first appearance;
    every row is a basket where the log has neither baskets nor times. Shape [rows].
    """
    if log.baskets is not None:
        return basket_numbers(owners, log.baskets[rows], come_back=True)
    if log.times is not None:
        return basket_numbers(owners, log.times[rows], come_back=False)
    return np.asarray(rows, np.int32)
