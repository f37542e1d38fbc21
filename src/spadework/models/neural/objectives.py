"""What a network is to say at which place of a window: the next item, the last one, masked ones, or the set of those that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spadework.arrays import Array

Long = NDArray[np.int64]
MASKED_SHARE = 0.2
"""Share of events that are hidden under "masked": 0.15 to 0.2 in the literature (Sun et al., BERT4Rec, CIKM 2019)."""


@dataclass(frozen=True, eq=False)
class Task:
    """A batch of windows as a network meets it. Pair p asks for item `targets[p]` at place `places[p]` of the flattened inputs."""

    inputs: Long  # [windows, length] codes; the number of items is padding, and one more is the mask
    moments: Long  # [windows, length] seconds
    lengths: Long  # [windows]
    places: Long  # [pairs] ascending, row · length + column
    targets: Long  # [pairs]
    weights: NDArray[np.float32]  # [pairs]


def task(objective: str, windows: tuple[Array, Array, Array], items: int, rng: np.random.Generator, horizon: float | None = None) -> Task:
    """The task of a batch of windows (items, moments, lengths, as `Windows.padded` gives them).

    "next": at every event the one after it. "last": the same, at one random event of each window. "masked": hidden events from both sides.
    "set": at the end of every moment, the items of the next one, or of all within `horizon` seconds; each set counts as one event.
    """
    if objective == "masked":
        return _masked(windows, items, rng)
    if objective == "set":
        return _set(windows, items, horizon)
    events, moments, lengths = windows
    inputs = events[:, :-1].copy()
    inside = np.arange(inputs.shape[1]) < (lengths - 1)[:, None]
    inputs[~inside] = items
    if objective == "last":  # a random end, so that over the epochs each event of a window is a target
        ends = rng.integers(0, lengths - 1)
        asked = np.arange(inputs.shape[1]) == ends[:, None]
    else:
        asked = inside
    places = np.flatnonzero(asked)
    targets = events[:, 1:].ravel()[places]
    return Task(inputs, moments[:, :-1], lengths - 1, places, targets, np.ones(len(places), np.float32))


def _masked(windows: tuple[Array, Array, Array], items: int, rng: np.random.Generator) -> Task:
    """Each event is hidden with `MASKED_SHARE`; one window in ten hides its last alone, which is what an answer is asked with."""
    events, moments, lengths = windows
    inside = np.arange(events.shape[1]) < lengths[:, None]
    hidden = inside & (rng.random(events.shape) < MASKED_SHARE)
    last = np.arange(events.shape[1]) == (lengths - 1)[:, None]
    alone = (rng.random(len(events)) < 0.1) | ~hidden.any(axis=1)
    hidden = np.where(alone[:, None], last, hidden)
    places = np.flatnonzero(hidden)
    inputs = np.where(hidden, items + 1, events)
    return Task(inputs, moments, lengths, places, events.ravel()[places], np.ones(len(places), np.float32))


def _set(windows: tuple[Array, Array, Array], items: int, horizon: float | None) -> Task:
    events, moments, lengths = windows
    inputs, length = events[:, :-1].copy(), events.shape[1] - 1
    inside = np.arange(length) < (lengths - 1)[:, None]
    inputs[~inside] = items
    ends = inside & (moments[:, 1:] > moments[:, :-1])  # the last event of its moment, with another moment after it
    rows, columns = np.nonzero(ends)
    now = moments[rows, columns]
    until = moments[rows, columns + 1] if horizon is None else np.maximum(now + int(horizon), moments[rows, columns + 1])
    places, targets = [], []
    for ahead in range(1, length + 1):  # by distance: as many rounds as the longest set has items
        at = np.minimum(columns + ahead, length)
        wanted = (columns + ahead < lengths[rows]) & (moments[rows, at] <= until)
        if not wanted.any():
            break
        places.append((rows * length + columns)[wanted])
        targets.append(events[rows, at][wanted])
    if not places:
        nothing = np.zeros(0, np.int64)
        return Task(inputs, moments[:, :-1], lengths - 1, nothing, nothing, np.zeros(0, np.float32))
    pairs = np.unique(np.column_stack([np.concatenate(places), np.concatenate(targets)]), axis=0)  # an item of a set counts once
    _, inverse, sizes = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    return Task(inputs, moments[:, :-1], lengths - 1, pairs[:, 0], pairs[:, 1], (1 / sizes[inverse]).astype(np.float32))
