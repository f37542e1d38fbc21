"""Models of vectors against their equations in dense float64, and on logs with nothing to
learn.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log, random_rows
from spadework.errors import BadRequest
from spadework.kernels import parallel
from spadework.models.histories import Histories
from spadework.models.labels import model

FACTORS = [
    ("elsa", {"dimensions": 16, "epochs": 4, "batch": 16}),
    ("ials", {"dimensions": 12, "epochs": 4}),
    ("ials", {"dimensions": 12, "epochs": 4, "block_size": 5}),
    ("gf-cf", {"dimensions": 8}),
]
every_model = pytest.mark.parametrize(("name", "params"), FACTORS)


@pytest.fixture(scope="module")
def log():
    return make_log(*random_rows(4, users=40, items=25, rows=400))


def binary(log) -> np.ndarray:
    return (log.matrix().toarray() > 0).astype(np.float64)


def scores_of(fitted, log) -> np.ndarray:
    return fitted.scorer.scores(Histories.of(log, np.arange(log.user_count, dtype=np.int32)))


# ---- equations


def test_elsa_scores_the_history_without_itself(log):
    fitted = model("elsa", dimensions=16, epochs=4).fit(log)
    a, x = fitted.state["vectors"].astype(np.float64), binary(log)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(scores_of(fitted, log), x @ (a @ a.T - np.eye(len(a))), atol=1e-5)


def test_elsa_learns_the_direction_of_the_history(log):
    x, losses = binary(log), []
    for epochs in (1, 30):
        y = scores_of(
            model("elsa", dimensions=16, epochs=epochs, learning_rate=0.02).fit(log), log
        ).astype(np.float64)
        losses.append(
            np.mean(2 - 2 * (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1))
        )
    assert losses[1] < losses[0] - 0.1


@pytest.mark.parametrize(
    "params", [{}, {"history": 0.6, "unobserved": 0.5, "l2": 0.05, "frequency": 0.5}]
)
def test_ials_solves_for_the_user_at_hand(log, params):
    fitted = model("ials", dimensions=12, epochs=3, **params).fit(log)
    h = fitted.state["vectors"].astype(np.float64)
    histories, weights = fitted.reading.weighted(
        fitted.reading.reader.read(log, np.arange(log.user_count, dtype=np.int32))
    )
    scores = scores_of(fitted, log)
    np.testing.assert_allclose(h.T @ h, np.diag(fitted.state["spectrum"]), atol=1e-4)
    for user in range(log.user_count):
        entries = slice(histories.starts[user], histories.starts[user + 1])
        c = np.zeros(len(h))
        c[histories.items[entries]] = weights[entries]
        ridge = fitted.l2 * (c.sum() + fitted.unobserved * len(h)) ** fitted.frequency
        w = np.linalg.solve((h.T * c) @ h + fitted.unobserved * h.T @ h + ridge * np.eye(12), c @ h)
        np.testing.assert_allclose(scores[user], h @ w, atol=1e-4)


def test_the_loss_of_ials_falls_every_epoch(log):
    x, losses = binary(log), []
    for epochs in (1, 2, 4, 8):
        fitted = model("ials", dimensions=12, epochs=epochs, l2=0.02).fit(log)
        h = fitted.state["vectors"].astype(np.float64)
        lengths, counts = x.sum(axis=1), x.sum(axis=0)
        w = np.asarray(
            [
                np.linalg.solve(
                    (h.T * row) @ h
                    + 0.1 * h.T @ h
                    + 0.02 * (row.sum() + 0.1 * len(h)) * np.eye(12),
                    row @ h,
                )
                for row in x
            ]
        )
        penalty = (lengths + 0.1 * len(h)) @ (w**2).sum(axis=1) + (counts + 0.1 * len(x)) @ (
            h**2
        ).sum(axis=1)
        losses.append(
            (x * (w @ h.T - 1) ** 2).sum() + 0.1 * ((w @ h.T) ** 2).sum() + 0.02 * penalty
        )
    assert (np.diff(losses) < 0).all()


@pytest.mark.parametrize(("dimensions", "ideal"), [(6, 0.3), (25, 1.0), (3, 0.0)])
def test_the_graph_filter_is_that_of_its_paper(log, dimensions, ideal):
    x = binary(log)
    users, items = x.sum(axis=1), x.sum(axis=0)
    normalised = x / np.sqrt(users)[:, None] / np.sqrt(items)
    v = np.linalg.svd(normalised)[2][:dimensions].T
    low = (v / np.sqrt(items)[:, None]) @ (v.T * np.sqrt(items))
    expected = x @ (normalised.T @ normalised) + ideal * x @ low
    np.testing.assert_allclose(
        scores_of(model("gf-cf", dimensions=dimensions, ideal=ideal).fit(log), log),
        expected,
        atol=1e-5,
    )


def test_the_weight_of_the_ideal_filter_is_free(log):
    base = model("gf-cf", dimensions=6).fit(log)
    assert base.sharing(ideal=0.7) == model("gf-cf", dimensions=6, ideal=0.7).fit(log)


# ---- answering


@every_model
@pytest.mark.parametrize("reading", [{}, {"history": 0.6}])
def test_contributions_sum_to_the_score(log, name, params, reading):
    fitted = model(name, **params, **reading).fit(log)
    lists = fitted.recommend_codes(log, 5, users=np.asarray([2]), fill=False)
    for item, score in zip(lists.items[0], lists.scores[0], strict=True):
        parts = fitted.explain(
            log, log.item_vocabulary.ids[int(item)], user=log.user_vocabulary.ids[2]
        )
        assert parts["contribution"].sum() == pytest.approx(float(score), rel=1e-4, abs=1e-6)


@every_model
def test_lists_are_the_ranking_of_the_scores(log, name, params):
    fitted = model(name, **params).fit(log)
    scores = scores_of(fitted, log)
    lists = fitted.recommend(log, 6, fill=False)
    np.testing.assert_array_equal(lists.items, np.argsort(-scores, axis=1, kind="stable")[:, :6])
    np.testing.assert_array_equal(lists.scores, np.take_along_axis(scores, lists.items, axis=1))


@every_model
def test_threads_change_nothing(log, name, params):
    found = []
    for threads in (1, 3):
        with parallel.using(threads):
            fitted = model(name, **params).fit(log, rng=5)
            found.append(
                [fitted.state[key].tobytes() for key in sorted(fitted.state)]
                + [fitted.recommend(log, 5).scores.tobytes()]
            )
    assert found[0] == found[1]


@every_model
def test_similar_items_are_others_in_descending_order(log, name, params):
    fitted = model(name, **params).fit(log)
    found = fitted.similar_items([log.item_vocabulary.ids[3]], log.item_count - 1)
    assert set(found.items[0].tolist()) == set(range(log.item_count)) - {3}
    assert (np.diff(found.scores[0]) <= 0).all()
    if name in ("elsa", "ials"):
        group = fitted.state["vectors"] / np.linalg.norm(
            fitted.state["vectors"], axis=1, keepdims=True
        )
        np.testing.assert_allclose(found.scores[0], (group @ group[3])[found.items[0]], atol=1e-5)


# ---- data that are no good


@every_model
def test_items_without_users_and_histories_of_unknown_items_have_no_evidence(log, name, params):
    rest = log.where(log.items != 7)
    fitted = model(name, **params).fit(rest)
    lists = fitted.recommend(rest, 25, fill=False)
    assert not (lists.items == 7).any()
    only = make_log(["stranger"], [log.item_vocabulary.ids[7]])
    of_stranger = fitted.recommend(only, 5, fill=False)
    assert (of_stranger.items == -1).all()
    assert np.isneginf(of_stranger.scores).all()
    assert (fitted.similar_items([log.item_vocabulary.ids[7]], 3).items == -1).all()


@every_model
def test_equal_items_and_items_of_all_users_have_finite_scores(name, params):
    users, items = zip(
        *[(f"u{u}", i) for u in range(12) for i in ["everywhere", "x", "twin"][: 1 + u % 3]],
        strict=True,
    )
    log = make_log(users, items)
    lists = model(name, **params).fit(log).recommend(log, 3, fill=False)
    assert np.isfinite(lists.scores[lists.items >= 0]).all()
    assert not np.isnan(lists.scores).any()


def test_weights_below_zero_count_as_zero_in_ials(log):
    users, items, times = random_rows(4, users=40, items=25, rows=400)
    weighted = make_log(
        users, items, times, weights=np.random.default_rng(0).standard_normal(400).tolist()
    )
    lists = (
        model("ials", repeated="value", dimensions=8, epochs=2).fit(weighted).recommend(weighted, 5)
    )
    assert np.isfinite(lists.scores).all()


def test_a_penalty_of_zero_is_refused():
    with pytest.raises(BadRequest, match="outside"):
        model("ials", l2=0.0)
