"""Own items of users: scores that tie are told apart, and the best of them are listed."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking.candidate_union import best_of


def told_apart(starts: Offsets, scores: Array, *keys: Array) -> Array:
    """Scores [cells] as float32, those that tie within a row set apart by their last bits: the
    larger key is above, first key first.

    No score falls, and none rises more than as many steps of float32 as cells of its row stand
    together. O(cells · log cells).
    """
    rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.lexsort((*keys[::-1], scores, rows))
    out = np.asarray(scores, np.float32).copy()
    _lift(order, rows, out)
    return out


def best_own(
    starts: Offsets, items: Codes, scores: Array, k: int, allowed: Mask | None
) -> tuple[Codes, Array]:
    """The `k` best own items of each row by scores [cells] float32: codes [rows, k], scores [rows,
    k]. O(cells · k).
    """
    shown = scores if allowed is None else np.where(allowed[items], scores, np.float32(-np.inf))
    return best_of(starts, items, shown, k)


@kernel
def _lift(order, rows, out):
    for at in range(1, len(order)):
        cell, below = order[at], order[at - 1]
        if rows[cell] == rows[below] and out[cell] <= out[below] and out[below] > -np.inf:
            out[cell] = np.nextafter(out[below], np.float32(np.inf))
