"""The sort of a log, compared with a simple sort."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles import sorted_by_user_time_arrival
from spadework.data import ordering
from spadework.data.ordering import by_user_time_arrival

NARROW = st.integers(0, 4)
# user, time and position do not fit into 63 bits
WIDE = st.sampled_from([-(2**62), -(2**61), 0, 1, 2**61, 2**62 - 1])


def check(users, times):
    users = np.asarray(users, np.int32)
    times = None if times is None else np.asarray(times, np.int64)
    user_count = int(users.max(initial=0)) + 1
    before = users.tobytes(), None if times is None else times.tobytes()
    order = by_user_time_arrival(users, times, user_count)
    rows = np.arange(len(users)) if order.rows is None else order.rows
    assert rows.tolist() == sorted_by_user_time_arrival(
        users.tolist(), None if times is None else times.tolist()
    )
    assert (users.tobytes(), None if times is None else times.tobytes()) == before, (
        "the caller's columns stay as they are"
    )
    np.testing.assert_array_equal(order.users, users[rows])
    if times is None:
        assert order.times is None
    else:
        np.testing.assert_array_equal(order.times, times[rows])
    arrival = np.arange(len(users))
    np.testing.assert_array_equal(order.take(arrival), rows)
    assert order.take(pl.Series(arrival)).to_list() == rows.tolist()
    return order.rows


@pytest.mark.parametrize(
    "times",
    [NARROW, WIDE, st.integers(1_704_067_200, 1_704_067_210)],
    ids=["narrow", "wide", "calendar"],
)
@given(data=st.data())
def test_rows_come_by_user_then_time_then_arrival(times, data):
    rows = data.draw(st.lists(st.tuples(st.integers(0, 6), times), max_size=40))
    check([user for user, _ in rows], [time for _, time in rows])


@given(st.lists(st.integers(0, 6), max_size=40))
def test_without_times_arrival_decides(users):
    check(users, None)


def test_a_log_in_order_is_left_unchanged():
    assert check([0, 0, 1, 2], [5, 5, 1, 0]) is None
    assert check([0, 0, 1], None) is None
    assert check([], []) is None
    assert check([3], [1]) is None


@pytest.mark.parametrize("times", [NARROW, WIDE], ids=["packed", "fallback"])
@given(data=st.data())
def test_blocks_of_users_are_sorted_one_after_the_other(times, data):
    rows = data.draw(st.lists(st.tuples(st.integers(0, 6), times), min_size=2, max_size=40))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ordering, "_BLOCK_BITS", 3)
        check([user for user, _ in rows], [time for _, time in rows])


def test_the_fallback_for_wide_spans_is_a_stable_sort():
    users = [1, 0, 1, 0, 1]
    times = [-(2**62), 2**62 - 1, -(2**62), -(2**62), 2**62 - 1]
    assert check(users, times).tolist() == [3, 1, 0, 2, 4]
