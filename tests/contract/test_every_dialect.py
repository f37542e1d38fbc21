"""Dialects of one metric, worked out by hand on one list: rank 1 and 3 of a list of four hit two of
six targets.
"""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from makers import make_log
from spadework.data.splitting import Split
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth

DCG = 1 + 1 / log2(4)
IDEAL = {n: sum(1 / log2(rank + 1) for rank in range(1, n + 1)) for n in (2, 4, 6)}
GRADED_DCG = 1 + 2 / log2(4)  # the hits weigh 1 and 2
GRADED_IDEAL = 2 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5)  # one target of 2, the others of 1
BY_HAND = {  # recall@4, ndcg@4, map@4
    "lightgcn": (2 / 6, DCG / IDEAL[4], (1 + 2 / 3) / 6),
    "vaecf": (2 / 4, DCG / IDEAL[4], (1 + 2 / 3) / 4),
    "polimi": (2 / 6, DCG / IDEAL[6], (1 + 2 / 3) / 6),
    "nbr": (2 / 6, DCG / IDEAL[6], (1 + 2 / 3) / 6),
    "loo": (2 / 6, DCG / IDEAL[4], (1 + 2 / 3) / 6),
    "aprec": (2 / 6, DCG / IDEAL[2], (1 + 2 / 3) / 6),
    "pps": (2 / 6, GRADED_DCG / GRADED_IDEAL, (1 + 2 / 3) / 6),
}


@pytest.mark.parametrize("name", list(dialects))
def test_dialect_by_hand(name):
    assert name in BY_HAND, f"work {name} out by hand and add it to BY_HAND"
    log = make_log(["a"] * 8, list(range(8)), weights=[1, 2, 1, 1, 1, 1, 1, 1])
    expected = log.where(np.arange(8) < 6)
    truth = Truth.of(
        Split(train=log, given=log, expected=expected, name="made", description="made")
    )
    found = measure(
        np.asarray([[0, 6, 1, 7]], np.int32),
        truth,
        [parse(f"{m}@4") for m in ("recall", "ndcg", "map")],
        dialects[name],
    )
    assert [float(value[0]) for value in found.values()] == pytest.approx(BY_HAND[name], rel=1e-6)


@pytest.mark.parametrize("name", list(dialects))
def test_with_one_target_all_dialects_agree(name):
    log = make_log(["a"] * 4, list(range(4)))
    truth = Truth.of(
        Split(
            train=log,
            given=log,
            expected=log.where(np.arange(4) == 2),
            name="made",
            description="made",
        )
    )
    requested = [parse(f"{m}@3") for m in ("recall", "hitrate", "map", "mrr")]
    found = measure(np.asarray([[1, 2, 3]], np.int32), truth, requested, dialects[name])
    assert [float(value[0]) for value in found.values()] == [1, 1, 0.5, 0.5]
    ndcg = measure(np.asarray([[1, 2, 3]], np.int32), truth, [parse("ndcg@3")], dialects[name])[
        "ndcg@3"
    ]
    assert (
        float(ndcg[0]) == pytest.approx(1.0 if name == "aprec" else 1 / log2(3))
        or dialects[name].ideal == "hits"
    )
