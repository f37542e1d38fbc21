"""Two tables of neighbours become one: the first from counts, the second from the content of the
items.

Both tables are sparse rows: starts [rows + 1], columns ascending in each row, values float32. A
column with many counts uses mainly the counts, a column with few uses mainly the content table.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel


def leaning(counts: Array, strength: float) -> Array:
    """θ = strength / (strength + count) per column: 1 where nothing was counted, near 0 where much
    was. Shape [columns], float32.
    """
    if strength == 0:
        return np.zeros(len(counts), np.float32)
    return (strength / (strength + counts.astype(np.float64))).astype(np.float32)


def scale(starts: Offsets, values: Array) -> float:
    """Mean over the rows with a positive value of their largest value; 1 where there is none."""
    filled = np.flatnonzero(np.diff(starts))
    if not len(filled):
        return 1.0
    largest = np.maximum.reduceat(values, starts[filled]).astype(np.float64)
    largest = largest[largest > 0]
    return float(largest.mean()) if len(largest) else 1.0


def mix(
    starts: Offsets,
    columns: Codes,
    values: Array,
    content_starts: Offsets,
    content_columns: Codes,
    content_values: Array,
    theta: Array,
    keep: int,
) -> tuple[Offsets, Codes, Array]:
    """The `keep` largest positive cells of (1 − θ_j) · W / scale(W) + θ_j · C / scale(C) in each
    row: starts, columns ascending, values.

    `theta` [columns] lies in 0 … 1. A row without cells in the first table comes from the second
    alone, as if θ were 1: without counts of the row there is no reason to prefer columns that have
    no counts either. Among equals the lower column stays. O(cells).
    """
    bound = np.minimum(np.diff(starts) + np.diff(content_starts), keep)
    out_starts = np.zeros(len(starts), np.int64)
    out_columns, out_values = (
        np.empty(int(bound.sum()), np.int32),
        np.empty(int(bound.sum()), np.float32),
    )
    filled = _mix(
        starts,
        columns,
        values,
        1 / scale(starts, values),
        content_starts,
        content_columns,
        content_values,
        1 / scale(content_starts, content_values),
        theta.astype(np.float64),
        keep,
        out_starts,
        out_columns,
        out_values,
    )
    if filled == len(out_columns):
        return out_starts, out_columns, out_values
    return out_starts, out_columns[:filled].copy(), out_values[:filled].copy()


@kernel
def _mix(
    starts,
    columns,
    values,
    factor,
    content_starts,
    content_columns,
    content_values,
    content_factor,
    theta,
    keep,
    out_starts,
    out_columns,
    out_values,
):
    most = 0
    for row in range(len(starts) - 1):
        most = max(
            most, starts[row + 1] - starts[row] + content_starts[row + 1] - content_starts[row]
        )
    merged_columns, merged_values = np.empty(most, np.int32), np.empty(most, np.float32)
    filled = 0
    # Merge both rows by column into scratch arrays, then keep the best cells.
    for row in range(len(starts) - 1):
        left, left_end = starts[row], starts[row + 1]
        right, right_end = content_starts[row], content_starts[row + 1]
        alone = left == left_end
        size = 0
        # Both rows ascend: `column` is the lower of the two heads, the largest int32 where both
        # ended. A value is summed in float64 and stored as float32.
        while left < left_end or right < right_end:
            column = np.int32(2147483647)
            if left < left_end:
                column = columns[left]
            if right < right_end and content_columns[right] < column:
                column = content_columns[right]
            value = 0.0
            if left < left_end and columns[left] == column:
                value += (1.0 - theta[column]) * values[left] * factor
                left += 1
            if right < right_end and content_columns[right] == column:
                share = 1.0 if alone else theta[column]
                value += share * content_values[right] * content_factor
                right += 1
            merged_columns[size] = column
            merged_values[size] = value
            size += 1
        filled = keep_best(
            merged_columns, merged_values, size, keep, out_columns, out_values, filled
        )
        out_starts[row + 1] = filled
    return filled


@kernel
def keep_best(columns, values, size, keep, out_columns, out_values, filled):
    """Write the `keep` largest positive of `size` cells behind `filled`, columns ascending; returns
    the new end.

    The cells may come in any order, each column once; among equals the lower column stays. O(cells
    + keep · log keep).
    """
    positive = np.empty(size, np.float32)
    found = 0
    for at in range(size):
        if values[at] > 0:
            positive[found] = values[at]
            found += 1
    # Values above the threshold stay; of those equal to it the lowest columns, as far as there is
    # room. `highest` is the highest column that stays.
    threshold = np.float32(0.0)
    highest = np.int32(-1)
    if found > keep:
        chosen = np.partition(positive[:found], found - keep)
        threshold = chosen[found - keep]
        room = 0
        for at in range(found - keep, found):
            if chosen[at] == threshold:
                room += 1
        equal = np.empty(found, np.int32)
        ties = 0
        for at in range(size):
            if values[at] == threshold:
                equal[ties] = columns[at]
                ties += 1
        highest = np.sort(equal[:ties])[room - 1]
    begin = filled
    for at in range(size):
        if values[at] > threshold or (values[at] == threshold and columns[at] <= highest):
            out_columns[filled] = columns[at]
            out_values[filled] = values[at]
            filled += 1
    order = np.argsort(out_columns[begin:filled])
    out_columns[begin:filled] = out_columns[begin:filled][order]
    out_values[begin:filled] = out_values[begin:filled][order]
    return filled
