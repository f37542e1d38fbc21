"""The inverse of a large symmetric positive definite matrix, in place, in float32.

Up to `WHOLE` columns LAPACK computes it (Cholesky, then the inverse from it). Larger matrices are
swept block by block (Gauss-Jordan): LAPACK inverts the block on the diagonal, everything else is
multiplication of large matrices. Both take n³ operations. LAPACK cannot be used for all sizes: the
threaded float32 Cholesky of the OpenBLAS that comes with numpy and scipy crashes the process
somewhere between 24,000 and 28,000 columns.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from scipy.linalg import lapack

from spadework import events
from spadework.arrays import Array
from spadework.errors import Unsuitable
from spadework.kernels import parallel
from spadework.kernels.solvers.dense_gram import mirror

ALONE = 6000
"""Columns up to which LAPACK has one thread. Its threads wait for each other in busy loops: where
other work used the processors too, an inverse of 2,400 columns took up to 13 s, and 0.3 s with one
thread. On an idle machine two threads save half of the time, which is a second or less here."""
WHOLE = 16_384
BLOCK = 4096
"""Columns that are swept at once."""
TILE = 1024
"""Rows that are updated at once; half of the work on the diagonal tile is not needed."""


LARGER_L2 = "Give a larger l2; 1 is small for any log."


def room(size: int) -> int:
    """Bytes that `invert` holds in addition to a float32 matrix of `size` columns: the swept
    columns twice, a tile of rows, and the pivot twice.
    """
    return 0 if size <= WHOLE else 4 * (size * (2 * BLOCK + TILE) + 2 * BLOCK**2)


def invert(matrix: Array, label: str = "inverse", hint: str = LARGER_L2) -> None:
    """Replace a symmetric positive definite matrix [n, n] (float32 or float64, C order) by its
    inverse, in place.

    Raises `Unsuitable` with the `hint` where it is not positive definite to working precision.
    O(n³) operations; it holds `room(n)` bytes in addition to the matrix.
    """
    size = len(matrix)
    if size <= WHOLE:
        _invert_whole(matrix, hint)
        mirror(matrix)
        return
    starts = range(0, size, BLOCK)
    for done, first in enumerate(starts):
        events.step(label, done, len(starts))
        _sweep(matrix, first, min(first + BLOCK, size), hint)
    events.step(label, len(starts), len(starts))
    np.negative(matrix, out=matrix)
    mirror(matrix)


def _invert_whole(matrix: Array, hint: str) -> None:
    """The lower half of the inverse, in place, by LAPACK, which gets the transposed view because it
    stores matrices by column.
    """
    factor, inverse = _routines(matrix)
    view = matrix.T
    with parallel.lone_blas() if len(matrix) <= ALONE else nullcontext():
        found, info = factor(view, lower=0, overwrite_a=1, clean=0)
        if info == 0:
            found, info = inverse(found, lower=0, overwrite_c=1)
    if info != 0 or not np.isfinite(np.diagonal(found)).all():
        raise Unsuitable(
            (
                "The matrix of the items cannot be inverted: some items are identical in "
                "the training data, or do not occur in it."
            ),
            hint,
        )
    if not np.shares_memory(found, matrix):  # a view that LAPACK cannot work in
        matrix[...] = found.T


def _routines(matrix: Array) -> tuple[Any, Any]:
    single = matrix.dtype == np.float32
    return (lapack.spotrf, lapack.spotri) if single else (lapack.dpotrf, lapack.dpotri)


def _sweep(matrix: Array, first: int, last: int, hint: str) -> None:
    """One step of Gauss-Jordan on the lower half: afterwards the block is −inverse, and the rest is
    reduced by it.
    """
    size = len(matrix)
    pivot = matrix[first:last, first:last].copy()
    _invert_whole(pivot, hint)
    mirror(pivot)
    rest = np.empty((size - (last - first), last - first), matrix.dtype)  # [others, block]
    rest[:first] = matrix[first:last, :first].T
    rest[first:] = matrix[last:, first:last]
    solved = rest @ pivot
    room = np.empty((TILE, len(rest)), matrix.dtype)
    for at in range(0, len(rest), TILE):
        for begin, end in _split_at(at, min(at + TILE, len(rest)), first):
            shift = 0 if begin < first else last - first
            product = np.matmul(solved[begin:end], rest[:end].T, out=room[: end - begin, :end])
            rows = matrix[begin + shift : end + shift]
            rows[:, : min(end, first)] -= product[:, :first]
            rows[:, last : end + shift] -= product[:, first:]
    matrix[first:last, :first] = solved[:first].T
    matrix[last:, first:last] = solved[first:]
    matrix[first:last, first:last] = -pivot


def _split_at(begin: int, end: int, edge: int) -> list[tuple[int, int]]:
    """A range, in two where the edge lies inside."""
    return [(begin, edge), (edge, end)] if begin < edge < end else [(begin, end)]
