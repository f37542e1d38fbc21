"""our_judge.py SEEDS: how often the judge of a night refuses the same model, and one whose items
are permuted. Each seed draws other users of the grocery log, and another permutation.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import spadework as sw
from spadework.models.labels import model
from spadework.workbench.updating.promotion import WORSE, Judge

SHARE = 0.5


def main(seeds: int) -> None:
    log = sw.read_interactions("sample:grocery")
    assert log.times is not None
    begun = time.perf_counter()
    answer = {"seeds": seeds, "same refused": 0, "permuted refused": 0}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        part = log.where((rng.random(log.user_count) < SHARE)[log.users])
        since = int(np.quantile(part.times, 0.9 + 0.05 * rng.random()))
        judge = Judge.of(part, since, {}, None)
        lists = judge.lists(model("cosine").fit(judge.protocol.split.train))
        values = judge.values(lists)
        answer["same refused"] += not judge.compare(values, values, seed).goes_live
        order = rng.permutation(part.item_count)
        permuted = np.where(lists >= 0, order[np.maximum(lists, 0)], -1).astype(np.int32)
        found = judge.compare(values, judge.values(permuted), seed)
        answer["permuted refused"] += found.outcome == WORSE
    print(json.dumps({"seconds": time.perf_counter() - begun, "answer": answer}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
