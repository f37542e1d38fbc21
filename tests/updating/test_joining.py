"""New events joined to a log: no event twice, no row lost but those of who was forgotten."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import DAY, START, make_log, random_rows
from spadework.data.interactions import Interactions
from spadework.errors import BadData, Unsuitable
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.updating import joining, kept_log
from spadework.workbench.updating.kept_log import KeptLog


def log_of(seed: int, rows: int, first: int = 0) -> Interactions:
    users, items, times = random_rows(seed, rows=rows)
    return make_log(users, items, (np.asarray(times) + first).tolist())


def rows_of(log: Interactions) -> list[tuple]:
    assert log.times is not None
    users, items = (
        vocabulary.take(codes).to_list()
        for vocabulary, codes in (
            (log.user_vocabulary, log.users),
            (log.item_vocabulary, log.items),
        )
    )
    return sorted(zip(users, items, log.times.tolist(), strict=True))


@given(seed=st.integers(0, 10_000), old=st.integers(1, 200), new=st.integers(1, 100))
def test_a_joined_log_is_the_log_of_all_rows(seed, old, new):
    one, other = log_of(seed, old), log_of(seed + 1, new, 50 * DAY)
    found = joining.join(KeptLog.of_run(one), other, 3, from_store=False)
    assert found.added + found.known == new
    assert set(rows_of(found.kept.log)) == set(rows_of(one)) | set(rows_of(other))
    assert len(found.kept.log) == old + found.added
    log = found.kept.log
    again = make_log(*zip(*rows_of(log), strict=True))
    assert log.fingerprint == again.fingerprint
    assert int((found.kept.added_in == 3).sum()) == found.added
    # again: all of it is known
    twice = joining.join(found.kept, other, 4, from_store=True)
    assert (twice.added, twice.known) == (0, new)
    assert twice.kept.log.fingerprint == log.fingerprint
    assert not twice.changed


def test_a_kept_log_comes_back_from_disk(tmp_path):
    log = make_log(
        ["b", "a", "a"], [3, 1, 2], [START, START + 1, START + 2],
        weights=[1.0, 2.0, 0.5], baskets=[4, 4, 9], event_types=["view", "buy", "buy"],
    ).with_unwanted(["a"], [3])  # fmt: skip
    kept = KeptLog(log, np.asarray([0, 1, 2], np.int32), np.asarray([False, True, True]), 17)
    kept_log.write(tmp_path, kept)
    found = kept_log.read(tmp_path)
    assert found.log.fingerprint == log.fingerprint
    assert found.log.event_type_names == log.event_type_names
    assert found.log.unwanted is not None
    assert len(found.log.unwanted) == 1
    assert found.position == 17
    np.testing.assert_array_equal(found.added_in, kept.added_in)
    np.testing.assert_array_equal(found.log.event_types, log.event_types)


def test_events_of_a_store_have_the_columns_of_the_log():
    log = make_log(
        [7, 8], [1, 2], [START, START + 5],
        weights=[1.0, 2.0], baskets=[0, 1], event_types=["view", "buy"],
    )  # fmt: skip
    events = [
        Event("7", "2", START * 1000 + 9_999, "buy", 3.0, "b1", "a"),
        Event("7", "3", START * 1000 + 10_000, "buy", None, "b1", "b"),
        Event("9", "1", START * 1000 + 20_000, None, None, None, "c"),
        Event("nobody", "1", START * 1000, "buy"),  # no id of this log
        Event("8", "007", START * 1000, "buy"),
        Event("8", "1", START * 1000, "scroll"),  # of a type that does not count
    ]
    found, unread = joining.of_events(log, events)
    assert (len(found), unread) == (3, 3)
    assert found.user_vocabulary.ids.to_list() == [7, 9]
    assert found.baskets is not None
    assert found.baskets[0] == found.baskets[1] != found.baskets[2]
    assert found.baskets.min() > 1  # none is a basket of the log
    assert found.weights is not None
    assert found.weights.tolist() == [3.0, 1.0, 1.0]
    joined = joining.join(KeptLog.of_run(log), found, 1, from_store=True)
    assert joined.added == 3
    assert joined.kept.log.event_types is not None


def test_who_was_forgotten_is_gone_until_they_come_back(tmp_path):
    log = log_of(3, 200, -3_000_000_000)  # before 1970, which is no sign of anything
    user = log.user_vocabulary.ids[4]
    store = SqliteStore(tmp_path / "events.sqlite")
    kept = KeptLog.of_run(log.with_unwanted([user], [log.item_vocabulary.ids[0]]))
    assert joining.forget(kept, store) == (kept, 0)
    store.forget(user)
    rest, gone = joining.forget(kept, store)
    assert gone == int((log.users == 4).sum())
    assert user not in rest.log.user_vocabulary.ids.to_list()
    assert not rest.log.unwanted
    later = 4_000_000_000  # after now
    more = make_log([user], [log.item_vocabulary.ids[0]], [later])
    back = joining.join(rest, more, 2, from_store=False).kept
    again, lost = joining.forget(back, store)
    assert lost == 0
    assert user in again.log.user_vocabulary.ids.to_list()
    store.close()


def test_what_does_not_fit_is_refused():
    log = make_log(["a"], ["x"], [START])
    with pytest.raises(Unsuitable, match="the new events have none"):
        joining.join(KeptLog.of_run(log), make_log(["a"], ["x"]), 1, from_store=False)
    with pytest.raises(BadData, match="ids of users"):
        joining.join(KeptLog.of_run(log), make_log([1], ["x"], [START]), 1, from_store=False)


def test_without_times_an_equal_pair_is_known_unless_repeats_are_kept():
    log, new = make_log(["a", "b"], ["x", "y"]), make_log(["a", "a"], ["x", "z"])
    assert joining.join(KeptLog.of_run(log), new, 1, from_store=False).added == 1
    found = joining.join(KeptLog.of_run(log), new, 1, from_store=False, keep_known=True)
    assert found.added == 2
    assert isinstance(found.kept.log.item_vocabulary.ids, pl.Series)


def test_a_dislike_in_the_store_says_what_not_to_show(tmp_path):
    log = make_log(["a", "b"], ["x", "y"], [START, START], event_types=["buy", "view"])
    store = SqliteStore(tmp_path / "events.sqlite")
    store.append(
        [
            Event("a", "y", (START + 9) * 1000, "dislike"),
            Event("a", "x", (START + 9) * 1000, "buy"),
            Event("b", "x", (START + 9) * 1000, "buy"),
        ]
    )
    found = joining.join_store(KeptLog.of_run(log), store, 1, ["x"], ["dislike"])
    assert (found.added, found.unread, found.kept.position) == (0, 2, 3)
    unwanted = found.kept.log.unwanted
    assert unwanted is not None
    assert (unwanted.users.to_list(), unwanted.items.to_list()) == (["a"], ["y"])
    store.close()
