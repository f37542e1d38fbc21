"""Logs of a few histories whose columns are known to be right, for servers."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Floats, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary


def ready_log(
    starts: Offsets,
    items: Codes,
    *,
    times: Seconds | None,
    weights: Floats | None,
    baskets: Codes | None,
    event_types: Codes | None,
    event_type_names: tuple[str, ...],
    user_vocabulary: Vocabulary,
    item_vocabulary: Vocabulary,
    now: int | None,
) -> Interactions:
    """The log whose user u has the rows `starts[u]` to `starts[u + 1]` of columns of one length, in
    order, which are made read-only. Nothing is checked: that takes as long as a list. O(rows).
    """
    users: Array = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    for array in (users, starts, items, times, weights, baskets, event_types):
        if array is not None:
            array.setflags(write=False)
    made = object.__new__(Interactions)
    made.__dict__.update(
        users=users,
        items=items,
        times=times,
        weights=weights,
        baskets=baskets,
        event_types=event_types,
        event_type_names=event_type_names,
        user_vocabulary=user_vocabulary,
        item_vocabulary=item_vocabulary,
        now=now,
        returns=None,
        unwanted=None,
        account=None,
        starts=starts,
    )
    return made
