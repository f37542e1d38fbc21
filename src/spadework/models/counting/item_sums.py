"""What is counted of single items beside their pairs."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.kernels.counting.postings import distinct_items
from spadework.kernels.counting.weighted_loops import GRAIN
from spadework.models.counting.channel import Channel
from spadework.models.counting.grouped_rows import GroupedRows


def diagonal_of(log: Interactions, channel: Channel, now: int | None, sizes: Array) -> Array:
    """What an item would count as its own partner: Σ over groups of its squared weight, times
    |group|^(−group_power), in whole grains. Shape [items] float64.

    `sizes` are the same without the damping of groups; they are returned where there is none, and
    for ordered channels, which have no diagonal. O(rows).
    """
    if channel.group_power == 0 or channel.ordered:
        return sizes
    rows = GroupedRows.of(log, (channel,), now, note=False)
    weights = rows.entry_weights(channel).astype(np.float64) * rows.group_damping(channel)
    squares = np.floor(weights**2 * GRAIN + 0.5) / GRAIN
    found = np.bincount(rows.items, weights=squares, minlength=log.item_count)
    return found.astype(np.float64, copy=False)  # of an empty log they are integers


def item_users_of(log: Interactions, channel: Channel, entries: Array) -> Array:
    """Distinct users of each item, by all of their events: int64 [items]. `entries` are those
    that were counted, which are the same where each user is a group that was not cut. O(rows).
    """
    longest = int(np.diff(log.starts).max(initial=0))
    is_uncut = channel.max_length is None or longest <= channel.max_length
    if is_uncut and channel.group == "user" and not channel.ordered:
        return entries
    return distinct_items(log.starts, log.items, log.item_count, None).item_sizes
