"""topn_cosine.py FOLDER [OUT]: item-item cosine by sparse_dot_topn, 101 an item with itself. Runs
in the peers' own environment.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import KEEP, THREADS, Array, first_users, loaded, two_processors, write_similarities
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn


def cosine(matrix: csr_matrix) -> csr_matrix:
    """Scale the items to length one, multiply."""
    lengths = np.sqrt(np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)).astype(
        matrix.dtype
    )
    scaled = csr_matrix(
        (matrix.data / lengths[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return sp_matmul_topn(scaled.T.tocsr(), scaled, KEEP + 1, n_threads=THREADS)


def matrix_of(starts: Array, items: Array, item_count: int) -> csr_matrix:
    """Users × items in float64: float32 is not faster, and wrong in the fifth decimal place."""
    return csr_matrix((np.ones(len(items)), items, starts), shape=(len(starts) - 1, item_count))


def main(folder: Path, out: Path | None) -> None:
    """Time the whole way from the matrix to the neighbours."""
    two_processors()
    starts, items, item_count = loaded(folder)
    cosine(matrix_of(*first_users(starts, items), item_count))
    matrix = matrix_of(starts, items, item_count)
    del starts, items
    begun = time.perf_counter()
    found = cosine(matrix)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "answer": {}}))
    if out is not None:
        with out.open("wb") as file:
            write_similarities(file, found.indptr, found.indices, found.data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
