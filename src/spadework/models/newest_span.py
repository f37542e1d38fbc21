"""The last span of a log."""

from __future__ import annotations

import numpy as np

from spadework import durations
from spadework.arrays import Offsets
from spadework.data.interactions import Interactions
from spadework.data.mapped.user_blocks import BLOCK_ROWS, user_ranges
from spadework.errors import Unsuitable
from spadework.ragged import offsets_of


def in_window(train: Interactions, window: str | None) -> Interactions:
    """The events of the last span of the log, counted back from its end, which a few stray rows do
    not move; all of them without a window. They end where the log does. O(rows).
    """
    if window is None or train.times is None or not len(train):
        return train
    newest = train.where(train.times > train.end - durations.seconds(window, "window"))
    assert newest.times is not None
    first = max(train.span[0], int(newest.times.min()))
    # among so few rows a stray one would be the end, from which ages count
    newest.__dict__["span"] = (first, train.end)
    return newest


def refuse_window(label: str, window: str | None) -> None:
    """Refuse a window where there are counts and no times."""
    if window is not None:
        raise Unsuitable(
            f"The model {label!r} learns from the last span of a log, which counts do not tell.",
            "Cut the log to that span before it is counted, and leave window out.",
        )


def first_rows(train: Interactions, window: str | None) -> Offsets:
    """Where the part of each history begins that `in_window` keeps, which ends with the history.
    Shape [users]. O(rows) time, the memory of a block of users.
    """
    starts = train.starts
    if window is None or train.times is None or not len(train):
        return starts[:-1]
    before = train.end - durations.seconds(window, "window")
    firsts = np.empty(train.user_count, np.int64)
    for first, last in user_ranges(starts[1:], BLOCK_ROWS):
        own = starts[first : last + 1]
        newer = offsets_of(train.times[own[0] : own[-1]] > before)
        firsts[first:last] = own[1:] - np.diff(newer[own - own[0]])
    return firsts
