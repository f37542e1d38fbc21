"""The largest values of rows whose columns ascend by code already: what stays is copied in its
order, so nothing is sorted, and each row is written where it belongs in the table.
"""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel
from spadework.kernels.similarity.sparse_top_k import INFINITY


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
    own_columns,
    own_bits,
    begins,
    out_columns,
    out_bits,
    lengths,
):
    """Copy the `keep` largest positive values of each row to the table, from `begins` [rows] on,
    and fill `lengths` [rows] with how many these are.

    `bits` are float32 read as int32. Among equal values the column of lower rank [items] stays; NaN
    does not. `own_columns` and `own_bits` [longest row] are scratch. O(cells).
    """
    for row in range(lengths.shape[0]):
        part, values = columns[starts[row] : starts[row + 1]], bits[starts[row] : starts[row + 1]]
        usable = _reach(values, np.int32(1)) - _reach(values, np.int32(INFINITY + 1))
        if usable < values.shape[0]:  # a rare row: the rest is left out first
            here = 0
            for at in range(values.shape[0]):
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
        least = _edge(values, keep)
        above = _reach(values, np.int32(least + 1))
        last = np.uint32(0xFFFFFFFF)
        if _reach(values, least) > keep:
            last = np.partition(ranks[part[values == least]], keep - above - 1)[keep - above - 1]
        filled = np.int64(0)
        for at in range(usable):
            value, column = values[at], part[at]
            out_columns[begin + filled], out_bits[begin + filled] = column, value
            filled += np.int64(value > least or (value == least and ranks[column] <= last))
            if filled == keep:  # the next cell is of another row
                break


@kernel
def _edge(bits, keep):
    """The `keep`-th largest of more than `keep` positive values: the range is halved until one is
    left. A pass that only compares takes many values an instruction.
    """
    low, high = bits[0], bits[0]
    for at in range(bits.shape[0]):
        low, high = min(low, bits[at]), max(high, bits[at])
    while low < high:
        middle = np.int32(high - (high - low) // 2)
        if _reach(bits, middle) >= keep:
            low = middle
        else:
            high = np.int32(middle - 1)
    return low


@kernel
def _reach(bits, bound):
    """How many values are at least the bound."""
    found = np.int32(0)
    for at in range(bits.shape[0]):
        found += np.int32(bits[at] >= bound)
    return np.int64(found)


@kernel
def look_up(values, columns, out):
    """Fill `out` [cells] with `values` at `columns` [cells], without a wider copy of these."""
    for at in range(out.shape[0]):
        out[at] = values[columns[at]]
