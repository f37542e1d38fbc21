"""Nearest users: which users have vectors similar to the present one. Exact, by inverted lists: no
matrix of all pairs is made.

Vectors are sparse and not below zero. Users are in order of length, the shortest first. Two users
without a common item have a dot product of zero, so of those the nearest are the first ones, and a
bound that is tight early lets complete blocks of users be skipped. Of equally near users the
shorter comes first, then the one given first. A user whose vector equals the present one is taken
to be the present user, who is no neighbour of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.ragged import SparseRows

SAME = 1e-12
"""Squared distance, as a share of the squared length, below which two vectors are equal."""
BLOCK = 64
"""Users that are compared with the bound at once, and skipped where no item reaches one of them."""


class UserIndex(NamedTuple):
    """Sparse vectors of users [users, items] by user and by item, the shortest vector first."""

    starts: Offsets  # [users + 1]
    items: Codes  # [cells] ascending in a row
    values: Array  # [cells] float64
    item_starts: Offsets  # [items + 1]
    owners: Codes  # [cells] users of each item, ascending
    owner_values: Array  # [cells] float64
    lengths: Array  # [users] float64, squared, ascending
    given: Codes  # [users] row of the user in the input

    @classmethod
    def of(cls, rows: SparseRows, items: int) -> UserIndex:
        """Index rows [users, items], columns ascending. O(cells)."""
        table = csr_array(
            (np.asarray(rows.values, np.float64), rows.columns, rows.starts),
            shape=(len(rows.starts) - 1, items),
        )
        lengths = np.bincount(
            rows.owners,
            weights=table.data**2,
            minlength=table.shape[0],
        )
        order = np.argsort(lengths, kind="stable")
        table = table[order]
        transposed = table.tocsc()
        return cls(
            table.indptr.astype(np.int64),
            table.indices.astype(np.int32),
            table.data,
            transposed.indptr.astype(np.int64),
            transposed.indices.astype(np.int32),
            transposed.data,
            lengths[order],
            order.astype(np.int32),
        )


class Near(NamedTuple):
    """The nearest users of an index for each query vector, in no particular order."""

    users: Codes  # [rows, count] −1 behind the last
    values: Array  # [rows, count] float64, squared distance or similarity

    @classmethod
    def none(cls, rows: int, count: int) -> Near:
        """No neighbours."""
        return cls(np.full((rows, count), -1, np.int32), np.zeros((rows, count)))


def nearest(index: UserIndex, queries: SparseRows, count: int) -> Near:
    """The `count` users at the least Euclidean distance from each query vector, with squared
    distances. An empty query has no neighbours.

    `queries.values` are float64. O(Σ over the items of a row of their users + users / 64).
    """
    near = Near.none(len(queries.starts) - 1, min(count, len(index.lengths)))
    if near.users.size:
        _nearest(
            *queries, index.item_starts, index.owners, index.owner_values, index.lengths, *near
        )
    return near


def most_similar(
    index: UserIndex, queries: SparseRows, alpha: float, power: float, count: int
) -> Near:
    """The `count` most similar users who share an item with each query vector, with similarities.

    The similarity is (|A ∩ B| / (|A|^alpha · |B|^(1 − alpha)))^power with A, B the items of the
    vectors. O(Σ over the items of a row of their users + users / 64).
    """
    near = Near.none(len(queries.starts) - 1, min(count, len(index.lengths)))
    if near.users.size:
        others = np.maximum(np.diff(index.starts), 1) ** (alpha - 1)
        _most_similar(
            *queries, index.starts, index.values, index.item_starts, index.owners, others, *near
        )
    own = np.maximum(np.diff(queries.starts), 1) ** -alpha
    return Near(near.users, np.where(near.users >= 0, (-near.values * own[:, None]) ** power, 0.0))


@kernel
def _before(near, user, other_near, other):
    return near < other_near or (near == other_near and user < other)


@kernel
def _insert(users, distances, size, user, distance):
    """Put one user into a heap [count] with the farthest in front; the new size.

    `top_k.insert` keeps such lists, too; with it the search takes 1.7 times as long
    (docs/lab/log.md).
    """
    if size < len(users):
        at = size
        while at > 0 and _before(distances[(at - 1) // 2], users[(at - 1) // 2], distance, user):
            users[at], distances[at] = users[(at - 1) // 2], distances[(at - 1) // 2]
            at = (at - 1) // 2
        users[at], distances[at] = user, distance
        return size + 1
    if not _before(distance, user, distances[0], users[0]):
        return size
    at = 0
    # Move the farther child up until the new user is not nearer than it.
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and _before(
            distances[below], users[below], distances[below + 1], users[below + 1]
        ):
            below += 1
        if not _before(distance, user, distances[below], users[below]):
            break
        users[at], distances[at] = users[below], distances[below]
        at = below
    users[at], distances[at] = user, distance
    return size


@kernel
def _nearest(
    query_starts, query_items, query_values, item_starts, owners, owner_values, lengths, found, near
):
    users, count = len(lengths), found.shape[1]
    dots, marked = np.zeros(users), np.zeros(users // BLOCK + 1, np.bool_)
    # One query at a time; `dots` and `marked` are zeros before and after.
    for row in range(len(found)):
        own, size, worst = 0.0, 0, np.inf
        # Dot products through the lists of users of the query's items; blocks with one are marked.
        for at in range(query_starts[row], query_starts[row + 1]):
            item, value = query_items[at], query_values[at]
            own += value * value
            for cell in range(item_starts[item], item_starts[item + 1]):
                owner = np.uint32(owners[cell])
                dots[owner] += value * owner_values[cell]
                marked[owner // np.uint32(BLOCK)] = True
        if own == 0:
            continue
        # The shortest vectors first, so that `worst` is tight early.
        for begin in range(0, users, BLOCK):
            end, reached = min(begin + BLOCK, users), marked[begin // BLOCK]
            # No common item: the distance grows with the length, and lengths ascend.
            if not reached and own + lengths[begin] >= worst:
                continue
            if size < count or _count_nearer(own, lengths[begin:end], dots[begin:end], worst):
                # Rounding may make a distance negative, so it is cut at 0. Equal vectors are
                # skipped.
                for user in range(begin, end):
                    distance = max(own + lengths[user] - 2 * dots[user], 0.0)
                    if distance < worst and distance > SAME * own:
                        size = _insert(found[row], near[row], size, np.int32(user), distance)
                        if size == count:
                            worst = near[row, 0]
            if reached:
                dots[begin:end] = 0.0
                marked[begin // BLOCK] = False


@kernel
def _count_nearer(own, lengths, dots, worst):
    """How many users of a block are within the bound: one vector comparison for many users."""
    found = 0
    for at in range(len(dots)):
        found += own + lengths[at] - 2 * dots[at] < worst
    return found


@kernel
def _most_similar(
    query_starts,
    query_items,
    query_values,
    starts,
    values,
    item_starts,
    owners,
    others,
    found,
    near,
):
    """Fill `near` with minus the common items over the other's size to a power. Factors that depend
    on the query alone do not change the order, so they are left out here.
    """
    users, count = len(others), found.shape[1]
    common, marked = np.zeros(users, np.int32), np.zeros(users // BLOCK + 1, np.bool_)
    # One query at a time; `common` and `marked` are zeros before and after.
    for row in range(len(found)):
        first, size, worst = query_starts[row], 0, 0.0
        own = query_starts[row + 1] - first
        # Common items through the lists of users of the query's items; blocks with one are marked.
        for at in range(first, first + own):
            item = query_items[at]
            for cell in range(item_starts[item], item_starts[item + 1]):
                owner = np.uint32(owners[cell])
                common[owner] += 1
                marked[owner // np.uint32(BLOCK)] = True
        # Only blocks with a common item are examined.
        for begin in range(0, users, BLOCK):
            if not marked[begin // BLOCK]:
                continue
            end = min(begin + BLOCK, users)
            if _count_more_similar(common[begin:end], others[begin:end], worst):
                # `worst` is 0 until the heap is full, so users without a common item are never
                # inserted. A user with an equal vector is skipped.
                for user in range(begin, end):
                    distance = -common[user] * others[user]
                    same_items = common[user] == own == starts[user + 1] - starts[user]
                    if distance < worst and not (
                        same_items and _same(query_values, first, values, starts[user], own)
                    ):
                        size = _insert(found[row], near[row], size, np.int32(user), distance)
                        if size == count:
                            worst = near[row, 0]
            common[begin:end] = 0
            marked[begin // BLOCK] = False


@kernel
def _count_more_similar(common, others, worst):
    found = 0
    for at in range(len(common)):
        found += -common[at] * others[at] < worst
    return found


@kernel
def _same(values, begin, others, other_begin, count):
    different = 0
    for at in range(count):
        different += values[begin + at] != others[other_begin + at]
    return different == 0
