"""Leading singular vectors of a sparse matrix, with a fixed seed and one thread, so that they are
the same every time.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, eigsh

from spadework import events
from spadework.arrays import Array
from spadework.kernels import parallel

DENSE = 600
"""Columns up to which the full spectrum is computed."""
DRAWS = 0
"""Seed of the start vector of the iteration: the result depends on it only by rounding."""


def leading(matrix: csr_array, count: int, label: str) -> Array:
    """The `count` right singular vectors [columns, count] float64 of the largest singular values,
    descending.

    By Lanczos on the smaller of the two Gram matrices (Lehoucq, Sorensen & Yang, "ARPACK Users'
    Guide", 1998), whose steps are reported, so limits can stop it. Up to 600 columns, or where a
    third of all vectors is requested, by the full decomposition. A singular value below 1e-5 of the
    largest is zero and has a vector of zeros. O(rounds · (cells + least · count)) time, `least` the
    smaller of rows and columns; the full decomposition takes O(cells · least + least³).
    """
    transposed = matrix.shape[0] < matrix.shape[1]
    tall = csr_array(matrix.T) if transposed else matrix
    wide = csr_array(tall.T)
    size = tall.shape[1]
    steps = 0

    def product(vector: Array) -> Array:
        nonlocal steps
        steps += 1
        events.step(label, steps)
        return np.asarray(wide @ (tall @ vector))

    with parallel.lone_blas():
        if size <= DENSE or 3 * count > size:
            values, vectors = np.linalg.eigh((wide @ tall).toarray())
        else:
            begin = np.random.default_rng(DRAWS).standard_normal(size)
            operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
            values, vectors = eigsh(operator, k=count, v0=begin, tol=1e-6)
        order = np.argsort(-values, kind="stable")[:count]
        values, vectors = values[order], vectors[:, order]
        real = values > 1e-10 * max(float(values[0]), 1e-300)
        vectors = np.where(real, vectors, 0.0)
        if transposed:  # from left vectors to right ones
            vectors = np.asarray(tall @ (vectors / np.sqrt(np.where(real, values, 1.0))))
    return np.asarray(vectors)
