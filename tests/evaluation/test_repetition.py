"""Repeats and new items judged apart, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.data.splitting import Split
from spadework.errors import BadRequest, OutOfTime
from spadework.evaluation.dialects import dialects
from spadework.evaluation.repetition import repetition
from spadework.evaluation.trial import NOVEL_RECALL, Protocol, trial
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.labels import model


@pytest.fixture(scope="module")
def split() -> Split:
    """u buys a again and d anew, v buys e and f anew, w buys d again, n is new."""
    log = make_log(
        ["u", "u", "v", "w", "u", "u", "v", "v", "w", "n"],
        ["a", "b", "c", "d", "a", "d", "e", "f", "d", "a"],
        [0, 1, 0, 0, 9, 9, 9, 9, 9, 9],
    )
    known = log.times < 9
    return Split(
        train=log.where(known),
        given=log.where(known),
        expected=log.where(~known),
        name="x",
        description="x",
    )


def test_by_hand(split):
    truth = Truth.of(split)
    ids, users = (
        split.train.item_vocabulary.ids.to_list(),
        split.train.user_vocabulary.ids.to_list(),
    )
    lists = {"n": "ab", "u": "ad", "v": "ce", "w": "de"}
    codes = np.asarray(
        [[ids.index(item) for item in lists[users[user]]] for user in truth.users], np.int32
    )
    found = repetition(codes, truth, dialects["nbr"], 2)
    assert found.repeats == pytest.approx((1 + 1 + 1) / 6), (
        "a of u, c of v, d of w; n has no history"
    )
    assert found.explored == pytest.approx(3 / 6)
    assert found.hits_repeated == pytest.approx(2 / 4), "hits: a and d of u, e of v, d of w"
    assert found.targets_repeated == pytest.approx(2 / 5), (
        "a of u and d of w, of five; n has no history"
    )
    assert (found.recall_repeated, found.hitrate_repeated) == (1.0, 1.0), (
        "u and w bought something again"
    )
    assert found.recall_new == pytest.approx((1 + 1 / 2) / 2), "u: d; v: e of e and f"
    assert found.hitrate_new == 1.0


def test_without_repeated_targets_their_recall_is_missing():
    log = make_log(["u", "u"], ["a", "b"], [0, 1])
    split = Split(
        train=log.where(log.times < 1),
        given=log.where(log.times < 1),
        expected=log.where(log.times > 0),
        name="x",
        description="x",
    )
    found = repetition(np.asarray([[1]], np.int32), Truth.of(split), dialects["nbr"], 1)
    assert np.isnan(found.recall_repeated)
    assert np.isnan(
        repetition(np.asarray([[0]], np.int32), Truth.of(split), dialects["nbr"], 1).hits_repeated
    ), "no hit, no share"
    assert found.recall_new == 1.0


def test_the_novel_basket_neither_shows_nor_expects_what_was_had(split):
    protocol = Protocol.of(split, metrics=["recall@10"], dialect="nbr", repeats="novel")
    assert protocol.repeats == "forbid"
    assert "repeats novel" in protocol.heading
    users = split.train.user_vocabulary.ids.to_list()
    assert {users[user] for user in protocol.truth.users[protocol.judged]} == {"u", "v"}, (
        "w bought nothing new"
    )
    score = trial(model("popular"), protocol)
    assert score.means(protocol.judged)["recall@10"] == pytest.approx((1 + 0) / 2), (
        "e and f are not in train"
    )


def test_where_repeats_are_allowed_new_items_are_judged_separately(split):
    protocol = Protocol.of(split, metrics=["recall@10"], dialect="nbr", repeats="allow")
    assert trial(model("popular"), protocol).totals == {}
    assert trial(model("popular"), protocol, lists=[]).totals == {
        NOVEL_RECALL: pytest.approx(1 / 2)
    }


@pytest.mark.parametrize(
    "error",
    [OutOfTime("The time is over.", "Give a larger budget."), MemoryError(), ValueError("no")],
)
def test_a_score_is_kept_when_the_recall_of_new_items_fails(split, monkeypatch, error):
    policies = []

    def once(self, histories, k=10, **how):
        policies.append(how["repeats"])
        if how["repeats"] == "forbid":
            raise error
        return recommend(self, histories, k, **how)

    recommend = Recommender.recommend_codes
    monkeypatch.setattr(Recommender, "recommend_codes", once)
    score = trial(
        model("popular"),
        Protocol.of(split, metrics=["recall@10"], dialect="nbr", repeats="allow"),
        lists=[],
    )
    assert policies == ["allow", "forbid"]
    assert (score.state, score.totals) == ("done", {})


def test_an_unknown_policy_is_refused(split):
    with pytest.raises(BadRequest, match="repeats is 'sometimes'"):
        Protocol.of(split, repeats="sometimes")
