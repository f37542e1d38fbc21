"""The largest values of rows whose columns ascend by code already: what stays is copied in its
order, so nothing is sorted, and each row is written where it belongs in the table.
"""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel
from spadework.kernels.similarity.sparse_top_k import INFINITY, bucket_of


@kernel
def count_above(starts, values, bounds, found):
    """Fill `found` [rows] with how many values of each row are above its bound. O(cells)."""
    for row in range(bounds.shape[0]):
        bound, above = bounds[row], np.int64(0)
        for at in range(starts[row], starts[row + 1]):
            above += np.int64(np.float64(values[at]) > bound)
        found[row] = above


@kernel
def copy_largest(
    starts,
    columns,
    bits,
    keep,
    ranks,
    histogram,
    own_columns,
    own_bits,
    edge,
    begins,
    out_columns,
    out_bits,
    lengths,
):
    """Copy the `keep` largest positive values of each row to the table, from `begins` [rows] on,
    and fill `lengths` [rows] with how many these are.

    `bits` are float32 read as int32. Among equal values the column of lower rank [items] stays; NaN
    does not. `histogram` [2 · BUCKETS] int32, `own_columns`, `own_bits` and `edge`
    [longest row] are scratch. O(cells).
    """
    histogram[:] = 0
    for row in range(lengths.shape[0]):
        part, values = columns[starts[row] : starts[row + 1]], bits[starts[row] : starts[row + 1]]
        size, usable = values.shape[0], np.int64(0)
        for at in range(size):
            usable += np.int64((values[at] > 0) & (values[at] <= INFINITY))
        if usable < size:  # a rare row: the rest is left out first
            here = 0
            for at in range(size):
                if values[at] > 0 and values[at] <= INFINITY:
                    own_columns[here], own_bits[here] = part[at], values[at]
                    here += 1
            part, values = own_columns[:usable], own_bits[:usable]
        begin = begins[row]
        lengths[row] = min(usable, keep)
        if usable <= keep:
            out_columns[begin : begin + usable] = part
            out_bits[begin : begin + usable] = values
            continue
        least, last = _edge(part, values, keep, ranks, histogram, edge)
        filled = np.int64(0)
        for at in range(usable):
            value, column = values[at], part[at]
            out_columns[begin + filled], out_bits[begin + filled] = column, value
            filled += np.int64(value > least or (value == least and ranks[column] <= last))
            if filled == keep:  # the next cell is of another row
                break


@kernel
def _edge(columns, bits, keep, ranks, histogram, edge):
    """The `keep`-th largest value of more than `keep`, and the highest rank that stays of those
    that equal it.
    """
    size = bits.shape[0]
    bucket, above = bucket_of(bits, size, keep, histogram)
    waiting = np.int64(0)
    for at in range(size):
        edge[waiting] = bits[at]
        waiting += np.int64(bits[at] >> 20 == bucket)
    room = keep - above
    least = np.partition(edge[:waiting], waiting - room)[waiting - room]
    equal = np.int64(0)
    for at in range(waiting):
        room -= np.int64(edge[at] > least)
        equal += np.int64(edge[at] == least)
    last = np.uint32(0xFFFFFFFF)
    if equal > room:
        tied = np.empty(equal, np.uint32)
        filled = np.int64(0)
        for at in range(size):
            if bits[at] == least:
                tied[filled] = ranks[columns[at]]
                filled += 1
        last = np.partition(tied, room - 1)[room - 1]
    return least, last
