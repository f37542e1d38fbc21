"""Events by group turned into groups by item, and back: counting sort, one pass each way.

A group's events are read from the newest to the oldest. So the first event found of an item is its
newest, and the items beyond `most` distinct ones are the oldest. O(events + items) each: nothing is
sorted by comparisons.

The groups of a large log are cut into parts, one for each thread. A part knows where its own cells
of each item begin, so the result is the same for any number of parts. Beside the result, memory is
taken for items only, and for the number of items of each group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np

from spadework.arrays import Array, Codes, Column, Offsets, frozen
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.ragged import offsets_of

B = TypeVar("B")

NO_LIMIT = np.iinfo(np.int64).max
PART_EVENTS = 1 << 20
"""Fewest events of a part. Below, threads cost more than they save."""
PART_ITEMS = 4
"""Fewest events of a part for each item, whose cells each part counts for itself."""
WINDOW_EVENTS = 1 << 20
"""Events, about, of the groups whose items are found together: what is written stays in the cache.
"""
WINDOW_ITEMS = 2
"""The same for each item, since all items are looked at for each window."""


class DistinctSizes(NamedTuple):
    """How many distinct items groups hold, and how many groups items."""

    parts: list[tuple[int, int]]  # ranges of groups
    group_sizes: Array  # [groups] uint32, at most `most` each
    part_sizes: Array  # [parts, items] int64: groups of the part that then hold the item
    truncated: int  # groups that hold more than `most`

    @property
    def item_sizes(self) -> Array:
        """Groups that hold each item. Shape [items] int64."""
        return np.asarray(self.part_sizes.sum(axis=0))


def distinct_items(
    starts: Offsets, items: Codes, item_count: int, most: int | None, column: Column = np.empty
) -> DistinctSizes:
    """Number of distinct items of each group, at most `most`; number of groups of each part that
    then hold each item. `column` gives room for the first.
    """
    parts = _parts(starts, item_count)
    group_sizes = column(len(starts) - 1, np.uint32)
    part_sizes = np.zeros((len(parts), item_count), np.int64)

    def count(part: int) -> int:
        first, last = parts[part]
        return int(
            _distinct_items(
                frozen(starts[first : last + 1]),
                frozen(items),
                NO_LIMIT if most is None else most,
                np.full(item_count, -1, np.int32),
                group_sizes[first:last],
                part_sizes[part],
            )
        )

    return DistinctSizes(parts, group_sizes, part_sizes, sum(_each(count, len(parts))))


class Sets(NamedTuple):
    """The distinct items of groups, both ways."""

    item_ranks: Array  # [entries] uint16 where that is enough, else uint32; ascending in a group
    occurrence_groups: Array  # [entries] uint32: the groups that hold each rank, ascending


def sets(
    starts: Offsets,
    items: Codes,
    most: int | None,
    sizes: DistinctSizes,
    own_starts: Array,
    ranks: Array,
    rank_starts: Array,
    column: Column = np.empty,
) -> Sets:
    """The groups of each item, and the items of each group, both by the rank of the item.

    `sizes` is what `distinct_items` found. `ranks` [items] is the rank of each item; `rank_starts`
    and `own_starts`, uint32, say where each rank's groups and each group's items begin. `column`
    gives room for the result.
    """
    parts, item_count = sizes.parts, len(ranks)
    groups = column(int(rank_starts[-1]), np.uint32)
    own = column(len(groups), np.uint16 if item_count < 2**16 else np.uint32)
    # where the cells of each part and item begin; those of the last part end where the next item's
    # begin
    heads = np.empty((len(parts) + 1, item_count), np.uint32)
    heads[0] = rank_starts[:-1][ranks]
    for part, own_sizes in enumerate(sizes.part_sizes):
        np.add(heads[part], own_sizes, out=heads[part + 1], casting="unsafe")
    codes = np.empty(item_count, np.int32)
    codes[ranks] = np.arange(item_count, dtype=np.int32)
    window = max(WINDOW_EVENTS, WINDOW_ITEMS * item_count)

    def fill(part: int) -> None:
        first, last = parts[part]
        _groups_by_item(
            frozen(starts[first : last + 1]),
            frozen(items),
            NO_LIMIT if most is None else most,
            np.full(item_count, -1, np.int32),
            first,
            heads[part].copy(),
            groups,
        )
        at, ends = heads[part][codes], heads[part + 1][codes]
        for begin, end in _windows(own_starts, first, last, window):
            _items_by_group(begin, end, at, ends, groups, own_starts[begin:end].copy(), own)

    _each(fill, len(parts))
    return Sets(own, groups)


def _parts(starts: Offsets, item_count: int) -> list[tuple[int, int]]:
    """Ranges of groups with about as many events, one for each thread; fewer of a small log."""
    events = int(starts[-1])
    count = min(parallel.threads(), events // max(PART_EVENTS, PART_ITEMS * item_count))
    if count <= 1:
        return [(0, len(starts) - 1)]
    edges = np.searchsorted(starts, [events * part // count for part in range(1, count)])
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(starts) - 1], strict=True))


def _windows(own_starts: Array, first: int, last: int, events: int) -> Iterator[tuple[int, int]]:
    """Ranges of the groups `first` to `last` with about so many events each."""
    while first < last:
        # a number of the same type, else all starts would be copied to another
        reach = own_starts.dtype.type(min(int(own_starts[first]) + events, int(own_starts[last])))
        end = max(int(np.searchsorted(own_starts, reach, side="right")) - 1, first + 1)
        end = min(end, last) if reach < own_starts[last] else last
        yield first, end
        first = end


def _each(function: Callable[[int], B], count: int) -> list[B]:
    """What a function gives for each part. One part alone is no step of its own."""
    if count == 1:
        return [function(0)]
    return parallel.share(function, range(count), "arrange events")


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
    sizes = distinct_items(starts, items, item_count, most)
    own = offsets_of(sizes.group_sizes)
    events, counts, sums = (
        np.empty(int(own[-1]), np.int64),
        np.zeros(int(own[-1]), np.float32),
        np.zeros(int(own[-1])),
    )
    weights = np.zeros(0, np.float32) if values is None else values
    _entries(starts, items, weights, own, np.full(item_count, -1, np.int64), events, counts, sums)
    return DistinctItems(
        own, events, counts, None if values is None else sums.astype(np.float32), sizes.truncated
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
def _groups_by_item(starts, items, most, seen, first, heads, out):
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
                out[heads[item]] = first + group
                heads[item] += np.uint32(1)
                found += 1


@kernel
def _items_by_group(first, last, cells, ends, groups, heads, out):
    # Ranks ascend, so the items of each group ascend without sorting. `cells` is left at the first
    # cell of each rank with a group from `last` on.
    for rank in range(cells.shape[0]):
        at, end = cells[rank], ends[rank]
        while at < end and groups[at] < last:
            group = groups[at] - first
            out[heads[group]] = rank
            heads[group] += np.uint32(1)
            at += np.uint32(1)
        cells[rank] = at


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
