"""Each control destroys one thing and keeps the rest."""

from __future__ import annotations

import numpy as np
import pytest

from makers import make_log
from spadework.data.worlds.worlds import world
from spadework.diagnosis.controls import (
    break_ties,
    exchange_items,
    first_steps,
    latest_events,
    reverse_time,
    shuffle_items,
    shuffle_pauses,
    tied_share,
    users_within,
)
from spadework.diagnosis.growth import coming_gain
from spadework.diagnosis.questions.comparisons import chosen_on_other_half


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
    reversed_log = reverse_time(log)
    assert (reversed_log.times.min(), reversed_log.times.max()) == (
        log.times.min(),
        log.times.max(),
    )
    assert by_user(reversed_log, reversed_log.items) == by_user(log, log.items)
    np.testing.assert_array_equal(reverse_time(reversed_log).times, log.times)
    assert len(reverse_time(log.where(log.users < 0))) == 0


def test_shuffled_histories_hold_the_same_items_at_the_same_times(log):
    shuffled_log = shuffle_items(log, rng())
    np.testing.assert_array_equal(shuffled_log.users, log.users)
    np.testing.assert_array_equal(shuffled_log.times, log.times)
    assert by_user(shuffled_log, shuffled_log.items) == by_user(log, log.items)
    assert (shuffled_log.items != log.items).mean() > 0.5


def test_mixed_pauses_are_the_same_pauses_elsewhere(log):
    shuffled_log = shuffle_pauses(log, rng())
    np.testing.assert_array_equal(shuffled_log.items, log.items)
    inside = log.users[1:] == log.users[:-1]
    new_pauses, old_pauses = np.diff(shuffled_log.times), np.diff(log.times)
    assert (new_pauses[inside] >= 0).all()
    np.testing.assert_array_equal(new_pauses[inside] == 0, old_pauses[inside] == 0)
    for user in (0, 7, log.users.max()):
        of_user = (log.users[1:] == user) & inside
        np.testing.assert_array_equal(np.sort(new_pauses[of_user]), np.sort(old_pauses[of_user]))
    for ends in (log.starts[:-1], log.starts[1:] - 1):
        np.testing.assert_array_equal(shuffled_log.times[ends], log.times[ends])
    assert (new_pauses != old_pauses).mean() > 0.1


def test_broken_ties_keep_the_order_of_times_and_give_each_event_its_own(log):
    kept, shuffled_log = break_ties(log, None), break_ties(log, rng())
    np.testing.assert_array_equal(kept.items, log.items)
    assert tied_share(kept) == 0
    for user in (0, 3):
        rows = np.flatnonzero(log.users == user)
        for timestamp in np.unique(log.times[rows]):
            tied_rows = rows[log.times[rows] == timestamp]
            assert sorted(shuffled_log.items[tied_rows]) == sorted(log.items[tied_rows])


def test_the_share_of_tied_events():
    log = make_log(["a", "a", "a", "b", "b"], [1, 2, 3, 1, 2], [5, 5, 6, 5, 7])
    assert tied_share(log) == pytest.approx(0.4)
    assert tied_share(log.where(log.users < 0)) == 0


def test_first_steps_are_each_users_first_basket():
    log = make_log(["a", "a", "a", "b", "b"], [1, 2, 3, 1, 2], [5, 5, 6, 7, 8])
    assert first_steps(log).items.tolist() == log.items[[0, 1, 3]].tolist()


def test_the_latest_events_are_the_last_ones(log):
    shortened = latest_events(log, 4)
    assert np.diff(shortened.starts).max() == 4
    np.testing.assert_array_equal(
        shortened.items[shortened.starts[1:] - 1], log.items[log.starts[1:] - 1]
    )
    assert len(latest_events(log, 10_000)) == len(log)


def test_exchanged_repeats_stay_repeats():
    log = world("repeats").log
    shuffled_log = exchange_items(log, rng())
    np.testing.assert_array_equal(shuffled_log.times, log.times)
    for user in range(5):
        of_user = log.users == user
        pairs = set(
            zip(log.items[of_user].tolist(), shuffled_log.items[of_user].tolist(), strict=True)
        )
        assert len(pairs) == len(set(log.items[of_user].tolist())), "one item becomes one item"


def test_required_users_come_first(log):
    required = np.asarray([3, 5], np.int32)
    users = users_within(log, required, 500, rng())
    assert set(required) <= set(users)
    assert len(log.of_user_codes(users)) <= 500
    np.testing.assert_array_equal(users_within(log, required, 1, rng()), required)


def test_the_next_gain_goes_on_as_the_last_ones_did():
    gains = coming_gain(
        np.asarray([[0.4, 0.2, 0.1], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.1, 0.2, 0.4]])
    )
    assert gains[0] == pytest.approx(0.05, rel=1e-3), "halving gains halve again"
    assert gains[1] == pytest.approx(0.1)
    assert gains[2] == 0
    assert gains[3] <= 0.4, "growth that gains speed is not expected to go on"


def test_what_is_chosen_on_one_half_is_judged_on_the_other():
    """Of forty settings that are noise the best one looks good on the users that chose it, and as
    all others on the rest.
    """
    values = np.random.default_rng(0).normal(0, 1, (40, 400))
    flattered = values[values.mean(axis=1).argmax()].mean()
    honest = np.mean([chosen_on_other_half(values, seed).mean() for seed in range(50)])
    assert flattered > 0.08
    assert abs(honest) < 0.05
