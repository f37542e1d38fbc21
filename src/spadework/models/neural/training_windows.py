"""Windows of histories that a network learns from, and how they become batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds
from spadework.models.neural.sequences import padded
from spadework.ragged import offsets_of, places_in_rows

SHUFFLED_TOGETHER = 50
"""Batches whose windows are sorted by length before they are cut: little padding, and batches that
are still random.
"""


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of histories that a network learns from: window w is events `firsts[w]` …
    `ends[w]`, of one user.
    """

    items: Codes  # [rows] codes of the network
    timestamps: Seconds  # [rows]
    firsts: Offsets  # [windows]
    ends: Offsets  # [windows]
    limits: Offsets  # [windows] where the history ends of which the window is a part

    def __len__(self) -> int:
        return len(self.firsts)

    def padded(self, chosen: Array, pad: int) -> tuple[Array, Array, Array]:
        """Windows side by side: items [chosen, longest] int64 with `pad` behind them,
        timestamps of the same shape, lengths [chosen].
        """
        longest = int((self.ends[chosen] - self.firsts[chosen]).max())
        return padded(
            self.items, self.timestamps, self.firsts[chosen], self.ends[chosen], longest, pad
        )

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Array]:
        """The windows in random batches of windows that are about equally long. O(windows · log
        windows).
        """
        order = rng.permutation(len(self))
        lengths = (self.ends - self.firsts)[order]
        cut: list[Array] = []
        for at in range(0, len(order), SHUFFLED_TOGETHER * size):
            pool = order[at : at + SHUFFLED_TOGETHER * size]
            pool = pool[np.argsort(lengths[at : at + SHUFFLED_TOGETHER * size], kind="stable")]
            cut += [pool[start : start + size] for start in range(0, len(pool), size)]
        for number in rng.permutation(len(cut)):
            yield cut[number]


@dataclass(frozen=True, eq=False)
class TrainingEvents:
    """Histories that a network learns from, in memory; events that are held out are left out."""

    items: Codes  # [rows] codes of the network
    timestamps: Seconds  # [rows]
    firsts: Offsets  # [users] with two events or more
    ends: Offsets  # [users]

    @property
    def has_two_timestamps(self) -> bool:
        """Whether any history has two timestamps."""
        later = offsets_of(self.timestamps[1:] != self.timestamps[:-1])
        return bool((later[self.ends - 1] > later[self.firsts]).any())

    def windows(self, length: int, *, all_windows: bool, rng: np.random.Generator) -> Windows:
        """Windows of `length` inputs and one target more. O(windows).

        With `all_windows` every event of a history is in one of its windows, which are cut at
        new random positions each time; else each user has the latest window only.
        """
        if not all_windows:
            return Windows(
                self.items,
                self.timestamps,
                np.maximum(self.firsts, self.ends - length - 1),
                self.ends,
                self.ends,
            )
        # Windows overlap by one event: the last target of one is the first input of the next. The
        # first cut is at random, so that over the epochs each event has short and long pasts.
        steps = self.ends - self.firsts - 1  # targets of a history
        long = steps > length
        shift = np.where(long, rng.integers(1, length + 1, len(steps)), 0)
        counts = np.where(long, 1 + -(-(steps - shift) // length), 1)
        owner = np.repeat(np.arange(len(steps)), counts)
        number = places_in_rows(counts)
        at = np.where(number == 0, 0, shift[owner] + (number - 1) * length)
        until = np.where(
            long[owner], np.minimum(shift[owner] + number * length, steps[owner]), steps[owner]
        )
        return Windows(
            self.items,
            self.timestamps,
            self.firsts[owner] + at,
            self.firsts[owner] + until + 1,
            self.ends[owner],
        )
