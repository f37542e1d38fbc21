"""The last span of a log."""

from __future__ import annotations

from spadework import durations
from spadework.data.interactions import Interactions


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
