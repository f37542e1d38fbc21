"""Sums of each row's own cells and of its neighbours' vectors: own + Σ over neighbours of weight ·
vector of the neighbour, in float64.

The best columns are picked from one row of float64 sums at a time, so that even a tiny contribution
breaks ties; zero is no evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.row_choice import ALLOW, NOTHING, ONLY, Choice
from spadework.ragged import SparseRows

BLOCK = 64
"""Columns that are compared with the bound at once, and skipped where no contribution reaches one
of them.
"""


class Contributions(NamedTuple):
    """Rows of own cells, and the neighbours that add to them."""

    own: SparseRows  # rows of distinct columns, ascending, float64
    neighbours: Codes  # [rows, count] rows of the table, −1 behind the last
    weights: Array  # [rows, count] float64
    table: SparseRows  # vectors of neighbours, columns distinct in a row, float64


def best(contributions: Contributions, width: int, choice: Choice, k: int) -> tuple[Codes, Array]:
    """The `k` best columns of each row: codes [rows, k], scores [rows, k] float32. `choice` treats
    the row's own columns as seen. O(cells of own and of neighbours).
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
    """All sums [rows, width] float32; −∞ where there is none. O(rows · width + cells of own
    and of neighbours).
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


def at_cells(contributions: Contributions, width: int, cells: SparseRows) -> Array:
    """Sums at some columns of each row: float32 [cells], −∞ where there is none. O(`cells`,
    cells of own and of neighbours).
    """
    out = np.empty(len(cells.columns), np.float32)
    _at_cells(
        *contributions.own,
        contributions.neighbours,
        contributions.weights,
        *contributions.table,
        width,
        cells.starts,
        cells.columns,
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
    """Add one row of sums to zeros; blocks that get a contribution are marked."""
    for at in range(own_starts[row], own_starts[row + 1]):
        column = np.uint32(own_columns[at])
        sums[column] += own_values[at]
        marked[column // np.uint32(BLOCK)] = True
    # Neighbours in their order, so the sums have fixed bits; −1 is behind the last one.
    for slot in range(neighbours.shape[1]):
        neighbour, weight = neighbours[row, slot], weights[row, slot]
        if neighbour < 0:
            break
        for at in range(starts[neighbour], starts[neighbour + 1]):
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
    # One row of float64 sums serves all rows; `_clear` resets it.
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
                    size = top_k.insert(codes[row], best[row], size, column, sums[column])
        else:
            if policy != ALLOW:
                for column in own_columns[own_starts[row] : own_starts[row + 1]]:
                    sums[column] = 0.0
            # Only blocks with a contribution, and of these only those with a sum above the bound.
            for block in range(len(marked)):
                begin, end = block * BLOCK, min((block + 1) * BLOCK, width)
                if marked[block] and _above(sums[begin:end], bound):
                    # Columns ascend, so of equal sums the lower column stays.
                    for column in range(begin, end):
                        if sums[column] > bound and (len(allowed) == 0 or allowed[column]):
                            size = top_k.insert(
                                codes[row], best[row], size, np.int32(column), sums[column]
                            )
                            if size == k:
                                bound = best[row, last]
        top_k.settle(codes[row], best[row], size)
        _clear(sums, marked)


@kernel
def _above(sums, bound):
    """How many sums of a block are above the bound: one vector comparison for many sums."""
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
    # One row of float64 sums serves all rows; `_clear` resets it.
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
    cell_starts,
    cell_columns,
    out,
):
    sums, marked = np.zeros(width), np.zeros(width // BLOCK + 1, np.bool_)
    # One row of float64 sums serves all rows; `_clear` resets it.
    for row in range(len(cell_starts) - 1):
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
        for at in range(cell_starts[row], cell_starts[row + 1]):
            out[at] = np.float32(sums[cell_columns[at]]) if sums[cell_columns[at]] > 0 else NOTHING
        _clear(sums, marked)
