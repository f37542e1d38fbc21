"""Boards of our models, and of recommendations that any tool made."""

from __future__ import annotations

import re
from html import escape

import numpy as np
import polars as pl
import pytest

import spadework as sw
from spadework import notebook_tables
from spadework.data import splitting
from spadework.errors import BadRequest
from spadework.evaluation.scoreboard import evaluate, scoreboard
from spadework.evaluation.trial import Protocol, trial
from spadework.models.labels import model

METRICS = ["ndcg@5", "recall@5", "coverage@5"]


@pytest.fixture(scope="module")
def split(world):
    return splitting.by_time(world("content").log, test="14d")


@pytest.fixture(scope="module")
def board(split):
    return scoreboard(
        [model("random"), model("popular"), model("cosine"), model("popular_by_category")],
        split,
        metrics=METRICS,
    )


def test_entries_come_best_first_and_those_without_numbers_last(board):
    values = [entry["metrics"]["ndcg@5"] for entry in board.entries if entry["state"] == "done"]
    assert values == sorted(values, reverse=True)
    assert [entry["state"] for entry in board.entries] == ["done"] * 3 + ["skipped"]
    assert board.winner == board.entries[0]["label"] == "cosine"
    assert board.primary == "ndcg@5"
    assert (
        board.entries[-1]["reason"]
        == "The model 'popular_by_category' needs categories, and there are none."
    )


def test_each_entry_has_an_interval_around_its_mean_and_a_difference_to_the_best(board):
    for position, entry in enumerate(board.entries[:3]):
        low, high = entry["interval"]
        assert low <= entry["metrics"]["ndcg@5"] <= high
        if position:
            assert entry["difference"]["value"] == pytest.approx(
                entry["metrics"]["ndcg@5"] - board.entries[0]["metrics"]["ndcg@5"], abs=1e-6
            )
        else:
            assert entry["difference"] is None


def test_averages_are_over_users_with_history(world):
    from makers import START, make_log

    log = make_log(
        ["a", "a", "b", "c", "c"], [1, 2, 3, 1, 2], [START, START + 9, START + 9, START, START + 9]
    )
    found = scoreboard(
        [model("popular")],
        splitting.by_time(log, test="1s"),
        metrics=["recall@1"],
        repeats="forbid",
    )
    assert found.entries[0]["metrics"]["recall@1"] == 0.0, "b has no history, so b does not count"
    assert found.protocol.truth.has_history.tolist() == [True, False, True]


def spent(entry):
    return entry["fit_seconds"] + entry["recommend_seconds"]


def test_the_front_is_not_beaten_in_both_cost_and_quality(board):
    done = [entry for entry in board.entries if entry["state"] == "done"]
    for entry in done:
        beaten = any(
            other["metrics"]["ndcg@5"] > entry["metrics"]["ndcg@5"] and spent(other) <= spent(entry)
            for other in done
        )
        assert entry["pareto"] == (not beaten)


def test_the_frame_and_the_pages_show_every_model(board):
    frame = board.frame()
    assert frame.columns == [
        "rank",
        "model",
        *METRICS,
        "low",
        "high",
        "fit_seconds",
        "state",
        "reason",
    ]
    assert frame["model"].to_list() == [entry["label"] for entry in board.entries]
    for text, shown in (
        (board._repr_html_(), escape),
        (board._repr_markdown_(), notebook_tables.in_markdown),
    ):
        assert all(shown(label) in text for label in frame["model"])
        assert board.protocol.heading in text


def test_a_board_without_values_can_be_shown(split):
    board = scoreboard([model("popular_by_category")], split)
    assert board.winner is None
    assert board.frame()["state"].to_list() == ["skipped"]


def test_a_model_given_twice_is_refused(split):
    with pytest.raises(BadRequest) as caught:
        scoreboard([model("cosine"), model("cosine", history=1)], split)
    assert str(caught.value) == "The model 'cosine' is given twice.\nGive each model once."


def test_the_same_seed_gives_the_same_board(split, board):
    again = scoreboard(
        [model("random"), model("popular"), model("cosine"), model("popular_by_category")],
        split,
        metrics=METRICS,
    )
    keys = ("label", "metrics", "interval", "difference", "rank", "state", "reason")
    assert [[entry[key] for key in keys] for entry in again.entries] == [
        [entry[key] for key in keys] for entry in board.entries
    ]


