"""The largest values of rows whose columns ascend by code already: what stays is copied in its
order, so nothing is sorted, and each row is written where it belongs in the table.

A row is weighed, cut, divided and written while it is in the first-level cache, so that a table of
many rows is read once and written once.
"""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel
from spadework.kernels.similarity.sparse_top_k import INFINITY

HIGHEST = np.int32(0x7FFFFFFF)


@kernel
def least_kept(starts, columns, values, right, keep, own_columns, own_values, least):
    """Fill `least` [rows] with the `keep`-th largest weight of each row, 0 where fewer are
    positive. The rest as in `copy_largest`. O(cells).
    """
    found = least.view(np.int32)
    for row in range(least.shape[0]):
        cells = slice(starts[row], starts[row + 1])
        usable, low, high = _weigh(columns[cells], values[cells], right, own_columns, own_values)
        found[row] = 0
        if usable >= keep:
            found[row], _ = _edge(own_values.view(np.int32)[:usable], keep, low, high)


@kernel
def copy_largest(
    starts,
    columns,
    values,
    right,
    by,
    tiny,
    keep,
    ranks,
    own_columns,
    own_values,
    begins,
    out_columns,
    out_values,
    lengths,
    least,
):
    """Copy the `keep` largest positive weights of each row to the table, from `begins` [rows] on,
    and fill `lengths` [rows] with how many these are, `least` [rows] with the `keep`-th largest, 0
    where there are fewer.

    A weight is a value over `right` [items] at its column; where `right` is empty, the values are
    weights already. What is copied is divided by the row's number in `by` [rows] and is at least
    `tiny`; an empty `by` leaves it as it is. Among equal weights the column of lower rank [items]
    stays; NaN does not. `own_columns` int32 and `own_values` float32 [longest row] are scratch.
    O(cells).
    """
    own_bits, least_bits = own_values.view(np.int32), least.view(np.int32)
    for row in range(lengths.shape[0]):
        cells = slice(starts[row], starts[row + 1])
        usable, low, high = _weigh(columns[cells], values[cells], right, own_columns, own_values)
        least_bits[row] = 0
        if usable >= keep:
            edge, above = _edge(own_bits[:usable], keep, low, high)
            least_bits[row] = edge
            _cut(own_columns[:usable], own_bits[:usable], edge, keep - above, ranks)
        size, begin = min(usable, keep), begins[row]
        lengths[row] = size
        for at in range(size):
            out_columns[begin + at] = own_columns[at]
        if by.shape[0] == 0:
            for at in range(size):
                out_values[begin + at] = own_values[at]
            continue
        divisor = by[row]
        for at in range(size):
            out_values[begin + at] = max(np.divide(own_values[at], divisor), tiny)


@kernel
def _weigh(columns, values, right, own_columns, own_values):
    """Copy a row and weigh it; what is not positive or NaN is left out. Returns how many cells
    stay, and the bits of the least and the largest.
    """
    size = values.shape[0]
    if right.shape[0] == 0:
        for at in range(size):
            own_values[at] = values[at]
    else:
        for at in range(size):  # the quotient of numpy: it never raises, so the loop is plain
            own_values[at] = np.divide(values[at], right[np.uint32(columns[at])])
    for at in range(size):
        own_columns[at] = columns[at]
    bits = own_values.view(np.int32)[:size]
    usable, low, high = _range(bits)
    if usable == size:
        return usable, low, high
    here = 0
    for at in range(size):  # a rare row
        if bits[at] > 0 and bits[at] <= INFINITY:
            own_columns[here], bits[here] = own_columns[at], bits[at]
            here += 1
    return _range(bits[:here])


@kernel
def _range(bits):
    """How many values are positive and not NaN, the least value and the largest."""
    usable, low, high = np.int32(0), HIGHEST, np.int32(0)
    for at in range(bits.shape[0]):
        value = bits[at]
        usable += np.int32((value > 0) & (value <= INFINITY))
        low, high = min(low, value), max(high, value)
    return np.int64(usable), low, high


@kernel
def _edge(bits, keep, low, high):
    """The `keep`-th largest of at least `keep` positive values, which lie from `low` to `high`, and
    how many are larger where not all equal ones are among the `keep`, else `keep`.

    The range is halved until exactly `keep` values reach its middle, or one is left. A pass that
    only compares takes many values an instruction.
    """
    if bits.shape[0] == keep:
        return low, np.int64(keep)
    while low < high:
        middle = np.int32(high - (high - low) // 2)
        found = _reach(bits, middle)
        if found == keep:
            least = HIGHEST
            for at in range(bits.shape[0]):
                value = bits[at]
                least = min(least, value if value >= middle else HIGHEST)
            return least, np.int64(keep)
        if found > keep:
            low = middle
        else:
            high = np.int32(middle - 1)
    return low, _reach(bits, np.int32(low + 1))


@kernel
def _reach(bits, bound):
    """How many values are at least the bound."""
    found = np.int32(0)
    for at in range(bits.shape[0]):
        found += np.int32(bits[at] >= bound)
    return np.int64(found)


@kernel
def _cut(columns, bits, edge, room, ranks):
    """Move the values above the edge to the front, in place, and those on it: all where `room` is
    0, else so many, of the lowest ranks.
    """
    filled = np.uint64(0)
    if room == 0:
        for at in range(bits.shape[0]):
            value, column = bits[at], columns[at]
            columns[filled], bits[filled] = column, value
            filled += np.uint64(value >= edge)
        return
    last = np.partition(ranks[columns[bits == edge]], room - 1)[room - 1]
    # without branches, which would often be mispredicted
    for at in range(bits.shape[0]):
        value, column = bits[at], columns[at]
        columns[filled], bits[filled] = column, value
        tied = (value == edge) & (ranks[np.uint32(column)] <= last)
        filled += np.uint64((value > edge) | tied)


@kernel
def find_columns(starts, columns, wanted_starts, wanted, places, is_there):
    """Fill `places` [wanted] with where each wanted column of a row belongs among the row's own,
    and `is_there` [wanted] with whether it is one of them. Both ascend. O(cells).
    """
    for row in range(starts.shape[0] - 1):
        at, end = starts[row], starts[row + 1]
        for number in range(wanted_starts[row], wanted_starts[row + 1]):
            column = wanted[number]
            while at < end and columns[at] < column:
                at += 1
            places[number] = at
            is_there[number] = at < end and columns[at] == column


@kernel
def look_up(values, columns, out):
    """Fill `out` [cells] with `values` at `columns` [cells], without a wider copy of these."""
    for at in range(out.shape[0]):
        out[at] = values[columns[at]]
