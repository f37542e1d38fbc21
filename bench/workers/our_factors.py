"""our_factors.py FOLDER OUT NAME: ten items for every user by iALS or ELSA, 128 numbers a vector,
items of the history left out.

For `ials` OUT gets `ours`, the scores, and `vectors.npz`, the vectors of users and items, which the
peer reads.
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
from spadework.models.factors.vector_scorer import VectorScorer
from spadework.models.histories import Histories

DIMENSIONS = 128
EPOCHS = {"ials": 4, "elsa": 2}  # the clock runs for answers alone


def main(folder: Path, out: Path, name: str) -> None:
    """Fit, then time one call."""
    two_processors()
    starts, items, item_count = loaded(folder)
    log = log_of(starts, items, item_count)
    model = sw.model(name, dimensions=DIMENSIONS, epochs=EPOCHS[name]).fit(log)
    assert isinstance(model.scorer, VectorScorer)
    model.recommend(log_of(*first_users(starts, items), item_count), k=10, repeats="forbid")
    begun = time.perf_counter()
    found = model.recommend(log, k=10, repeats="forbid")
    seconds = time.perf_counter() - begun
    if name == "ials":
        side = model.scorer.users
        histories = Histories.of(log, np.arange(log.user_count, dtype=np.int32))
        users = side.vectors(*side.reading.weighted(histories))
        np.savez(out / "vectors.npz", users=users, items=model.state["vectors"])
        found.scores.astype(np.float32).tofile(out / "ours")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
