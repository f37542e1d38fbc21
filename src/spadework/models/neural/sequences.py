"""Histories as sequences of events, which a network reads for recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.models.histories import Histories
from spadework.ragged import offsets_of, places_in_rows


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
