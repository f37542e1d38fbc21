"""Published protocols of the next basket on logs that may not be shipped: Ta-Feng as the Reality
Check cuts it.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import outside_data
from spadework.data import splitting
from spadework.data.splitting import Split
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.labels import model

METRICS = ("recall@10", "ndcg@10", "hitrate@10")


@pytest.fixture(scope="module")
def tafeng() -> Split:
    frame = pl.read_parquet(outside_data("nbr_tafeng_realitycheck"))
    log = sw.read_interactions(
        frame.select("user", "item", "timestamp", "basket"),
        user="user",
        item="item",
        time="timestamp",
        basket="basket",
    )
    return splitting.last_basket(log)


def judged(fitted: Recommender, split: Split, truth: Truth) -> list[float]:
    lists = fitted.recommend_codes(split.given, 10, repeats="allow", fill=False, users=truth.users)
    found = measure(lists.items, truth, [parse(name) for name in METRICS], dialects["nbr"])
    return [float(np.mean(found[name])) for name in METRICS]


@pytest.mark.parametrize(
    ("name", "params", "published"),
    [
        ("popular", {}, [0.0803, 0.0842, 0.2489]),
        ("p-topfreq", {"ties": "first"}, [0.1062, 0.0953, 0.3513]),
        ("gp-topfreq", {"ties": "first"}, [0.1195, 0.1007, 0.3721]),
        ("gp-topfreq", {"ties": "recent"}, [0.1252, 0.1023, 0.3917]),
        ("gp-topfreq", {"ties": "popular"}, [0.1350, 0.1163, 0.4205]),
        ("personal", {"decay": 0.9, "popularity": 3.0}, [0.1509, 0.1289, 0.4496]),
    ],
)
def test_frequencies_on_tafeng(tafeng, name, params, published):
    """The tie-break alone changes recall by an eighth."""
    assert judged(
        model(name, **params).fit(tafeng.train), tafeng, Truth.of(tafeng)
    ) == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize(
    ("name", "params", "learn_from_all", "published"),
    [
        ("tifu-knn", {"form": "code"}, False, [0.1172, 0.0942, 0.3810]),
        ("tifu-knn", {"form": "paper"}, False, [0.1213, 0.0969, 0.3921]),
        ("up-cf", {}, True, [0.1192, 0.1054, 0.3911]),
        ("up-cf", {"locality": 1.0}, True, [0.1325, 0.1088, 0.4131]),
    ],
)
def test_similar_users_on_tafeng(tafeng, name, params, learn_from_all, published):
    """Lists are for a fifth of the users. TIFU-KNN learns from 72% that are others, UP-CF from
    the histories of all.
    """
    drawn = np.random.RandomState(0).permutation(tafeng.train.user_count)
    targets, learned = drawn[int(0.8 * len(drawn)) :], drawn[: int(0.72 * len(drawn))]
    truth = Truth.of(tafeng)
    truth = truth.take(np.flatnonzero(np.isin(truth.users, targets)))
    fitted = model(name, **params).fit(
        tafeng.train if learn_from_all else tafeng.train.of_user_codes(learned.astype(np.int32))
    )
    assert judged(fitted, tafeng, truth) == pytest.approx(published, abs=0.002)
