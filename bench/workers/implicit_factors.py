"""implicit_factors.py FOLDER OUT: ten items for every user by implicit's ALS, 10,000 users a call. Runs in the peers' own environment.

Reads `vectors.npz` in OUT, writes `theirs`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit asks for it

import numpy as np
from counted import THREADS, loaded, two_processors
from implicit.cpu.als import AlternatingLeastSquares
from implicit_cosine import matrix_of
from implicit_recommend import recommend


def main(folder: Path, out: Path) -> None:
    """Take the vectors over, then time all users."""
    two_processors()
    matrix = matrix_of(*loaded(folder))
    vectors = np.load(out / "vectors.npz")
    model = AlternatingLeastSquares(factors=vectors["items"].shape[1], num_threads=THREADS)
    model.user_factors, model.item_factors = vectors["users"], vectors["items"]
    recommend(model, matrix[:100])
    begun = time.perf_counter()
    scores = recommend(model, matrix)
    seconds = time.perf_counter() - begun
    np.concatenate(scores).astype(np.float32).tofile(out / "theirs")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
