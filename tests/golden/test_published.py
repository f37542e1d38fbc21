"""Published protocols on logs that may not be shipped: our numbers stay within five ten-thousandths of those first measured."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from makers import make_log, outside_data
from spadework.data import splitting
from spadework.data.splitting import Split
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender, model

NEAR = 0.0005


def log_of(name: str):
    frame = pl.read_parquet(outside_data(name))
    times = frame["timestamp"] if "timestamp" in frame.columns else None
    return make_log(frame["user"], frame["item"], times)


@pytest.fixture(scope="module")
def leave_one_out():
    """The last item of each user expected, everything before it given; with the item before the last left out of training or not."""
    made: dict[str, tuple[Split, Split]] = {}

    def get(name: str, *, with_valid: bool) -> Split:
        if name not in made:
            whole = splitting.last_item(log_of(name))
            inner = splitting.last_item(whole.train)
            made[name] = (
                Split(train=inner.train, given=whole.given, expected=whole.expected, name="loo", says="leave-one-out"),
                Split(train=whole.train, given=whole.given, expected=whole.expected, name="loo", says="leave-one-out"),
            )
        return made[name][with_valid]

    return get


def judged(one: Recommender, split: Split) -> tuple[float, float]:
    truth = Truth.of(split)
    lists = one.fit(split.train).recommend(split.given, 10, repeats="forbid", fill=False, users=truth.users)
    found = measure(lists.items, truth, [parse("hitrate@10"), parse("ndcg@10")], dialects["loo"])
    return float(np.mean(found["hitrate@10"])), float(np.mean(found["ndcg@10"]))


@pytest.mark.parametrize(
    ("name", "params", "with_valid", "hit_rate", "ndcg"),
    [
        ("popular", {}, False, 0.0120, 0.0056),
        ("cosine", {}, False, 0.0570, 0.0326),
        ("cosine", {"history": 0.6}, False, 0.0657, 0.0399),
        ("forward", {}, False, 0.0816, 0.0510),
        ("forward", {}, True, 0.0916, 0.0577),
    ],
)
def test_beauty_of_s3rec(leave_one_out, name, params, with_valid, hit_rate, ndcg):
    found = judged(model(name, **params), leave_one_out("s3rec_beauty", with_valid=with_valid))
    assert found == pytest.approx((hit_rate, ndcg), abs=NEAR)


@pytest.mark.parametrize(("with_valid", "hit_rate", "ndcg"), [(False, 0.0241, 0.0124), (True, 0.0261, 0.0136)])
def test_yelp_of_s3rec(leave_one_out, with_valid, hit_rate, ndcg):
    found = judged(model("forward"), leave_one_out("s3rec_yelp", with_valid=with_valid))
    assert found == pytest.approx((hit_rate, ndcg), abs=NEAR)


def test_most_popular_on_gowalla_of_lightgcn():
    frame = pl.read_parquet(outside_data("gowalla_lightgcn"))
    log = make_log(frame["user"], frame["item"])
    order = np.lexsort((np.arange(len(frame)), frame["user"].to_numpy()))
    split = splitting.from_column(log, frame["split"].gather(pl.Series(order)))
    truth = Truth.of(split)
    lists = model("popular").fit(split.train).recommend(split.given, 20, repeats="forbid", users=truth.users)
    found = measure(lists.items, truth, [parse("recall@20")], dialects["lightgcn"])
    assert float(np.mean(found["recall@20"])) == pytest.approx(0.0416, abs=NEAR)
