"""Histories as sequences of events, which a network reads for recommendations, and the windows of a
log that it learns from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.models.histories import Histories
from spadework.ragged import offsets_of, places_in_rows

SHUFFLED_TOGETHER = 50
"""Batches whose windows are sorted by length before they are cut: little padding, and batches that
are still random.
"""


@dataclass(frozen=True, eq=False)
class Sequences(Histories):
    """Histories, and in addition to their distinct items the latest events in order.

    Row r is `events[begins[r]:begins[r + 1]]`, the oldest first; events of one timestamp keep
    their order in the log.
    """

    begins: Offsets  # [users + 1]
    events: Codes  # [events]
    timestamps: Seconds  # [events] epoch seconds; zeros without times

    @classmethod
    def of_log(cls, log: Interactions, users: Codes, length: int) -> Sequences:
        """The latest `length` events of each of these users, in their order. O(events of the
        users).
        """
        base = Histories.of(log, users)
        ends = log.starts[users + 1]
        firsts = np.maximum(log.starts[users], ends - length)
        begins, at = _slices(firsts, ends)
        timestamps = np.zeros(len(at), np.int64) if log.times is None else log.times[at]
        return cls(
            base.starts,
            base.items,
            base.ages,
            base.counts,
            base.seconds,
            base.values,
            begins,
            log.items[at].astype(np.int32),
            timestamps,
        )

    def with_events(self, kept: Sequence[Mask]) -> Sequences:
        """One sequence several times over, each with some of its events [events]; of items,
        ages and counts nothing is known.
        """
        begins = offsets_of([mask.sum() for mask in kept])
        codes, seconds = np.zeros(0, np.int32), np.zeros(0, np.int64)
        values = np.zeros(0, np.float32)
        return Sequences(
            starts=np.zeros(len(kept) + 1, np.int64),
            items=codes,
            ages=codes,
            counts=values,
            seconds=seconds,
            values=values,
            begins=begins,
            events=np.concatenate([self.events[mask] for mask in kept]),
            timestamps=np.concatenate([self.timestamps[mask] for mask in kept]),
        )


@dataclass(frozen=True, eq=False)
class Windows:
    """Pieces of histories that a network learns from: window w is rows `firsts[w]` … `ends[w]` of
    the log, of one user.
    """

    items: Codes  # [rows] of the log
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
    """The part of a log that a network learns from: all events that are not held out."""

    items: Codes  # [rows] of the log
    timestamps: Seconds  # [rows]
    firsts: Offsets  # [users] with two events or more
    ends: Offsets  # [users]

    @classmethod
    def of_log(cls, log: Interactions, held_out: Array) -> TrainingEvents:
        """`held_out` [users] is how many of the latest events of each user are held out."""
        firsts, ends = log.starts[:-1], log.starts[1:] - held_out
        usable = np.flatnonzero(ends - firsts >= 2)
        timestamps = np.zeros(len(log), np.int64) if log.times is None else np.asarray(log.times)
        return cls(log.items, timestamps, firsts[usable], ends[usable])

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


def _slices(firsts: Offsets, ends: Offsets) -> tuple[Offsets, Array]:
    """Starts of rows joined together, and the position of each of their entries in the log."""
    lengths = ends - firsts
    return offsets_of(lengths), places_in_rows(lengths) + np.repeat(firsts, lengths)


def padded(
    items: Codes, timestamps: Seconds, firsts: Offsets, ends: Offsets, length: int, pad: int
) -> tuple[Array, Array, Array]:
    """Slices of a log side by side, with `pad` and the last timestamp behind them: items and
    timestamps [slices, length], lengths [slices].
    """
    lengths = ends - firsts
    positions = firsts[:, None] + np.minimum(np.arange(length), np.maximum(lengths - 1, 0)[:, None])
    positions = np.minimum(positions, max(len(items) - 1, 0))
    inside = np.arange(length) < lengths[:, None]
    return np.where(inside, items[positions], pad).astype(np.int64), timestamps[positions], lengths


def hold_out_for_validation(
    log: Interactions, most: int, rng: np.random.Generator
) -> tuple[Codes, Array]:
    """Users whose latest timestamp is held out, so that epochs can be compared: at most `most`, and
    a tenth of those with two events before it.

    Returns their codes and how many events of every user are held out [users].
    """
    counts = np.zeros(log.user_count, np.int64)
    lengths = np.diff(log.starts)
    if log.times is None or not len(log):
        latest_counts = np.minimum(lengths, 1)
    else:
        last = log.times[np.maximum(log.starts[1:] - 1, 0)]
        latest_counts = np.bincount(
            log.users, weights=log.times == last[log.users], minlength=log.user_count
        ).astype(np.int64)
    usable = np.flatnonzero(lengths - latest_counts >= 2)
    users = np.sort(rng.permutation(usable)[: min(most, len(usable) // 10)]).astype(np.int32)
    counts[users] = latest_counts[users]
    return users, counts
