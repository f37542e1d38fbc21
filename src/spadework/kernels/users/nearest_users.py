"""Nearest people: which users have vectors like the present one. Exact, by postings: no matrix of
all pairs is made.

Vectors are sparse and not below zero. Users stand in order of length, the shortest first: two users
without a common item have a dot product of zero, so of those the nearest are the first ones, and a
bound that is tight early lets whole blocks of users be passed over. Of equally near users the
shorter comes first, then the one given first. A user whose vector equals the present one is taken
as the present user, who is no neighbour of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking.sparse_rows import SparseRows

SAME = 1e-12
"""Squared distance, in shares of the squared length, below which two vectors are one."""
BLOCK = 64
"""Users that are compared with the bound at once, and passed over where no item reaches one of
them.
"""


class UserIndex(NamedTuple):
    """Sparse vectors of users [users, items] by user and by item, the shortest vector first."""

    starts: Offsets  # [users + 1]
    items: Codes  # [cells] ascending in a row
    values: Array  # [cells] float64
    item_starts: Offsets  # [items + 1]
    owners: Codes  # [cells] users of each item, ascending
    owner_values: Array  # [cells] float64
    lengths: Array  # [users] float64, squared, ascending
    given: Codes  # [users] row in which the user was given

    @classmethod
    def of(cls, rows: SparseRows, items: int) -> UserIndex:
        """Index rows [users, items], columns ascending. O(cells)."""
        table = csr_array(
            (np.asarray(rows.values, np.float64), rows.columns, rows.starts),
            shape=(len(rows.starts) - 1, items),
        )
        lengths = np.bincount(
            np.repeat(np.arange(table.shape[0]), np.diff(rows.starts)),
            weights=table.data**2,
            minlength=table.shape[0],
        )
        order = np.argsort(lengths, kind="stable")
        table = table[order]
        turned = table.tocsc()
        return cls(
            table.indptr.astype(np.int64),
            table.indices.astype(np.int32),
            table.data,
            turned.indptr.astype(np.int64),
            turned.indices.astype(np.int32),
            turned.data,
            lengths[order],
            order.astype(np.int32),
        )


class Near(NamedTuple):
    """Users of an index near each asked vector, in no order of their own."""

    users: Codes  # [rows, count] −1 behind the last
    values: Array  # [rows, count] float64, squared distance or likeness

    @classmethod
    def nobody(cls, rows: int, count: int) -> Near:
        """Nobody is near."""
        return cls(np.full((rows, count), -1, np.int32), np.zeros((rows, count)))


def nearest(index: UserIndex, asked: SparseRows, count: int) -> Near:
    """The `count` users at the least Euclidean distance from each asked vector, with squared
    distances; nobody is near an empty one.

    `asked.values` are float64. O(Σ over the items of a row of their users + users / 64).
    """
    near = Near.nobody(len(asked.starts) - 1, min(count, len(index.lengths)))
    if near.users.size:
        _nearest(*asked, index.item_starts, index.owners, index.owner_values, index.lengths, *near)
    return near


def alike(index: UserIndex, asked: SparseRows, alpha: float, power: float, count: int) -> Near:
    """The `count` most alike users who share an item with each asked vector, with likeness.

    Likeness is (|A ∩ B| / (|A|^alpha · |B|^(1 − alpha)))^power with A, B the items of the vectors.
    O(Σ over the items of a row of their users + users / 64).
    """
    near = Near.nobody(len(asked.starts) - 1, min(count, len(index.lengths)))
    if near.users.size:
        others = np.maximum(np.diff(index.starts), 1) ** (alpha - 1)
        _alike(*asked, index.starts, index.values, index.item_starts, index.owners, others, *near)
    own = np.maximum(np.diff(asked.starts), 1) ** -alpha
    return Near(near.users, np.where(near.users >= 0, (-near.values * own[:, None]) ** power, 0.0))


@kernel
def _before(near, user, other_near, other):
    return near < other_near or (near == other_near and user < other)


@kernel
def _insert(users, distances, size, user, distance):
    """Put one user into a heap [count] with the farthest in front; the new size.

    `ranking.place` keeps such lists, too; with it the search takes 1.7 times as long (docs/log.md).
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
    asked_starts, asked_items, asked_values, item_starts, owners, owner_values, lengths, found, near
):
    users, count = len(lengths), found.shape[1]
    dots, marked = np.zeros(users), np.zeros(users // BLOCK + 1, np.bool_)
    for row in range(len(found)):
        own, size, worst = 0.0, 0, np.inf
        for at in range(asked_starts[row], asked_starts[row + 1]):
            item, value = asked_items[at], asked_values[at]
            own += value * value
            for cell in range(item_starts[item], item_starts[item + 1]):
                owner = np.uint32(owners[cell])
                dots[owner] += value * owner_values[cell]
                marked[owner // np.uint32(BLOCK)] = True
        if own == 0:
            continue
        for begin in range(0, users, BLOCK):
            end, reached = min(begin + BLOCK, users), marked[begin // BLOCK]
            # nothing in common: the shorter, the nearer
            if not reached and own + lengths[begin] >= worst:
                continue
            if size < count or _nearer(own, lengths[begin:end], dots[begin:end], worst):
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
def _nearer(own, lengths, dots, worst):
    """How many users of a block are within the bound: one comparison of vectors for many."""
    found = 0
    for at in range(len(dots)):
        found += own + lengths[at] - 2 * dots[at] < worst
    return found


@kernel
def _alike(
    asked_starts,
    asked_items,
    asked_values,
    starts,
    values,
    item_starts,
    owners,
    others,
    found,
    near,
):
    """Common items over the other's size to a power, below zero: what depends on the asked vector
    alone does not change the order.
    """
    users, count = len(others), found.shape[1]
    common, marked = np.zeros(users, np.int32), np.zeros(users // BLOCK + 1, np.bool_)
    for row in range(len(found)):
        first, size, worst = asked_starts[row], 0, 0.0
        own = asked_starts[row + 1] - first
        for at in range(first, first + own):
            item = asked_items[at]
            for cell in range(item_starts[item], item_starts[item + 1]):
                owner = np.uint32(owners[cell])
                common[owner] += 1
                marked[owner // np.uint32(BLOCK)] = True
        for begin in range(0, users, BLOCK):
            if not marked[begin // BLOCK]:
                continue
            end = min(begin + BLOCK, users)
            if _liker(common[begin:end], others[begin:end], worst):
                for user in range(begin, end):
                    distance = -common[user] * others[user]
                    whole = common[user] == own == starts[user + 1] - starts[user]
                    if distance < worst and not (
                        whole and _same(asked_values, first, values, starts[user], own)
                    ):
                        size = _insert(found[row], near[row], size, np.int32(user), distance)
                        if size == count:
                            worst = near[row, 0]
            common[begin:end] = 0
            marked[begin // BLOCK] = False


@kernel
def _liker(common, others, worst):
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
