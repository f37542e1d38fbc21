"""The nearest rows of a matrix by inner product, all rows against all, in blocks of bounded
memory.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.similarity.table_mixing import keep_best

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK_CELLS = 4_000_000
"""Inner products with the dense part that a block of rows may hold (8 bytes each)."""
BLOCK_ROWS = 2048
# products, summed in 64 bits, are rounded to this grid, so that no order of summation decides a tie
_GRID = 2.0**20


def nearest(sparse: csr_array, dense: Array, keep: int, label: str) -> tuple[Offsets, Codes, Array]:
    """The `keep` largest positive inner products of each row with the others: starts [rows + 1],
    columns ascending, values float32.

    A row is its `sparse` part [rows, features], not below zero, and its `dense` part [rows, width],
    which may have no width. Products are multiples of 2^−20; among equals the lower column stays.
    O(rows² · width + Σ over features of occurrences²).
    """
    count = sparse.shape[0]
    dense = np.ascontiguousarray(dense, np.float64)
    postings = sparse.T.tocsr()
    postings.sort_indices()
    size = min(BLOCK_ROWS, max(1, BLOCK_CELLS // max(1, count))) if dense.shape[1] else BLOCK_ROWS
    tasks = [(first, min(first + size, count)) for first in range(0, count, size)]
    parts = parallel.share(
        partial(_block, sparse=sparse, postings=postings, dense=dense, keep=keep), tasks, label
    )
    lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(part[0]) for part in parts)])
    columns = np.concatenate([np.zeros(0, np.int32), *(part[1] for part in parts)])
    values = np.concatenate([np.zeros(0, np.float32), *(part[2] for part in parts)])
    return np.cumsum(lengths), columns, values


def _block(
    rows: tuple[int, int], *, sparse: csr_array, postings: csr_array, dense: Array, keep: int
) -> tuple[Offsets, Codes, Array]:
    first, last = rows
    products = dense[first:last] @ dense.T if dense.shape[1] else np.zeros((0, 0))
    starts = np.zeros(last - first + 1, np.int64)
    room = (last - first) * min(keep, sparse.shape[0])
    columns, values = np.empty(room, np.int32), np.empty(room, np.float32)
    filled = _nearest(
        first,
        last,
        sparse.indptr.astype(np.int64),
        sparse.indices,
        sparse.data,
        postings.indptr.astype(np.int64),
        postings.indices,
        postings.data,
        products,
        keep,
        starts,
        columns,
        values,
    )
    return starts, columns[:filled].copy(), values[:filled].copy()


@kernel
def _nearest(
    first,
    last,
    starts,
    features,
    weights,
    posting_starts,
    posting_rows,
    posting_weights,
    products,
    keep,
    out_starts,
    out_columns,
    out_values,
):
    count = len(starts) - 1
    sums = np.zeros(count, np.float64)
    touched = np.empty(count, np.int32)
    rounded = np.empty(count, np.float32)
    filled = 0
    # Sums are float64: first the dense products, then the sparse features in their order.
    for row in range(first, last):
        found = 0
        if len(products):
            found = count
            for column in range(count):
                touched[column] = column
                sums[column] = products[row - first, column]
        # Only the row's own features are visited, each with the rows that hold it.
        for at in range(starts[row], starts[row + 1]):
            feature = features[at]
            # A sum of 0 is a new column, since sparse weights are not below zero. With a dense part
            # all columns are listed already.
            for posting in range(posting_starts[feature], posting_starts[feature + 1]):
                column = posting_rows[posting]
                if sums[column] == 0.0 and not len(products):
                    touched[found] = column
                    found += 1
                sums[column] += weights[at] * posting_weights[posting]
        sums[row] = 0.0  # a row is no neighbour of itself
        for at in range(found):
            rounded[at] = np.floor(sums[touched[at]] * _GRID + 0.5) / _GRID
            sums[touched[at]] = 0.0
        filled = keep_best(touched, rounded, found, keep, out_columns, out_values, filled)
        out_starts[row - first + 1] = filled
    return filled