# ---- evaluate: lists that any tool made


@pytest.fixture(scope="module")
def answers(split):
    """Lists of cosine and their score in a trial."""
    protocol = Protocol.of(split, metrics=METRICS, repeats="allow")
    cosine = model("cosine").fit(split.train)
    return cosine.recommend_codes(split.given, 5, users=protocol.truth.users), trial(
        model("cosine"), protocol
    )


@pytest.mark.parametrize("by", ["rank", "score"])
def test_a_frame_of_recommendations_gives_the_numbers_of_the_trial(split, answers, by):
    lists, score = answers
    frame = (
        lists.frame()
        .drop("score" if by == "rank" else "rank")
        .sample(fraction=1.0, shuffle=True, seed=1)
    )
    if by == "score":  # exact ties of scores are ordered by item, as everywhere
        frame = frame.with_columns(pl.col("score").cast(pl.Float64))
    board = evaluate(frame, split, metrics=METRICS)
    for name in ("ndcg@5", "recall@5"):
        np.testing.assert_allclose(board.scores[0].values[name], score.values[name], atol=1e-6)
    assert board.scores[0].totals["coverage@5"] == pytest.approx(score.totals["coverage@5"])


def test_other_frames_and_spellings_are_accepted(split, answers):
    lists, score = answers
    frame = lists.frame().rename({"user_id": "USER_ID", "item_id": "Item_Id"})
    for given in (frame, frame.to_pandas(), frame.to_arrow(), frame.to_dict(as_series=False)):
        found = evaluate(given, split, metrics=METRICS, name="elsewhere")
        assert found.scores[0].label == "elsewhere"
        np.testing.assert_allclose(
            found.scores[0].values["ndcg@5"], score.values["ndcg@5"], atol=1e-6
        )
    assert sw.evaluate is evaluate


def small():
    from makers import START, make_log

    log = make_log(["a", "a", "b", "b"], ["x", "y", "y", "x"], [START, START + 9, START, START + 9])
    return splitting.last_item(log)


def test_unknown_items_keep_their_slot_and_unknown_users_are_ignored():
    frame = pl.DataFrame(
        {
            "user_id": ["a", "a", "stranger"],
            "item_id": ["from elsewhere", "y", "x"],
            "rank": [1, 2, 1],
        }
    )
    found = evaluate(frame, small(), metrics=["mrr@5"])
    assert found.scores[0].values["mrr@5"].tolist() == [0.5, 0.0]


def test_ranks_may_start_at_zero_and_have_gaps():
    frame = pl.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"], "rank": [0, 7]})
    assert evaluate(frame, small(), metrics=["mrr@5"]).scores[0].values["mrr@5"].tolist() == [
        0.5,
        0.0,
    ]
    gap = pl.DataFrame({"user_id": ["a"], "item_id": ["y"], "rank": [3]})
    assert evaluate(gap, small(), metrics=["mrr@5"]).scores[0].values["mrr@5"][0] == pytest.approx(
        1 / 3
    )


def test_a_frame_without_rows_is_a_board_of_misses():
    frame = pl.DataFrame(schema={"user_id": pl.String, "item_id": pl.String, "rank": pl.Int64})
    assert evaluate(frame, small(), metrics=["recall@5"]).scores[0].values["recall@5"].tolist() == [
        0.0,
        0.0,
    ]


def test_a_log_is_no_split(world):
    with pytest.raises(BadRequest, match="is of type Interactions, not a split"):
        scoreboard([model("popular")], world("content").log)


def test_what_is_no_model_or_no_list_of_metrics_is_refused(shop):
    split = splitting.by_time(shop, test=0.2)
    for wrong, says in (
        (["forward"], "'forward' is not a model."),
        ([sw.models.Forward], "is not a model."),
        ([], "There are no models to judge."),
    ):
        with pytest.raises(BadRequest, match=re.escape(says)) as caught:
            sw.scoreboard(wrong, split)
        assert "sw.model('forward')" in caught.value.hint
    with pytest.raises(BadRequest, match="the text 'ndcg@10', not a list") as caught:
        sw.scoreboard([sw.models.Popular()], split, metrics="ndcg@10")
    assert caught.value.hint == "Give a list, such as ['ndcg@10']."
