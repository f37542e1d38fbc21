"""Training targets of windows: the next item, the last one, masked ones, or the set of those that
follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spadework.arrays import Array
from spadework.models.neural.training_windows import Windows

Long = NDArray[np.int64]
MASKED_SHARE = 0.2
"""Share of events that are hidden under "masked": 0.15 to 0.2 in the literature (Sun et al.,
BERT4Rec, CIKM 2019).
"""


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of windows with targets. Pair p has the target item `targets[p]` at position
    `positions[p]` of the flattened inputs.
    """

    # [windows, length] codes; the number of items is padding, and one more is the mask
    inputs: Long
    timestamps: Long  # [windows, length] seconds
    lengths: Long  # [windows]
    positions: Long  # [pairs] ascending, row · length + column
    targets: Long  # [pairs]
    weights: NDArray[np.float32]  # [pairs]


def make_batch(
    objective: str,
    windows: Windows,
    chosen: Array,
    items: int,
    rng: np.random.Generator,
    *,
    horizon: float | None = None,
    ordered: bool = True,
) -> Batch:
    """The batch of the `chosen` among the windows. Without `ordered`, the events of each
    window are shuffled.

    "next": at every event the one after it. "last": the same, at one random event of each window.
    "masked": hidden events from both sides. "set": at the end of every step (all events of
    one timestamp), the items of the next one, or of all within `horizon` seconds; each set counts
    as one event.
    """
    if objective == "set":
        return _set(windows, chosen, items, horizon)
    events, timestamps, lengths = windows.padded(chosen, items)
    if not ordered:
        # padding stays behind
        keys = np.where(
            np.arange(events.shape[1]) < lengths[:, None], rng.random(events.shape), 2.0
        )
        order = np.argsort(keys, axis=1)
        events, timestamps = (
            np.take_along_axis(events, order, axis=1),
            np.take_along_axis(timestamps, order, axis=1),
        )
    if objective == "masked":
        return _masked(events, timestamps, lengths, items, rng)
    inputs = events[:, :-1].copy()
    inside = np.arange(inputs.shape[1]) < (lengths - 1)[:, None]
    inputs[~inside] = items
    # a random end, so that over the epochs each event of a window is a target
    if objective == "last":
        ends = rng.integers(0, lengths - 1)
        is_queried = np.arange(inputs.shape[1]) == ends[:, None]
    else:
        is_queried = inside
    positions = np.flatnonzero(is_queried)
    targets = events[:, 1:].ravel()[positions]
    return Batch(
        inputs,
        timestamps[:, :-1],
        lengths - 1,
        positions,
        targets,
        np.ones(len(positions), np.float32),
    )


def _masked(
    events: Array, timestamps: Array, lengths: Array, items: int, rng: np.random.Generator
) -> Batch:
    """Each event is hidden with `MASKED_SHARE`; one window in ten hides its last alone, as
    recommendations do.

    A hidden event has the timestamp of the one before it, as for recommendations: there its time is
    unknown.
    """
    inside = np.arange(events.shape[1]) < lengths[:, None]
    hidden = inside & (rng.random(events.shape) < MASKED_SHARE)
    last = np.arange(events.shape[1]) == (lengths - 1)[:, None]
    alone = (rng.random(len(events)) < 0.1) | ~hidden.any(axis=1)
    hidden = np.where(alone[:, None], last, hidden)
    positions = np.flatnonzero(hidden)
    inputs = np.where(hidden, items + 1, events)
    before = np.concatenate([timestamps[:, :1], timestamps[:, :-1]], axis=1)
    return Batch(
        inputs,
        np.where(hidden, before, timestamps),
        lengths,
        positions,
        events.ravel()[positions],
        np.ones(len(positions), np.float32),
    )


def _set(windows: Windows, chosen: Array, items: int, horizon: float | None) -> Batch:
    """Pairs at the last event of each step that another follows. Sets are read in the full history,
    also beyond the window's end.
    """
    events, timestamps, lengths = windows.padded(chosen, items)
    inputs, length = events[:, :-1].copy(), events.shape[1] - 1
    inside = np.arange(length) < (lengths - 1)[:, None]
    inputs[~inside] = items
    last = len(windows.items) - 1
    at = np.minimum(windows.firsts[chosen][:, None] + np.arange(length), last)  # rows of the log
    until = windows.limits[chosen][:, None]
    follows = np.minimum(at + 1, last)
    ends = inside & (at + 1 < until) & (windows.timestamps[follows] > windows.timestamps[at])
    positions = np.flatnonzero(ends)
    here, limit = at.ravel()[positions], np.broadcast_to(until, ends.shape).ravel()[positions]
    latest = windows.timestamps[here + 1]
    if horizon is not None:
        latest = np.maximum(windows.timestamps[here] + int(horizon), latest)
    found, targets = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    ahead = 1
    while len(here):  # by distance: as many rounds as the longest set has events
        wanted = (here + ahead < limit) & (
            windows.timestamps[np.minimum(here + ahead, last)] <= latest
        )
        positions, here, limit, latest = (
            positions[wanted],
            here[wanted],
            limit[wanted],
            latest[wanted],
        )
        found.append(positions)
        targets.append(windows.items[here + ahead].astype(np.int64))
        ahead += 1
    # an item counts once a set
    pairs = np.unique(np.column_stack([np.concatenate(found), np.concatenate(targets)]), axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=1)
    return Batch(
        inputs,
        timestamps[:, :-1],
        lengths - 1,
        pairs[:, 0],
        pairs[:, 1],
        (1 / sizes[pairs[:, 0]]).astype(np.float32),
    )
