"""implicit_cosine.py FOLDER [OUT]: fit implicit's CosineRecommender(K=100). Runs in the peers' own
environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit asks for it

import numpy as np
from counted import KEEP, THREADS, Array, first_users, loaded, two_processors, write_similarities
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix


def matrix_of(starts: Array, items: Array, item_count: int) -> csr_matrix:
    """Users × items in float64, the type that it works in."""
    return csr_matrix((np.ones(len(items)), items, starts), shape=(len(starts) - 1, item_count))


def main(folder: Path, out: Path | None) -> None:
    """Time one fit."""
    two_processors()
    starts, items, item_count = loaded(folder)
    CosineRecommender(K=KEEP, num_threads=THREADS).fit(
        matrix_of(*first_users(starts, items), item_count), show_progress=False
    )
    matrix = matrix_of(starts, items, item_count)
    del starts, items
    model = CosineRecommender(K=KEEP, num_threads=THREADS)
    begun = time.perf_counter()
    model.fit(matrix, show_progress=False)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "answer": {}}))
    if out is not None:
        with out.open("wb") as file:
            write_similarities(
                file, model.similarity.indptr, model.similarity.indices, model.similarity.data
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
