"""The sparse relatives of EASE: exact where everything is kept, their equations against dense
numpy, and what they do with poor data.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import ElasticNet

from makers import DAY, START, make_log, random_rows
from oracles import dense
from spadework import events
from spadework.models.base import Recommender
from spadework.models.histories import Histories
from spadework.models.labels import model as any_model

NAMES = ("mrf", "slim", "sansa")
# what is not said is not done: the defaults are those that did well on real logs
PLAIN = {"dropout": 0.0, "group_power": 0.0}
every_name = pytest.mark.parametrize("name", NAMES)
SETTINGS = [
    {"l2": 20.0},
    {"l2": 3.0, "dropout": 0.5, "scale_power": 0.75, "item_power": 0.3, "group_power": 0.4},
    {"l2": 2.0, "scale_power": 1.0, "pair_power": 0.0},
    {"l2": 0.5, "pair_power": 2.0, "age_half_life": "20d"},
    {"l2": 5.0, "window": "40d", "dropout": 0.2},
]


def model(name: str, **params) -> Recommender:
    return any_model(name, **{**PLAIN, **({"l1": 1.0} if name == "slim" else {}), **params})


def shop(seed=1, **sizes):
    return make_log(*random_rows(seed, **sizes))


def entries(log, age_half_life=None, window=None, group_power=0.0, **_):
    """Users × items: whether a user has an item, decayed by half of the age of the newest event,
    over a power of the user's items.
    """
    days = {None: None, "20d": 20, "40d": 40}
    x, end = np.zeros((log.user_count, log.item_count)), log.times.max()
    for user, item, time in zip(log.users, log.items, log.times, strict=True):
        if window is None or time > end - days[window] * DAY:
            decayed = (
                1.0
                if age_half_life is None
                else 2.0 ** (-(end - time) / (2 * days[age_half_life] * DAY))
            )
            x[user, item] = max(x[user, item], decayed)
    return x * np.maximum((x > 0).sum(axis=1, keepdims=True), 1.0) ** (-group_power / 2)


def ease(log, l2, dropout=0.0, scale_power=0.0, item_power=0.0, **counted):
    """Weights by history item and target, by the textbook; sizes of the last factor are those of
    items as they were counted, not decayed.
    """
    x = entries(log, **counted)
    gram = x.T @ x
    size = np.maximum(np.diag(gram), 1e-12)
    inverse = np.linalg.inv(gram + np.diag(l2 * size**scale_power + dropout / (1 - dropout) * size))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    users = np.maximum((entries(log, **{**counted, "group_power": 0.0}) > 0).sum(axis=0), 1e-12)
    return weights * (users[:, None] / users[None, :]) ** item_power


def weights_of(one):
    """The weight from each history item to each item, zero where there is none."""
    rows = np.stack([one.scorer.row(code) for code in range(len(one.item_vocabulary))])
    return np.where(np.isfinite(rows), rows, 0)


# ---- EASE, where everything is kept


@pytest.mark.parametrize("params", SETTINGS)
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("mrf", {}),
        ("mrf", {"share": 0.4}),
        ("sansa", {}),
        ("sansa", {"ordering": "rare"}),
        ("sansa", {"density": 1.0}),
    ],
)
def test_with_everything_kept_it_is_ease(name, more, params):
    log = shop()
    np.testing.assert_allclose(
        weights_of(model(name, **more, **params).fit(log)), ease(log, **params), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize("name", ["mrf", "sansa"])
def test_scores_are_those_of_ease_and_no_item_adds_to_its_own(name):
    log = shop()
    one = model(name, l2=5.0).fit(log)
    scores = one.scorer.scores(Histories.of(log, np.arange(log.user_count, dtype=np.int32)))
    np.testing.assert_allclose(scores, entries(log) @ ease(log, 5.0), rtol=0, atol=1e-5)


def test_scaling_the_matrix_and_back_is_a_penalty_by_users():
    """As in the paper: Z = S G S with S = n^(−power / 2), the ridge on that scale, and weights
    scaled back.
    """
    log, power, ridge = shop(), 0.75, 2.0
    x = entries(log)
    gram = x.T @ x
    scale = np.diag(gram) ** (-power / 2)
    inverse = np.linalg.inv(gram * np.outer(scale, scale) + ridge * np.eye(len(gram)))
    scaled = -inverse / np.diag(inverse)
    np.fill_diagonal(scaled, 0)
    back = scaled * scale[:, None] / scale[None, :]
    np.testing.assert_allclose(
        weights_of(model("mrf", l2=ridge, scale_power=power).fit(log)), back, rtol=0, atol=1e-6
    )
    left = weights_of(model("mrf", l2=ridge, scale_power=power, item_power=power / 2).fit(log))
    # not scaled back: rare targets lifted by half of the power
    np.testing.assert_allclose(left, scaled, rtol=0, atol=1e-6)


# ---- fewer partners


@pytest.mark.parametrize("neighbours", [1, 3, 7])
def test_a_column_of_mrf_is_that_of_the_inverse_over_its_strongest_partners(neighbours):
    log = shop(2)
    x = entries(log)
    gram = x.T @ x
    size = np.diag(gram)
    cosine = gram / np.sqrt(np.outer(size, size))
    expected = np.zeros_like(gram)
    for j in range(len(gram)):
        others = [i for i in range(len(gram)) if i != j and gram[i, j] > 0]
        at = [j, *sorted(others, key=lambda i: (-np.float32(cosine[i, j]), i))[:neighbours]]
        inverse = np.linalg.inv(gram[np.ix_(at, at)] + 4 * np.eye(len(at)))
        expected[at[1:], j] = -inverse[1:, 0] / inverse[0, 0]
    np.testing.assert_allclose(
        weights_of(model("mrf", l2=4.0, neighbours=neighbours).fit(log)),
        expected,
        rtol=0,
        atol=1e-5,
    )


@pytest.mark.parametrize("ordering", ["popular", "rare"])
@pytest.mark.parametrize("cells", [1, 2, 5, 12])
def test_factors_of_sansa_are_those_of_its_definition(ordering, cells):
    log = shop(3)
    x = entries(log)
    gram = x.T @ x
    size = np.diag(gram)
    cosine = (gram / np.sqrt(np.outer(size, size))).astype(np.float32)
    ranked = sorted(
        range(len(gram)), key=lambda i: (-size[i] if ordering == "popular" else size[i], i)
    )
    factor, spread = np.eye(len(gram)), np.zeros(len(gram))
    for position, i in enumerate(ranked):
        before = [k for k in ranked[:position] if gram[i, k] > 0]
        at = [i, *sorted(before, key=lambda k: (-cosine[i, k], k))[: cells - 1]]
        column = np.linalg.inv(gram[np.ix_(at, at)] + 4 * np.eye(len(at)))[:, 0]
        factor[i, at], spread[i] = column / column[0], column[0]
    inverse = factor.T @ (spread[:, None] * factor)
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    one = model("sansa", l2=4.0, density=1e-6, least=cells, ordering=ordering).fit(log)
    assert len(one.state["factor_items"]) <= cells * len(gram)
    np.testing.assert_allclose(weights_of(one), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("density", "cells"), [(1e-6, 1), (0.1, 2), (0.5, 10), (1.0, 20)])
def test_density_is_the_share_of_filled_cells(density, cells):
    log = shop()
    assert log.item_count == 20
    one = model("sansa", density=density, least=1).fit(log)
    assert np.diff(one.state["factor_starts"]).max() == cells
    assert np.diff(one.state["factor_starts"]).sum() == np.diff(one.state["item_starts"]).sum()


def test_without_partners_nothing_has_a_score():
    log = shop()
    one = model("sansa", density=1e-6, least=1).fit(log)
    assert (one.recommend(log, 5, fill=False).items == -1).all()
    assert (one.recommend(log, 5).items >= 0).all(), "the slots are filled with popular items"


# ---- SLIM


@pytest.mark.parametrize(("l1", "l2"), [(1.0, 10.0), (0.3, 2.0), (3.0, 0.5)])
def test_slim_is_the_elastic_net_with_penalties_over_the_number_of_users(l1, l2):
    log = shop(4)
    x = entries(log)
    expected = np.zeros((log.item_count, log.item_count))
    for item in range(log.item_count):
        others = np.delete(np.arange(log.item_count), item)
        net = ElasticNet(
            alpha=(l1 + l2) / len(x),
            l1_ratio=l1 / (l1 + l2),
            positive=True,
            fit_intercept=False,
            max_iter=100_000,
            tol=1e-12,
        )
        expected[others, item] = net.fit(x[:, others], x[:, item]).coef_
    one = model("slim", l1=l1, l2=l2, tolerance=1e-8, rounds=5000).fit(log)
    np.testing.assert_allclose(weights_of(one), expected, rtol=0, atol=1e-5)
    assert (one.state["values"] > 0).all()


def test_more_of_l1_leaves_fewer_weights():
    log = shop(4)
    counts = [len(model("slim", l1=l1).fit(log).state["values"]) for l1 in (0.0, 0.5, 2.0, 1e4)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2] > counts[3] == 0


# ---- explaining


@every_name
@pytest.mark.parametrize("few", [False, True])
def test_contributions_sum_to_the_score(name, few):
    log = shop()
    narrow = {"density": 1e-6, "least": 4} if name == "sansa" else {"neighbours": 4}
    one = model(name, item_power=0.2, l2=3.0, history=0.8, **(narrow if few else {})).fit(log)
    lists = one.recommend(log, 6, fill=False)
    for row, user in enumerate(lists.users[:8]):
        for item, score in zip(lists.items[row], lists.scores[row], strict=True):
            if item >= 0:
                named = log.item_vocabulary.ids[int(item)]
                parts = one.explain(log, named, user=log.user_vocabulary.ids[int(user)])
                assert parts["contribution"].sum() == pytest.approx(
                    float(score), rel=1e-4, abs=1e-5
                )


@every_name
def test_similar_items_are_rows_without_the_item(name):
    log = shop()
    one = model(name, l2=3.0).fit(log)
    found = one.similar_items(log.item_vocabulary.ids, 5)
    rows = weights_of(one)
    for code, (items, scores) in enumerate(zip(found.items, found.scores, strict=True)):
        real = items >= 0
        assert real.sum() == min(5, np.count_nonzero(np.delete(rows[code], code)))
        assert code not in items[real]
        np.testing.assert_array_equal(scores[real], rows[code, items[real]].astype(np.float32))
        assert not real.any() or scores[0] == rows[code].max().astype(np.float32)


# ---- poor data


@every_name
@pytest.mark.parametrize("pair_power", [0.0, 1.0, 2.0])
def test_equal_items_and_no_penalty_give_finite_lists(name, pair_power):
    """Two items with the same users, and a penalty of zero: the matrix has no
    inverse.
    """
    log = make_log(
        ["a", "a", "b", "b", "c", "c", "c"],
        ["x", "y", "x", "y", "x", "y", "z"],
        [START + n for n in range(7)],
    )
    one = model(name, l2=0.0, pair_power=pair_power, **({"l1": 0.0} if name == "slim" else {})).fit(
        log
    )
    for array in one.state.values():
        assert np.isfinite(array).all()
    lists = one.recommend(log, 3)
    assert np.isfinite(lists.scores).all()
    assert weights_of(one)[0, 1] > 0.5, "each of the two predicts the other"


def test_increased_penalties_are_noted():
    log = make_log(["a", "a", "b", "b"], ["x", "y", "x", "y"])
    notes: list[str] = []

    class NoteListener:
        def step(self, label, done, total):
            pass

        def note(self, text):
            notes.append(text)

    with events.listening(NoteListener()):
        model("mrf", l2=0.0).fit(log)
    assert any("penalties were increased" in text for text in notes)


@every_name
def test_an_item_that_decayed_away_or_has_no_users_is_harmless(name):
    """The window leaves some items without an event; they stay in the vocabulary and have no
    scores.
    """
    users, items, times = (
        ["a", "a", "b", "b", "b", "c", "c"],
        list("pqpqrpr"),
        [START + n * DAY for n in (0, 0, 90, 90, 90, 91, 91)],
    )
    log = make_log(
        [*users, "d", "d"], [*items, "old", "p"], [*times, START - 900 * DAY, START + 91 * DAY]
    )
    for params in ({"window": "10d"}, {"age_half_life": "1h"}):
        one = model(name, l2=1.0, item_power=0.3, **params).fit(log)
        for array in one.state.values():
            assert np.isfinite(array).all()
        lists = one.recommend(log, 4, fill=False)
        assert np.isfinite(lists.scores[lists.items >= 0]).all()
        row = one.scorer.row(int(log.item_vocabulary.codes(pl.Series(["old"]))[0]))
        assert not (np.abs(row[np.isfinite(row)]) > 10).any()


@every_name
def test_what_comes_from_a_broken_file_is_refused(name):
    one = model(name).fit(shop())
    state = {key: np.array(value) for key, value in one.state.items()}
    columns = "factor_items" if name == "sansa" else "columns"
    starts = "factor_starts" if name == "sansa" else "starts"
    assert one.check_state(state, 20) is None
    assert one.check_state({**state, columns: state[columns] + 20}, 20) is not None
    assert one.check_state({**state, starts: state[starts][::-1]}, 20) is not None
    if name == "sansa":
        assert (
            one.check_state({**state, "inverse_pivots": state["inverse_pivots"][1:]}, 20)
            is not None
        )


def test_a_table_reads_as_a_dense_one():
    one = model("mrf").fit(shop())
    state = one.state
    np.testing.assert_array_equal(
        dense(state["starts"], state["columns"], state["values"], 20), weights_of(one)
    )
