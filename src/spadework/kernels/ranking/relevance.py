"""Lists against targets: which slots of a list are hits."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets, frozen
from spadework.kernels.compiled import kernel

_SHORT = 16


def hits(lists: Codes, starts: Offsets, targets: Codes) -> Array:
    """1 where a list's item is among the row's targets; targets ascending within a row, padding
    (−1) never hits. [rows, k] uint8.

    O(rows · k · log targets); short rows of targets are compared one by one, which has no branches
    to mispredict.
    """
    out = np.zeros(lists.shape, np.uint8)
    # Read-only: otherwise numba compiles the kernel for each mixture of both.
    _hits(frozen(lists), frozen(starts), frozen(targets), out)
    return out


def weighed(hits: Array, weights: Array) -> Array:
    """Sum over a row's hits of their slots' weights. Shape [rows] float32; O(rows · k)."""
    out = np.empty(len(hits), np.float32)
    _weighed(hits, weights.astype(np.float32, copy=False), out)
    return out


def summed_precisions(hits: Array) -> Array:
    """Sum over a row's hits of the precision up to their slot. Shape [rows] float32;
    O(rows · k).
    """
    out = np.empty(len(hits), np.float32)
    _summed_precisions(hits, out)
    return out


@kernel
def _weighed(hits, weights, out):
    rows, k = hits.shape
    for row in range(rows):
        total = np.float32(0)
        for slot in range(k):
            total += hits[row, slot] * weights[slot]
        out[row] = total


@kernel
def _summed_precisions(hits, out):
    rows, k = hits.shape
    # Sums are float32, in the order of the slots.
    for row in range(rows):
        found = 0
        total = np.float32(0)
        for slot in range(k):
            if hits[row, slot]:
                found += 1
                total += np.float32(found) / np.float32(slot + 1)
        out[row] = total


@kernel
def _hits(lists, starts, targets, out):
    rows, k = lists.shape
    # Few targets are compared one by one without branches, many are searched by bisection.
    for row in range(rows):
        begin = starts[row]
        end = starts[row + 1]
        if end - begin <= _SHORT:
            for at in range(begin, end):
                for slot in range(k):
                    out[row, slot] |= lists[row, slot] == targets[at]
            continue
        # Targets ascend within the row; padding (−1) never hits.
        for slot in range(k):
            item = lists[row, slot]
            if item < 0:
                continue
            low = begin
            high = end
            # Find the first target that is not below the item.
            while low < high:
                middle = (low + high) // 2
                if targets[middle] < item:
                    low = middle + 1
                else:
                    high = middle
            if low < end and targets[low] == item:
                out[row, slot] = 1
