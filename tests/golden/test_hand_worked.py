"""A log of four users worked out by hand, from rows to the board."""

from __future__ import annotations

from math import log2, sqrt

import numpy as np
import pytest

import spadework as sw
from makers import START, make_log

# ann: milk bread eggs · bob: milk bread · cat: milk eggs · dan: bread jam
ROWS = [("ann", "milk"), ("ann", "bread"), ("ann", "eggs"), ("bob", "milk"), ("bob", "bread"),
    ("cat", "milk"), ("cat", "eggs"),
        ("dan", "bread"), ("dan", "jam")]  # fmt: skip


@pytest.fixture(scope="module")
def log():
    return make_log(
        [u for u, _ in ROWS], [i for _, i in ROWS], [START + 60 * n for n in range(len(ROWS))]
    )


def scores(lists, user):
    return {
        item: pytest.approx(score, rel=1e-5)
        for item, score in lists.of(user).select("item_id", "score").iter_rows()
    }


def test_neighbours_of_milk_by_cosine(log):
    found = sw.model("cosine").fit(log).similar_items(["milk"]).frame()
    # milk and bread share 2 of 3 and 3; milk and eggs share 2 of 3 and 2
    assert found.select("item_id", "score").rows() == [
        ("eggs", pytest.approx(2 / sqrt(6))),
        ("bread", pytest.approx(2 / 3)),
    ]


def test_a_list_is_the_sum_over_the_history(log):
    lists = sw.model("cosine").fit(log).recommend(log, 5, repeats="forbid", fill=False)
    # bob has milk and bread: eggs gets 2/√6 + 1/√6, jam gets 1/√3 from bread
    assert scores(lists, "bob") == {"eggs": 3 / sqrt(6), "jam": 1 / sqrt(3)}
    assert lists.of("dan")["item_id"].to_list() == ["milk", "eggs"]


def test_forward_counts_what_follows_what(log):
    one = sw.model("forward", weight="raw", backward=0.0).fit(log)
    # ann: milk→bread 1, milk→eggs 1/2, bread→eggs 1; bob: milk→bread 1; cat: milk→eggs 1; dan:
    # bread→jam 1
    assert one.similar_items(["milk"]).frame().select("item_id", "score").rows() == [
        ("bread", 2.0),
        ("eggs", 1.5),
    ]
    assert one.similar_items(["bread"]).frame().select("item_id", "score").rows() == [
        ("eggs", 1.0),
        ("jam", 1.0),
    ]
    assert len(one.similar_items(["jam"]).frame()) == 0


def test_half_a_history_weight_halves_the_older_item(log):
    equal_weights = (
        sw.model("confidence", history=0.5).fit(log).recommend(log, 5, repeats="forbid", fill=False)
    )
    # bob: milk is one step older than bread. eggs: 0.5 · 2/3 + 1 · 1/3; jam: 1 · 1/3
    assert scores(equal_weights, "bob") == {"eggs": 2 / 3, "jam": 1 / 3}


def test_the_walk_of_three_steps(log):
    # bread → jam: one of bread's three users is dan, one of whose two items is jam: 1/3 · 1/2
    # bread → milk: ann 1/3 · 1/3 and bob 1/3 · 1/2; bread → eggs: ann 1/3 · 1/3
    one = sw.model("p3alpha").fit(log)
    found = dict(one.similar_items(["bread"]).frame().select("item_id", "score").rows())
    assert found == pytest.approx({"milk": 5 / 18, "jam": 1 / 6, "eggs": 1 / 9}, rel=1e-6)


def test_a_walk_with_a_penalty_for_popular_items(log):
    # the same, each over the size of its end: milk 5/18 / 3, jam 1/6 / 1, eggs 1/9 / 2; then the
    # row sums to one
    found = (
        sw.model("rp3beta", left_power=1.0, group_power=1.0, right_power=1.0)
        .fit(log)
        .similar_items(["bread"])
        .frame()
    )
    parts = {"jam": 1 / 6, "milk": 5 / 54, "eggs": 1 / 18}
    total = sum(parts.values())
    assert dict(found.select("item_id", "score").rows()) == pytest.approx(
        {item: part / total for item, part in parts.items()}, rel=1e-6
    )


def test_a_gap_of_one_half_life_halves_a_pair(log):
    # events are 60 s apart: ann's milk and eggs 120 s, bob's milk and bread 60 s; ann's bread
    # counts with both her others at 60 s
    one = sw.model("cooccurrence", weight="raw", gap_half_life="60s").fit(log)
    found = dict(one.similar_items(["milk"]).frame().select("item_id", "score").rows())
    assert found == pytest.approx({"bread": 1 / 2 + 1 / 2, "eggs": 1 / 4 + 1 / 2}, rel=1e-6)


def test_the_board_of_leave_one_out(log):
    split = sw.split.last_item(log)
    assert split.expected.frame().select("user_id", "item_id").rows() == [
        ("ann", "eggs"),
        ("bob", "bread"),
        ("cat", "eggs"),
        ("dan", "jam"),
    ]
    # train: ann milk bread · bob milk · cat milk · dan bread. eggs and jam are in no user's train:
    # only bob can be served, with bread.
    assert split.cold_share == 3 / 4
    board = sw.scoreboard(
        [sw.model("cosine"), sw.model("popular")],
        split,
        metrics=["ndcg@2", "recall@2", "mrr@2"],
        repeats="forbid",
    )
    for entry in board.entries:
        assert entry["metrics"] == {"ndcg@2": 0.25, "recall@2": 0.25, "mrr@2": 0.25}


def test_numbers_of_a_list_of_three(log):
    split = sw.split.from_column(log, ["train"] * 6 + ["test"] + ["train", "test"])
    frame = {
        "user_id": ["cat"] * 3 + ["dan"] * 3,
        "item_id": ["jam", "eggs", "milk", "milk", "eggs", "jam"],
        "rank": [1, 2, 3] * 2,
    }
    board = sw.evaluate(
        frame, split, metrics=["ndcg@3", "mrr@3", "map@3", "precision@3", "hitrate@1"]
    )
    assert board.entries[0]["metrics"] == pytest.approx(
        {
            "ndcg@3": (1 / log2(3) + 1 / log2(4)) / 2,
            "mrr@3": (1 / 2 + 1 / 3) / 2,
            "map@3": (1 / 2 + 1 / 3) / 2,
            "precision@3": 1 / 3,
            "hitrate@1": 0.0,
        }
    )
    assert np.isfinite(board.entries[0]["interval"]).all()
