"""Small dense symmetric systems, factored in place by our own loops: the same bits whatever the
number of threads.

LAPACK's results depend on its number of threads, and here many small systems are solved at the same
time, one thread each. The factor is kept by rows, A = Uᵀ U with U in the upper triangle, so that
all inner loops run along rows: they become vector instructions without permission to reorder sums.
Eight rows of U are subtracted from the rest at once, so that the rest is read once for eight
(measured).
"""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel

PANEL = 8
"""Rows of the factor that are subtracted from the rest together; the loops below are written out
for this number.
"""
TILE = 512
"""Columns of a panel that are copied next to each other; fixed, so that the compiler knows that its
rows do not overlap.
"""
SINGULAR = np.float32(2e-6)
"""A pivot below this share of its diagonal is rounding, not information."""
FIRST_RAISE = 1e-3
"""Share by which diagonals are raised first where a system is not positive definite; each further
try takes four times as much.
"""


@kernel
def factor(a, size):
    """Factor the upper triangle of a [size, size] in place; false where it is not positive
    definite. O(size³ / 3) multiply-adds.
    """
    panel = np.empty(PANEL * TILE, a.dtype)
    # Panel by panel: finish eight rows, then subtract them from all rows below at once.
    for begin in range(0, size, PANEL):
        end = min(begin + PANEL, size)
        if not _own_rows(a, begin, end, size):
            return False
        if end - begin == PANEL and end < size:
            _subtract_panel(a, begin, size, panel)
    return True


@kernel
def _own_rows(a, begin, end, size):
    """Finish the rows of one panel; the rows above the panel have been subtracted from them."""
    # Row by row, since a row needs the finished rows above it in the panel.
    for k in range(begin, end):
        row = a[k]
        diagonal = row[k]
        for p in range(begin):  # what earlier panels subtracted
            diagonal += a[p, k] * a[p, k]
        for p in range(begin, k):
            above = a[p]
            share = above[k]
            for j in range(k, size):
                row[j] -= share * above[j]
        pivot = row[k]
        if not pivot > SINGULAR * diagonal:
            return False
        scale = a.dtype.type(1) / np.sqrt(pivot)
        for j in range(k, size):
            row[j] *= scale
    return True


@kernel
def _subtract_panel(a, begin, size, panel):
    """Subtract one panel's eight rows from all rows below it, tile by tile."""
    end = begin + PANEL
    # Tile by tile: copies of the panel's rows are next to each other, at fixed distances.
    for left in range(end, size, TILE):
        right = min(left + TILE, size)
        for q in range(PANEL):
            panel[q * TILE : q * TILE + right - left] = a[begin + q, left:right]
        # Each row from its diagonal on, since only the upper triangle is kept.
        for i in range(end, right):
            a0, a1, a2, a3 = a[begin, i], a[begin + 1, i], a[begin + 2, i], a[begin + 3, i]
            a4, a5, a6, a7 = a[begin + 4, i], a[begin + 5, i], a[begin + 6, i], a[begin + 7, i]
            first = max(i, left)
            row, rows = a[i, first:right], panel[first - left :]
            # Two sums of four products: the order is fixed, and so are the bits.
            for j in range(right - first):
                near = (
                    a0 * rows[j]
                    + a1 * rows[j + TILE]
                    + a2 * rows[j + 2 * TILE]
                    + a3 * rows[j + 3 * TILE]
                )
                far = (
                    a4 * rows[j + 4 * TILE]
                    + a5 * rows[j + 5 * TILE]
                    + a6 * rows[j + 6 * TILE]
                    + a7 * rows[j + 7 * TILE]
                )
                row[j] -= near + far


@kernel
def last_column_of_inverse(a, size, x):
    """Fill x [size] with the last column of the inverse of the matrix that `factor` factored.
    O(size² / 2), along rows.
    """
    one = a.dtype.type(1)
    last = size - 1
    x[:size] = 0
    x[last] = one / (a[last, last] * a[last, last])
    # Back substitution, from the last row up.
    for i in range(last - 1, -1, -1):
        row = a[i]
        total = a.dtype.type(0)
        for j in range(i + 1, size):
            total += row[j] * x[j]
        x[i] = -total / row[i]


