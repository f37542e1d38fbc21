"""The floor under a verdict: chance, what is popular, and logs without anything to learn."""

from __future__ import annotations

import numpy as np
import pytest

from makers import START, make_log
from spadework.diagnosis.finding import Finding
from spadework.diagnosis.floor import finding_of, under
from spadework.diagnosis.readiness import readiness
from spadework.diagnosis.shape import dense, unique_items
from spadework.evaluation.trial import Score

LOG = make_log([f"u{n % 50}" for n in range(500)], [n % 30 for n in range(500)])
ALL = np.ones(400, np.bool_)


def scores(users=400, **lifts):
    """Scores of models whose mean lies so far above that of random lists."""
    rng = np.random.default_rng(0)
    base = rng.random(users) * 0.2
    return [
        Score(model=name, label=name, values={"ndcg@10": base + lift + rng.normal(0, 0.02, users)})
        for name, lift in lifts.items()
    ]


def test_a_board_above_chance_and_above_popular_lists_has_no_finding():
    assert finding_of(scores(random=0, popular=0.1, ease=0.2), "ease", "ndcg@10", 0, ALL) is None
    assert finding_of(scores(popular=0.1, ease=0.2), "ease", "ndcg@10", 0, ALL) is None
    assert finding_of(scores(random=0.1, popular=0.2), "popular", "ndcg@10", 0, ALL) is None


@pytest.mark.parametrize(
    ("users", "lifts", "winner", "level", "what"),
    [
        (400, {"random": 0.1, "popular": 0.1, "ease": 0.1}, "ease", "strong", "random lists"),
        (40, {"random": 0.1, "popular": 0.1, "ease": 0.1}, "ease", "weak", "random lists"),
        (400, {"random": 0, "popular": 0.2, "ease": 0.1}, "popular", "strong", "what is popular"),
    ],
)
def test_a_board_that_is_no_better_than_the_floor(users, lifts, winner, level, what):
    found = finding_of(scores(users, **lifts), winner, "ndcg@10", 0, np.ones(users, np.bool_))
    assert (found.code, found.level) == ("VER-3", level)
    worse = "ease is worse than " if winner == "popular" else ""
    assert found.says.startswith(worse or f"Nothing on the board can be told from {what}")
    assert what in found.says
    assert found.interval[0] <= 0


def test_users_without_a_history_do_not_count_as_on_the_board():
    judged = np.arange(400) < 200
    board = scores(random=0, popular=0.1, ease=0.2)
    for score in board:
        if score.label == "ease":  # they get what is popular, and worse
            score.values["ndcg@10"][~judged] -= 1.0
    assert finding_of(board, "ease", "ndcg@10", 0, judged) is None
    assert finding_of(board, "ease", "ndcg@10", 0, ALL).code == "VER-3"


def test_a_board_without_a_judged_user_has_no_finding():
    board = scores(random=0, popular=0.1, ease=0.2)
    assert finding_of(board, "ease", "ndcg@10", 0, ~ALL) is None


def test_the_verdict_follows_the_floor():
    order = Finding(
        code="ORD-1", level="strong", says="", advice="", effect=0.3, interval=(0.2, 0.4)
    )
    full = dense(make_log([f"u{n // 20}" for n in range(400)], [n % 20 for n in range(400)]), None)
    verdict = readiness([order], LOG, floor=under([order, full]))
    says = verdict.finding()
    assert says.says.startswith(
        "No transformer will pay: users have 100% of all 20 items on average, so nothing is left"
    )
    assert (says.patch, says.interval, verdict.predictions) == ({}, None, ())
    assert says.command == full.command
    assert verdict.points < 0
    assert "No transformer will pay" in verdict.recipe(verdict.sentences[0])
    assert verdict.as_json()["verdict"] == "No transformer will pay"
    assert under([order]) is None


def test_a_log_of_repeats_may_be_dense():
    users = [f"u{n % 20}" for n in range(1_000)]
    found = dense(make_log(users, [n * 7 % 19 for n in range(1_000)]), None)
    assert found.level == "weak"
    sparse = make_log(users, [n * n % 397 for n in range(1_000)])
    assert dense(sparse, None) is None


@pytest.mark.parametrize(
    ("items", "level"),
    [
        ([f"{n},{n + 1}" for n in range(200)], "blocker"),
        ([f"i{min(n, 175)}" for n in range(200)], "strong"),
        ([f"i{n // 2}" for n in range(200)], None),
    ],
    ids=["lists", "most", "twice"],
)
def test_items_that_never_come_back(items, level):
    log = make_log([f"u{n % 20}" for n in range(200)], items, [START + n for n in range(200)])
    found = unique_items(log, None)
    assert (found and found.level) == level
