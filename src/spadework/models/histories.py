"""What users did, as models see it: distinct items and how long ago each was taken, in moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, frozen
from spadework.data.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Histories:
    """Histories of a block of users, as distinct items with the time since each was last taken.

    Row r is `items[starts[r]:starts[r + 1]]`, ascending codes.
    """

    starts: Array  # [users + 1]
    items: Codes  # [entries]
    ages: Codes  # [entries] distinct moments between the item's last event and the user's last event; 0 is the newest
    counts: Array  # [entries] events of the user with the item

    @classmethod
    def of(cls, log: Interactions, users: Codes) -> Histories:
        """The histories of these users, in their order. O(events · log events)."""
        begins, ends = log.starts[users], log.starts[users + 1]
        lengths = ends - begins
        rows = np.repeat(np.arange(len(users)), lengths)
        events = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(begins, lengths)
        items = log.items[events]
        moments = positions(log)[events]
        ages = np.repeat(positions(log)[ends - 1], lengths) - moments if len(events) else np.zeros(0, np.int32)
        keys = rows * np.int64(max(log.item_count, 1)) + items
        order = np.lexsort((ages, keys))
        sorted_keys = keys[order]
        first = np.flatnonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1]))) if len(keys) else np.zeros(0, np.int64)
        kept = order[first]
        counts = np.diff(np.concatenate((first, [len(keys)])))
        starts = np.concatenate(([0], np.cumsum(np.bincount(rows[kept], minlength=len(users)))))
        return cls(starts.astype(np.int64), items[kept], ages[kept].astype(np.int32), counts.astype(np.float32))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: Array) -> Histories:
        """The histories of some rows."""
        lengths = np.diff(self.starts)[rows]
        at = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(self.starts[rows], lengths)
        starts = np.concatenate(([0], np.cumsum(lengths)))
        return Histories(starts, self.items[at], self.ages[at], self.counts[at])


def positions(log: Interactions) -> Codes:
    """Place of each row in its user's history, counted in distinct moments; without times all rows share place 0. Shape [rows]."""
    if "_positions" in log.__dict__:
        cached: Codes = log.__dict__["_positions"]
        return cached
    if log.times is None or not len(log):
        places = np.zeros(len(log), np.int32)
    else:
        new = np.concatenate(([False], (log.times[1:] != log.times[:-1]) & (log.users[1:] == log.users[:-1])))
        running = np.cumsum(new, dtype=np.int64)
        first = running[np.minimum(log.starts[:-1], len(log) - 1)]
        places = (running - first[log.users]).astype(np.int32)
    log.__dict__["_positions"] = frozen(places)
    return places
