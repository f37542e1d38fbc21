"""One inverse for several columns: items with many partners first, each with the strongest of its
partners; overlaps are averaged.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.sparse import csc_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.solvers.cholesky import inverse
from spadework.kernels.solvers.local_inverse import factored, tasks_of
from spadework.kernels.solvers.sparse_graph import Graph
from spadework.ragged import Ragged, offsets_of


def shared_columns(
    half: Graph, diagonal: Array, members: Ragged, pairs: Graph, share: float, label: str
) -> tuple[Ragged, Array, int]:
    """Weights −P_ij / P_jj of the columns j of each item's block: by column j the items i that
    contribute to it, and their weights, float64.

    Items are processed in descending order of their number of `pairs`; each that has no column yet
    makes a block of itself and its members, and gives its own column and those of the strongest
    `share` of its members. A weight that several blocks give is their mean. Also returns the number
    of blocks whose diagonals were raised. O(Σ over blocks of members³ / 3 + columns · members²).
    """
    count = len(diagonal)
    order = np.argsort(-np.diff(pairs.starts), kind="stable").astype(np.int32)
    centres, column_starts, columns = _plan(order, members.starts, members.values, *pairs, share)
    sizes = members.lengths[centres]
    starts = offsets_of(sizes * np.diff(column_starts))
    rows, values = np.empty(int(starts[-1]), np.int32), np.empty(int(starts[-1]))
    regularised = np.zeros(len(centres), np.bool_)
    work = partial(
        _solve,
        half,
        diagonal,
        members,
        centres,
        column_starts,
        columns,
        starts,
        rows,
        values,
        regularised,
    )
    parallel.share(work, tasks_of(offsets_of(sizes)), label)
    targets = np.repeat(columns, np.repeat(sizes, np.diff(column_starts)))
    total, counts = (
        csc_array((of, (rows, targets)), shape=(count, count))
        for of in (values, np.ones(len(values)))
    )
    for matrix in (total, counts):
        matrix.sum_duplicates()
        matrix.sort_indices()
    return (
        Ragged(total.indptr.astype(np.int64), total.indices.astype(np.int32)),
        total.data / counts.data,
        int(regularised.sum()),
    )


def _solve(
    half: Graph,
    diagonal: Array,
    members: Ragged,
    centres: Codes,
    column_starts: Offsets,
    columns: Codes,
    starts: Offsets,
    rows: Codes,
    values: Array,
    regularised: Array,
    blocks: tuple[int, int],
) -> None:
    _columns_of_blocks(
        *blocks,
        *half,
        diagonal,
        members.starts,
        members.values,
        centres,
        column_starts,
        columns,
        starts,
        rows,
        values,
        regularised,
    )


@kernel
def _plan(order, member_starts, members, pair_starts, pair_columns, pair_values, share):
    """The items that make a block, and the columns of each: its own first, then those of its
    strongest members.
    """
    count = len(order)
    done = np.zeros(count, np.bool_)
    centres, starts = np.empty(count, np.int32), np.zeros(count + 1, np.int64)
    columns = np.empty(count + int(share * len(members)) + count, np.int32)
    blocks = to = 0
    # Items with many pairs first. An item that has no column yet is the centre of a new block.
    for item in order:
        if done[item]:
            continue
        begin, size = member_starts[item], member_starts[item + 1] - member_starts[item]
        # A member need not be a pair of the graph; its value is 0 then.
        values = np.zeros(size, np.float32)
        at, end = pair_starts[item], pair_starts[item + 1]
        for slot in range(size):
            while at < end and pair_columns[at] < members[begin + slot]:
                at += 1
            if at < end and pair_columns[at] == members[begin + slot]:
                values[slot] = pair_values[at]
        columns[to] = item
        done[item] = True
        to += 1
        for slot in np.argsort(-values, kind="mergesort")[: int(share * size)]:
            columns[to] = members[begin + slot]
            done[members[begin + slot]] = True
            to += 1
        centres[blocks] = item
        blocks += 1
        starts[blocks] = to
    return centres[:blocks].copy(), starts[: blocks + 1].copy(), columns[:to].copy()


@kernel
def _columns_of_blocks(
    first,
    last,
    half_starts,
    half_columns,
    half_values,
    diagonal,
    member_starts,
    members,
    centres,
    column_starts,
    columns,
    starts,
    rows,
    values,
    regularised,
):
    largest = widest = 1
    for block in range(first, last):
        item = centres[block]
        largest = max(largest, member_starts[item + 1] - member_starts[item] + 1)
        widest = max(widest, column_starts[block + 1] - column_starts[block])
    a, x = np.empty((largest, largest)), np.empty((largest, widest))
    chosen, requested = np.empty(largest, np.int32), np.empty(widest, np.int32)
    slots = np.full(len(diagonal), -1, np.int32)
    # A block is gathered and factored once, and all its columns are solved together.
    for block in range(first, last):
        item = centres[block]
        begin, end = member_starts[item], member_starts[item + 1]
        size = end - begin + 1
        chosen[: size - 1] = members[begin:end]
        chosen[size - 1] = item
        regularised[block] = factored(
            a, slots, chosen[:size], half_starts, half_columns, half_values, diagonal
        )
        width = column_starts[block + 1] - column_starts[block]
        for at in range(width):
            column = columns[column_starts[block] + at]
            requested[at] = (
                size - 1 if column == item else np.searchsorted(chosen[: size - 1], column)
            )
        inverse(a, size, requested[:width], x)
        to = starts[block]
        # The weights −P_ij / P_jj of each column j, for all other items of the block.
        for at in range(width):
            own = requested[at]
            for row in range(size):
                if row != own:
                    rows[to] = chosen[row]
                    values[to] = -x[row, at] / x[own, at]
                    to += 1
