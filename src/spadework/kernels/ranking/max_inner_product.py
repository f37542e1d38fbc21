"""From user vectors and item vectors straight to the best items: a fast product guesses, exact sums
decide.

A list is the same to the bit whatever other users are in the batch and whatever library multiplies.
The fast product of matrices, whose last bits depend on both, only shows which items can be among
the best. Where its error could hide one, all items of that user are summed exactly.

For many users, items are multiplied in the order of their length, the longest first. No score is
above the product of both lengths, so a user is done when that falls below the worst of the list:
on Gowalla, vectors of least squares are multiplied by four items in ten.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.dot_products import inner_product, no_base, nothing_added, score_of
from spadework.kernels.ranking.top_k import RUN, position_of
from spadework.ragged import SparseRows, row_of_cells

USERS, ITEMS = 256, 1024
"""Users and items of one product: it then stays in the cache until it is ranked."""
SPARE = 16
"""Guessed items beyond the requested `k`, in addition to a quarter of `k`."""
ROUNDING = 2.0**-24
SLACK = 1e-9
"""Share by which the lengths, computed in 64 bits, may be too short."""
NOTHING = np.float32(-np.inf)


def recommend(
    vectors: Array,
    items: Array,
    k: int,
    *,
    added: SparseRows | None = None,
    base: Array | None = None,
    seen: tuple[Offsets, Codes] | None = None,
    only: bool = False,
) -> tuple[Codes, Array]:
    """The `k` best items of each user, as `ranking.top_k` makes them of `score`: rows of `items`
    [users, k] and scores [users, k].

    `vectors` [users, width] and `items` [items, width] are float32, `base` [users, items] too.
    `seen` are starts [users + 1] and ascending rows of items that must not come back, or with
    `only` alone may. O(users · items · width), of which nearly all are products of matrices.
    """
    users = len(vectors)
    added = nothing_added(users) if added is None else added
    starts, columns = (
        (np.zeros(users + 1, np.int64), np.zeros(0, np.int32)) if seen is None else seen
    )
    if only:
        codes, best = top_k.nothing(users, k)
        bad = _recommend_seen(vectors, items, *added, no_base(base), starts, columns, codes, best)
    else:
        lengths = np.sqrt(np.einsum("ij,ij->i", items, items, dtype=np.float64))
        guessed = _guess(vectors, items, lengths, k, added, base, (starts, columns))
        codes, best = top_k.nothing(users, k)
        bad = _decide(
            *guessed,
            float(lengths.max(initial=0.0)),
            vectors,
            items,
            *added,
            no_base(base),
            starts,
            columns,
            codes,
            best,
        )
    if bad >= 0:
        raise top_k.not_a_number(bad)
    return codes, best


class _Longest(NamedTuple):
    """Items, the longest first where sorting pays."""

    order: Codes  # [items] row of each in the given items
    items: Array  # [items, width]
    ahead: Array  # [items] float64, the largest length from this index on

    @classmethod
    def of(cls, items: Array, lengths: Array, users: int) -> _Longest:
        """In order of length for many users; in the given order for few, since sorting takes as
        long as multiplying with a hundred users.
        """
        if users < USERS:
            order = np.arange(len(items), dtype=np.int32)
        else:
            order = np.argsort(-lengths, kind="stable").astype(np.int32)
            items = items[order]
        return cls(order, items, np.maximum.accumulate(lengths[order][::-1])[::-1])

    def moved(
        self, starts: Offsets, columns: Codes, values: Array | None = None
    ) -> tuple[Codes, Array]:
        """Entries of users by position in this order, ascending in each row."""
        ranks = np.empty(len(self.order), np.int64)
        ranks[self.order] = np.arange(len(self.order))
        keys = row_of_cells(starts) * len(self.order) + ranks[columns]
        sort = np.argsort(keys, kind="stable")
        return (keys[sort] % max(1, len(self.order))).astype(np.int32), np.zeros(
            0, np.float32
        ) if values is None else values[sort]


def _guess(
    vectors: Array,
    items: Array,
    lengths: Array,
    k: int,
    added: SparseRows,
    base: Array | None,
    seen: tuple[Offsets, Codes],
) -> tuple[Codes, Array, Array]:
    """The best by the fast product, some more than requested: columns and scores [users, more], and
    how many of these are filled [users].
    """
    more = min(k + k // 4 + SPARE, max(1, len(items)))
    codes, best = top_k.nothing(len(vectors), more)
    sizes = np.zeros(len(vectors), np.int64)
    at_added, at_seen = added.starts[:-1].copy(), seen[0][:-1].copy()
    sorted_items = _Longest.of(items, lengths, len(vectors) if base is None else 0)
    added_at, added_values = sorted_items.moved(*added)
    seen_at, _ = sorted_items.moved(*seen)
    reach = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)) * (1 + SLACK)
    lift = np.zeros(len(vectors))
    np.maximum.at(lift, added.owners, added.values)
    room = np.empty(USERS * ITEMS, np.float32)
    with parallel.lone_blas():
        for low in range(0, len(vectors), USERS):
            rows = np.arange(low, min(low + USERS, len(vectors)))
            for first in range(0, len(items), ITEMS):
                last = min(first + ITEMS, len(items))
                if base is None:
                    # Upper bound on the scores of all items that follow.
                    bound = reach[rows] * sorted_items.ahead[first] + lift[rows]
                    rows = rows[(sizes[rows] < more) | ~(bound < best[rows].min(axis=1))]
                if not len(rows):
                    break
                shape = len(rows), last - first
                product = room[: shape[0] * shape[1]].reshape(shape)
                np.dot(vectors[rows], sorted_items.items[first:last].T, out=product)
                if base is not None:
                    product += base[low : low + len(rows), first:last]
                _absorb(
                    product,
                    first,
                    rows,
                    sorted_items.order,
                    added.starts,
                    at_added,
                    added_at,
                    added_values,
                    seen[0],
                    at_seen,
                    seen_at,
                    sizes,
                    codes,
                    best,
                )
    return codes, best, sizes


@kernel
def _absorb(
    product,
    first,
    rows,
    order,
    added_starts,
    at_added,
    added,
    values,
    seen_starts,
    at_seen,
    seen,
    sizes,
    codes,
    best,
):
    """Merge a product [some users, some items from `first` on] into the lists. `at_…` are positions
    in `added` and `seen`, which advance with the items.
    """
    width, last = np.uint64(product.shape[1]), first + product.shape[1]
    more, front = codes.shape[1], top_k.last_slot(codes.shape[1])
    # For each user: add the user's own values, mask seen items, then merge the scores.
    for index in range(len(rows)):
        row, scores = rows[index], product[index]
        while at_added[row] < added_starts[row + 1] and added[at_added[row]] < last:
            scores[added[at_added[row]] - first] += values[at_added[row]]
            at_added[row] += 1
        while at_seen[row] < seen_starts[row + 1] and seen[at_seen[row]] < last:
            scores[seen[at_seen[row]] - first] = NOTHING
            at_seen[row] += 1
        size = sizes[row]
        worst = best[row, front] if size == more else NOTHING
        begin = np.uint64(0)
        # A run of columns is examined only if one of its scores reaches the list: counting these is
        # one vector comparison for many columns.
        while begin < width:
            end = min(begin + RUN, width)
            if size < more or top_k.reaching(scores, begin, end, worst):
                # An equal score is skipped even if its code is lower: the list is only a guess, and
                # `_sure` demands a margin.
                for column in range(begin, end):
                    if scores[column] <= worst:
                        continue
                    size = top_k.insert(
                        codes[row], best[row], size, order[first + np.int64(column)], scores[column]
                    )
                    if size == more:
                        worst = best[row, front]
            begin = end
        sizes[row] = size


@kernel
def _sure(guessed, size, k, longest, vector, added, base):
    """Whether the guessed scores, descending, leave no doubt that the `k` best are among them."""
    if size < len(guessed):
        return True  # there are no other items
    if size <= k:
        return False  # no guessed item separates the list from the items left out
    largest = 0.0
    for value in added:
        largest = max(largest, abs(np.float64(value)))
    most = 0.0
    for value in base:
        most = max(most, abs(np.float64(value)))
    scale = np.sqrt(inner_product(vector, vector)) * longest + largest + most
    error = (len(vector) + 4) * ROUNDING * scale * 1.01
    return np.float64(guessed[size - 1]) + error < np.float64(guessed[k - 1]) - error


@kernel
def _decide(
    guesses,
    guessed,
    sizes,
    longest,
    vectors,
    items,
    starts,
    columns,
    values,
    base,
    seen_starts,
    seen,
    codes,
    best,
):
    """Fill the lists by exact scores; returns the first row with a score that is NaN, else −1."""
    k = codes.shape[1]
    no_base_row = np.empty(0, np.float32)
    # Exact scores of the guessed items where these surely hold the best, else of all items.
    for row in range(len(codes)):
        top_k.settle(guesses[row], guessed[row], sizes[row])
        own = base[row] if len(base) else no_base_row
        sure = _sure(
            guessed[row],
            sizes[row],
            k,
            longest,
            vectors[row],
            values[starts[row] : starts[row + 1]],
            own,
        )
        size = 0
        # The guess has no seen items; in the scan of all items they are skipped here.
        for at in range(sizes[row] if sure else len(items)):
            column = guesses[row, at] if sure else np.int32(at)
            if not sure and position_of(seen, seen_starts[row], seen_starts[row + 1], column) >= 0:
                continue
            score = score_of(row, column, vectors, items, starts, columns, values, base)
            if score != score:
                return row
            if score != NOTHING:
                size = top_k.insert(codes[row], best[row], size, column, score)
        top_k.settle(codes[row], best[row], size)
    return -1


@kernel
def _recommend_seen(vectors, items, starts, columns, values, base, seen_starts, seen, codes, best):
    # Only seen items may come back, so each of them is scored exactly.
    for row in range(len(codes)):
        size = 0
        # A row with NaN is returned, which the caller refuses.
        for at in range(seen_starts[row], seen_starts[row + 1]):
            score = score_of(row, seen[at], vectors, items, starts, columns, values, base)
            if score != score:
                return row
            if score != NOTHING:
                size = top_k.insert(codes[row], best[row], size, seen[at], score)
        top_k.settle(codes[row], best[row], size)
    return -1
