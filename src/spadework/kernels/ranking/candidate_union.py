"""Lists of several models for the same rows: what any of them names, and where each has it.

A pool is a ragged table: row r holds the distinct columns `items[starts[r]:starts[r + 1]]`,
ascending.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k


def union(lists: Array) -> tuple[Offsets, Codes, Codes]:
    """Starts [rows + 1], items [cells] and places [lists, cells] of lists [lists, rows, k] int32,
    whose columns are distinct in a row.

    A place is the slot in which a list has the item, from 0; −1 where it has not. Padding (−1) is
    left out. O(cells · log cells) a row.
    """
    parts, rows, k = lists.shape
    starts = np.zeros(rows + 1, np.int64)
    room = np.empty(rows * parts * k, np.int32)
    _gather(lists, starts, room)
    items = room[: int(starts[-1])].copy()
    places = np.full((parts, len(items)), -1, np.int32)
    _locate(lists, starts, items, places)
    return starts, items, places


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
    """Where each cell of a pool stands in another ragged table of the same rows, ascending too; −1
    where it does not: int64 [cells].

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
    for row in range(rows):
        size = 0
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
def _locate(lists, starts, items, places):
    parts, rows, k = lists.shape
    for part in range(parts):
        for row in range(rows):
            for slot in range(k):
                item = lists[part, row, slot]
                if item < 0:
                    break
                low, high = starts[row], starts[row + 1]
                while low < high:
                    middle = (low + high) // 2
                    if items[middle] < item:
                        low = middle + 1
                    else:
                        high = middle
                places[part, low] = slot


@kernel
def _best_of(starts, items, scores, codes, best):
    for row in range(len(codes)):
        size = 0
        for cell in range(starts[row], starts[row + 1]):
            score = scores[cell]
            if score != score:
                return row
            if score > -np.inf:
                size = top_k.place(codes[row], best[row], size, items[cell], score)
        top_k.settle(codes[row], best[row], size)
    return -1


@kernel
def _located(starts, items, other_starts, others, found):
    for row in range(len(starts) - 1):
        at, end = other_starts[row], other_starts[row + 1]
        for cell in range(starts[row], starts[row + 1]):
            while at < end and others[at] < items[cell]:
                at += 1
            if at < end and others[at] == items[cell]:
                found[cell] = at
