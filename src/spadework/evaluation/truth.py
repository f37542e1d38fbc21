"""The expected events, arranged for judging: distinct targets per user, and facts about items and
users.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array, Codes, Mask, distinct, frozen
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.errors import Unsuitable
from spadework.ragged import cells_of_rows, offsets_of, row_of_cells
from spadework.randomness import generator


@dataclass(frozen=True, eq=False, kw_only=True)
class Truth:
    """Row r is user `users[r]`, whose targets are `items[starts[r]:starts[r + 1]]`, ascending
    codes.
    """

    users: Codes  # [rows]
    starts: Array  # [rows + 1]
    items: Codes  # [targets]
    gains: Array  # [targets] largest weight of the target's events; 1 without weights
    seen: Array  # [rows + 1] starts of the history
    seen_items: Codes  # [history entries] distinct, ascending within a row
    popularity: Array  # [items] events in train
    user_counts: Array  # [items] users in train
    train_users: int
    has_history: Mask  # [rows]
    head: Mask  # [items] the most popular items that together hold 20% of the train events

    @classmethod
    def of(cls, split: Split) -> Truth:
        """Arrange a split. O(events · log events)."""
        users = split.users
        if not len(users):
            raise Unsuitable(
                f"The split {split.name!r} expects no events of any user.",
                "Choose another split, or a longer test span.",
            )
        starts, items, gains = _distinct(split.expected, users)
        seen, seen_items, _ = _distinct(split.given, users)
        entries = split.train.matrix()
        user_counts = np.bincount(entries.indices, minlength=split.train.item_count)
        return cls(
            users=users,
            starts=starts,
            items=items,
            gains=gains,
            seen=seen,
            seen_items=seen_items,
            popularity=split.train.item_counts,
            user_counts=user_counts,
            train_users=len(split.train.active_users),
            has_history=np.diff(seen) > 0,
            head=_head(split.train.item_counts),
        )

    @property
    def sizes(self) -> Array:
        """Targets of each user. Shape [rows]."""
        return np.diff(self.starts)

    @property
    def owners(self) -> Array:
        """Row of each target. Shape [targets]."""
        return row_of_cells(self.starts)

    def only(self, targets: Mask) -> Truth:
        """The same users with some of their targets; a user may be left with none."""
        kept = offsets_of(targets)[self.starts]
        return replace(self, starts=kept, items=self.items[targets], gains=self.gains[targets])

    def take(self, rows: Array) -> Truth:
        """Some of the users, in the order of `rows`."""
        targets, starts = cells_of_rows(self.starts, rows)
        history, seen = cells_of_rows(self.seen, rows)
        return replace(
            self,
            users=frozen(self.users[rows]),
            starts=frozen(starts),
            items=frozen(self.items[targets]),
            gains=frozen(self.gains[targets]),
            seen=frozen(seen),
            seen_items=frozen(self.seen_items[history]),
            has_history=frozen(self.has_history[rows]),
        )

    def debiased(self, seed: int) -> Truth:
        """Targets thinned so that no item is expected more often than Q3 + 1.5 · IQR of the
        expected counts.

        Very popular items then no longer decide the metric. The draw is by name, so every model
        is judged on the same targets. As in RecTools' debiased metrics.
        """
        counts = np.bincount(self.items, minlength=len(self.popularity))
        present = counts[counts > 0]
        low, high = np.quantile(present, [0.25, 0.75])
        cap = max(int(high + 1.5 * (high - low)), 1)
        order = np.argsort(generator(seed, "debias").random(len(self.items)), kind="stable")
        rank = np.empty(len(order), np.int64)
        by_item = order[np.argsort(self.items[order], kind="stable")]
        begins = np.cumsum(counts) - counts
        rank[by_item] = np.arange(len(order)) - begins[self.items[by_item]]
        return self.only(rank < cap)


def _distinct(log: Interactions, users: Codes) -> tuple[Array, Codes, Array]:
    """Distinct items per user with their largest weight: starts [users + 1], items, weights."""

    row_of = np.full(log.user_count, -1, np.int64)
    row_of[users] = np.arange(len(users))
    rows = row_of[log.users]
    weights = np.ones(len(log), np.float32) if log.weights is None else log.weights
    is_expected = rows >= 0
    if not is_expected.all():
        rows, weights, items = rows[is_expected], weights[is_expected], log.items[is_expected]
    else:
        items = log.items
    bits = np.int64(log.item_count.bit_length())
    keys = (rows << bits) | items
    if np.all(keys[1:] > keys[:-1]):
        owners, largest = rows, weights
    elif log.weights is None:
        keys = distinct(keys)
        owners, items = keys >> bits, (keys & ((1 << bits) - 1)).astype(np.int32)
        largest = np.ones(len(keys), np.float32)
    else:
        order = np.lexsort((-weights, keys))
        first = order[np.concatenate(([True], np.diff(keys[order]) != 0))]
        owners, items, largest = rows[first], items[first], weights[first]
    starts = offsets_of(np.bincount(owners, minlength=len(users)))
    return frozen(starts), frozen(items), frozen(largest.astype(np.float32, copy=False))


def _head(counts: Array) -> Mask:
    """Most popular items that together hold a fifth of the events; ties by lower code. Shape
    [items].
    """
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    head = np.zeros(len(counts), np.bool_)
    head[order[(before < 0.2 * counts.sum()) & (counts[order] > 0)]] = True
    return frozen(head)
