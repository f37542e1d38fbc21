"""Events by group turned into groups by item, and back: counting sort, one pass each way.

A group's events are read from the newest to the oldest. So the first event found of an item is its
newest, and the items beyond `most` distinct ones are the oldest. O(events + items) each: nothing is
sorted by comparisons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.ragged import offsets_of

NO_LIMIT = np.iinfo(np.int64).max


def distinct_items(
    starts: Offsets, items: Codes, item_count: int, most: int | None
) -> tuple[Array, Array, int]:
    """Number of distinct items of each group, at most `most`; number of groups that then hold each
    item; and how many groups hold more than `most`. int64 each.
    """
    group_sizes, item_sizes = np.zeros(len(starts) - 1, np.int64), np.zeros(item_count, np.int64)
    truncated = _distinct_items(
        starts,
        items,
        NO_LIMIT if most is None else most,
        np.full(item_count, -1, np.int32),
        group_sizes,
        item_sizes,
    )
    return group_sizes, item_sizes, int(truncated)


def groups_by_item(
    starts: Offsets, items: Codes, most: int | None, ranks: Array, rank_starts: Array
) -> Array:
    """The groups that hold each item, ascending, by rank of the item. Shape [entries] uint32.
    `rank_starts` says where each rank's groups begin.
    """
    found = np.empty(int(rank_starts[-1]), np.uint32)
    seen = np.full(len(ranks), -1, np.int32)
    _groups_by_item(
        starts, items, NO_LIMIT if most is None else most, seen, rank_starts[ranks], found
    )
    return found


def items_by_group(rank_starts: Array, groups: Array, group_starts: Array) -> Array:
    """The ranks that each group holds, ascending: uint16 where that is enough, else uint32. Shape
    [entries].
    """
    found = np.empty(len(groups), np.uint16 if len(rank_starts) <= 2**16 else np.uint32)
    _items_by_group(rank_starts, groups, group_starts[:-1].copy(), found)
    return found


def events_by_item(
    starts: Offsets, ranks_of_events: Array, rank_starts: Array
) -> tuple[Array, Array]:
    """The events of each rank in their order, and the group of each. Shape [events] uint32 both."""
    events, groups = (
        np.empty(len(ranks_of_events), np.uint32),
        np.empty(len(ranks_of_events), np.uint32),
    )
    _events_by_item(starts, ranks_of_events, rank_starts[:-1].copy(), events, groups)
    return events, groups


class DistinctItems(NamedTuple):
    """Distinct items of groups, each represented by its newest event, in the order of these
    events.
    """

    starts: Offsets  # [groups + 1] where each group's entries begin
    events: Array  # [entries] int64
    counts: Array  # [entries] float32: how many events of the group have the item
    sums: Array | None  # [entries] float32: the sum of their values; None without values
    truncated: int  # groups that hold more items than the limit


def entries(
    starts: Offsets, items: Codes, values: Array | None, item_count: int, most: int | None
) -> DistinctItems:
    """The newest event of each item of a group, at most `most` a group."""
    group_sizes, _, truncated = distinct_items(starts, items, item_count, most)
    own = offsets_of(group_sizes)
    events, counts, sums = (
        np.empty(int(own[-1]), np.int64),
        np.zeros(int(own[-1]), np.float32),
        np.zeros(int(own[-1])),
    )
    weights = np.zeros(0, np.float32) if values is None else values
    _entries(starts, items, weights, own, np.full(item_count, -1, np.int64), events, counts, sums)
    return DistinctItems(
        own, events, counts, None if values is None else sums.astype(np.float32), truncated
    )


def additions_per_row(rank_starts: Array, groups: Array, group_starts: Array) -> Array:
    """Σ over the groups of each rank of their lengths: the number of additions to count its row.
    Shape [items] int64.
    """
    sums = np.zeros(len(rank_starts) - 1, np.int64)
    _additions_per_row(rank_starts, groups, group_starts, sums)
    return sums


@kernel
def _distinct_items(starts, items, most, seen, group_sizes, item_sizes):
    truncated = 0
    # `seen` holds the last group in which an item was found, so it is never cleared.
    for group in range(starts.shape[0] - 1):
        found = 0
        # From the newest event to the oldest, so that the items beyond `most` are the oldest.
        for at in range(starts[group + 1] - 1, starts[group] - 1, -1):
            item = np.uint32(items[at])
            if seen[item] != group:
                if found == most:
                    truncated += 1
                    break
                seen[item] = group
                item_sizes[item] += 1
                found += 1
        group_sizes[group] = found
    return truncated


@kernel
def _groups_by_item(starts, items, most, seen, heads, out):
    # The same walk as in `_distinct_items`, so it finds the same items. Groups ascend, so the list
    # of each item ascends.
    for group in range(starts.shape[0] - 1):
        found = 0
        # From the newest event to the oldest, as there.
        for at in range(starts[group + 1] - 1, starts[group] - 1, -1):
            item = np.uint32(items[at])
            if seen[item] != group:
                if found == most:
                    break
                seen[item] = group
                out[heads[item]] = group
                heads[item] += np.uint32(1)
                found += 1


@kernel
def _items_by_group(rank_starts, groups, heads, out):
    # Ranks ascend, so the items of each group ascend without sorting.
    for rank in range(rank_starts.shape[0] - 1):
        for at in range(rank_starts[rank], rank_starts[rank + 1]):
            group = groups[at]
            out[heads[group]] = rank
            heads[group] += np.uint32(1)


@kernel
def _events_by_item(starts, ranks, heads, events, groups):
    # Counting sort: `heads` holds the next free position of each rank. Events are read in order, so
    # those of a rank keep their order.
    for group in range(starts.shape[0] - 1):
        for event in range(starts[group], starts[group + 1]):
            rank = ranks[event]
            events[heads[rank]] = event
            groups[heads[rank]] = group
            heads[rank] += np.uint32(1)


@kernel
def _entries(starts, items, values, own, slots, events, counts, sums):
    # A slot outside the group's range is left from an earlier group, so `slots` is never cleared.
    for group in range(starts.shape[0] - 1):
        # Filled from the end, so that entries are in the order of their events.
        first, free = own[group], own[group + 1]
        # From the newest event to the oldest: the first event found of an item is its newest. Items
        # beyond the limit get no slot.
        for at in range(starts[group + 1] - 1, starts[group] - 1, -1):
            item = np.uint32(items[at])
            slot = slots[item]
            if not first <= slot < own[group + 1]:  # not met in this group yet
                if free == first:
                    continue
                free -= 1
                slot = free
                slots[item] = slot
                events[slot] = at
            counts[slot] += 1
            if values.shape[0]:
                sums[slot] += values[at]


@kernel
def _additions_per_row(rank_starts, groups, group_starts, sums):
    # Sums are int64, since they may exceed the uint32 of the lengths.
    for rank in range(rank_starts.shape[0] - 1):
        total = np.int64(0)
        for at in range(rank_starts[rank], rank_starts[rank + 1]):
            group = groups[at]
            total += np.int64(group_starts[group + 1] - group_starts[group])
        sums[rank] = total
