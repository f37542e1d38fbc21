"""Masked, tie-stable top-k: the one place where scores become ranks.

Excluded is −∞, padding is −1, ties go to the lower code. A score that is not a number is refused before ranking.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.errors import SpadeworkError


def top_k(scores: Array, k: int) -> tuple[Codes, Array]:
    """The `k` best columns of each row, best first: codes [rows, k] padded with −1, scores [rows, k] padded with −∞.

    `scores` is [rows, columns] float32; −∞ is never returned. O(cells + hits · k).
    """
    rows = scores.shape[0]
    codes = np.full((rows, k), -1, np.int32)
    best = np.full((rows, k), -np.inf, np.float32)
    bad = _top_k(scores, codes, best)
    if bad >= 0:
        raise SpadeworkError(
            f"Row {bad} of the scores holds a value that is not a number.", "The model is broken on these data; leave it out."
        )
    return codes, best


def exclude(scores: Array, starts: Offsets, columns: Codes, *, only: bool = False) -> None:
    """Set the listed columns of each row to −∞ in place, or with `only` all others."""
    if only:
        keep = np.full(scores.shape, -np.inf, np.float32)
        _copy(scores, keep, starts, columns)
        scores[...] = keep
    else:
        _mask(scores, starts, columns)


def keep_candidates(scores: Array, candidates: Mask) -> None:
    """Set all columns that are no candidates to −∞ in place."""
    scores[:, ~candidates] = -np.inf


@njit(cache=True, nogil=True)
def _top_k(scores, codes, best):  # type: ignore[no-untyped-def]
    rows, columns = scores.shape
    k = codes.shape[1]
    for row in range(rows):
        size = 0
        worst = -np.inf
        for column in range(columns):
            score = scores[row, column]
            if score > worst:
                place = size if size < k else k - 1
                while place > 0 and best[row, place - 1] < score:  # strict: an equal score found earlier has the lower code
                    best[row, place] = best[row, place - 1]
                    codes[row, place] = codes[row, place - 1]
                    place -= 1
                best[row, place] = score
                codes[row, place] = column
                if size < k:
                    size += 1
                if size == k:
                    worst = best[row, k - 1]
            elif np.isnan(score):
                return row
    return -1


@njit(cache=True, nogil=True)
def _mask(scores, starts, columns):  # type: ignore[no-untyped-def]
    for row in range(scores.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            scores[row, columns[at]] = -np.inf


@njit(cache=True, nogil=True)
def _copy(scores, target, starts, columns):  # type: ignore[no-untyped-def]
    for row in range(scores.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            target[row, columns[at]] = scores[row, columns[at]]


@njit(cache=True, nogil=True)
def add_rows(starts, columns, weights, table_starts, table_columns, table_values, scores):  # type: ignore[no-untyped-def]
    """scores[r] = Σ over the listed columns c of row r of weight · table row c; cells that nothing reaches stay −∞.

    `scores` is [rows, columns] float32, written in full. O(Σ over rows of listed columns · table row length).
    """
    for row in range(scores.shape[0]):
        scores[row, :] = -np.inf
        for at in range(starts[row], starts[row + 1]):
            weight = weights[at]
            source = columns[at]
            for cell in range(table_starts[source], table_starts[source + 1]):
                column = table_columns[cell]
                value = weight * table_values[cell]
                if scores[row, column] == -np.inf:
                    scores[row, column] = value
                else:
                    scores[row, column] += value
