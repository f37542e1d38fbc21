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


def nearest(people: People, asked: Rows, count: int) -> Rows:
    """The `count` users at the least Euclidean distance from each asked vector: rows of users, ascending, with squared distances.

    `asked.values` are float64. O(Σ over the items of a row of their users + users without a common item that are nearer).
    """
    found, near = np.full((len(asked.starts) - 1, count), -1, np.int32), np.zeros((len(asked.starts) - 1, count))
    _nearest(*asked, *people, found, near)
    return _by_user(found, near)


def alike(people: People, asked: Rows, alpha: float, power: float, count: int) -> Rows:
    """The `count` most alike users who share an item with each asked vector: rows of users, ascending, with likeness, float64.

    Likeness is (|A ∩ B| / (|A|^alpha · |B|^(1 − alpha)))^power with A, B the items of the vectors. O(Σ over the items of a row of their users).
    """
    found, near = np.full((len(asked.starts) - 1, count), -1, np.int32), np.zeros((len(asked.starts) - 1, count))
    _alike(*asked, people.starts, people.values, people.item_starts, people.owners, np.diff(people.starts), alpha, power, found, near)
    return _by_user(found, -near)


def sums(people: People, voters: Rows, own: Rows, items: int) -> Rows:
    """own + Σ over the voters of a row of weight · vector: rows of distinct items, ascending, float64. O(cells of own and of the voters)."""
    cells = np.diff(people.starts)[voters.columns]
    reached = np.concatenate(([0], np.cumsum(cells)))[voters.starts]
    longest = np.minimum(np.diff(reached) + np.diff(own.starts), items)
    starts = np.zeros(len(longest) + 1, np.int64)
    columns, values = np.empty(int(longest.sum()), np.int32), np.empty(int(longest.sum()))
    _sums(*voters, *own, people.starts, people.items, people.values, items, starts, columns, values)
    size = int(starts[-1])
    return Rows(starts, columns[:size], values[:size])


def _by_user(found: Codes, near: Array) -> Rows:
    """Lists of users, padded with −1, as rows in which users ascend."""
    order = np.argsort(np.where(found >= 0, found, np.iinfo(np.int32).max), axis=1, kind="stable")
    users, values = np.take_along_axis(found, order, axis=1), np.take_along_axis(near, order, axis=1)
    starts = np.concatenate(([0], np.cumsum((found >= 0).sum(axis=1)))).astype(np.int64)
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
            if not met[user] and distance > SAME * own:
                size = _insert(found[row], near[row], size, user, distance)
        for at in range(count):
            dots[touched[at]] = 0.0
            met[touched[at]] = False


@njit(cache=True, nogil=True)
def _sums(  # type: ignore[no-untyped-def]
    voter_starts, voters, weights, own_starts, own_items, own_values, starts, items, values, width, out_starts, columns, out
):
    total, met, touched = np.zeros(width), np.zeros(width, np.bool_), np.empty(width, np.int32)
    for row in range(len(out_starts) - 1):
        count = 0
        for at in range(own_starts[row], own_starts[row + 1]):
            total[own_items[at]], met[own_items[at]] = own_values[at], True
            touched[count] = own_items[at]
            count += 1
        for place in range(voter_starts[row], voter_starts[row + 1]):
            weight = weights[place]
            for at in range(starts[voters[place]], starts[voters[place] + 1]):
                item = items[at]
                if not met[item]:
                    met[item] = True
                    touched[count] = item
                    count += 1
                total[item] += weight * values[at]
        listed, begin = np.sort(touched[:count]), out_starts[row]
        kept = 0
        for item in listed:
            if total[item] != 0:  # zero is no evidence
                columns[begin + kept], out[begin + kept] = item, total[item]
                kept += 1
            total[item], met[item] = 0.0, False
        out_starts[row + 1] = begin + kept


@njit(cache=True, nogil=True)
def _same(values, begin, others, other_begin, count):  # type: ignore[no-untyped-def]
    different = 0
    for at in range(count):
        different += values[begin + at] != others[other_begin + at]
    return different == 0


@njit(cache=True, nogil=True)
def _alike(asked_starts, asked_items, asked_values, starts, values, item_starts, owners, sizes, alpha, power, found, near):  # type: ignore[no-untyped-def]
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
            if not (common[user] == own == sizes[user] and _same(asked_values, asked_starts[row], values, starts[user], own)):
                likeness = (common[user] / (own**alpha * sizes[user] ** (1 - alpha))) ** power
                size = _insert(found[row], near[row], size, user, -likeness)
            common[user] = 0
