"""Which columns of a row of scores may be chosen, and the best of them as a list.

A list may hold all columns, all but those that its user has seen, or those alone; and of these the
ones that a mask allows. Scores of −∞ are never chosen.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.words import words

NOTHING = np.float32(-np.inf)

Policy: TypeAlias = Literal["allow", "forbid", "only"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
"""What the columns that a list has seen may do: come back, must not, or only they may."""
ALLOW, FORBID, ONLY = range(3)


class Choice(NamedTuple):
    """Which columns may be chosen for each list, in the types that kernels need."""

    seen_starts: Array  # [lists + 1] uint64
    seen_columns: Array  # [cells] uint32
    policy: int  # index into POLICIES
    allowed: Mask  # [width]; empty where all are

    @classmethod
    def of(
        cls, seen_starts: Offsets, seen_columns: Codes, policy: Policy, allowed: Mask | None
    ) -> Choice:
        """`seen_starts` [lists + 1] and `seen_columns`, distinct in a list, are what each list has
        seen; `allowed` [width] masks the columns.
        """
        return cls(
            words(seen_starts, np.uint64),
            words(seen_columns, np.uint32),
            POLICIES.index(policy),
            np.empty(0, np.bool_) if allowed is None else np.ascontiguousarray(allowed),
        )


@kernel
def _pick_listed(touched, count, scores, codes, best, allowed, all_columns):
    """The best of the listed columns into an empty list [k], and the scores back to −∞; false where
    a score is not a number.
    """
    k, last = len(codes), top_k.last_slot(len(codes))
    size = 0
    worst = NOTHING
    sane = True
    # Touched columns are in no order, so an equal score must be compared by code in `insert`.
    for at in range(count):
        column = touched[at]
        score = scores[column]
        scores[column] = NOTHING  # a column listed twice is nothing the second time
        if score < worst or score == NOTHING or not (all_columns or allowed[column]):
            continue
        if score != score:
            sane = False
        else:
            size = top_k.insert(codes, best, size, np.int32(column), score)
            if size == k:
                worst = best[last]
    top_k.settle(codes, best, size)
    return sane


@kernel
def _pick_seen(seen_columns, begin, end, scores, codes, best, allowed):
    """The best of the seen columns into an empty list [k]; false where a score is not a number."""
    size = 0
    # Seen columns are the only candidates.
    for at in range(begin, end):
        column = seen_columns[at]
        score = scores[column]
        if score == NOTHING or (len(allowed) and not allowed[column]):
            continue
        if score != score:
            return False
        size = top_k.insert(codes, best, size, np.int32(column), score)
    top_k.settle(codes, best, size)
    return True


@kernel
def choose(few, touched, count, scores, seen_columns, begin, end, policy, allowed, codes, best):
    """The best columns of one list into an empty one [k]; false where a score is not a number.

    The first `count` of `touched` are the columns with a score where they are `few`; those of
    `begin` to `end` have been seen.
    """
    if policy == ONLY:
        return _pick_seen(seen_columns, begin, end, scores, codes, best, allowed)
    if policy == FORBID:
        for at in range(begin, end):
            scores[seen_columns[at]] = NOTHING
    if few:
        return _pick_listed(touched, count, scores, codes, best, allowed, len(allowed) == 0)
    return top_k.scan(scores, codes, best, allowed)


@kernel
def clear(few, touched, count, scores):
    """All scores back to −∞."""
    if few:
        for at in range(count):
            scores[touched[at]] = NOTHING
    else:
        scores[:] = NOTHING
