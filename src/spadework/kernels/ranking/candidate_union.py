"""Lists of several models for the same rows: their union, and the slot of each item in each list.

A pool is a ragged table: row r holds the distinct columns `items[starts[r]:starts[r + 1]]`,
ascending.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k


def union(lists: Array) -> tuple[Offsets, Codes, Codes]:
    """Starts [rows + 1], items [cells] and slots [lists, cells] of lists [lists, rows, k] int32,
    whose columns are distinct in a row.

    A slot is the index of the item in a list, from 0; −1 where the list does not hold it. Padding
    (−1) is left out. O(cells · log cells) a row.
    """
    parts, rows, k = lists.shape
    starts = np.zeros(rows + 1, np.int64)
    room = np.empty(rows * parts * k, np.int32)
    _gather(lists, starts, room)
    items = room[: int(starts[-1])].copy()
    slots = np.full((parts, len(items)), -1, np.int32)
    _locate(lists, starts, items, slots)
    return starts, items, slots


def best_of(starts: Offsets, items: Codes, scores: Array, k: int) -> tuple[Codes, Array]:
    """The `k` best of each row of a pool by scores [cells] float32: codes [rows, k], scores [rows,
    k]; −∞ is left out. O(cells · k).
    """
    codes, best = top_k.nothing(len(starts) - 1, k)
    bad = _best_of(starts, items, scores, codes, best)
    if bad >= 0:
        raise top_k.not_a_number(bad)
    return codes, best


def located(starts: Offsets, items: Codes, other_starts: Offsets, others: Codes) -> Array:
    """Position of each cell of a pool in another ragged table of the same rows, ascending too; −1
    where it is not there: int64 [cells].

    O(cells of both).
    """
    found = np.full(len(items), -1, np.int64)
    _located(starts, items, other_starts, others, found)
    return found


@kernel
def _gather(lists, starts, room):
    parts, rows, k = lists.shape
    filled = 0
    own = np.empty(parts * k, np.int32)
    # Sort the items of all lists of a row and drop repeats.
    for row in range(rows):
        size = 0
        # The first −1 ends a list, since padding is at its end.
        for part in range(parts):
            for slot in range(k):
                if lists[part, row, slot] < 0:
                    break
                own[size] = lists[part, row, slot]
                size += 1
        own[:size].sort()
        for at in range(size):
            if at == 0 or own[at] != own[at - 1]:
                room[filled] = own[at]
                filled += 1
        starts[row + 1] = filled


@kernel
def _locate(lists, starts, items, slots):
    parts, rows, k = lists.shape
    # Each list fills its own row of `slots`.
    for part in range(parts):
        # Cells of a row ascend, so an item is found by bisection.
        for row in range(rows):
            # The first −1 ends a list, since padding is at its end.
            for slot in range(k):
                item = lists[part, row, slot]
                if item < 0:
                    break
                low, high = starts[row], starts[row + 1]
                # The union holds every item of the list, so the search needs no final check.
                while low < high:
                    middle = (low + high) // 2
                    if items[middle] < item:
                        low = middle + 1
                    else:
                        high = middle
                slots[part, low] = slot


@kernel
def _best_of(starts, items, scores, codes, best):
    # A row with NaN is returned, which the caller refuses.
    for row in range(len(codes)):
        size = 0
        # Excluded cells (−∞) are never inserted.
        for cell in range(starts[row], starts[row + 1]):
            score = scores[cell]
            if score != score:
                return row
            if score > -np.inf:
                size = top_k.insert(codes[row], best[row], size, items[cell], score)
        top_k.settle(codes[row], best[row], size)
    return -1


@kernel
def _located(starts, items, other_starts, others, found):
    # Both tables ascend, so one merge finds all cells of a row.
    for row in range(len(starts) - 1):
        at, end = other_starts[row], other_starts[row + 1]
        for cell in range(starts[row], starts[row + 1]):
            while at < end and others[at] < items[cell]:
                at += 1
            if at < end and others[at] == items[cell]:
                found[cell] = at
