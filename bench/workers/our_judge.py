"""our_judge.py SEEDS: how often the judge of a night refuses the same model, and one whose items
are permuted. Each seed draws other users of the newest span of the grocery log, and another
permutation.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import spadework as sw
from spadework.models.labels import model
from spadework.workbench.updating.promotion import WORSE, Judge

SHARE = 0.3
SPAN = 28 * 86_400


def main(seeds: int) -> None:
    log = sw.read_interactions("sample:grocery")
    judge = Judge.of(log, log.end - SPAN, {}, None)
    lists = judge.lists(model("cosine").fit(judge.protocol.split.train))
    values = judge.values(lists)
    begun = time.perf_counter()
    answer = {"seeds": seeds, "same refused": 0, "permuted refused": 0}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        some = rng.random(len(values)) < SHARE
        same = judge.compare(values[some], values[some], seed)
        answer["same refused"] += not same.goes_live
        order = rng.permutation(log.item_count)
        permuted = np.where(lists >= 0, order[np.maximum(lists, 0)], -1).astype(np.int32)
        found = judge.compare(values[some], judge.values(permuted)[some], seed)
        answer["permuted refused"] += found.outcome == WORSE
    print(json.dumps({"seconds": time.perf_counter() - begun, "answer": answer}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
