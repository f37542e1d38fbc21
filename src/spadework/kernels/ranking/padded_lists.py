"""Long tables of recommendations to lists of equal length."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel

_EMPTY = -2  # a slot that is not filled yet; −1 is an unknown item


def fill_slots(
    owners: Array, starts: Offsets, ranks: Array, items: Codes, shape: tuple[int, int]
) -> Codes | None:
    """Lists [rows, k] from a table whose entries starts[r] … starts[r + 1] belong to the list
    owners[r] (−1: to none).

    `ranks` int64 are slots counted from 1; those beyond k are left out, slots without an entry are
    −1. None where ranks do not define the slots: one is below 1, or two entries of a list share
    one. O(entries).
    """
    lists = np.full(shape, _EMPTY, np.int32)
    return lists if _fill_slots(owners, starts, ranks, items, lists) else None


def count_repeating(lists: Codes, item_count: int) -> int:
    """Number of lists that hold an item twice; padding (−1) does not count. O(rows · k)."""
    return int(_count_repeating(lists, np.full(item_count, -1, np.int32)))


@kernel
def _fill_slots(owners, starts, ranks, items, lists):
    k = lists.shape[1]
    # Entry by entry to slot rank − 1 of the list owners[run].
    for run in range(len(owners)):
        row = owners[run]
        if row < 0:
            continue
        # A rank below 1 or a slot that is filled twice ends the work; ranks beyond k are left out.
        for entry in range(starts[run], starts[run + 1]):
            rank = ranks[entry]
            if rank < 1:
                return False
            if rank <= k:
                if lists[row, rank - 1] != _EMPTY:
                    return False
                lists[row, rank - 1] = items[entry]
    for row in range(len(lists)):
        for slot in range(k):
            lists[row, slot] = max(lists[row, slot], -1)
    return True


@kernel
def _count_repeating(lists, last_row):
    rows, k = lists.shape
    count = 0
    # `last_row` holds the last row in which an item was found, so it is never cleared.
    for row in range(rows):
        repeats = False
        for slot in range(k):
            item = lists[row, slot]
            if item >= 0:
                repeats |= last_row[item] == row
                last_row[item] = row
        count += repeats
    return count
