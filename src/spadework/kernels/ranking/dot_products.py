"""Exact scores by vectors of users and items: products summed in 64 bits in one fixed order,
rounded once.

The score of item j is vector · items[j], plus its values in `added` (a few items of each user) and
in `base` (all items of each user). It is the same to the bit whatever other users are in the batch,
and whether all items are scored or some.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.ranking.top_k import position_of
from spadework.ragged import SparseRows


def nothing_added(users: int) -> SparseRows:
    """No items for any user."""
    return SparseRows(np.zeros(users + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


def gather(starts: Offsets, columns: Codes, weights: Array, items: Array) -> Array:
    """Σ weight · items[column] over the entries of each row: [rows, width] float32, summed in
    order. O(entries · width).
    """
    out = np.zeros((len(starts) - 1, items.shape[1]), np.float32)
    _gather(starts, columns, weights, items, out)
    return out


def score(
    vectors: Array, items: Array, added: SparseRows | None = None, base: Array | None = None
) -> Array:
    """Exact scores [users, items] float32. O(users · items · width)."""
    added = nothing_added(len(vectors)) if added is None else added
    out = np.empty((len(vectors), len(items)), np.float32)
    _score(vectors, items, *added, no_base(base), out)
    return out


def score_cells(
    vectors: Array,
    items: Array,
    starts: Offsets,
    columns: Codes,
    added: SparseRows | None = None,
    base: Array | None = None,
) -> Array:
    """What `score` holds at some items of each user, bit for bit: float32 [cells]. Row r requests
    `columns[starts[r]:starts[r + 1]]`.

    `base` [cells] belongs to these cells. O(cells · width).
    """
    added = nothing_added(len(vectors)) if added is None else added
    out = np.empty(len(columns), np.float32)
    _score_cells(
        vectors,
        items,
        starts,
        columns,
        *added,
        np.zeros(0, np.float32) if base is None else base,
        out,
    )
    return out


def no_base(base: Array | None) -> Array:
    """The base in the form that kernels need: empty where there is none."""
    return np.zeros((0, 0), np.float32) if base is None else base


@kernel
def _gather(starts, columns, weights, items, out):
    for row in range(out.shape[0]):
        for at in range(starts[row], starts[row + 1]):
            source, weight = items[columns[at]], weights[at]
            for dimension in range(out.shape[1]):
                out[row, dimension] += weight * source[dimension]


@kernel
def inner_product(vector, item):
    """The inner product in 64 bits: four independent sums, so that no addition waits for the one
    before.
    """
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    full = len(vector) - len(vector) % 4
    for at in range(0, full, 4):
        a += np.float64(vector[at]) * np.float64(item[at])
        b += np.float64(vector[at + 1]) * np.float64(item[at + 1])
        c += np.float64(vector[at + 2]) * np.float64(item[at + 2])
        d += np.float64(vector[at + 3]) * np.float64(item[at + 3])
    for at in range(full, len(vector)):
        a += np.float64(vector[at]) * np.float64(item[at])
    return (a + b) + (c + d)


@kernel
def score_of(row, column, vectors, items, starts, columns, values, base):
    """The exact score of one item."""
    return _summed(
        row,
        column,
        vectors,
        items,
        starts,
        columns,
        values,
        base[row, column] if len(base) else np.float32(0),
    )


@kernel
def _summed(row, column, vectors, items, starts, columns, values, base):
    total = inner_product(vectors[row], items[column]) + np.float64(base)
    at = position_of(columns, starts[row], starts[row + 1], column)
    if at >= 0:
        total += np.float64(values[at])
    return np.float32(total)


@kernel
def _score(vectors, items, starts, columns, values, base, out):
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            out[row, column] = score_of(row, column, vectors, items, starts, columns, values, base)


@kernel
def _score_cells(vectors, items, cell_starts, cell_columns, starts, columns, values, base, out):
    # `_summed` adds in one order, so the bits are those of the scores of all items.
    for row in range(len(cell_starts) - 1):
        for cell in range(cell_starts[row], cell_starts[row + 1]):
            own = base[cell] if len(base) else np.float32(0)
            out[cell] = _summed(
                row, cell_columns[cell], vectors, items, starts, columns, values, own
            )
