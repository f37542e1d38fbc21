"""our_ease.py FOLDER OUT WHAT: fit EASE, or answer all users with it (WHAT: fit, recommend), items
of the history left out.

The answer tells the seconds of the inverse alone and the rate of multiplication of this machine,
measured beside it. OUT gets `ours`, the weights of the first items, where it is `recommend`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import first_users, loaded, two_processors
from our_cosine import log_of

import spadework as sw
from spadework.models.linear import ease
from spadework.models.linear.matrix_scorer import MatrixScorer

L2 = 500.0
SIDE = 4096
CORNER = 200


def rate() -> float:
    """Operations a second of a product of two float32 matrices, the best of five."""
    one = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        one @ one
        seconds.append(time.perf_counter() - begun)
    return 2 * SIDE**3 / min(seconds)


def main(folder: Path, out: Path, what: str) -> None:
    """Time one fit, and one call that answers everybody."""
    two_processors()
    starts, items, item_count = loaded(folder)
    few = (
        log_of(*first_users(starts, items), item_count)
        if item_count < 5000
        else log_of(np.asarray([0, 3]), np.arange(3, dtype=np.int32), 3)
    )
    sw.model("ease", l2=L2, dropout=0.0).fit(few).recommend(few, k=10, repeats="forbid")
    log = log_of(starts, items, item_count)
    before, taken, invert = rate(), [0.0], ease.invert

    def timed(*arguments: object) -> None:
        begun = time.perf_counter()
        invert(*arguments)
        taken[0] = time.perf_counter() - begun

    ease.invert = timed
    begun = time.perf_counter()
    model = sw.model("ease", l2=L2, dropout=0.0).fit(log)
    seconds = time.perf_counter() - begun
    answer = {"inverse": taken[0], "rate": max(before, rate()), "items": item_count}
    if what == "recommend":
        begun = time.perf_counter()
        model.recommend(log, k=10, repeats="forbid")
        seconds = time.perf_counter() - begun
        corner = np.unique(items)[:CORNER]
        assert isinstance(model.scorer, MatrixScorer)
        weights = model.scorer.left[:, None] * model.scorer.matrix * model.scorer.right
        np.ascontiguousarray(weights[np.ix_(corner, corner)], np.float32).tofile(out / "ours")
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
