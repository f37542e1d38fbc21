"""The second stage: what the trees see, that they learn without a leak, and that explanations add
up.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from test_blend import Notes, lists_of

from makers import START, content_of, make_log
from spadework import events
from spadework.artifacts import artifact
from spadework.data import splitting
from spadework.evaluation.scoreboard import scoreboard
from spadework.kernels import parallel
from spadework.models.ensemble.boosted import TIE, _drawn
from spadework.models.ensemble.candidate_features import OF_ALL, facts_of, features, width
from spadework.models.ensemble.grown_trees import trees_of
from spadework.models.histories import Histories
from spadework.models.labels import model


@pytest.fixture(scope="module")
def fitted(shop, shelves):
    return model("boosted", positives=1, trees=25).fit(shop, shelves)


def test_the_features_are_what_their_names_say(shop, shelves):
    one = model("boosted", parts="cosine + popular").fit(shop, shelves)
    users = shop.active_users
    block = one.scorer.reader.read(shop, users)
    proposals = one.pool.propose(block, 1, "allow", None)
    found = features(facts_of(shop, shelves), block, proposals)
    assert found.shape == (len(proposals.items), width(2))
    assert np.isfinite(found).all()
    last = int(shop.times.max())
    recent = shop.times > last - 0.1 * (last - int(shop.times.min()))
    for cell in range(0, len(found), 37):
        user, item = users[proposals.rows[cell]], proposals.items[cell]
        own = shop.users == user
        times = shop.times[own & (shop.items == item)]
        newest = int(shop.times[own].max())
        named = dict(zip(OF_ALL, found[cell, 4:].tolist(), strict=True))
        assert named["events of the item"] == pytest.approx(np.log1p((shop.items == item).sum()))
        assert named["recent events of the item"] == pytest.approx(
            np.log1p(((shop.items == item) & recent).sum())
        )
        assert named["seconds since the last event of the item"] == pytest.approx(
            np.log1p(last - shop.times[shop.items == item].max()), rel=1e-6
        )
        assert named["events of the user with it"] == len(times)
        later = len({t for t in shop.times[own] if len(times) and t > times.max()})
        assert named["steps since the user's last event with it"] == (later if len(times) else -1)
        assert named["seconds since the user's last event with it"] == pytest.approx(
            np.log1p(newest - times.max()) if len(times) else -1, rel=1e-6
        )
        assert named["distinct items of the history"] == len(set(shop.items[own]))
        assert named["events of the history"] == own.sum()
        assert (
            0
            <= named["mean similarity to the history"]
            <= named["largest similarity to the history"]
            <= 1 + 1e-6
        )
        assert named["mean of the scaled scores"] == pytest.approx(
            (found[cell, 0] + found[cell, 2]) / 2, rel=1e-5
        )


def test_the_score_is_the_librarys_log_odds(shop, shelves, monkeypatch):
    """The grown trees, evaluated by the library itself, for all proposals of all users."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    grown: list[HistGradientBoostingClassifier] = []
    fit = HistGradientBoostingClassifier.fit
    monkeypatch.setattr(
        HistGradientBoostingClassifier,
        "fit",
        lambda self, *rest: grown.append(self) or fit(self, *rest),
    )
    one = model("boosted", positives=1, trees=45).fit(shop, shelves)
    assert len(trees_of(one.state).starts) == 46
    block = one.scorer.reader.read(shop, shop.active_users)
    proposals = one.pool.propose(block, 1, "allow", None)
    expected = grown[-1].decision_function(features(one.state, block, proposals))
    found = one.scorer.judged(block, proposals) - TIE * proposals.scaled().mean(axis=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_growing_in_steps_is_growing_at_once():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    rows, is_positive = rng.normal(size=(900, 3)), rng.random(900) < 0.3
    settings = {"early_stopping": False, "random_state": 1}
    once = HistGradientBoostingClassifier(max_iter=40, **settings).fit(rows, is_positive)
    steps = (
        HistGradientBoostingClassifier(warm_start=True, max_iter=20, **settings)
        .fit(rows, is_positive)
        .set_params(max_iter=40)
        .fit(rows, is_positive)
    )
    np.testing.assert_array_equal(once.decision_function(rows), steps.decision_function(rows))


def test_threads_do_not_change_what_is_learned(shop, shelves, fitted):
    for threads in (1, 2):
        with parallel.using(threads):
            assert model("boosted", positives=1, trees=25).fit(shop, shelves) == fitted


def test_too_few_users_leave_a_blend_of_equal_weights_and_a_note(shop):
    notes = Notes()
    with events.listening(notes):
        one = model("boosted", positives=1_000).fit(shop)
    assert any(
        "users interacted with a proposed item, so its parts weigh the same" in note
        for note in notes
    )
    blend = model("blend", candidates=100).fit(shop)
    for mine, theirs in zip(
        lists_of(one, shop, "forbid"), lists_of(blend, shop, "forbid"), strict=True
    ):
        assert list(mine) == list(theirs)


@pytest.mark.parametrize("repeats", ["allow", "forbid"])
def test_contributions_and_the_interaction_sum_to_the_score(shop, fitted, repeats):
    own = shop.of_user_codes(np.asarray([5]))
    listed = fitted.recommend(own, 4, repeats=repeats, fill=False).frame()
    for item, score in listed.select("item_id", "score").iter_rows():
        explained = fitted.explain(own, item, repeats=repeats)
        assert explained["contribution"].sum() == pytest.approx(score, rel=1e-5)
        assert explained.filter(pl.col("part") == "interaction")["item_id"].to_list() == [None]
        assert set(explained["item_id"].drop_nulls()) == set(shop.item_vocabulary.take(own.items))


def test_what_an_item_is_worth_is_the_score_with_it_less_the_score_without_it(shop, fitted):
    own = shop.of_user_codes(np.asarray([5]))
    item = fitted.recommend(own, 1, fill=False).frame()["item_id"][0]
    explained = fitted.explain(own, item)
    gone = explained["item_id"].drop_nulls()[0]
    rest = own.where(own.items != shop.item_vocabulary.codes([gone])[0])
    without = fitted.explain(rest, item)["contribution"].sum()
    value = explained.filter(pl.col("item_id") == gone)["contribution"][0]
    assert value == pytest.approx(explained["contribution"].sum() - without, abs=1e-6)


def test_similar_items_are_those_of_a_blend(shop, fitted):
    items = shop.item_vocabulary.ids[:3]
    assert (
        fitted.similar_items(items, 4)
        .frame()
        .equals(model("blend", candidates=100).fit(shop).similar_items(items, 4).frame())
    )


def test_the_draw_of_proposals_depends_on_history_and_item_alone(shop, fitted):
    block = fitted.scorer.reader.read(shop, shop.active_users)
    proposals = fitted.pool.propose(block, 1, "allow", None)
    every = _drawn(block, proposals, 7)
    assert (every >= 0).all()
    assert (every < 1).all()
    assert abs(every.mean() - 0.5) < 0.05
    one = shop.active_users[4:5]
    alone = fitted.scorer.reader.read(shop, one)
    cells = slice(proposals.starts[4], proposals.starts[5])
    assert (
        every[cells].tobytes()
        == _drawn(alone, fitted.pool.propose(alone, 1, "allow", None), 7).tobytes()
    )


def test_it_is_kept_as_arrays_and_comes_back_the_same(shop, fitted, tmp_path):
    two = artifact.load(artifact.save(fitted, tmp_path / "boosted"))
    assert lists_of(two, shop) == lists_of(fitted, shop)
    state = {key: np.array(value) for key, value in fitted.state.items()}
    state["trees/left"] = np.where(state["trees/left"] > 0, 10_000, state["trees/left"])
    assert "names a node that is not there" in str(fitted.check_state(state, shop.item_count))
    state = {key: value for key, value in fitted.state.items() if key != "facts/idle"}
    assert "is missing" in str(fitted.check_state(state, shop.item_count))


def test_it_learns_what_no_part_says(world):
    """Users buy one of their own favourites again; neither part counts how often they did."""
    split = splitting.by_time(world("repeats").log, test="14d")
    names = [
        model("cosine"),
        model("blend", parts="cosine + popular"),
        model("boosted", parts="cosine + popular"),
    ]
    board = scoreboard(names, split, metrics=["recall@10"], repeats="allow")
    means = {score.model: score.means(board.protocol.judged)["recall@10"] for score in board.done}
    assert means["boosted"] > 1.05 * max(means["cosine"], means["blend"])


def test_items_without_events_are_known_by_their_content():
    users, items = [f"u{n % 40}" for n in range(400)], [f"i{n % 23}" for n in range(400)]
    log = make_log(users, items, [START + 3_600 * n for n in range(400)])
    kept = log.where(log.items != 3)
    one = model("boosted", parts="content + popular", positives=1, trees=5).fit(
        kept, content_of(log)
    )
    assert len(Histories.of(kept, kept.active_users)) == 40
    assert 3 in one.recommend(kept, 23, fill=False).items
