"""Scores through two sparse factors: from history items to rows of the factor and on to items, an
item's own part left out.

The score of item j for list r is scale_j · Σ_f pivot_f · U_jf · (z_f − h_j · U_jf) with z_f = Σ
over its entries i of h_i · U_if, h the weights of the entries. For an item that is no entry, h_j is
0. An item that no other entry reaches through a factor is −∞.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.row_choice import NOTHING, Choice, choose, clear
from spadework.kernels.ranking.sparse_scores import SPARSE
from spadework.kernels.words import unsigned
from spadework.ragged import SparseRows


class Factors(NamedTuple):
    """A sparse matrix U [items, factors] by item and by factor, and the two diagonals of
    target_scale · U · inverse_pivots · Uᵀ.
    """

    by_item: SparseRows
    by_factor: SparseRows
    inverse_pivots: Array  # [factors] float32
    target_scale: Array  # [items] float32


def score_rows(lists: SparseRows, factors: Factors) -> Array:
    """Scores [lists, items] float32. O(lists · items + cells reached)."""
    scores = np.full((len(lists.starts) - 1, len(factors.target_scale)), NOTHING, np.float32)
    _score_rows(
        *unsigned(lists),
        *unsigned(factors.by_item),
        *unsigned(factors.by_factor),
        factors.inverse_pivots,
        factors.target_scale,
        scores,
    )
    return scores


def score_cells(lists: SparseRows, factors: Factors, cells: SparseRows) -> Array:
    """What `score_rows` holds at some items of each list, bit for bit: float32 [cells]. Memory is
    one row of scores. O(cells reached).
    """
    found = np.empty(len(cells.columns), np.float32)
    _score_cells(
        *unsigned(lists),
        *unsigned(factors.by_item),
        *unsigned(factors.by_factor),
        factors.inverse_pivots,
        factors.target_scale,
        cells.starts,
        cells.columns,
        found,
    )
    return found


def recommend_rows(
    lists: SparseRows,
    factors: Factors,
    choice: Choice,
    k: int,
) -> tuple[Codes, Array]:
    """The `k` best items for each list, as `ranking.top_k` makes them of `score_rows`: codes
    [lists, k] and scores [lists, k].

    Memory is one row of scores.
    """
    codes, best = top_k.nothing(len(lists.starts) - 1, k)
    bad = _recommend_rows(
        *unsigned(lists),
        *unsigned(factors.by_item),
        *unsigned(factors.by_factor),
        factors.inverse_pivots,
        factors.target_scale,
        *choice,
        codes,
        best,
    )
    if bad >= 0:
        raise top_k.not_a_number(bad)
    return codes, best


@kernel
def _through(
    entries,
    weights,
    item_starts,
    item_factors,
    item_values,
    factor_starts,
    factor_items,
    factor_values,
    inverse_pivots,
    target_scale,
    sums,
    hits,
    reached,
    scores,
    listed,
    touched,
    row,
):
    """Fill scores [items], −∞ before, for one list, and write the scored items to `touched`.
    Returns their number.

    `listed` [items] holds the last row that listed the item: the score alone does not show this,
    since it may overflow to −∞.
    """
    one = np.uint64(1)
    factors = np.uint64(0)
    # z_f = Σ h_i · U_if for each factor that an entry reaches.
    for at in range(len(entries)):
        item, weight = entries[at], weights[at]
        # A factor is listed at its first hit, so that only reached factors are cleared afterwards.
        for cell in range(item_starts[item], item_starts[item + one]):
            factor = item_factors[cell]
            if hits[factor] == 0:
                reached[factors] = factor
                factors += one
                sums[factor] = 0
            hits[factor] += 1
            sums[factor] += weight * item_values[cell]
    count = np.uint64(0)
    # From each reached factor on to its items.
    for at in range(factors):
        factor = reached[at]
        weight = sums[factor] * inverse_pivots[factor]
        # `touched` is written each time and counted when new; the first value is stored, later ones
        # are added.
        for cell in range(factor_starts[factor], factor_starts[factor + one]):
            item = factor_items[cell]
            value = weight * factor_values[cell]
            fresh = listed[item] != row
            listed[item] = row
            touched[count] = item
            count += np.uint64(fresh)
            scores[item] = value if fresh else scores[item] + value
    for at in range(count):
        scores[touched[at]] *= target_scale[touched[at]]
    # Entries are scored again, without their own part h_j · U_jf.
    for at in range(len(entries)):
        item, weight = entries[at], weights[at]
        value, others = np.float32(0), False
        # `others` becomes true where another entry reaches one of the item's factors.
        for cell in range(item_starts[item], item_starts[item + one]):
            factor = item_factors[cell]
            others |= hits[factor] > 1
            value += (
                (sums[factor] - weight * item_values[cell])
                * inverse_pivots[factor]
                * item_values[cell]
            )
        scores[item] = value * target_scale[item] if others else NOTHING
    for at in range(factors):
        hits[reached[at]] = 0
    return count


@kernel
def _score_rows(
    starts,
    entries,
    weights,
    item_starts,
    item_factors,
    item_values,
    factor_starts,
    factor_items,
    factor_values,
    inverse_pivots,
    target_scale,
    scores,
):
    sums, hits = np.empty(len(inverse_pivots), np.float32), np.zeros(len(inverse_pivots), np.int32)
    reached, touched = (
        np.empty(len(inverse_pivots) + 1, np.uint32),
        np.empty(len(target_scale) + 1, np.uint32),
    )
    listed = np.full(len(target_scale), -1, np.int64)
    # The scratch arrays serve all lists: `_through` clears `hits`, and `listed` compares row
    # numbers.
    for row in range(len(scores)):
        begin, end = starts[row], starts[row + 1]
        _through(
            entries[begin:end],
            weights[begin:end],
            item_starts,
            item_factors,
            item_values,
            factor_starts,
            factor_items,
            factor_values,
            inverse_pivots,
            target_scale,
            sums,
            hits,
            reached,
            scores[row],
            listed,
            touched,
            row,
        )


@kernel
def _score_cells(
    starts,
    entries,
    weights,
    item_starts,
    item_factors,
    item_values,
    factor_starts,
    factor_items,
    factor_values,
    inverse_pivots,
    target_scale,
    cell_starts,
    cell_items,
    found,
):
    sums, hits = np.empty(len(inverse_pivots), np.float32), np.zeros(len(inverse_pivots), np.int32)
    reached, touched = (
        np.empty(len(inverse_pivots) + 1, np.uint32),
        np.empty(len(target_scale) + 1, np.uint32),
    )
    scores, listed = (
        np.full(len(target_scale), NOTHING, np.float32),
        np.full(len(target_scale), -1, np.int64),
    )
    # One row of scores serves all lists; only touched items are cleared.
    for row in range(len(cell_starts) - 1):
        begin, end = starts[row], starts[row + 1]
        count = _through(
            entries[begin:end],
            weights[begin:end],
            item_starts,
            item_factors,
            item_values,
            factor_starts,
            factor_items,
            factor_values,
            inverse_pivots,
            target_scale,
            sums,
            hits,
            reached,
            scores,
            listed,
            touched,
            row,
        )
        for cell in range(cell_starts[row], cell_starts[row + 1]):
            found[cell] = scores[cell_items[cell]]
        clear(True, touched, count, scores)


@kernel
def _recommend_rows(
    starts,
    entries,
    weights,
    item_starts,
    item_factors,
    item_values,
    factor_starts,
    factor_items,
    factor_values,
    inverse_pivots,
    target_scale,
    seen_starts,
    seen_items,
    policy,
    allowed,
    codes,
    best,
):
    width = len(target_scale)
    sums, hits = np.empty(len(inverse_pivots), np.float32), np.zeros(len(inverse_pivots), np.int32)
    reached, touched = np.empty(len(inverse_pivots) + 1, np.uint32), np.empty(width + 1, np.uint32)
    scores, listed = np.full(width, NOTHING, np.float32), np.full(width, -1, np.int64)
    # One row of scores serves all lists. Where few items are touched, only these are ranked. A row
    # with NaN is returned, which the caller refuses.
    for row in range(len(codes)):
        begin, end = starts[row], starts[row + 1]
        count = _through(
            entries[begin:end],
            weights[begin:end],
            item_starts,
            item_factors,
            item_values,
            factor_starts,
            factor_items,
            factor_values,
            inverse_pivots,
            target_scale,
            sums,
            hits,
            reached,
            scores,
            listed,
            touched,
            row,
        )
        few = count <= np.uint64(width // SPARSE)
        begin, end = seen_starts[row], seen_starts[row + 1]
        if not choose(
            few,
            touched,
            count,
            scores,
            seen_items,
            begin,
            end,
            policy,
            allowed,
            codes[row],
            best[row],
        ):
            return row
        clear(few, touched, count, scores)
    return -1
