"""our_sparse.py FOLDER OUT MODEL [KEY=VALUE]…: fit one of the sparse relatives of EASE, then twenty
items for every user into OUT.npy.

With OUT `-` nobody is answered. The seconds are those of the fit.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import loaded, two_processors
from our_cosine import log_of

import spadework as sw

K = 20


def main(folder: Path, out: str, name: str, settings: list[str]) -> None:
    """Time one fit and one call."""
    two_processors()
    starts, items, item_count = loaded(folder)
    known = sw.model(name).parameters()
    params = {
        key: known[key].parse(value, name)
        for key, value in (setting.split("=") for setting in settings)
    }
    _warm_up(name, params)
    log = log_of(starts, items, item_count)
    del starts, items
    begun = time.perf_counter()
    model = sw.model(name, **params).fit(log)
    seconds = time.perf_counter() - begun
    answer = {"held": sum(array.nbytes for array in model.state.values())}
    if out != "-":
        begun = time.perf_counter()
        found = model.recommend(log, k=K, repeats="forbid")
        answer["answering"] = time.perf_counter() - begun
        lists = np.full((log.user_count, K), -1, np.int32)
        lists[found.users] = found.items
        np.save(f"{out}.npy", lists)
    print(json.dumps({"seconds": seconds, "answer": answer}))


def _warm_up(name: str, params: dict[str, object]) -> None:
    """Rows that are nearly empty and rows that are full: items are counted in different ways by it,
    and all are compiled.
    """
    rng = np.random.default_rng(0)
    few = np.sort(rng.integers(0, 5000, (400, 5)), axis=1).reshape(-1).astype(np.int32)
    full = np.tile(np.arange(300, dtype=np.int32), 50)
    for items, width, count in ((few, 5, 5000), (full, 300, 300)):
        log = log_of(np.arange(0, len(items) + 1, width), items, count)
        sw.model(name, **params).fit(log).recommend(log, k=K, repeats="forbid")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
