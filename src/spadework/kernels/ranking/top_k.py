"""Masked, tie-stable top-k: the one place where scores become ranks.

Excluded is −∞, padding is −1, ties go to the lower code. A score that is not a number is refused
before ranking.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.errors import SpadeworkError
from spadework.kernels.compiled import kernel

RUN = np.uint64(128)
"""Columns that are compared with the bound at once."""
SHORT = 256
"""Longest list that is kept in order by insertion: as measured."""


def top_k(scores: Array, k: int) -> tuple[Codes, Array]:
    """The `k` best columns of each row, best first: codes [rows, k] padded with −1, scores [rows,
    k] padded with −∞.

    `scores` is [rows, columns] float32; −∞ is never returned. O(cells + hits · k).
    """
    rows = scores.shape[0]
    codes, best = nothing(rows, k)
    bad = _top_k(scores, codes, best)
    if bad >= 0:
        raise not_a_number(bad)
    return codes, best


def not_a_number(row: int) -> SpadeworkError:
    """The error for scores that cannot be ranked."""
    return SpadeworkError(
        f"Row {row} of the scores holds a value that is not a number.",
        "The model is broken on these data; leave it out.",
    )


def nothing(rows: int, k: int) -> tuple[Codes, Array]:
    """Empty lists: codes −1, scores −∞, each [rows, k]."""
    return np.full((rows, k), -1, np.int32), np.full((rows, k), -np.inf, np.float32)


def order_of(scores: Array) -> Codes:
    """Columns by descending score, ties to the lower code; excluded ones (−∞) are left out.
    O(columns · log columns).
    """
    if np.isnan(scores).any():
        raise SpadeworkError(
            "The common scores hold a value that is not a number.",
            "The model is broken on these data; leave it out.",
        )
    return np.argsort(-scores, kind="stable").astype(np.int32)[: int((scores > -np.inf).sum())]


def complete(
    codes: Codes,
    best: Array,
    scores: Array,
    order: Codes,
    starts: Offsets,
    columns: Codes,
    *,
    forbid: bool,
    only: bool,
    below: bool,
) -> None:
    """Fill the free slots of lists [rows, k] in place with the best of `scores` [columns], which
    are the same for every row.

    `order` is `order_of(scores)`. Listed columns of a row (ascending) are left out with `forbid`,
    alone allowed with `only`. With `below`, scores are shifted below the last one already there.
    O(k · log listed) a row for most rows.
    """
    _complete(codes, best, scores, order, starts, columns, forbid, only, below)


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


def merge(codes: Codes, best: Array, others: Codes, other_best: Array) -> tuple[Codes, Array]:
    """The best of two lists [rows, k] that have no column in common: codes and scores [rows, k].
    O(k) a row.
    """
    merged, scores = nothing(*codes.shape)
    _merge(codes, best, others, other_best, merged, scores)
    return merged, scores


@kernel
def _merge(codes, best, others, other_best, merged, scores):
    # Both lists of a row are in order, so each slot gets the better of their heads.
    for row in range(len(codes)):
        at = other = 0
        # `at` and `other` are the heads; padding (−1) loses to any entry.
        for slot in range(codes.shape[1]):
            if others[row, other] < 0 or (
                codes[row, at] >= 0
                and _better(
                    best[row, at], codes[row, at], other_best[row, other], others[row, other]
                )
            ):
                merged[row, slot], scores[row, slot] = codes[row, at], best[row, at]
                at += 1
            else:
                merged[row, slot], scores[row, slot] = others[row, other], other_best[row, other]
                other += 1


@kernel
def _top_k(scores, codes, best):
    everything = np.empty(0, np.bool_)
    for row in range(scores.shape[0]):
        if not scan(scores[row], codes[row], best[row], everything):
            return row
    return -1


@kernel
def _better(score, column, other_score, other_column):
    return score > other_score or (score == other_score and column < other_column)


@kernel
def insert(codes, best, size, column, score):
    """Insert one scored column into a list [k] whose first `size` slots are filled, if it is better
    than the last; returns the new size.

    Short lists are kept in order; long ones are a heap with the worst in front, until `settle`.
    O(k) or O(log k).
    """
    k = len(codes)
    if k > SHORT:
        return _pile(codes, best, size, column, score)
    at = size if size < k else k - 1
    if size == k and (best[at] > score or (best[at] == score and codes[at] < column)):
        return size
    while at > 0 and (best[at - 1] < score or (best[at - 1] == score and codes[at - 1] > column)):
        best[at] = best[at - 1]
        codes[at] = codes[at - 1]
        at -= 1
    best[at] = score
    codes[at] = column
    return min(size + 1, k)


@kernel
def _pile(codes, best, size, column, score):
    """`insert` for a heap."""
    if size == len(codes):
        if _better(score, column, best[0], codes[0]):
            _sink(codes, best, size, column, score)
        return size
    at = size
    while at > 0 and _better(best[(at - 1) // 2], codes[(at - 1) // 2], score, column):
        best[at], codes[at] = best[(at - 1) // 2], codes[(at - 1) // 2]
        at = (at - 1) // 2
    best[at], codes[at] = score, column
    return size + 1


@kernel
def _sink(codes, best, size, column, score):
    """Replace the front of a heap [size] by a scored column."""
    at = 0
    # Move the worse child up until the new entry is not better than it: the worst stays in front.
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _better(
            best[child], codes[child], best[child + 1], codes[child + 1]
        ):
            child += 1
        if not _better(score, column, best[child], codes[child]):
            break
        best[at], codes[at] = best[child], codes[child]
        at = child
    best[at], codes[at] = score, column


@kernel
def last_slot(k):
    """Slot of the worst entry of a full list [k] before `settle`: a new entry must be better."""
    return k - 1 if k <= SHORT else 0


@kernel
def settle(codes, best, size):
    """Bring a list made by `insert` into its order, best first. O(k log k)."""
    if len(codes) <= SHORT:
        return
    for last in range(size - 1, 0, -1):
        score, column = best[last], codes[last]
        best[last], codes[last] = best[0], codes[0]
        _sink(codes, best, last, column, score)


@kernel
def scan(scores, codes, best, allowed):
    """The best columns of one row into an empty list [k], of those allowed (all where the mask is
    empty); false where one of them is NaN.

    A run of columns is examined one by one only if it holds a score that reaches the list: counting
    those is one vector comparison for many columns. NaN is not below any bound, so no run
    hides it.
    """
    columns, k, last = np.uint64(len(scores)), len(codes), last_slot(len(codes))
    size = 0
    worst = np.float32(-np.inf)
    begin = np.uint64(0)
    # Run by run: once the list is full, most runs hold no score that reaches it.
    while begin < columns:
        end = min(begin + RUN, columns)
        if size < k or reaching(scores, begin, end, worst):
            # `worst` is −∞ until the list is full, so excluded columns (−∞) are never inserted.
            for column in range(begin, end):
                score = scores[column]
                if score <= worst or (len(allowed) and not allowed[column]):
                    continue  # an equal score that comes later has the higher code
                if score != score:
                    return False
                size = insert(codes, best, size, np.int32(column), score)
                if size == k:
                    worst = best[last]
        begin = end
    settle(codes, best, size)
    return True


@kernel
def reaching(scores, begin, end, worst):
    """How many scores of a run are not below the list."""
    found = np.int32(0)
    for column in range(begin, end):
        found += np.int32(0) if scores[column] <= worst else np.int32(1)
    return found


@kernel
def position_of(columns, begin, end, column):
    """Position of the column in ascending columns, or −1."""
    low, high = begin, end
    # Find the first column that is not below the one sought.
    while low < high:
        middle = (low + high) // 2
        if columns[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low if low < end and columns[low] == column else -1


@kernel
def _complete(codes, best, scores, order, starts, columns, forbid, only, below):
    rows, k = codes.shape
    # Rows share the order of the common scores; they differ in what they hold and exclude.
    for row in range(rows):
        have = 0
        while have < k and codes[row, have] >= 0:
            have += 1
        shift = np.float32(0.0)
        if below and have:
            shift = min(shift, best[row, have - 1])
        size = have
        # Best first, so the loop ends as soon as the list is full.
        for column in order:
            if size == k:
                break
            if forbid or only:
                listed = position_of(columns, starts[row], starts[row + 1], column) >= 0
                if listed == forbid:  # with `only` the unlisted columns are skipped
                    continue
            known = False
            for slot in range(have):
                if codes[row, slot] == column:
                    known = True
                    break
            if not known:
                codes[row, size] = column
                best[row, size] = scores[column] + shift
                size += 1


@kernel
def _mask(scores, starts, columns):
    for row in range(scores.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            scores[row, columns[at]] = -np.inf


@kernel
def _copy(scores, target, starts, columns):
    for row in range(scores.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            target[row, columns[at]] = scores[row, columns[at]]
