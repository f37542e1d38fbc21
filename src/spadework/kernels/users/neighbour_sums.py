"""What each row has of its own, and what others add to it: own + Σ over voters of weight · vector
of the voter, in float64.

The best columns are taken from one row of sums at a time, so that a faint vote decides where all
else ties; zero is no evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.sparse_rows import SparseRows
from spadework.kernels.ranking.sparse_scores import ALLOW, NOTHING, ONLY, Choice

BLOCK = 64
"""Columns that are compared with the bound at once, and passed over where no vote reaches one of
them.
"""


class Contributions(NamedTuple):
    """Rows of own cells, and who adds to them."""

    own: SparseRows  # rows of distinct columns, ascending, float64
    neighbours: Codes  # [rows, count] rows of the table, −1 behind the last
    weights: Array  # [rows, count] float64
    table: SparseRows  # vectors of voters, columns distinct in a row, float64


def best(contributions: Contributions, width: int, choice: Choice, k: int) -> tuple[Codes, Array]:
    """The `k` best columns of each row, `choice` seeing the own ones: codes [rows, k], scores
    [rows, k] float32. O(cells of own and voters).
    """
    codes, scores = top_k.nothing(len(contributions.neighbours), k)
    sums = scores.astype(np.float64)
    _best(
        *contributions.own,
        contributions.neighbours,
        contributions.weights,
        *contributions.table,
        width,
        choice.policy,
        choice.allowed,
        codes,
        sums,
    )
    return codes, sums.astype(np.float32)


def everything(contributions: Contributions, width: int) -> Array:
    """All sums [rows, width] float32; −∞ where there is none. O(rows · width + cells of own and
    voters).
    """
    out = np.empty((len(contributions.neighbours), width), np.float32)
    _everything(
        *contributions.own,
        contributions.neighbours,
        contributions.weights,
        *contributions.table,
        out,
    )
    return out


def at_cells(contributions: Contributions, width: int, asked: SparseRows) -> Array:
    """Sums at some columns of each row: float32 [cells], −∞ where there is none. O(cells asked, of
    own and of voters).
    """
    out = np.empty(len(asked.columns), np.float32)
    _at_cells(
        *contributions.own,
        contributions.neighbours,
        contributions.weights,
        *contributions.table,
        width,
        asked.starts,
        asked.columns,
        out,
    )
    return out


@kernel
def _add(
    row,
    own_starts,
    own_columns,
    own_values,
    neighbours,
    weights,
    starts,
    columns,
    values,
    sums,
    marked,
):
    """One row of sums, onto zeros; blocks with a vote are marked."""
    for at in range(own_starts[row], own_starts[row + 1]):
        column = np.uint32(own_columns[at])
        sums[column] += own_values[at]
        marked[column // np.uint32(BLOCK)] = True
    for place in range(neighbours.shape[1]):
        voter, weight = neighbours[row, place], weights[row, place]
        if voter < 0:
            break
        for at in range(starts[voter], starts[voter + 1]):
            column = np.uint32(columns[at])
            sums[column] += weight * values[at]
            marked[column // np.uint32(BLOCK)] = True


@kernel
def _clear(sums, marked):
    for block in range(len(marked)):
        if marked[block]:
            sums[block * BLOCK : (block + 1) * BLOCK] = 0.0
            marked[block] = False


@kernel
def _best(
    own_starts,
    own_columns,
    own_values,
    neighbours,
    weights,
    starts,
    columns,
    values,
    width,
    policy,
    allowed,
    codes,
    best,
):
    sums, marked, k = np.zeros(width), np.zeros(width // BLOCK + 1, np.bool_), codes.shape[1]
    last = top_k.last_slot(k)
    for row in range(len(codes)):
        _add(
            row,
            own_starts,
            own_columns,
            own_values,
            neighbours,
            weights,
            starts,
            columns,
            values,
            sums,
            marked,
        )
        size, bound = 0, 0.0
        if policy == ONLY:
            for column in own_columns[own_starts[row] : own_starts[row + 1]]:
                if sums[column] > 0 and (len(allowed) == 0 or allowed[column]):
                    size = top_k.place(codes[row], best[row], size, column, sums[column])
        else:
            if policy != ALLOW:
                for column in own_columns[own_starts[row] : own_starts[row + 1]]:
                    sums[column] = 0.0
            for block in range(len(marked)):
                begin, end = block * BLOCK, min((block + 1) * BLOCK, width)
                if marked[block] and _above(sums[begin:end], bound):
                    for column in range(begin, end):
                        if sums[column] > bound and (len(allowed) == 0 or allowed[column]):
                            size = top_k.place(
                                codes[row], best[row], size, np.int32(column), sums[column]
                            )
                            if size == k:
                                bound = best[row, last]
        top_k.settle(codes[row], best[row], size)
        _clear(sums, marked)


@kernel
def _above(sums, bound):
    """How many sums of a block are above the bound: one comparison of vectors for many."""
    found = 0
    for at in range(len(sums)):
        found += sums[at] > bound
    return found


@kernel
def _everything(
    own_starts, own_columns, own_values, neighbours, weights, starts, columns, values, out
):
    width = out.shape[1]
    sums, marked = np.zeros(width), np.zeros(width // BLOCK + 1, np.bool_)
    for row in range(len(out)):
        _add(
            row,
            own_starts,
            own_columns,
            own_values,
            neighbours,
            weights,
            starts,
            columns,
            values,
            sums,
            marked,
        )
        for column in range(width):
            out[row, column] = np.float32(sums[column]) if sums[column] > 0 else NOTHING
        _clear(sums, marked)


@kernel
def _at_cells(
    own_starts,
    own_columns,
    own_values,
    neighbours,
    weights,
    starts,
    columns,
    values,
    width,
    asked_starts,
    asked,
    out,
):
    sums, marked = np.zeros(width), np.zeros(width // BLOCK + 1, np.bool_)
    for row in range(len(asked_starts) - 1):
        _add(
            row,
            own_starts,
            own_columns,
            own_values,
            neighbours,
            weights,
            starts,
            columns,
            values,
            sums,
            marked,
        )
        for at in range(asked_starts[row], asked_starts[row + 1]):
            out[at] = np.float32(sums[asked[at]]) if sums[asked[at]] > 0 else NOTHING
        _clear(sums, marked)
