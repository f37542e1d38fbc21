"""The log in columns and its views."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import START, make_log
from spadework.data.account import RowAccount
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest


@pytest.fixture(scope="module")
def log() -> Interactions:
    return make_log(
        ["b", "a", "a", "a", "b"],
        ["x", "y", "x", "y", "z"],
        [START + 1, START + 9, START, START + 9, START],
        weights=[1, 2, 3, 4, 5],
        baskets=[8, 4, 2, 4, 8],
    )


def test_rows_stand_by_user_time_and_arrival(log):
    assert log.frame().rows() == [
        ("a", "x", START, 3.0, 2),
        ("a", "y", START + 9, 2.0, 4),
        ("a", "y", START + 9, 4.0, 4),
        ("b", "z", START, 5.0, 8),
        ("b", "x", START + 1, 1.0, 8),
    ]


def test_columns_are_read_only_from_construction(log):
    for name in (
        "users",
        "items",
        "times",
        "weights",
        "baskets",
        "starts",
        "item_counts",
        "active_users",
    ):
        with pytest.raises(ValueError, match="read-only"):
            getattr(log, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        log.users = log.items


def test_the_callers_own_array_keeps_its_flag():
    users, items = np.zeros(2, np.int32), np.asarray([0, 1], np.int32)
    vocabulary = Vocabulary(pl.Series(["a", "b"]))
    Interactions(users=users, items=items, user_vocabulary=vocabulary, item_vocabulary=vocabulary)
    users[0] = 0
    assert users.flags.writeable


def test_what_is_absent_is_none():
    bare = make_log(["a"], ["x"])
    assert (bare.times, bare.weights, bare.baskets) == (None, None, None)
    assert bare.frame().columns == ["user_id", "item_id"]


def test_the_matrix_counts_rows_of_each_pair(log):
    assert log.matrix().toarray().tolist() == [[1, 2, 0], [1, 0, 1]]
    assert log.matrix().dtype == np.float32
    assert log.item_counts.tolist() == [2, 2, 1]
    assert log.starts.tolist() == [0, 3, 5]


def test_sequences_and_baskets(log):
    assert [row.tolist() for row in log.sequences()] == [[0, 1, 1], [2, 0]]
    assert [row.tolist() for row in log.by_basket()] == [[0], [1, 1], [2, 0]]
    assert log.by_basket().lengths.tolist() == [1, 2, 2]
    assert log.basket_keys().tolist() == [0, 1, 1, 2, 2]


def test_without_baskets_events_of_a_second_are_one_and_without_times_the_user_is():
    timed = make_log(["a", "a", "a", "b"], ["x", "y", "z", "x"], [START, START, START + 1, START])
    assert timed.basket_keys().tolist() == [0, 0, 1, 2]
    assert make_log(["a", "a", "b"], ["x", "y", "x"]).basket_keys().tolist() == [0, 0, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)), max_size=30))
def test_baskets_are_numbered_by_their_first_row_even_if_another_one_lies_between(rows):
    users, times, baskets = (
        (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 3
    )
    log = make_log(users, ["x"] * len(rows), [START + time for time in times], baskets=baskets)
    assert log.baskets is not None
    seen: dict[tuple[int, int], int] = {}
    expected = [
        seen.setdefault(pair, len(seen))
        for pair in zip(log.users.tolist(), log.baskets.tolist(), strict=True)
    ]
    assert log.basket_keys().tolist() == expected


def test_where_takes_rows_and_keeps_vocabularies(log):
    part = log.where(log.weights > 2)
    assert part.frame().rows() == [row for row in log.frame().rows() if row[3] > 2]
    assert part.user_vocabulary is log.user_vocabulary
    assert part.item_vocabulary is log.item_vocabulary
    assert log.of_user_codes(np.asarray([1])).frame()["user_id"].unique().to_list() == ["b"]


@pytest.mark.parametrize("mask", [np.ones(3, np.bool_), np.ones(5, np.int64), np.arange(5)])
def test_a_mask_of_the_wrong_kind_is_refused(log, mask):
    with pytest.raises(BadRequest) as caught:
        log.where(mask)
    assert caught.value.message == f"The mask has shape {mask.shape} and type {mask.dtype}."
    assert caught.value.hint == "Give 5 booleans."


def test_columns_of_different_lengths_are_refused():
    vocabulary = Vocabulary(pl.Series(["a"]))
    with pytest.raises(BadData, match=r"Column 'items' has shape \(2,\), but the log has 1 row"):
        Interactions(
            users=np.zeros(1, np.int32),
            items=np.zeros(2, np.int32),
            user_vocabulary=vocabulary,
            item_vocabulary=vocabulary,
        )


def test_equal_data_equal_fingerprint(log):
    same = make_log(
        ["a", "b", "b", "a", "a"],
        ["x", "z", "x", "y", "y"],
        [START, START, START + 1, START + 9, START + 9],
        weights=[3, 5, 1, 2, 4],
        baskets=[2, 8, 8, 4, 4],
    )
    assert same.fingerprint == log.fingerprint
    base = make_log(["a", "b"], ["x", "y"], [1, 2])
    others = [
        make_log(["a", "b"], ["x", "y"], [1, 3]),
        make_log(["a", "c"], ["x", "y"], [1, 2]),
        make_log(["a", "b"], ["x", "z"], [1, 2]),
        make_log(["a", "b"], ["x", "y"]),
        make_log(["a", "b"], ["x", "y"], [1, 2], weights=[1, 1]),
        make_log(["a", "b"], ["x", "y"], [1, 2], baskets=[0, 0]),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 7


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("wxyz"), st.integers(0, 5)), max_size=20
    )
)
def test_no_row_is_lost_or_changed(rows):
    if not rows:
        return
    log = make_log([u for u, _, _ in rows], [i for _, i, _ in rows], [t for _, _, t in rows])
    assert log.frame().rows() == sorted(rows, key=lambda row: (row[0], row[2]))


def test_recoding_leaves_out_what_the_other_side_does_not_know(log):
    users, items = Vocabulary(pl.Series(["0", "a", "b"])), Vocabulary(pl.Series(["x", "zz"]))
    other = log.recoded(users, items)
    assert other.frame().rows() == [("a", "x", START, 3.0, 2), ("b", "x", START + 1, 1.0, 8)]


def test_a_row_account_adds_up_or_does_not_exist():
    account = RowAccount(
        source="a.csv",
        read=10,
        used=7,
        set_aside={"no user": 2, "bad time": 1},
        columns={"user": "u"},
    )
    assert account.as_json()["rows"] == {
        "read": 10,
        "used": 7,
        "set_aside": {"no user": 2, "bad time": 1},
    }
    with pytest.raises(TypeError):
        account.set_aside["no user"] = 3
    with pytest.raises(
        AssertionError, match=r"row account of a.csv: 1 rows of 10 are unaccounted for"
    ):
        RowAccount(source="a.csv", read=10, used=7, set_aside={"no user": 2})


@pytest.mark.parametrize("code", [-1, 99])
def test_codes_of_users_that_are_not_there_are_refused(log, code):
    with pytest.raises(BadRequest, match=f"There is no user with the code {code}"):
        log.of_user_codes(np.asarray([0, code]))
