"""Each control destroys one thing and keeps the rest."""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.data.worlds.worlds import world
from spadework.diagnosis.controls import (
    exchanged,
    first_moments,
    newest,
    pauses_mixed,
    reversed_in_time,
    shuffled,
    tied_share,
    ties_broken,
    users_within,
)
from spadework.diagnosis.questions.amount import next_gain
from spadework.diagnosis.questions.asking import chosen_elsewhere


@pytest.fixture(params=["order", "coarse_clock", "kits", "repeats"])
def log(request):
    return world(request.param).log


def rng():
    return np.random.default_rng(0)


def by_user(log, column):
    return [
        np.sort(column[a:b]).tolist() for a, b in zip(log.starts[:-1], log.starts[1:], strict=True)
    ]


def test_a_reversed_log_is_the_same_backwards(log):
    back = reversed_in_time(log)
    assert (back.times.min(), back.times.max()) == (log.times.min(), log.times.max())
    assert by_user(back, back.items) == by_user(log, log.items)
    np.testing.assert_array_equal(reversed_in_time(back).times, log.times)
    assert len(reversed_in_time(log.where(log.users < 0))) == 0


def test_shuffled_histories_hold_the_same_items_at_the_same_times(log):
    mixed = shuffled(log, rng())
    np.testing.assert_array_equal(mixed.users, log.users)
    np.testing.assert_array_equal(mixed.times, log.times)
    assert by_user(mixed, mixed.items) == by_user(log, log.items)
    assert (mixed.items != log.items).mean() > 0.5


def test_mixed_pauses_are_the_same_pauses_elsewhere(log):
    mixed = pauses_mixed(log, rng())
    np.testing.assert_array_equal(mixed.items, log.items)
    inside = log.users[1:] == log.users[:-1]
    waited, before = np.diff(mixed.times), np.diff(log.times)
    assert (waited[inside] >= 0).all()
    np.testing.assert_array_equal(waited[inside] == 0, before[inside] == 0)
    for user in (0, 7, log.users.max()):
        mine = (log.users[1:] == user) & inside
        np.testing.assert_array_equal(np.sort(waited[mine]), np.sort(before[mine]))
    for ends in (log.starts[:-1], log.starts[1:] - 1):
        np.testing.assert_array_equal(mixed.times[ends], log.times[ends])
    assert (waited != before).mean() > 0.1


def test_broken_ties_keep_the_order_of_moments_and_give_each_event_its_own(log):
    kept, mixed = ties_broken(log, None), ties_broken(log, rng())
    np.testing.assert_array_equal(kept.items, log.items)
    assert tied_share(kept) == 0
    for user in (0, 3):
        rows = np.flatnonzero(log.users == user)
        for moment in np.unique(log.times[rows]):
            here = rows[log.times[rows] == moment]
            assert sorted(mixed.items[here]) == sorted(log.items[here])


def test_the_share_of_tied_events():
    log = make_log(["a", "a", "a", "b", "b"], [1, 2, 3, 1, 2], [5, 5, 6, 5, 7])
    assert tied_share(log) == pytest.approx(0.4)
    assert tied_share(log.where(log.users < 0)) == 0


def test_first_moments_are_each_users_first_basket():
    log = make_log(["a", "a", "a", "b", "b"], [1, 2, 3, 1, 2], [5, 5, 6, 7, 8])
    assert first_moments(log).items.tolist() == log.items[[0, 1, 3]].tolist()


def test_the_newest_events_are_the_last_ones(log):
    part = newest(log, 4)
    assert np.diff(part.starts).max() == 4
    np.testing.assert_array_equal(part.items[part.starts[1:] - 1], log.items[log.starts[1:] - 1])
    assert len(newest(log, 10_000)) == len(log)


def test_exchanged_repeats_stay_repeats():
    log = world("repeats").log
    mixed = exchanged(log, rng())
    np.testing.assert_array_equal(mixed.times, log.times)
    for user in range(5):
        mine = log.users == user
        pairs = set(zip(log.items[mine].tolist(), mixed.items[mine].tolist(), strict=True))
        assert len(pairs) == len(set(log.items[mine].tolist())), "one item becomes one item"


def test_those_who_are_asked_are_learned_from_first(log):
    asked = np.asarray([3, 5], np.int32)
    users = users_within(log, asked, 500, rng())
    assert set(asked) <= set(users)
    assert len(log.of_user_codes(users)) <= 500
    np.testing.assert_array_equal(users_within(log, asked, 1, rng()), asked)


def test_the_next_gain_goes_on_as_the_last_ones_did():
    told = next_gain(
        np.asarray([[0.4, 0.2, 0.1], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.1, 0.2, 0.4]])
    )
    assert told[0] == pytest.approx(0.05, rel=1e-3), "halving gains halve again"
    assert told[1] == pytest.approx(0.1)
    assert told[2] == 0
    assert told[3] <= 0.4, "growth that gains speed is not expected to go on"


def test_what_is_chosen_on_one_half_is_judged_on_the_other():
    """Of forty settings that are noise the best one looks good on the users that chose it, and as
    all others on the rest.
    """
    values = np.random.default_rng(0).normal(0, 1, (40, 400))
    flattered = values[values.mean(axis=1).argmax()].mean()
    honest = np.mean([chosen_elsewhere(values, seed).mean() for seed in range(50)])
    assert flattered > 0.08
    assert abs(honest) < 0.05
