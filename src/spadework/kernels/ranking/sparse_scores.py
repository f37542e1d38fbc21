"""From lists of weighted entries and an entry-to-column table to scores, or straight to the best
columns.

Row r of the scores combines, over the entries e of list r, the rows e of the table: each cell
contributes v = weight · value to its column. "sum" adds v up. "max" is the largest v. "noisy-or" is
−Σ ln(1 − min(v, 0.999999)), which grows with 1 − Π(1 − min(v, 1)), the probability that at least
one of independent reasons holds, and does not saturate at 1. A column that no cell reaches is −∞.

`score_rows` writes all scores; `recommend_rows` keeps one row of scores at a time and gives the
same lists as `ranking` makes of those.
"""

from __future__ import annotations

import threading
from typing import Literal, TypeAlias, get_args

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.row_choice import NOTHING, Choice, choose, clear
from spadework.kernels.words import unsigned
from spadework.ragged import SparseRows

Aggregate: TypeAlias = Literal["sum", "max", "noisy-or"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)

NEARLY_ONE = np.float32(1 - 1e-6)
SPARSE = 4
"""Touched columns are listed where a row has fewer cells than columns / SPARSE, else all columns
are scanned: as measured.
"""

_kept = threading.local()
"""A row of scores, all −∞, and room for touched columns, since making them takes longer than one
list of a large catalogue.
"""


def score_rows(
    lists: SparseRows, table: SparseRows, width: int, aggregate: Aggregate = "sum"
) -> Array:
    """Scores [lists, width] float32; −∞ where no cell reaches. O(lists · width + cells reached)."""
    scores = np.empty((len(lists.starts) - 1, width), np.float32)
    _score_rows(*unsigned(lists), *unsigned(table), AGGREGATES.index(aggregate), scores)
    return scores