@kernel
def inverse(a, size, columns, x):
    """Fill x [size, columns] with columns of the inverse of the matrix that `factor` factored,
    next to each other: all loops run along the rows of x.

    O(columns · size²).
    """
    width = len(columns)
    x[:size, :width] = 0
    for at in range(width):
        x[columns[at], at] = 1
    # Forward substitution with Uᵀ.
    for i in range(size):
        row, mine = a[i], x[i, :width]
        for at in range(width):
            mine[at] /= row[i]
        for j in range(i + 1, size):
            _subtract_share(x[j, :width], mine, row[j])
    # Back substitution with U, from the last row up.
    for i in range(size - 1, -1, -1):
        row, mine = a[i], x[i, :width]
        for j in range(i + 1, size):
            _subtract_share(mine, x[j, :width], row[j])
        for at in range(width):
            mine[at] /= row[i]


@kernel
def _subtract_share(row, other, share):
    for at in range(len(row)):
        row[at] -= share * other[at]


@kernel
def solve(a, size, x):
    """Turn x [size] into the solution of A y = x, where `factor` factored A. O(size²), along
    rows.
    """
    # Forward substitution with Uᵀ, along rows.
    for i in range(size):
        row = a[i]
        x[i] /= row[i]
        value = x[i]
        for j in range(i + 1, size):
            x[j] -= value * row[j]
    # Back substitution with U, from the last row up.
    for i in range(size - 1, -1, -1):
        row = a[i]
        # Four sums: each addition to a single sum would wait for the one before.
        s0, s1, s2, s3 = a.dtype.type(0), a.dtype.type(0), a.dtype.type(0), a.dtype.type(0)
        full_end = size - (size - i - 1) % 4
        for j in range(i + 1, full_end, 4):
            s0 += row[j] * x[j]
            s1 += row[j + 1] * x[j + 1]
            s2 += row[j + 2] * x[j + 2]
            s3 += row[j + 3] * x[j + 3]
        for j in range(full_end, size):
            s0 += row[j] * x[j]
        x[i] = (x[i] - ((s0 + s1) + (s2 + s3))) / row[i]


@kernel
def add_squares(a, rows, count, size):
    """Add rowsᵀ rows to the upper triangle of a [size, size], of the first `count` rows [count,
    size]. O(count · size² / 2).

    Eight rows are added at once, from copies that are next to each other, as in `factor`.
    """
    panel = np.empty(PANEL * TILE, a.dtype)
    # Eight rows at a time, as many as `_add_eight` is written out for.
    for begin in range(0, count, PANEL):
        # Tile by tile: copies of the rows are next to each other, at fixed distances; missing rows
        # are zeros.
        for left in range(0, size, TILE):
            right = min(left + TILE, size)
            for q in range(PANEL):
                if begin + q < count:
                    panel[q * TILE : q * TILE + right - left] = rows[begin + q, left:right]
                else:
                    panel[q * TILE : q * TILE + right - left] = 0
            # Each row from its diagonal on, since only the upper triangle is kept.
            for i in range(right):
                if begin + PANEL <= count:
                    _add_eight(
                        a[i, max(i, left) : right],
                        panel[max(i, left) - left :],
                        rows[begin : begin + PANEL, i],
                    )
                else:
                    _add_few(
                        a[i, max(i, left) : right],
                        panel[max(i, left) - left :],
                        rows[begin:count, i],
                    )


@kernel
def _add_eight(row, panel, by):
    a0, a1, a2, a3, a4, a5, a6, a7 = by[0], by[1], by[2], by[3], by[4], by[5], by[6], by[7]
    # Two sums of four products, as in `_subtract_panel`.
    for j in range(len(row)):
        near = (
            a0 * panel[j]
            + a1 * panel[j + TILE]
            + a2 * panel[j + 2 * TILE]
            + a3 * panel[j + 3 * TILE]
        )
        far = (
            a4 * panel[j + 4 * TILE]
            + a5 * panel[j + 5 * TILE]
            + a6 * panel[j + 6 * TILE]
            + a7 * panel[j + 7 * TILE]
        )
        row[j] += near + far


@kernel
def _add_few(row, panel, by):
    for q in range(len(by)):
        value = by[q]
        for j in range(len(row)):
            row[j] += value * panel[q * TILE + j]
