"""Lists against targets: which slots of a list are hits."""

from __future__ import annotations

import numpy as np
from numba import njit

from spadework.arrays import Array, Codes, Offsets


def hits(lists: Codes, starts: Offsets, targets: Codes) -> Array:
    """1 where a list's item is among the row's targets; targets ascending within a row, padding (−1) never hits. [rows, k] uint8.

    O(rows · k · log targets).
    """
    out = np.zeros(lists.shape, np.uint8)
    _hits(lists, starts, targets, out)
    return out


@njit(cache=True, nogil=True)
def _hits(lists, starts, targets, out):  # type: ignore[no-untyped-def]
    rows, k = lists.shape
    for row in range(rows):
        begin = starts[row]
        end = starts[row + 1]
        for slot in range(k):
            item = lists[row, slot]
            if item < 0:
                continue
            low = begin
            high = end
            while low < high:
                middle = (low + high) // 2
                if targets[middle] < item:
                    low = middle + 1
                else:
                    high = middle
            if low < end and targets[low] == item:
                out[row, slot] = 1
