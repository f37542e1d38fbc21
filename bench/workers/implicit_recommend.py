"""implicit_recommend.py FOLDER OUT: the same by implicit, 10,000 users a call. Runs in the peers'
own environment.

Reads `table.npz` in OUT, writes `theirs`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import KEEP, THREADS, Array, loaded, two_processors
from implicit.nearest_neighbours import CosineRecommender, NearestNeighboursScorer
from implicit_cosine import matrix_of
from scipy.sparse import csr_matrix

BATCH = 10_000


def recommend(model: CosineRecommender, matrix: csr_matrix) -> list[Array]:
    """Scores [users, 10] by batches."""
    scores = []
    for first in range(0, matrix.shape[0], BATCH):
        users = np.arange(first, min(first + BATCH, matrix.shape[0]))
        _, best = model.recommend(
            users, matrix[users[0] : users[-1] + 1], N=10, filter_already_liked_items=True
        )
        scores.append(best)
    return scores


def main(folder: Path, out: Path) -> None:
    """Take the neighbours over, then time all users."""
    two_processors()
    matrix = matrix_of(*loaded(folder))
    table = np.load(out / "table.npz")
    model = CosineRecommender(K=KEEP, num_threads=THREADS)
    model.similarity = csr_matrix(
        (table["values"].astype(np.float64), table["columns"], table["starts"])
    )
    model.scorer = NearestNeighboursScorer(model.similarity)
    recommend(model, matrix[:100])
    begun = time.perf_counter()
    scores = recommend(model, matrix)
    seconds = time.perf_counter() - begun
    # free slots hold the lowest number there is
    np.maximum(np.concatenate(scores), 0).astype(np.float32).tofile(out / "theirs")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
