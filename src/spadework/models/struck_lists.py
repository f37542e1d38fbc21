"""Lists without what users must not be shown, from whatever makes lists of any length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spadework.arrays import Array, Codes, members
from spadework.ragged import Ragged


def lists_without(
    unwanted: Ragged,
    items: int,
    users: Codes,
    k: int,
    make: Callable[[Codes, int], tuple[Codes, Array]],
) -> tuple[Codes, Array]:
    """What `make(users, k)` gives, without each user's own `unwanted` among `items` items: codes
    [users, k] and scores [users, k], −1 and −∞ behind the last.

    A list with unwanted items is made again, longer by as many as it holds, until enough others are
    in it: so these move up, and their scores stay the same.
    """
    width = items + 1  # padding is −1
    own = unwanted.take(users)
    pairs = own.owners * width + own.values + 1

    def struck(rows: Array, longest: int) -> tuple[Codes, Array, Array]:
        """The lists of some users, and how many unwanted items they held."""
        codes, best = make(users[rows], longest)
        is_unwanted = members((rows[:, None] * width + codes + 1).ravel(), pairs)
        is_unwanted = is_unwanted.reshape(codes.shape)
        if not is_unwanted.any():
            return codes[:, :k], best[:, :k], np.zeros(len(rows), np.int64)
        kept = (codes >= 0) & ~is_unwanted
        order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
        shown = np.take_along_axis(kept, order, axis=1)
        codes, best = (np.take_along_axis(array, order, axis=1) for array in (codes, best))
        return (
            np.where(shown, codes, -1).astype(np.int32),
            np.where(shown, best, -np.inf).astype(np.float32),
            is_unwanted.sum(axis=1),
        )

    rows, more = np.arange(len(users)), np.zeros(len(users), np.int64)
    codes, best, found = struck(rows, k)
    while (missing := found > more).any():
        rows, more = rows[missing], found[missing]
        more = 1 << np.ceil(np.log2(more)).astype(np.int64)  # users with about as many together
        found = np.zeros(len(rows), np.int64)
        for size in np.unique(more):
            some = more == size
            longest = max(k, min(k + int(size), items))
            codes[rows[some]], best[rows[some]], found[some] = struck(rows[some], longest)
    return codes, best
