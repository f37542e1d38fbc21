"""From lists of weighted entries and a dense matrix to scores, or straight to the best columns.

Score of column j for a list: scale[j] · Σ over its entries weight · matrix[entry, j]. A sum of
exactly zero is no evidence: −∞. So is every column whose scale is zero. Each sum runs in the order
of the entries, whatever other rows are requested.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.row_choice import NOTHING, Choice, choose
from spadework.kernels.words import unsigned
from spadework.ragged import SparseRows


def score_dense(lists: SparseRows, matrix: Array, scale: Array) -> Array:
    """Scores [lists, columns] float32 of a matrix [entries, columns] float32, `scale` [columns].
    O(Σ entries · columns).
    """
    starts, columns, weights = unsigned(lists)
    scores = np.zeros((len(starts) - 1, matrix.shape[1]), np.float32)
    factors = np.ascontiguousarray(scale, np.float32)
    _score(starts, columns, weights, matrix, factors, scores)
    return scores


def score_cells(lists: SparseRows, matrix: Array, scale: Array, cells: SparseRows) -> Array:
    """What `score_dense` holds at some columns of each row, bit for bit: float32 [cells]. O(Σ
    entries · cells of a list).
    """
    found = np.empty(len(cells.columns), np.float32)
    _score_cells(
        *unsigned(lists),
        matrix,
        np.ascontiguousarray(scale, np.float32),
        cells.starts,
        cells.columns,
        found,
    )
    return found


def recommend_dense(
    lists: SparseRows,
    matrix: Array,
    scale: Array,
    choice: Choice,
    k: int,
) -> tuple[Codes, Array]:
    """The `k` best columns for each list, as `ranking.top_k` makes them of `score_dense`: codes
    [lists, k] and scores [lists, k].

    Memory is one row of scores. O(Σ
    entries · columns).
    """
    codes, best = top_k.nothing(len(lists.starts) - 1, k)
    bad = _recommend(
        *unsigned(lists), matrix, np.ascontiguousarray(scale, np.float32), *choice, codes, best
    )
    if bad >= 0:
        raise top_k.not_a_number(bad)
    return codes, best


@kernel
def _sum(columns, weights, begin, end, matrix, scale, scores):
    """The scores of one list."""
    scores[:] = np.float32(0)
    for at in range(begin, end):
        weight = weights[at]
        values = matrix[columns[at]]
        for column in range(len(scores)):
            scores[column] += weight * values[column]
    for column in range(len(scores)):
        score = scores[column] * scale[column]
        scores[column] = NOTHING if score == 0 else score


@kernel
def _score(starts, columns, weights, matrix, scale, scores):
    for row in range(scores.shape[0]):
        _sum(columns, weights, starts[row], starts[row + 1], matrix, scale, scores[row])


@kernel
def _score_cells(starts, columns, weights, matrix, scale, cell_starts, cell_columns, found):
    # The same additions in the same order as in `_sum`, for the requested columns only, so the bits
    # are the same.
    for row in range(len(cell_starts) - 1):
        cells = slice(cell_starts[row], cell_starts[row + 1])
        wanted, sums = cell_columns[cells], found[cells]
        sums[:] = np.float32(0)
        for at in range(starts[row], starts[row + 1]):
            weight = weights[at]
            values = matrix[columns[at]]
            for index in range(len(wanted)):
                sums[index] += weight * values[wanted[index]]
        for index in range(len(wanted)):
            score = sums[index] * scale[wanted[index]]
            sums[index] = NOTHING if score == 0 else score


@kernel
def _recommend(
    starts, columns, weights, matrix, scale, seen_starts, seen_columns, policy, allowed, codes, best
):
    scores, unlisted = np.empty(matrix.shape[1], np.float32), np.empty(0, np.uint32)
    # One row of scores serves all lists. A row with NaN is returned, which the caller refuses.
    for row in range(len(codes)):
        _sum(columns, weights, starts[row], starts[row + 1], matrix, scale, scores)
        begin, end = seen_starts[row], seen_starts[row + 1]
        if not choose(
            False,
            unlisted,
            np.uint64(0),
            scores,
            seen_columns,
            begin,
            end,
            policy,
            allowed,
            codes[row],
            best[row],
        ):
            return row
    return -1
