"""Own items of users: ties among their scores are broken, and the best of them are listed."""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking.candidate_union import best_of
from spadework.ragged import row_of_cells


def break_ties(starts: Offsets, scores: Array, *keys: Array) -> Array:
    """Scores [cells] as float32; scores that tie within a row are raised by their last bits, so
    that the cell with the larger key is above, first key first.

    No score falls, and none rises by more steps of float32 than there are tied cells in its row.
    O(cells · log cells).
    """
    rows = row_of_cells(starts)
    order = np.lexsort((*keys[::-1], scores, rows))
    out = np.asarray(scores, np.float32).copy()
    _raise_tied(order, rows, out)
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
def _raise_tied(order, rows, out):
    for at in range(1, len(order)):
        cell, below = order[at], order[at - 1]
        if rows[cell] == rows[below] and out[cell] <= out[below] and out[below] > -np.inf:
            out[cell] = np.nextafter(out[below], np.float32(np.inf))
