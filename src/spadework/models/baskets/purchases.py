"""What users did, with every basket in which an item was taken: what models of repeats look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds, frozen
from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.histories import Histories


class ReadsPurchases(Recommender):
    """A model that is shown baskets and not distinct items alone."""

    def _histories(self, log: Interactions, users: Codes) -> Purchases:
        self.check_asked(log)
        return Purchases.of_log(log, users)

    def check_asked(self, log: Interactions) -> None:
        """Refuse histories that lack what the model reads in them."""


@dataclass(frozen=True, eq=False)
class Purchases(Histories):
    """Histories, and beside each distinct item the baskets that held it, the oldest first.

    Baskets are those of the log, else the moments of a user; where a log has neither, every event
    is a basket of its own, of unknown age. Baskets of entry e are `baskets_ago[visits[e]:visits[e +
    1]]`.
    """

    visits: Offsets  # [entries + 1]
    baskets_ago: Codes  # [visits] baskets between this one and the user's newest, which is 0
    seconds_ago: Seconds  # [visits] from this basket to the user's last event; 0 without times
    firsts: Codes  # [entries] place of the item's first event among all events of the user, from 0
    baskets: Codes  # [users] number of baskets
    # [users] float64, seconds from the last event to the moment that is asked about; NaN where
    # nobody knows: one basket, or no times
    waited: Array
    # whether it is known which basket came first; else every event is a basket, and none is older
    # than another
    aged: bool

    @property
    def owners(self) -> Array:
        """Row of each entry. Shape [entries]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

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
        begins, lengths = log.starts[users], log.starts[users + 1] - log.starts[users]
        ends = np.cumsum(lengths)
        places = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
        rows, owners = (
            np.repeat(begins, lengths) + places,
            np.repeat(np.arange(len(users)), lengths),
        )
        keys = baskets_of(log)[rows]
        newest = np.full(len(users), -1, np.int64)
        np.maximum.at(newest, owners, keys)
        oldest = np.full(len(users), np.iinfo(np.int64).max)
        np.minimum.at(oldest, owners, keys)
        unknown = log.baskets is None and log.times is None
        order = np.lexsort((keys, log.items[rows], owners))
        item, owner, key = log.items[rows][order], owners[order], keys[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (item[1:] != item[:-1]) | (owner[1:] != owner[:-1])
        other = fresh.copy()
        other[1:] |= key[1:] != key[:-1]
        seconds = np.zeros(len(order), np.int64)
        if log.times is not None and len(order):
            last = log.times[log.starts[users + 1] - 1] if len(users) else log.times[:0]
            seconds = last[owner] - log.times[rows][order]
        firsts = np.minimum.reduceat(places[order], np.flatnonzero(fresh)) if len(order) else places
        visits = np.concatenate(
            ([0], np.cumsum(np.bincount((np.cumsum(fresh) - 1)[other], minlength=len(base.items))))
        )
        ago = np.zeros(int(other.sum()), np.int64) if unknown else (newest[owner] - key)[other]
        waited = (
            np.full(len(users), np.nan)
            if log.times is None
            else _waited(log, users, newest - oldest)
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
            seconds[other],
            firsts.astype(np.int32),
            np.where(lengths > 0, newest - oldest + 1, 0).astype(np.int32),
            waited,
            not unknown,
        )


def _waited(log: Interactions, users: Codes, pauses: Array) -> Array:
    """Until the log's `now`; where it says none, as long as the user's pauses between baskets are
    on average. NaN without a pause.
    """
    assert log.times is not None
    filled = log.starts[users + 1] > log.starts[users]
    first, last = np.zeros(len(users)), np.zeros(len(users))
    first[filled] = log.times[log.starts[users[filled]]]
    last[filled] = log.times[log.starts[users[filled] + 1] - 1]
    if log.now is not None:
        return np.where(filled, np.maximum(log.now - last, 0.0), np.nan)
    return np.where(filled & (pauses > 0), (last - first) / np.maximum(pauses, 1), np.nan)


def baskets_of(log: Interactions) -> Codes:
    """Number of the basket of each row, counted up within a user by first appearance; kept with the
    log. Shape [rows].
    """
    if "_baskets_of" in log.__dict__:
        cached: Codes = log.__dict__["_baskets_of"]
        return cached
    keys = (
        np.arange(len(log), dtype=np.int32)
        if log.baskets is None and log.times is None
        else log.basket_keys()
    )
    log.__dict__["_baskets_of"] = frozen(keys)
    return keys
