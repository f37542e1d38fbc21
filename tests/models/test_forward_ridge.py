"""Forward ridge against a regression whose rows are written out, and the repeats that it learns."""

from __future__ import annotations

import numpy as np
import pytest

from makers import START, make_log, random_rows
from spadework.models.labels import model

DAY = 86_400


def rows_of(
    log, past: float, future: float, half_life: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """S and T of every step but a user's last, each times the root of the step's weight: one event
    a step.
    """
    sources, targets = [], []
    for user in range(log.user_count):
        rows = slice(log.starts[user], log.starts[user + 1])
        items, times = log.items[rows], log.times[rows]
        for t in range(len(items) - 1):
            weight = 1.0 if half_life is None else 2 ** (-(log.times.max() - times[t]) / half_life)
            s, r = np.zeros(log.item_count), np.zeros(log.item_count)
            for position, item in enumerate(items):
                if position <= t:
                    s[item] += past ** (t - position)
                else:
                    r[item] += future ** (position - t - 1)
            sources.append(s * np.sqrt(weight))
            targets.append(r * np.sqrt(weight))
    return np.asarray(sources), np.asarray(targets)


@pytest.fixture(scope="module")
def log():
    users, items, _ = random_rows(6, users=12, items=9, rows=120)
    return make_log(users, items, [START + 3600 * n for n in range(120)])


@pytest.mark.parametrize("half_life", [None, "1d"])
def test_it_is_the_regression_of_what_came_after_on_what_came_before(log, half_life):
    s, t = rows_of(log, 0.8, 0.4, None if half_life is None else DAY)
    expected = np.linalg.solve(s.T @ s + 2.0 * np.eye(log.item_count), s.T @ t)
    one = model(
        "forward-ridge", l2=2.0, past=0.8, future=0.4, max_distance=1000, age_half_life=half_life
    ).fit(log)
    np.testing.assert_allclose(one.state["matrix"], expected, atol=1e-4)


def test_without_itself_each_column_leaves_its_own_item_out(log):
    s, t = rows_of(log, 0.7, 0.5)
    one = model("forward-ridge", l2=2.0, max_distance=1000, itself=False).fit(log)
    for item in range(log.item_count):
        others = np.arange(log.item_count) != item
        solved = np.linalg.solve(
            s[:, others].T @ s[:, others] + 2.0 * np.eye(others.sum()), s[:, others].T @ t[:, item]
        )
        np.testing.assert_allclose(one.state["matrix"][others, item], solved, atol=1e-4)
        assert one.state["matrix"][item, item] == 0


def test_slabs_make_no_difference(log, monkeypatch):
    matrices = {
        itself: model("forward-ridge", itself=itself).fit(log).state["matrix"]
        for itself in (True, False)
    }
    monkeypatch.setattr("spadework.models.linear.forward_ridge.SLAB", 4)
    for itself, matrix in matrices.items():
        np.testing.assert_allclose(
            model("forward-ridge", itself=itself).fit(log).state["matrix"], matrix, atol=1e-6
        )


def test_its_own_weight_shows_what_users_buy_again(world):
    made = world("repeats")
    one = model("forward-ridge").fit(made.log)
    own = np.diagonal(one.state["matrix"])
    others = one.state["matrix"].sum(axis=0) - own
    assert own.mean() > 3 * np.abs(others / (len(own) - 1)).mean()
    assert (
        np.diagonal(model("forward-ridge", itself=False).fit(made.log).state["matrix"]) == 0
    ).all()


def test_events_of_one_time_only_have_nothing_to_learn():
    log = make_log(["a", "a", "b"], ["x", "y", "x"], [START, START, START])
    lists = model("forward-ridge").fit(log).recommend(log, 2, fill=False)
    assert (lists.items == -1).all()
