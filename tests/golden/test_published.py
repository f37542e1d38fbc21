"""Published protocols on logs that may not be shipped: our numbers stay within five ten-thousandths
of those first measured.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from _pytest.mark import ParameterSet
from scipy.sparse import csr_array, diags_array

from makers import make_log, outside_data
from spadework.data import splitting
from spadework.data.splitting import Split
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.labels import model

NEAR = 0.0005


def long(*values: object) -> ParameterSet:
    """A case that takes many seconds, of a function that has a quicker one."""
    return pytest.param(*values, marks=pytest.mark.long)


def log_of(name: str):
    frame = pl.read_parquet(outside_data(name))
    times = frame["timestamp"] if "timestamp" in frame.columns else None
    return make_log(frame["user"], frame["item"], times)


@pytest.fixture(scope="module")
def leave_one_out():
    """The last item of each user expected, everything before it given; with the item before the
    last left out of training or not.
    """
    splits: dict[str, tuple[Split, Split]] = {}

    def get(name: str, *, with_valid: bool) -> Split:
        if name not in splits:
            outer = splitting.last_item(log_of(name))
            inner = splitting.last_item(outer.train)
            splits[name] = (
                Split(
                    train=inner.train,
                    given=outer.given,
                    expected=outer.expected,
                    name="loo",
                    description="leave-one-out",
                ),
                Split(
                    train=outer.train,
                    given=outer.given,
                    expected=outer.expected,
                    name="loo",
                    description="leave-one-out",
                ),
            )
        return splits[name][with_valid]

    return get


def judged(one: Recommender, split: Split, *, fit: bool = True) -> tuple[float, float]:
    truth = Truth.of(split)
    lists = (one.fit(split.train) if fit else one).recommend_codes(
        split.given, 10, repeats="forbid", fill=False, users=truth.users
    )
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


@pytest.mark.parametrize(
    ("name", "params", "hit_rate", "ndcg", "near"),
    [
        ("blend", {"parts": "forward + vmis-knn"}, 0.0849, 0.0530, NEAR),
        long("blend", {"parts": "forward + vmis-knn", "how": "learned"}, 0.0848, 0.0530, NEAR),
        long("blend", {"parts": "forward + vmis-knn", "how": "ranks"}, 0.0817, 0.0497, NEAR),
        long("blend", {"parts": "forward-ridge + forward"}, 0.0858, 0.0544, NEAR),
        long(
            "blend",
            {"parts": "forward + ease(l2=10, dropout=0.0, history=0.7)"},
            0.0821,
            0.0522,
            NEAR,
        ),
        # trees of another release of the library differ a little
        long("boosted", {"parts": "forward + vmis-knn"}, 0.0859, 0.0536, 0.0015),
    ],
)
def test_mixtures_on_beauty(leave_one_out, name, params, hit_rate, ndcg, near):
    """The parts alone: forward .0814 / .0509, vmis-knn .0706 / .0420, forward ridge .0816 / .0518.
    Fused ranks lose to the better part in NDCG.

    Published for sums of scores at one scale: forward ridge + forward .0830 / .0527, forward + EASE
    .0830 / .0524.
    """
    found = judged(model(name, **params), leave_one_out("s3rec_beauty", with_valid=False))
    assert found == pytest.approx((hit_rate, ndcg), abs=near)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "learned", "answers"),
    [
        (
            "ease",
            {"l2": 10.0, "dropout": 0.0},
            [({}, 0.0663, 0.0390), ({"history": 0.7}, 0.0705, 0.0432)],
        ),
        (
            "ease",
            {"l2": 10.0, "dropout": 0.6},
            [({"history": 0.7, "item_power": 0.3}, 0.0750, 0.0462)],
        ),
        (
            "forward-ridge",
            {},
            [({}, 0.0816, 0.0518), ({"item_power": 0.2}, 0.0828, 0.0533)],
        ),
    ],
    ids=["ease", "edlae with dan", "forward ridge"],
)
def test_closed_forms_on_beauty(leave_one_out, name, learned, answers):
    """The last row is ours: published forward ridge and forward co-occurrence together reach
    .0830/.0527.
    """
    split = leave_one_out("s3rec_beauty", with_valid=False)
    fitted = model(name, **learned).fit(split.train)
    for params, hit_rate, ndcg in answers:
        assert judged(fitted.sharing(**params), split, fit=False) == pytest.approx(
            (hit_rate, ndcg), abs=NEAR
        )


@pytest.mark.parametrize(
    ("with_valid", "hit_rate", "ndcg"), [(False, 0.0241, 0.0124), (True, 0.0261, 0.0136)]
)
def test_yelp_of_s3rec(leave_one_out, with_valid, hit_rate, ndcg):
    found = judged(model("forward"), leave_one_out("s3rec_yelp", with_valid=with_valid))
    assert found == pytest.approx((hit_rate, ndcg), abs=NEAR)


@pytest.fixture(scope="module")
def gowalla() -> Split:
    frame = pl.read_parquet(outside_data("gowalla_lightgcn"))
    log = make_log(frame["user"], frame["item"])
    order = np.lexsort((np.arange(len(frame)), frame["user"].to_numpy()))
    return splitting.from_column(log, frame["split"].gather(pl.Series(order)))


def recall_at_20(one: Recommender, split: Split) -> float:
    truth = Truth.of(split)
    lists = one.fit(split.train).recommend_codes(
        split.given, 20, repeats="forbid", users=truth.users
    )
    return float(
        np.mean(
            measure(lists.items, truth, [parse("recall@20")], dialects["lightgcn"])["recall@20"]
        )
    )


def test_most_popular_on_gowalla_of_lightgcn(gowalla):
    assert recall_at_20(model("popular"), gowalla) == pytest.approx(0.0416, abs=NEAR)


@pytest.mark.parametrize(
    ("name", "params", "recall"),
    [
        long(
            "cooccurrence",
            {
                "weight": "power",
                "left_power": 0.5,
                "right_power": 0.3,
                "group_power": 0.6,
                "keep": 500,
            },
            0.1804,
        ),
        ("rp3beta", {"left_power": 0.8, "group_power": 0.8, "right_power": 0.2}, 0.1859),
    ],
)
def test_neighbours_on_gowalla_with_settings_chosen_on_a_cut_of_the_train_part(
    gowalla, name, params, recall
):
    """BARS has .1570 for its item neighbours and .1765 for EASE. The settings are those of
    bench/family.py.
    """
    found = recall_at_20(model(name, **params), gowalla)
    assert found == pytest.approx(recall, abs=NEAR)
    assert found >= 0.157


@pytest.mark.long
def test_the_graph_filter_on_gowalla(gowalla):
    """BARS has .1849, from a decomposition of its own and with all pairs."""
    assert recall_at_20(model("gf-cf"), gowalla) == pytest.approx(0.1849, abs=NEAR)


@pytest.mark.long
@pytest.mark.parametrize(("name", "recall"), [("mrf", 0.1836), ("sansa", 0.1839), ("slim", 0.1829)])
def test_sparse_least_squares_on_gowalla_as_they_come(gowalla, name, recall):
    """Defaults chosen on cuts of the train parts of four logs, see docs/lab/notes-sansa.md; BARS
    has .1765 for EASE and .1699 for SLIM.
    """
    assert recall_at_20(model(name), gowalla) == pytest.approx(recall, abs=NEAR)


# ---- SAR on ML-100K


def stratified(users: np.ndarray, seed: int) -> np.ndarray:
    """Which rows are trained on: 75% of each user's, by the order of uniform draws, as the split
    of the published number is made.
    """
    order = np.lexsort((np.random.RandomState(seed).rand(len(users)), users))
    ranks = np.arange(len(users)) - np.searchsorted(users[order], users[order])
    train = np.zeros(len(users), np.bool_)
    train[order] = (ranks + 1) / np.bincount(users)[users[order]] <= 0.75
    return train


def test_sar_on_ml_100k():
    """Published: MAP .110591, nDCG .382461, precision .330753, recall .176385 at 10, of one split
    with seed 42.

    Its draws go by the order of rows in the original file, which the log at hand no longer has, so
    that very split cannot be made again. Over ten such splits each published number lies within two
    standard deviations of the mean, and the mean stays what was first measured.
    """
    frame = pl.read_parquet(outside_data("ml-100k"))
    users = frame["user"].to_numpy()
    log = make_log(
        frame["user"], frame["item"], frame["timestamp"], weights=frame["rating"].to_list()
    )
    order = np.lexsort((np.arange(len(frame)), frame["timestamp"].to_numpy(), users))
    names = ["map@10", "ndcg@10", "precision@10", "recall@10"]
    found = np.zeros((10, 4))
    for seed in range(10):
        split = splitting.from_column(
            log, pl.Series(np.where(stratified(users, seed), "train", "test")[order].tolist())
        )
        truth = Truth.of(split)
        lists = (
            model("sar")
            .fit(split.train)
            .recommend_codes(split.given, 10, repeats="forbid", fill=False, users=truth.users)
        )
        values = measure(lists.items, truth, [parse(name) for name in names], dialects["lightgcn"])
        found[seed] = [float(np.mean(values[name])) for name in names]
    mean, spread = found.mean(axis=0), found.std(axis=0, ddof=1)
    published = np.array([0.110591, 0.382461, 0.330753, 0.176385])
    assert (np.abs(published - mean) < 2 * spread).all(), f"{mean} ± {spread}"
    assert (spread < 0.01).all(), "else the tolerance means nothing"
    assert mean == pytest.approx([0.1094, 0.3820, 0.3327, 0.1767], abs=NEAR)


# ---- cosine to six digits


@pytest.mark.parametrize("name", ["ml-1m", long("gowalla_lightgcn")])
def test_cosine_agrees_with_the_product_of_normalised_columns(name):
    """The hundred nearest of each item, against X'X of unit columns in float64: the numbers that
    implicit's CosineRecommender has too.
    """
    frame = pl.read_parquet(outside_data(name))
    log = make_log(frame["user"], frame["item"])
    state = model("cosine", keep=100, max_length=None).fit(log).state
    x = csr_array(log.matrix() > 0, dtype=np.float64)
    x = csr_array(x @ diags_array(1 / np.sqrt(np.maximum(x.sum(axis=0), 1))))
    columns = csr_array(x.T)
    for begin in range(0, log.item_count, 1000):
        block = csr_array(columns[begin : begin + 1000] @ x)
        for row in range(block.shape[0]):
            cells = slice(block.indptr[row], block.indptr[row + 1])
            others = block.indices[cells] != begin + row
            kept = slice(state["starts"][begin + row], state["starts"][begin + row + 1])
            values, twins = state["values"][kept], np.zeros(log.item_count)
            twins[block.indices[cells][others]] = block.data[cells][others]
            nearest = np.sort(block.data[cells][others])[::-1][:100]
            assert len(values) == len(nearest)
            np.testing.assert_allclose(values, twins[state["columns"][kept]], rtol=0, atol=1e-6)
            np.testing.assert_allclose(np.sort(values)[::-1], nearest, rtol=0, atol=1e-6)
