"""implicit_factors.py FOLDER OUT HOW: ten items for every user by implicit's ALS, 10,000 users a
call. Runs in the peers' own environment.

Reads `vectors.npz` in OUT. HOW is "stored", users' vectors as they stand, and writes `theirs`; or
"folded", which makes them of the histories.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit asks for it

import numpy as np
from counted import THREADS, Array, loaded, two_processors
from implicit.cpu.als import AlternatingLeastSquares
from implicit_cosine import matrix_of
from scipy.sparse import csr_matrix

BATCH = 10_000


def recommend(model: AlternatingLeastSquares, matrix: csr_matrix, folded: bool) -> list[Array]:
    """Scores [users, 10] by batches."""
    scores = []
    for first in range(0, matrix.shape[0], BATCH):
        users = np.arange(first, min(first + BATCH, matrix.shape[0]))
        told = matrix[users[0] : users[-1] + 1]
        scores.append(
            model.recommend(
                users, told, N=10, filter_already_liked_items=True, recalculate_user=folded
            )[1]
        )
    return scores


def main(folder: Path, out: Path, how: str) -> None:
    """Take the vectors over, then time all users."""
    two_processors()
    matrix = matrix_of(*loaded(folder))
    vectors = np.load(out / "vectors.npz")
    model = AlternatingLeastSquares(factors=vectors["items"].shape[1], num_threads=THREADS)
    model.user_factors, model.item_factors = vectors["users"], vectors["items"]
    recommend(model, matrix[:100], how == "folded")
    begun = time.perf_counter()
    scores = recommend(model, matrix, how == "folded")
    seconds = time.perf_counter() - begun
    if how == "stored":
        np.concatenate(scores).astype(np.float32).tofile(out / "theirs")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