def recommend_rows(
    lists: SparseRows,
    table: SparseRows,
    width: int,
    choice: Choice,
    k: int,
    aggregate: Aggregate = "sum",
) -> tuple[Codes, Array]:
    """The `k` best columns for each list, as `ranking.top_k` makes them of `score_rows`: codes
    [lists, k] and scores [lists, k].

    Memory is one row of scores, which a thread keeps for its next lists. O(cells reached + the
    lesser of width and cells, per list).
    """
    codes, best = top_k.nothing(len(lists.starts) - 1, k)
    room = getattr(_kept, "room", None)
    if room is None or len(room[0]) != width:
        room = np.full(width, NOTHING, np.float32), np.empty(width // SPARSE + 1, np.uint32)
    _kept.room = None  # until its scores are −∞ again
    kind = AGGREGATES.index(aggregate)
    bad = _recommend_rows(*unsigned(lists), *unsigned(table), *room, kind, *choice, codes, best)
    if bad >= 0:
        raise top_k.not_a_number(bad)
    _kept.room = room
    return codes, best


def score_cells(
    lists: SparseRows,
    table: SparseRows,
    width: int,
    cells: SparseRows,
    aggregate: Aggregate = "sum",
) -> Array:
    """What `score_rows` holds at some columns of each row, bit for bit: float32 [cells]. The values
    of `cells` are not read.

    Memory is one row of scores. O(cells reached + the lesser of width and cells reached, per list).
    """
    found = np.empty(len(cells.columns), np.float32)
    _score_cells(
        *unsigned(lists),
        *unsigned(table),
        width,
        AGGREGATES.index(aggregate),
        cells.starts,
        cells.columns,
        found,
    )
    return found


@kernel
def _joined(before, value, aggregate):
    """The score of a column after one more cell; NaN stays NaN."""
    if aggregate == 1:
        return value if value > before or value != value else before
    added = value
    if aggregate == 2:
        added = -np.log1p(-min(value, NEARLY_ONE)) if value == value else value
    return added if before == NOTHING else before + added


@kernel
def _spread(
    columns, weights, begin, end, table_starts, table_columns, table_values, aggregate, scores
):
    """Combine the cells of one list into scores [width], which are −∞ before."""
    # Entries in their order, so that a row's scores do not depend on other rows.
    for at in range(begin, end):
        weight = weights[at]
        source = columns[at]
        for cell in range(table_starts[source], table_starts[source + np.uint64(1)]):
            column = table_columns[cell]
            scores[column] = _joined(scores[column], weight * table_values[cell], aggregate)


@kernel
def _spread_listed(
    columns,
    weights,
    begin,
    end,
    table_starts,
    table_columns,
    table_values,
    aggregate,
    scores,
    touched,
):
    """The same, and write the columns that were −∞ before to `touched`, which has room for all
    cells. Returns their number.
    """
    count = np.uint64(0)
    # The same order as in `_spread`, so the scores have the same bits.
    for at in range(begin, end):
        weight = weights[at]
        source = columns[at]
        # `touched` is written each time and counted when new, which needs no branch.
        for cell in range(table_starts[source], table_starts[source + np.uint64(1)]):
            column = table_columns[cell]
            before = scores[column]
            touched[count] = column
            count += np.uint64(before == NOTHING)
            scores[column] = _joined(before, weight * table_values[cell], aggregate)
    return count


@kernel
def _fill(
    columns,
    weights,
    begin,
    end,
    table_starts,
    table_columns,
    table_values,
    aggregate,
    scores,
    touched,
):
    """Combine the cells of one list into scores [width], −∞ before. Returns whether its columns are
    listed in `touched`, which they are where they are few, and how many.
    """
    cells = np.uint64(0)
    for at in range(begin, end):
        source = columns[at]
        cells += table_starts[source + np.uint64(1)] - table_starts[source]
    if cells <= np.uint64(len(scores) // SPARSE):
        return True, _spread_listed(
            columns,
            weights,
            begin,
            end,
            table_starts,
            table_columns,
            table_values,
            aggregate,
            scores,
            touched,
        )
    _spread(
        columns, weights, begin, end, table_starts, table_columns, table_values, aggregate, scores
    )
    return False, np.uint64(0)


@kernel
def _score_rows(
    starts, columns, weights, table_starts, table_columns, table_values, aggregate, scores
):
    # Each row of the output is its own accumulator.
    for row in range(scores.shape[0]):
        scores[row, :] = NOTHING
        _spread(
            columns,
            weights,
            starts[row],
            starts[row + 1],
            table_starts,
            table_columns,
            table_values,
            aggregate,
            scores[row],
        )


@kernel
def _recommend_rows(
    starts,
    columns,
    weights,
    table_starts,
    table_columns,
    table_values,
    scores,
    touched,
    aggregate,
    seen_starts,
    seen_columns,
    policy,
    allowed,
    codes,
    best,
):
    # One row of scores, −∞ before and after, serves all lists. A row with NaN is returned, which
    # the caller refuses.
    for row in range(len(codes)):
        few, count = _fill(
            columns,
            weights,
            starts[row],
            starts[row + 1],
            table_starts,
            table_columns,
            table_values,
            aggregate,
            scores,
            touched,
        )
        begin, end = seen_starts[row], seen_starts[row + 1]
        if not choose(
            few,
            touched,
            count,
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
        clear(few, touched, count, scores)
    return -1


@kernel
def _score_cells(
    starts,
    columns,
    weights,
    table_starts,
    table_columns,
    table_values,
    width,
    aggregate,
    cell_starts,
    cell_columns,
    found,
):
    scores = np.full(width, NOTHING, np.float32)
    touched = np.empty(width // SPARSE + 1, np.uint32)
    # One row of scores serves all lists.
    for row in range(len(cell_starts) - 1):
        few, count = _fill(
            columns,
            weights,
            starts[row],
            starts[row + 1],
            table_starts,
            table_columns,
            table_values,
            aggregate,
            scores,
            touched,
        )
        for cell in range(cell_starts[row], cell_starts[row + 1]):
            found[cell] = scores[cell_columns[cell]]
        clear(few, touched, count, scores)
