"""The inverse of a large symmetric positive definite matrix A, in place.

By tiles, in three steps of n³ / 3 operations each: A = L Lᵀ (Cholesky), U = L⁻ᵀ, A⁻¹ = U Uᵀ. L
is written below the diagonal and U above it, where A has its second half, so no step needs another
matrix. LAPACK factors the tiles on the diagonal; all else is multiplication of large matrices.

The threads are ours, and each multiplies by itself. LAPACK's own threads wait for each other in
busy loops: where other work used the processors too, an inverse of 2,400 columns took up to 13 s,
and 0.3 s with one thread. Its threaded float32 Cholesky crashes the process somewhere between
24,000 and 28,000 columns. And the order of its sums depends on the number of threads; here it does
not, so neither do results.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from spadework import events
from spadework.arrays import Array
from spadework.errors import Unsuitable
from spadework.kernels import parallel
from spadework.kernels.solvers.dense_gram import mirror

TILE = 256
"""Columns of a tile. Smaller tiles multiply more slowly; with larger ones more of the work is done
on tiles of which only one half is needed, and alone."""
TALL = 4
"""Tiles that one multiplication makes at once, one below the other."""

LARGER_L2 = "Give a larger l2; 1 is small for any log."


def room(size: int) -> int:
    """Bytes that `invert` holds in addition to a float32 matrix of `size` columns: the tiles on the
    diagonal, products of each thread and of the caller, and what factors a tile. Twice as many for
    float64.
    """
    return 4 * TILE * (size + TALL * TILE * (parallel.threads() + 1) + 4 * TILE)


def invert(matrix: Array, label: str = "inverse", hint: str = LARGER_L2) -> None:
    """Replace a symmetric positive definite matrix [n, n] (float32 or float64, C order) by its
    inverse, in place. Only the half below the diagonal is read.

    Raises `Unsuitable` with the `hint` where it is not positive definite to working precision.
    O(n³) operations; it holds `room(n)` bytes in addition to the matrix. The result is the same to
    the bit for any number of threads.
    """
    tiles = _Tiles(matrix, label, hint)
    if not np.isfinite(np.diagonal(matrix)).all():
        raise tiles.singular()
    with parallel.lone_blas():
        tiles.factor()
        tiles.invert_factor()
        tiles.multiply()
    if not np.isfinite(np.diagonal(matrix)).all():
        raise tiles.singular()
    mirror(matrix)


class _Tiles:
    """The matrix, and the ranges [first, last) of its tiles."""

    def __init__(self, matrix: Array, label: str, hint: str) -> None:
        size = len(matrix)
        self._matrix, self._label, self._hint = matrix, label, hint
        self._tiles = [(at, min(at + TILE, size)) for at in range(0, size, TILE)]
        self._diagonal: list[Array] = []
        """Tiles of U on the diagonal, [tile, tile], upper triangular."""
        self._own = threading.local()

    def factor(self) -> None:
        """L below the diagonal, and the diagonal tiles of U, tile column by tile column.

        A column is what is left of A after the columns before it, times its diagonal tile of U. The
        task with the next rows also factors the next diagonal tile, so no thread waits for it.
        """
        label, size = f"{self._label}: factor", len(self._matrix)
        with parallel.Crew() as crew:
            for at, (begin, stop) in enumerate(self._tiles):
                events.step(label, at, len(self._tiles))
                if at == 0:
                    self._factor_diagonal(0)

                def fill(
                    rows: tuple[int, int], at: int = at, begin: int = begin, stop: int = stop
                ) -> None:
                    first, end = rows
                    left = self._left(first, end, begin, stop)
                    target = self._matrix[first:end, begin:stop]
                    np.matmul(left, self._diagonal[at], out=target)
                    if first == stop:  # these rows are those of the next tile
                        self._factor_diagonal(at + 1)

                crew.map(fill, self._tiles[at + 1 : at + 2] + self._tall(stop + TILE, size))
        events.step(label, len(self._tiles), len(self._tiles))

    def invert_factor(self) -> None:
        """U above the diagonal. Its tile rows do not depend on each other."""

        def fill(row: int) -> None:
            first, end = self._tiles[row]
            self._matrix[first:end, first:end] = self._diagonal[row]
            for column in range(row + 1, len(self._tiles)):
                begin, stop = self._tiles[column]
                product = self._product(end - first, stop - begin)
                known = self._matrix[first:end, first:begin]
                np.matmul(known, self._matrix[begin:stop, first:begin].T, out=product)
                np.negative(product, out=product)
                target = self._matrix[first:end, begin:stop]
                np.matmul(product, self._diagonal[column], out=target)

        # The first rows are the longest, so none of them is begun last.
        parallel.share(fill, range(len(self._tiles)), f"{self._label}: invert the factor")

    def multiply(self) -> None:
        """U Uᵀ below the diagonal, then on it, where U itself is needed until then."""

        def fill(task: tuple[int, int, int, int]) -> None:
            first, end, begin, stop = task
            rows, columns = self._matrix[first:end, first:], self._matrix[begin:stop, first:]
            np.matmul(rows, columns.T, out=self._matrix[first:end, begin:stop])

        def fill_diagonal(tile: tuple[int, int]) -> None:
            first, end = tile
            rows = self._matrix[first:end, first:]
            product = np.matmul(rows, rows.T, out=self._product(end - first, end - first))
            self._matrix[first:end, first:end] = product

        label = f"{self._label}: multiply"
        tasks = [(*tile, *block) for tile in self._tiles for block in self._tall(0, tile[0])]
        if tasks:
            parallel.share(fill, tasks, label)
        parallel.share(fill_diagonal, self._tiles, label)

    def singular(self) -> Unsuitable:
        """The error of a matrix without an inverse."""
        return Unsuitable(
            (
                "The matrix of the items cannot be inverted: some items are identical in "
                "the training data, or do not occur in it."
            ),
            self._hint,
        )

    def _left(self, first: int, end: int, begin: int, stop: int) -> Array:
        """What is left of rows [first, end) and columns [begin, stop) of A: A − L Lᵀ, over the
        columns of L before `begin`.
        """
        block = self._matrix[first:end, begin:stop]
        product = self._product(end - first, stop - begin)
        done, other = self._matrix[first:end, :begin], self._matrix[begin:stop, :begin]
        np.matmul(done, other.T, out=product)
        return np.subtract(block, product, out=product)

    def _factor_diagonal(self, at: int) -> None:
        """L of a diagonal tile, of which U = L⁻ᵀ alone is kept."""
        cholesky, inverse = _routines(self._matrix)
        tile = self._tiles[at]
        # LAPACK stores by column, so it is handed the transpose and gives back Lᵀ, then U.
        factor, failed = cholesky(self._left(*tile, *tile).T, lower=0, clean=1)
        if failed == 0:
            factor, failed = inverse(factor, lower=0)
        if failed != 0:
            raise self.singular()
        self._diagonal.append(np.ascontiguousarray(factor))

    def _tall(self, first: int, last: int) -> list[tuple[int, int]]:
        """The range [first, last) in parts for one multiplication each."""
        height = TALL * TILE
        return [(at, min(at + height, last)) for at in range(first, last, height)]

    def _product(self, rows: int, columns: int) -> Array:
        """Memory of this thread for a product: to ask for new memory each time cost a tenth."""
        if not hasattr(self._own, "memory"):
            self._own.memory = np.empty(TALL * TILE * TILE, self._matrix.dtype)
        memory: Array = self._own.memory
        return memory[: rows * columns].reshape(rows, columns)


def _routines(matrix: Array) -> tuple[Any, Any]:
    from scipy.linalg import lapack

    single = matrix.dtype == np.float32
    return (lapack.spotrf, lapack.strtri) if single else (lapack.dpotrf, lapack.dtrtri)
