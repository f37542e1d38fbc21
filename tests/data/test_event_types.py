"""Event types: kept by every operation, read from a column, compared among duplicates."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spadework as sw
from makers import START, make_log
from spadework.data.addresses import read_interactions
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, Unsuitable
from spadework.models import needs

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
        st.integers(0, 3),
        st.sampled_from(["view", "buy", "cart", "BUY"]),
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def log() -> Interactions:
    return make_log(
        ["b", "a", "a", "b"],
        ["x", "y", "x", "z"],
        [START + 1, START + 9, START, START],
        event_types=["view", "buy", "view", "cart"],
    )


def test_event_types_stay_with_their_rows(log):
    assert log.event_type_names == ("buy", "cart", "view")
    assert log.frame().columns == ["user_id", "item_id", "time", "event"]
    assert log.frame()["event"].to_list() == ["view", "buy", "cart", "view"]
    assert log.where(np.asarray([True, False, True, True])).frame()["event"].to_list() == [
        "view",
        "cart",
        "view",
    ]
    assert log.of_user_codes(np.asarray([1])).frame()["event"].to_list() == ["cart", "view"]
    other = log.recoded(Vocabulary(pl.Series(["0", "a", "b"])), Vocabulary(pl.Series(["x", "z"])))
    assert [(user, item, event_type) for user, item, _, event_type in other.frame().rows()] == [
        ("a", "x", "view"),
        ("b", "z", "cart"),
        ("b", "x", "view"),
    ]
    assert other.event_type_names == log.event_type_names, "names stay, so codes keep their meaning"
    assert repr(log).endswith("with times, event_types)")
    with pytest.raises(ValueError, match="read-only"):
        log.event_types[0] = 1


def test_rows_of_an_event_type(log):
    assert log.is_event_type("view").tolist() == [True, False, False, True]
    assert not log.is_event_type("sold").any()
    assert log.event_type_counts == {"buy": 1, "cart": 1, "view": 2}
    bare = dataclasses.replace(log, event_types=None, event_type_names=())
    assert (bare.event_type_counts, bare.is_event_type("view").any()) == ({}, False)
    alone = dataclasses.replace(log, event_types=None, event_type_names=("view",))
    assert (alone.event_type_counts, alone.is_event_type("view").all()) == ({"view": 4}, True)


def test_the_fingerprint_has_event_types_and_is_unchanged_without_them(log):
    bare = dataclasses.replace(log, event_types=None, event_type_names=())
    assert (
        bare.fingerprint
        == make_log(
            ["b", "a", "a", "b"], ["x", "y", "x", "z"], [START + 1, START + 9, START, START]
        ).fingerprint
    )
    assert bare.fingerprint == dataclasses.replace(bare, event_type_names=("view",)).fingerprint
    others = [
        dataclasses.replace(log, event_type_names=names)
        for names in [("buy", "cart", "views"), ("a", "cart", "view")]
    ]
    swapped = dataclasses.replace(log, event_types=log.event_types[::-1].copy())
    assert len({made.fingerprint for made in (log, bare, swapped, *others)}) == 5


@pytest.mark.parametrize(
    ("event_types", "names", "message"),
    [
        ([0, 1], ("view", "buy"), "The names of the event types are"),
        ([0, 1], ("buy", "buy"), "The names of the event types are"),
        ([0, 2], ("buy", "view"), "Event types reach from 0 to 2, but there are 2 names"),
        ([-1, 0], ("buy", "view"), "Event types reach from -1 to 0"),
        ([0], ("buy", "view"), "Column 'event_types' has shape"),
        (None, ("buy", "view"), "There are 2 names of event types, but no row has a type"),
    ],
)
def test_event_types_that_fit_no_names_are_refused(event_types, names, message):
    codes = None if event_types is None else np.asarray(event_types, np.int32)
    with pytest.raises(BadData, match=message):
        dataclasses.replace(
            make_log(["a", "a"], ["x", "y"]), event_types=codes, event_type_names=names
        )


@given(ROWS, st.permutations(["user", "item", "time", "event"]))
def test_a_log_is_read_with_its_event_types_and_only_full_duplicates_are_set_aside(rows, columns):
    """Every distinct row of (user, item, time, event type) is read once: a view and a purchase in
    one second are two events.
    """
    frame = pl.DataFrame(
        [(u, i, START + t, k) for u, i, t, k in rows],
        schema=["user", "item", "time", "event"],
        orient="row",
    )
    log = read_interactions(frame.select(columns))
    event_types = (
        pl.Series(log.event_type_names * (len(log) if log.event_types is None else 0))
        if log.event_types is None
        else log.frame()["event"]
    )
    read = list(
        zip(
            *(log.frame()[name].to_list() for name in ("user_id", "item_id", "time")),
            event_types.to_list(),
            strict=True,
        )
    )
    assert Counter(read) == Counter(set(frame.rows()))
    assert log.event_type_names == tuple(sorted({event_type for *_, event_type in rows}))
    assert (log.event_types is None) == (len(log.event_type_names) == 1)
    assert log.account.columns["event"] == "event"
    assert log.account.set_aside == (
        {"exact duplicate": len(rows) - len(log)} if len(rows) > len(log) else {}
    )
    kept = read_interactions(frame, duplicates="keep")
    assert sum(kept.event_type_counts.values()) == len(kept) == len(rows)
    assert kept.event_type_counts == Counter(event_type for *_, event_type in rows)


@given(ROWS, st.sets(st.sampled_from(["view", "buy", "cart"]), min_size=1))
def test_the_requested_event_types_remain_and_the_account_adds_up(rows, wanted):
    present = {event_type for *_, event_type in rows}
    frame = pl.DataFrame(
        [(u, i, START + t, k) for u, i, t, k in rows],
        schema=["user", "item", "time", "type"],
        orient="row",
    )
    names = sorted(wanted)
    if not wanted <= present:
        with pytest.raises(BadData, match="No row has the event"):
            read_interactions(frame, event="type", events=names)
        return
    log = read_interactions(frame, event="type", events=names)
    assert log.event_type_names == tuple(names)
    account = log.account
    assert account.read == len(rows) == account.used + sum(account.set_aside.values())
    for event_type in present - wanted:
        assert account.set_aside[f"event {event_type!r} not asked for"] == sum(
            row[3] == event_type for row in rows
        )
    full_log = read_interactions(frame)
    chosen = np.any([full_log.is_event_type(event_type) for event_type in names], axis=0)
    assert (
        log.frame().select("user_id", "item_id", "time").rows()
        == full_log.where(chosen).frame().select("user_id", "item_id", "time").rows()
    )


def test_a_single_event_type_is_a_name_and_the_log_is_the_same_as_without(tmp_path):
    frame = pl.DataFrame(
        {"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [START, START]}
    )
    plain, named = (
        read_interactions(frame),
        read_interactions(frame.with_columns(event=pl.lit("view"))),
    )
    assert (named.event_types, named.event_type_names) == (None, ("view",))
    assert named.fingerprint == plain.fingerprint
    assert named.frame().columns == plain.frame().columns
    left_out = read_interactions(frame.with_columns(event=pl.Series(["view", "buy"])), event="-")
    assert (left_out.event_types, left_out.event_type_names) == (None, ())


def test_a_missing_event_type_has_the_empty_name():
    log = read_interactions(pl.DataFrame({"user": [1, 2], "item": [1, 2], "event": ["view", None]}))
    assert log.event_type_names == ("", "view")
    assert log.frame()["event"].to_list() == ["view", ""]


def test_numbers_are_event_types_as_text():
    frame = pl.DataFrame({"user": [1, 1, 1], "item": [1, 2, 3], "behavior_type": [1, 4, 10]})
    assert read_interactions(frame, event="behavior_type").event_type_names == ("1", "10", "4")


def test_a_frame_of_a_log_reads_back_to_the_log(log):
    again = read_interactions(log.frame())
    assert again.frame().equals(log.frame())
    assert again.fingerprint == log.fingerprint


def test_labels_of_a_split_are_no_event_types():
    table = pl.DataFrame(
        {"user_id": [*"aabb"], "item_id": [*"xyxz"], "part": ["train", "test"] * 2}
    )
    split = sw.read_split(table, "part")
    assert [
        (part.event_types, part.event_type_names)
        for part in (split.train, split.given, split.expected)
    ] == [(None, ())] * 3


def test_a_model_that_needs_event_types_refuses_a_log_without(log):
    needs.check("crossing", frozenset({"events"}), log, None)
    with pytest.raises(Unsuitable) as caught:
        needs.check(
            "crossing",
            frozenset({"events"}),
            dataclasses.replace(log, event_types=None, event_type_names=("view",)),
            None,
        )
    assert (
        caught.value.message
        == "The model 'crossing' needs events, and there are none of different types."
    )
    assert caught.value.hint == "Name the event column, or leave this model out."
