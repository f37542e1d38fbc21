"""Nearest people: which users have vectors like the present one, and what stands in them. Exact, by postings: no matrix of all pairs is made.

Vectors are sparse and not below zero. Two users without a common item have a dot product of zero, so of those the nearest are the ones with the
shortest vectors, and a walk along the users in order of length finds them. Of equally near users the lower number comes first. A user
whose vector equals the present one is taken as the present user, who is no neighbour of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import ranking
from spadework.kernels.scoring import Rows

SAME = 1e-12
"""Squared distance, in shares of the squared length, below which two vectors are one."""


class People(NamedTuple):
    """Sparse vectors of users [users, items] by user and by item."""

    starts: Offsets  # [users + 1]
    items: Codes  # [cells] ascending in a row
    values: Array  # [cells] float64
    item_starts: Offsets  # [items + 1]
    owners: Codes  # [cells] users of each item, ascending
    owner_values: Array  # [cells] float64
    lengths: Array  # [users] float64, squared
    shortest: Codes  # [users] in order of length

    @classmethod
    def of(cls, rows: Rows, items: int) -> People:
        """Index rows [users, items], columns ascending. O(cells)."""
        table = csr_array((np.asarray(rows.values, np.float64), rows.columns, rows.starts), shape=(len(rows.starts) - 1, items))
        turned = table.tocsc()
        lengths = np.bincount(np.repeat(np.arange(table.shape[0]), np.diff(rows.starts)), weights=table.data**2, minlength=table.shape[0])
        return cls(
            np.asarray(rows.starts, np.int64), np.asarray(rows.columns, np.int32), table.data,
            turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data,
            lengths, np.argsort(lengths, kind="stable").astype(np.int32),
        )  # fmt: skip


def nearest(people: People, asked: Rows, count: int) -> tuple[Codes, Array]:
    """The `count` users of the least Euclidean distance to each asked vector: users [rows, count], −1 where there are no more; squared distances.

    O(Σ over the items of a row of their users + users of zero dot product that are nearer). `asked.values` are float64.
    """
    found, near = ranking.nothing(len(asked.starts) - 1, count)[0], np.full((len(asked.starts) - 1, count), np.inf)
    _nearest(*asked, *people, found, near)
    return found, near


def mean_of(people: People, neighbours: Codes, items: int) -> Rows:
    """Mean vectors of neighbours [rows, count], padded with −1: rows of distinct items, ascending, float64. O(Σ cells of the neighbours)."""
    rows = len(neighbours)
    room = np.diff(people.starts)
    longest = np.minimum(np.where(neighbours >= 0, room[neighbours], 0).sum(axis=1), items)
    starts = np.zeros(rows + 1, np.int64)
    columns, values = np.empty(int(longest.sum()), np.int32), np.empty(int(longest.sum()))
    _mean_of(neighbours, people.starts, people.items, people.values, items, starts, columns, values)
    size = int(starts[-1])
    return Rows(starts, columns[:size], values[:size])


def alike(people: People, asked: Rows, sizes: Array, alpha: float, power: float, count: int) -> Rows:
    """Users who share items with each asked set, and (|A ∩ B| / (|A|^alpha · |B|^(1 − alpha)))^power: rows of users, ascending, float64.

    `people` and `asked` hold sets: their values are not looked at. `sizes` [users] are those of the sets. The `count` most alike stay; sets
    that equal the asked one are left out. O(Σ over the items of a row of their users).
    """
    rows = len(asked.starts) - 1
    found, near = np.full((rows, count), -1, np.int32), np.zeros((rows, count))
    _alike(asked.starts, asked.columns, people.item_starts, people.owners, sizes, alpha, power, found, near)
    kept = found >= 0
    starts = np.concatenate(([0], np.cumsum(kept.sum(axis=1)))).astype(np.int64)
    order = np.argsort(np.where(kept, found, np.iinfo(np.int32).max), axis=1, kind="stable")
    users, values = np.take_along_axis(found, order, axis=1), np.take_along_axis(near, order, axis=1)
    return Rows(starts, users[users >= 0], values[users >= 0])


@njit(cache=True, nogil=True)
def _before(near, user, other_near, other):  # type: ignore[no-untyped-def]
    return near < other_near or (near == other_near and user < other)


@njit(cache=True, nogil=True)
def _insert(users, distances, size, user, distance):  # type: ignore[no-untyped-def]
    """Put one user into a heap [count] with the farthest in front; the new size."""
    if size < len(users):
        at = size
        while at > 0 and _before(distances[(at - 1) // 2], users[(at - 1) // 2], distance, user):
            users[at], distances[at] = users[(at - 1) // 2], distances[(at - 1) // 2]
            at = (at - 1) // 2
        users[at], distances[at] = user, distance
        return size + 1
    if not _before(distance, user, distances[0], users[0]):
        return size
    _sink(users, distances, size, user, distance)
    return size


@njit(cache=True, nogil=True)
def _sink(users, distances, size, user, distance):  # type: ignore[no-untyped-def]
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and _before(distances[below], users[below], distances[below + 1], users[below + 1]):
            below += 1
        if not _before(distance, user, distances[below], users[below]):
            break
        users[at], distances[at] = users[below], distances[below]
        at = below
    users[at], distances[at] = user, distance


@njit(cache=True, nogil=True)
def _settle(users, distances, size):  # type: ignore[no-untyped-def]
    for last in range(size - 1, 0, -1):
        user, distance = users[last], distances[last]
        users[last], distances[last] = users[0], distances[0]
        _sink(users, distances, last, user, distance)


@njit(cache=True, nogil=True)
def _nearest(  # type: ignore[no-untyped-def]
    asked_starts, asked_items, asked_values, starts, items, values, item_starts, owners, owner_values, lengths, shortest, found, near
):
    dots, touched = np.zeros(len(lengths)), np.empty(len(lengths), np.int32)
    met = np.zeros(len(lengths), np.bool_)
    for row in range(len(found)):
        count, own = 0, 0.0
        for at in range(asked_starts[row], asked_starts[row + 1]):
            item, value = asked_items[at], asked_values[at]
            own += value * value
            for cell in range(item_starts[item], item_starts[item + 1]):
                user = owners[cell]
                if not met[user]:
                    met[user] = True
                    touched[count] = user
                    count += 1
                dots[user] += value * owner_values[cell]
        size = 0
        for at in range(count):
            user = touched[at]
            distance = max(own + lengths[user] - 2 * dots[user], 0.0)
            if distance > SAME * own:
                size = _insert(found[row], near[row], size, user, distance)
        for user in shortest:  # nothing in common: the shorter, the nearer
            distance = own + lengths[user]
            if size == found.shape[1] and distance > near[row, 0]:
                break
            if not met[user]:
                size = _insert(found[row], near[row], size, user, distance)
        _settle(found[row], near[row], size)
        for at in range(count):
            dots[touched[at]] = 0.0
            met[touched[at]] = False


@njit(cache=True, nogil=True)
def _mean_of(neighbours, starts, items, values, width, out_starts, columns, out):  # type: ignore[no-untyped-def]
    sums, met, touched = np.zeros(width), np.zeros(width, np.bool_), np.empty(width, np.int32)
    for row in range(len(neighbours)):
        count = size = 0
        for user in neighbours[row]:
            if user < 0:
                break
            size += 1
            for at in range(starts[user], starts[user + 1]):
                item = items[at]
                if not met[item]:
                    met[item] = True
                    touched[count] = item
                    count += 1
                sums[item] += values[at]
        listed = np.sort(touched[:count])
        begin = out_starts[row]
        for place in range(count):
            item = listed[place]
            columns[begin + place], out[begin + place] = item, sums[item] / size
            sums[item], met[item] = 0.0, False
        out_starts[row + 1] = begin + count


@njit(cache=True, nogil=True)
def _alike(asked_starts, asked_items, item_starts, owners, sizes, alpha, power, found, near):  # type: ignore[no-untyped-def]
    common, touched = np.zeros(len(sizes), np.int32), np.empty(len(sizes), np.int32)
    for row in range(len(found)):
        count, own = 0, asked_starts[row + 1] - asked_starts[row]
        for at in range(asked_starts[row], asked_starts[row + 1]):
            item = asked_items[at]
            for cell in range(item_starts[item], item_starts[item + 1]):
                user = owners[cell]
                if common[user] == 0:
                    touched[count] = user
                    count += 1
                common[user] += 1
        size = 0
        for at in range(count):
            user = touched[at]
            if common[user] < own or common[user] < sizes[user]:
                likeness = (common[user] / (own**alpha * sizes[user] ** (1 - alpha))) ** power
                size = _insert(found[row], near[row], size, user, -likeness)
            common[user] = 0
        for at in range(size):
            near[row, at] = -near[row, at]
