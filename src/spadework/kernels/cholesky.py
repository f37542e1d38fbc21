"""Small dense symmetric systems, factored in place by our own loops: the same bits whatever the number of threads.

LAPACK's answers depend on how many threads it takes, and many small systems are solved side by side here, one thread each. The factor is
kept by rows, A = Uᵀ U with U in the upper triangle, so that all inner loops run along rows: they become vector instructions without
leave to reorder sums. Eight rows of U are taken off the rest at once: as measured, the rest is then read once for eight.
"""

from __future__ import annotations

import numpy as np
from numba import njit

PANEL = 8
"""Rows of the factor that are taken off the rest together; the loops below are written out for this number."""
TILE = 512
"""Columns of a panel that are copied side by side; fixed, so that the compiler knows that its rows do not overlap."""
SINGULAR = np.float32(2e-6)
"""A pivot below this share of its diagonal is rounding, not information."""
FIRST_RAISE = 1e-3
"""Share by which diagonals are raised first where a system is not positive definite; each further try takes four times as much."""


@njit(cache=True, nogil=True)
def factor(a, size):  # type: ignore[no-untyped-def]
    """Factor the upper triangle of a [size, size] in place; false where it is not positive definite. O(size³ / 3) multiply-adds."""
    panel = np.empty(PANEL * TILE, a.dtype)
    for begin in range(0, size, PANEL):
        end = min(begin + PANEL, size)
        if not _own_rows(a, begin, end, size):
            return False
        if end - begin == PANEL and end < size:
            _take_off(a, begin, size, panel)
    return True


@njit(cache=True, nogil=True)
def _own_rows(a, begin, end, size):  # type: ignore[no-untyped-def]
    """Finish the rows of one panel; what stands above the panel has been taken off them."""
    for k in range(begin, end):
        row = a[k]
        before = row[k]
        for p in range(begin, k):
            above = a[p]
            share = above[k]
            before += share * share
            for j in range(k, size):
                row[j] -= share * above[j]
        pivot = row[k]
        if not pivot > SINGULAR * before:
            return False
        scale = a.dtype.type(1) / np.sqrt(pivot)
        for j in range(k, size):
            row[j] *= scale
    return True


@njit(cache=True, nogil=True)
def _take_off(a, begin, size, panel):  # type: ignore[no-untyped-def]
    """Take one panel's eight rows off all rows below it, a tile of columns after the other."""
    end = begin + PANEL
    for left in range(end, size, TILE):
        right = min(left + TILE, size)
        for q in range(PANEL):
            panel[q * TILE : q * TILE + right - left] = a[begin + q, left:right]
        for i in range(end, right):
            a0, a1, a2, a3 = a[begin, i], a[begin + 1, i], a[begin + 2, i], a[begin + 3, i]
            a4, a5, a6, a7 = a[begin + 4, i], a[begin + 5, i], a[begin + 6, i], a[begin + 7, i]
            first = max(i, left)
            row, rows = a[i, first:right], panel[first - left :]
            for j in range(right - first):
                near = a0 * rows[j] + a1 * rows[j + TILE] + a2 * rows[j + 2 * TILE] + a3 * rows[j + 3 * TILE]
                far = a4 * rows[j + 4 * TILE] + a5 * rows[j + 5 * TILE] + a6 * rows[j + 6 * TILE] + a7 * rows[j + 7 * TILE]
                row[j] -= near + far


@njit(cache=True, nogil=True)
def last_column_of_inverse(a, size, x):  # type: ignore[no-untyped-def]
    """Fill x [size] with the last column of the inverse of what `factor` factored. O(size² / 2), along rows."""
    one = a.dtype.type(1)
    last = size - 1
    x[:size] = 0
    x[last] = one / (a[last, last] * a[last, last])
    for i in range(last - 1, -1, -1):
        row = a[i]
        total = a.dtype.type(0)
        for j in range(i + 1, size):
            total += row[j] * x[j]
        x[i] = -total / row[i]


@njit(cache=True, nogil=True)
def inverse(a, size, columns, x):  # type: ignore[no-untyped-def]
    """Fill x [columns, size] with columns of the inverse of what `factor` factored. O(columns · size²)."""
    one = a.dtype.type(1)
    for at in range(len(columns)):
        y = x[at]
        y[:size] = 0
        y[columns[at]] = one
        for i in range(columns[at], size):
            row = a[i]
            y[i] /= row[i]
            value = y[i]
            for j in range(i + 1, size):
                y[j] -= value * row[j]
        for i in range(size - 1, -1, -1):
            row = a[i]
            total = y[i]
            for j in range(i + 1, size):
                total -= row[j] * y[j]
            y[i] = total / row[i]
