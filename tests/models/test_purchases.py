"""What users did by basket: every basket that held an item, how long ago it was, and how long users
usually wait.
"""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.models.baskets import purchases
from spadework.models.baskets.purchases import Purchases
from spadework.models.baskets.repurchase_gaps import Intervals, gaps_of
from spadework.models.labels import model

DAY = 86_400


def of(log):
    return Purchases.of_log(log, np.arange(log.user_count, dtype=np.int32))


@pytest.mark.parametrize("seed", range(5))
def test_visits_are_the_distinct_baskets_of_each_item(seed):
    rng = np.random.default_rng(seed)
    users, items, baskets = (rng.integers(0, n, 200) for n in (6, 8, 5))
    times = baskets * DAY + users
    log = make_log(users, items, times, baskets=10 * users + baskets)
    found = of(log)
    for user in range(6):
        own = sorted(set(baskets[users == user]))
        assert found.baskets[user] == len(own)
        entries = range(found.starts[user], found.starts[user + 1])
        assert [found.items[e] for e in entries] == sorted(set(items[users == user]))
        for entry in entries:
            held = sorted(
                {
                    b
                    for b, i in zip(baskets[users == user], items[users == user], strict=True)
                    if i == found.items[entry]
                }
            )
            cells = slice(found.visits[entry], found.visits[entry + 1])
            assert found.baskets_ago[cells].tolist() == [len(own) - 1 - own.index(b) for b in held]
            assert found.seconds_ago[cells].tolist() == [(own[-1] - b) * DAY for b in held]


def test_an_item_twice_in_a_basket_is_one_visit_and_two_events():
    found = of(make_log(["u"] * 3, ["x", "x", "y"], [0, 0, 0], baskets=[1] * 3))
    assert np.diff(found.visits).tolist() == [1, 1]
    assert found.counts.tolist() == [2, 1]


def test_without_times_and_baskets_every_event_is_a_basket_of_unknown_age():
    found = of(make_log(["u"] * 3, ["x", "y", "x"]))
    assert np.diff(found.visits).tolist() == [2, 1]
    assert not found.baskets_ago.any()


def test_first_events_are_places_in_the_history():
    found = of(make_log(["u"] * 4, ["b", "c", "a", "b"], [0, 1, 2, 3]))
    assert found.firsts.tolist() == [2, 0, 1]


def test_users_wait_as_they_usually_do_or_until_the_moment_that_is_asked_about():
    log = make_log(["u", "u", "u", "v"], ["x", "y", "z", "x"], [0, 10, 40, 5])
    np.testing.assert_array_equal(of(log).elapsed, [20, np.nan])
    assert of(log.as_of(100)).elapsed.tolist() == [60, 95]
    assert of(log.as_of(7)).elapsed.tolist() == [0, 2], "never before the last event"


def test_the_moment_asked_about_goes_with_the_rows():
    log = make_log(["u", "v"], ["x", "y"], [0, 5]).as_of(9)
    assert log.where(log.users == 0).now == log.of_user_codes(np.asarray([1])).now == 9
    assert log.recoded(log.user_vocabulary, log.item_vocabulary).now == 9


def test_nobody_has_no_purchases():
    log = make_log(["u"], ["x"], [0])
    found = Purchases.of_log(log.where(np.zeros(1, np.bool_)), np.asarray([0], np.int32))
    assert found.baskets.tolist() == [0]
    assert not len(found.items)


def test_pauses_are_those_between_purchases_of_one_item_shrunk_to_all():
    log = make_log(
        ["u"] * 4 + ["v"] * 3, ["x", "x", "x", "y", "y", "z", "y"], [0, 100, 300, 7, 0, 1, 50]
    )
    pauses = {"x": np.log([100, 200]), "y": np.log([50])}
    every = np.concatenate(list(pauses.values()))
    found = Intervals.of([gaps_of(of(log), timed=True)], 3, 2.0)
    for code, name in enumerate("xyz"):
        own = pauses.get(name, np.empty(0))
        assert found.means[code] == pytest.approx((own.sum() + 2 * every.mean()) / (len(own) + 2))
        assert found.trusts[code] == pytest.approx(len(own) / (len(own) + 2))
    assert found.due(np.asarray([0]), np.exp(found.means[:1])) == pytest.approx([1.0])


def test_what_nobody_takes_again_has_intervals_that_nobody_trusts():
    log = make_log(["u", "v"], ["x", "y"], [0, 1])
    found = Intervals.of([gaps_of(of(log), timed=True)], 2, 10.0)
    assert not found.trusts.any()
    assert np.isfinite(found.means).all()


def test_without_shrinkage_what_was_never_taken_again_is_as_all_items_are():
    log = make_log(["u"] * 3, ["x", "x", "y"], [0, 100, 5])
    found = Intervals.of([gaps_of(of(log), timed=True)], 3, 0.0)
    np.testing.assert_allclose(found.means, np.log([100, 100, 100]))
    np.testing.assert_array_equal(found.trusts, [1, 0, 0])
    assert (found.spreads > 0).all()
    lists = model("personal", shrinkage=0.0, interval=0.5).fit(log).recommend(log, 2)
    assert np.isfinite(lists.scores).all()


@pytest.mark.parametrize("name", ["tifu-knn", "up-cf", "personal"])
def test_a_log_that_is_read_in_blocks_teaches_the_same(name, monkeypatch):
    rng = np.random.default_rng(5)
    users, items, days = (rng.integers(0, n, 300) for n in (12, 9, 20))
    log = make_log(users, items, days * DAY)
    at_once = model(name).fit(log)
    monkeypatch.setattr(purchases, "ROWS_AT_ONCE", 40)
    blocks = list(purchases.purchases_by_block(log, log.active_users))
    assert sum(map(len, blocks)) == len(log.active_users) > len(blocks) > 3
    assert model(name).fit(log) == at_once
