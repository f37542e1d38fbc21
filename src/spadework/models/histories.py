"""What users did, as models see it: distinct items, how often, how long ago and how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels.users import user_events
from spadework.ragged import Rows, cells_of_rows, offsets_of


@dataclass(frozen=True, eq=False)
class Histories(Rows):
    """Histories of a block of users, as distinct items with the time since each item's last event.

    Row r is `items[starts[r]:starts[r + 1]]`, ascending codes.
    """

    starts: Offsets  # [users + 1]
    items: Codes  # [entries]
    # [entries] steps (distinct timestamps) from the item's last event to the user's last event; 0
    # is the newest
    ages: Codes
    counts: Array  # [entries] float32, events of the user with the item
    # [entries] from the item's last event to the user's last event; 0 without times
    seconds: Seconds
    # [entries] float32, sum of the weights of these events, 1 each without weights; decayed where
    # `of` got a half-life
    values: Array

    @classmethod
    def of(cls, log: Interactions, users: Codes, *, half_life: float | None = None) -> Histories:
        """The histories of these users, in their order. O(events · log events of a user).

        With `half_life` in seconds, `values` are affinities: Σ over events of weight · 2^(−Δ /
        half_life), where Δ is the time from the event to the user's last event.
        """
        if half_life is not None and not half_life > 0:
            raise BadRequest(
                f"The half life is {half_life!r} seconds.",
                "Give a time above zero, or None for no decay.",
            )
        starts, items, ages, seconds, counts, values = user_events.gather(
            log.starts, log.items, log.times, log.weights, users, half_life
        )
        return cls(starts, items, ages, counts, seconds, values)

    @classmethod
    def bag(cls, items: Codes) -> Histories:
        """One history of items without order or time, each once."""
        zeros, ones = np.zeros(len(items), np.int32), np.ones(len(items), np.float32)
        starts = np.asarray([0, len(items)], np.int64)
        return cls(starts, items, zeros, ones, zeros.astype(np.int64), ones)

    def latest(self, count: int) -> Histories:
        """The same users with their `count` newest distinct items each; of equally new ones those
        with lower codes. O(entries).
        """
        if count < 1:
            raise BadRequest(f"The newest {count!r} items are asked for.", "Ask for one or more.")
        entries = user_events.latest(self.starts, self.ages, count)
        return self._at(entries, offsets_of(np.minimum(self.lengths, count)))

    def take(self, rows: Array) -> Histories:
        """The histories of some rows."""
        return self._at(*cells_of_rows(self.starts, rows))

    def _at(self, entries: Array, starts: Offsets) -> Histories:
        return Histories(
            starts,
            self.items[entries],
            self.ages[entries],
            self.counts[entries],
            self.seconds[entries],
            self.values[entries],
        )


@dataclass(frozen=True)
class DistinctItems:
    """What most models read of a user: distinct items. With `half_life` in seconds, their `values`
    are affinities.
    """

    half_life: float | None = None

    def read(self, log: Interactions, users: Codes) -> Histories:
        """The histories of these users, in their order."""
        return Histories.of(log, users, half_life=self.half_life)
