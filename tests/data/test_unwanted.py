"""Items that users must not be shown: read, cut, joined, and left out of lists."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import make_log, unwanted_of
from spadework.data import splitting
from spadework.data.unwanted import Unwanted
from spadework.errors import BadRequest
from spadework.evaluation.trial import Protocol, trial


@pytest.fixture
def log():
    """ann: tea 10, milk 20; bob: tea 10, milk 20, rice 30; cy: milk 20, rice 40, nuts 50."""
    users = ["ann", "ann", "bob", "bob", "bob", "cy", "cy", "cy"]
    items = ["tea", "milk", "tea", "milk", "rice", "milk", "rice", "nuts"]
    return make_log(users, items, [10, 20, 10, 20, 30, 20, 40, 50])


def codes(log, user):
    """What the log says of a user, as ids."""
    return sorted(item for owner, item in unwanted_of(log) if owner == user)


def test_pairs_are_by_id_sorted_and_each_once(log):
    told = log.with_unwanted(["cy", "ann", "ann"], ["tea", "rice", "rice"], [5, 25, 25])
    assert told.unwanted.frame().rows() == [("ann", "rice", 25), ("cy", "tea", 5)]
    assert len(told) == len(log)
    assert log.unwanted is None
    assert codes(told, "ann") == ["rice"]
    assert codes(told, "bob") == []


def test_further_pairs_are_added(log):
    told = log.with_unwanted("ann", "rice", [25]).with_unwanted("ann", "nuts", [26])
    assert codes(told, "ann") == ["nuts", "rice"]


def test_ids_that_the_log_does_not_know_are_kept_and_mean_nothing(log):
    told = log.with_unwanted(["ann", "new"], ["gone", "tea"], [1, 1])
    assert len(told.unwanted) == 2
    assert codes(told, "ann") == []
    with pytest.raises(BadRequest, match="The ids are Int64, those of the log String"):
        log.with_unwanted(1, "tea")


@pytest.mark.parametrize(("time", "expected"), [(19, []), (20, ["milk"]), (21, ["milk"])])
def test_a_later_event_takes_a_pair_back(log, time, expected):
    assert codes(log.with_unwanted("ann", "milk", [time]), "ann") == expected


def test_the_last_pair_counts_and_without_times_all_do(log):
    assert codes(log.with_unwanted(["ann"] * 2, ["milk"] * 2, [5, 25]), "ann") == ["milk"]
    assert codes(log.with_unwanted("ann", "milk"), "ann") == ["milk"]


def test_pairs_without_times_are_of_the_end_of_the_log():
    """So those that have times keep them."""
    log = make_log(["ann", "ann"], ["milk", "rice"], [10, 30])
    told = log.with_unwanted("ann", "rice", [25]).with_unwanted("ann", "milk")
    assert told.unwanted is not None
    assert told.unwanted.frame().rows() == [("ann", "milk", 30), ("ann", "rice", 25)]
    assert codes(told, "ann") == ["milk"], "rice was chosen later"


def test_pairs_go_with_the_rows(log):
    told = log.with_unwanted("ann", "rice", [25]).as_of("2024-01-01")
    for other in (
        told.of_users("ann"),
        told.where(told.items >= 0),
        told.with_items(["cake"]),
        pickle.loads(pickle.dumps(told)),
    ):
        assert codes(other, "ann") == ["rice"]
    assert told.fingerprint != log.fingerprint
    assert pickle.loads(pickle.dumps(told)).fingerprint == told.fingerprint


def test_a_cut_keeps_what_is_older():
    day = 86_400
    start = 1_704_067_200
    times = [start + day * number for number in (0, 1, 2, 8, 3, 9)]
    log = make_log(["ann"] * 4 + ["bob"] * 2, list("abcdab"), times)
    pairs = ["ann", "ann", "bob"], ["a", "b", "c"], [start + 4 * day, start + 8 * day, start]
    told = log.with_unwanted(*pairs)
    split = splitting.by_time(told, test="2d")  # from day 8 on
    assert split.given.unwanted.frame()["item_id"].to_list() == ["a", "c"]
    assert split.train.unwanted.frame()["item_id"].to_list() == ["a", "c"]
    left = splitting.last_item(told)  # ann from day 8, bob from day 9 on
    assert left.given.unwanted.frame()["item_id"].to_list() == ["a", "c"]
    later = splitting.last_item(log.with_unwanted(["bob"] * 2, ["c", "d"], times[4:]))
    assert later.given.unwanted.frame()["item_id"].to_list() == ["c"]
    # without times they may be from later
    assert splitting.last_item(log.with_unwanted("ann", "b")).given.unwanted is None


def test_a_cut_by_time_asks_what_was_known_before_the_cut():
    day, start = 86_400, 1_704_067_200
    log = make_log(["ann"] * 3, list("abc"), [start, start + 8 * day, start + 9 * day])
    told = log.with_unwanted(["ann", "ann"], ["x", "y"], [start, start + 8 * day])
    split = splitting.by_time(told, test="1d")
    assert split.given.unwanted.frame()["item_id"].to_list() == ["x", "y"]
    split = splitting.by_time(told, test="2d")
    assert split.given.unwanted.frame()["item_id"].to_list() == ["x"]


def test_lists_leave_out_what_is_unwanted_and_keep_the_rest(log):
    model = sw.model("cosine").fit(log)
    before = model.recommend(log, 3, repeats="forbid")
    assert before.of("ann")["item_id"].to_list() == ["rice", "nuts"]
    after = model.recommend(log.with_unwanted("ann", "rice", [25]), 3, repeats="forbid")
    assert after.of("ann")["item_id"].to_list() == ["nuts"]
    assert after.of("ann")["rank"].to_list() == [1]
    for user in ("bob", "cy"):
        assert after.of(user).equals(before.of(user))


@pytest.mark.parametrize("name", ["cosine", "ease", "popular", "personal", "vmis-knn"])
@pytest.mark.parametrize("repeats", ["allow", "forbid", "only"])
def test_lists_are_those_of_all_items_without_the_unwanted(shop, name, repeats):
    """By hand: make lists of all items, strike out pairs, cut to length."""
    model = sw.model(name).fit(shop)
    rng = np.random.default_rng(3)
    users = rng.choice(shop.user_vocabulary.ids.to_list(), 60)
    items = rng.choice(shop.item_vocabulary.ids.to_list(), 60)
    told = shop.with_unwanted(users, items)
    struck = set(zip(users.tolist(), items.tolist(), strict=True))
    everything = model.recommend(shop, shop.item_count, repeats=repeats, fill=False)
    expected = {}
    for user, item in everything.frame().select("user_id", "item_id").iter_rows():
        if (user, item) not in struck:
            expected.setdefault(user, []).append(item)
    found = model.recommend(told, 5, repeats=repeats, fill=False).frame()
    for user in shop.user_vocabulary.ids:
        mine = found.filter(pl.col("user_id") == user)
        assert mine["item_id"].to_list() == expected.get(user, [])[:5]
        assert mine["rank"].to_list() == list(range(1, len(mine) + 1))


MIXTURES = {
    "blend": {"parts": "cosine + forward + vmis-knn"},
    "ranks": {"name": "blend", "parts": "cosine + popular", "how": "ranks"},
    "quota": {"name": "blend", "parts": "ease + personal", "quota": 2},
    "learned": {"name": "blend", "parts": "cosine + personal", "how": "learned"},
    "prior": {"parts": "cosine", "weight": 0.5},
    "boosted": {"parts": "cosine + popular", "positives": 1, "trees": 5},
}


@pytest.mark.parametrize("name", ["cosine", "personal", *MIXTURES])
def test_users_are_answered_as_if_the_unwanted_were_excluded_for_them(shop, name):
    """In a mixture it weighs in no scale and no rank, however few candidates the parts propose."""
    options = {"candidates": 6, **MIXTURES[name]} if name in MIXTURES else {}
    model = sw.model(**{"name": name, **options}).fit(shop, rng=1)
    items, users = shop.item_vocabulary.ids.to_list(), shop.user_vocabulary.ids.to_list()
    rng = np.random.default_rng(3)
    sizes = dict(zip(users[:6], (1, 1, 2, 4, 8, 18), strict=True))
    struck = {
        user: rng.choice(items, sizes.get(user, 0), replace=False).tolist() for user in users[:9]
    }
    pairs = [(user, item) for user, found in struck.items() for item in found]
    told = shop.with_unwanted(*zip(*pairs, strict=True))
    for repeats, fill in (("allow", False), ("allow", True), ("forbid", True), ("only", True)):
        policy = {"repeats": repeats, "fill": fill}
        found = model.recommend(told, 5, **policy)
        for user, excluded in struck.items():
            alone = model.recommend(shop, 5, users=user, exclude=excluded, **policy)
            assert found.of(user).equals(alone.of(user)), (policy, user)


@pytest.mark.parametrize("name", ["blend", "boosted"])
def test_an_explanation_knows_what_is_unwanted(shop, name):
    """So its rows sum to the score of the list."""
    model = sw.model(name, candidates=6, **MIXTURES[name]).fit(shop, rng=1)
    user = shop.user_vocabulary.ids[0]
    before = model.recommend(shop, 5, users=user).of(user)
    told = shop.with_unwanted(user, before["item_id"][0])
    best = model.recommend(told, 5, users=user).of(user)
    total = model.explain(told, best["item_id"][0], user)["contribution"].sum()
    assert total == pytest.approx(best["score"][0], rel=1e-5)
    assert best["score"][0] != pytest.approx(before["score"][1], rel=1e-5)


def test_lists_in_which_all_is_unwanted_are_empty(shop):
    """Each longer list holds more unwanted items than the one before."""
    model = sw.model("popular").fit(shop)
    user, items = shop.user_vocabulary.ids[0], shop.item_vocabulary.ids.to_list()
    best = model.recommend(shop, len(items), users=user).frame()["item_id"].to_list()
    told = shop.with_unwanted([user] * len(items), items)
    assert len(model.recommend(told, 3, users=user).frame()) == 0
    told = shop.with_unwanted([user] * (len(best) - 2), best[:-2])
    assert model.recommend(told, 3, users=user).frame()["item_id"].to_list() == best[-2:]


def test_filled_slots_are_counted_without_the_unwanted(log):
    model = sw.model("cosine").fit(log)
    full = model.recommend(log, 4)
    told = log.with_unwanted(["ann"] * 2, ["nuts", "rice"])
    short = model.recommend(told, 4)
    assert full.filled == 0
    assert short.of("ann")["item_id"].to_list() == [
        item for item in full.of("ann")["item_id"] if item in ("tea", "milk")
    ]
    assert short.filled == 0


def test_pairs_of_both_need_the_times_of_both():
    ids = pl.Series(["a"])
    timed, timeless = Unwanted.of(ids, ids, np.asarray([3])), Unwanted.of(ids, ids)
    assert timed.and_also(None) is timed
    assert timed.and_also(timeless).times is None


@pytest.mark.parametrize(("told", "recall"), [(None, 1.0), (5, 0.0), (8, 1.0), (9, 1.0)])
def test_an_evaluation_knows_what_was_unwanted_before_its_cut_alone(told, recall):
    """The cut is at day 8, when ann takes the best seller, a."""
    day, start = 86_400, 1_704_067_200
    rows = [("ann", "b", 0), ("bob", "a", 1), ("cy", "a", 2), ("cy", "b", 3), ("ann", "a", 8)]
    users, items, days = zip(*rows, strict=True)
    log = make_log(users, items, [start + day * number for number in days])
    if told is not None:
        log = log.with_unwanted("ann", "a", [start + day * told])
    split = splitting.by_time(log, test="1d")
    protocol = Protocol.of(split, metrics=["recall@1"], repeats="forbid")
    score = trial(sw.model("popular"), protocol)
    assert score.values["recall@1"].tolist() == [recall]
