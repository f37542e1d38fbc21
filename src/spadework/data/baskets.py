"""Numbers of the baskets of rows that are in order of user and time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spadework.arrays import Array, Codes

_BLOCK = 1 << 22  # rows of a block, but for a user with more


def basket_numbers(users: Array, inner: Array | None, *, come_back: bool) -> Codes:
    """Number of the basket of each row, counted up over (user, first appearance). Shape [rows].

    Rows of a user lie together; those of the same `inner` [rows], a basket or a timestamp, are one
    basket, and without it a user is one. `come_back` says whether rows of a basket may lie apart.
    O(rows), and with `come_back` log-linear in the runs of equal rows.

    A table of groups would be shorter, but takes 4 GiB for 20 M rows.
    """
    if not len(users):
        return np.zeros(0, np.int32)
    new = np.ones(len(users), np.bool_)
    new[1:] = users[1:] != users[:-1]
    if inner is not None:
        new[1:] |= inner[1:] != inner[:-1]
    runs = np.cumsum(new, dtype=np.int32) - np.int32(1)
    if inner is None or not come_back:
        return runs
    firsts = np.flatnonzero(new)
    return np.asarray(_joined(users[firsts], inner[firsts])[runs])


def numbers_by_block(starts: Array, users: Array, baskets: Array | None) -> Iterator[Codes]:
    """The baskets of blocks of whole users, counted up anew in each: the same whatever numbers the
    baskets have. Users have their rows from `starts` on. Nothing without baskets. O(rows log rows)
    time, the memory of a block.
    """
    first, last = 0, len(starts) - 1
    while baskets is not None and first < last:
        begin = int(starts[first])
        following = max(int(np.searchsorted(starts, begin + _BLOCK, side="right")) - 1, first + 1)
        rows = slice(begin, int(starts[following]))
        yield basket_numbers(users[rows], baskets[rows], come_back=True)
        first = following


def _joined(users: Array, inner: Array) -> Codes:
    """Number of the basket of each run of rows, counted up by first appearance. Shape [runs]."""
    order = np.lexsort((inner, users))  # stable: of equal runs the first is in front
    new = np.ones(len(order), np.bool_)
    new[1:] = (users[order[1:]] != users[order[:-1]]) | (inner[order[1:]] != inner[order[:-1]])
    first_runs = order[new]
    number = np.empty(len(first_runs), np.int32)
    number[np.argsort(first_runs)] = np.arange(len(first_runs), dtype=np.int32)
    joined = np.empty(len(order), np.int32)
    joined[order] = number[np.cumsum(new) - 1]
    return joined
