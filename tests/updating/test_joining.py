"""New events joined to a log: no event twice, no row lost but those of who was forgotten."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import DAY, START, Recorder, make_log, random_rows
from spadework import events as remarks
from spadework.data.interactions import Interactions
from spadework.errors import BadData, Unsuitable
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event
from spadework.workbench.updating import forgetting, joining, kept_log
from spadework.workbench.updating.kept_log import KeptLog, Place

PLACE = Place("a store", 17, START * 1000)


@contextlib.contextmanager
def listening() -> Iterator[Recorder]:
    """What is told meanwhile."""
    recorder = Recorder()
    with remarks.listening(recorder):
        yield recorder


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
    kept = KeptLog(log, np.asarray([0, 1, 2], np.int32), np.asarray([False, True, True]), PLACE)
    kept_log.write(tmp_path, kept)
    found = kept_log.read(tmp_path)
    assert found.log.fingerprint == log.fingerprint
    assert found.log.event_type_names == log.event_type_names
    assert found.log.unwanted is not None
    assert len(found.log.unwanted) == 1
    assert found.place == PLACE
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
    assert forgetting.forget(kept, store) == (kept, 0)
    store.forget(user)
    rest, gone = forgetting.forget(kept, store)
    assert gone == int((log.users == 4).sum()) + 1
    assert user not in rest.log.user_vocabulary.ids.to_list()
    assert not rest.log.unwanted
    later = 4_000_000_000  # after now
    more = make_log([user], [log.item_vocabulary.ids[0]], [later])
    back = joining.join(rest, more, 2, from_store=False).kept
    again, lost = forgetting.forget(back, store)
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


def events_of(log: Interactions, prefix: str = "") -> list[Event]:
    """The rows as events, in order of time."""
    rows = sorted(rows_of(log), key=lambda row: row[2])
    return [
        Event(user, item, time * 1000 + 123, event_id=f"{prefix}{at}")
        for at, (user, item, time) in enumerate(rows)
    ]


def store_of(path, events: list[Event]) -> SqliteStore:
    store = SqliteStore(path)
    store.append(events)
    return store


def kept_of(log: Interactions, store: SqliteStore) -> joining.Joined:
    return joining.join_store(KeptLog.of_run(log), store, 1)


def test_events_of_another_store_are_read_from_its_beginning(tmp_path):
    """Neither a longer position of the store before nor equal events hide or double any."""
    log, more, other = log_of(1, 50), log_of(2, 60, 50 * DAY), log_of(3, 30, 50 * DAY)
    first = store_of(tmp_path / "a.sqlite", events_of(more))
    was = kept_of(log, first).kept
    assert was.place.store == first.name
    assert was.place.position == 60
    both = [*events_of(other, "other"), *events_of(more)[:20]]
    second = store_of(tmp_path / "b.sqlite", both)
    assert second.name != first.name
    with listening() as told:
        found = joining.join_store(was, second, 2)
    assert "another store" in told.notes[0]
    assert (found.added, found.known) == (30, 20)
    assert found.kept.place == Place(second.name, 50, both[-1].time)
    assert int(found.kept.from_store.sum()) == 50
    again = joining.join_store(found.kept, second, 3)
    assert (again.added, again.known) == (0, 0)
    # the base is what the store has not: the log's own rows, and those of the store before
    base = joining.base_of(found.kept, second)
    assert len(base) == 50 + 40
    assert len(joining.base_of(found.kept, first)) == 50 + 30
    nothing = SqliteStore(tmp_path / "c.sqlite")
    with listening() as told:
        empty = joining.join_store(found.kept, nothing, 3)
    assert not told.notes
    assert not empty.changed
    assert len(joining.base_of(empty.kept, nothing)) == len(found.kept.log)
    for store in (first, second, nothing):
        store.close()


@pytest.mark.parametrize("further", [0, 10, 60])
def test_a_store_that_was_put_back_is_read_from_its_beginning(tmp_path, further):
    """Also where positions went on behind those that were read."""
    log, more, later = log_of(1, 50), log_of(2, 60, 50 * DAY), log_of(3, 60, 90 * DAY)
    store = store_of(tmp_path / "events.sqlite", events_of(more)[:40])
    with contextlib.closing(sqlite3.connect(tmp_path / "events.sqlite")) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.sqlite"),))
    store.append(events_of(more)[40:])
    was = kept_of(log, store).kept
    back = store_of(tmp_path / "backup.sqlite", events_of(later, "later")[:further])
    assert back.name == store.name
    with listening() as told:
        found = joining.join_store(was, back, 2)
    assert "no longer the event" in told.notes[0]
    assert (found.added, found.known) == (further, 40)
    # what the backup lost is in the log, and so in the base
    assert len(joining.base_of(found.kept, back)) == 50 + 20
    with listening() as told:
        again = joining.join_store(found.kept, back, 3)
    assert (again.added, again.known, told.notes) == (0, 0, [])
    store.close()
    back.close()


def test_rows_that_a_store_has_too_are_no_part_of_its_base(tmp_path):
    """A file of new events and the store may both have them."""
    log, more = log_of(1, 50), log_of(2, 20, 50 * DAY)
    by_file = joining.join(KeptLog.of_run(log), more, 1, from_store=False).kept
    store = store_of(tmp_path / "events.sqlite", events_of(more))
    assert len(joining.base_of(by_file, store)) == 50
    found = joining.join_store(by_file, store, 2)
    assert (found.added, found.known) == (0, 20)
    assert len(joining.base_of(found.kept, store)) == 50
    store.close()


def test_dislikes_of_who_was_forgotten_are_gone(tmp_path):
    """Also of a user who did nothing else; what was disliked afterwards stays."""
    log = make_log(["a", "b"], ["x", "y"], [START, START])
    late = 4_000_000_000  # after now
    kept = KeptLog.of_run(log.with_unwanted(["c", "c", "a"], ["x", "y", "y"], [START, late, START]))
    store = SqliteStore(tmp_path / "events.sqlite")
    store.forget("c")
    rest, gone = forgetting.forget(kept, store)
    assert gone == 1
    assert rest.log.unwanted is not None
    assert rest.log.unwanted.frame().rows() == [("a", "y", START), ("c", "y", late)]
    assert len(rest.log) == 2
    assert forgetting.forget(rest, store) == (rest, 0)
    store.close()


def test_whole_numbers_beyond_two_to_the_63_are_ids():
    large = pl.Series([2**63 + 5, 2**64 - 1], dtype=pl.UInt64)
    log = make_log(large, [1, 2], [START, START + 1])
    assert log.user_vocabulary.ids.dtype == pl.UInt64
    events = [
        Event(str(2**63 + 5), "2", (START + 9) * 1000),
        Event(str(2**63 + 6), "1", (START + 9) * 1000),
        Event("-1", "1", (START + 9) * 1000),
        Event(str(2**64), "1", (START + 9) * 1000),
    ]
    found, unread = joining.of_events(log, events)
    assert (len(found), unread) == (2, 2)
    joined = joining.join(KeptLog.of_run(log), found, 1, from_store=True)
    assert joined.added == 2
    assert joined.kept.log.user_vocabulary.ids.to_list() == [2**63 + 5, 2**63 + 6, 2**64 - 1]
    small = make_log([1, 2], [1, 2], [START, START + 1])
    with pytest.raises(BadData, match="does not fit into Int64"):
        joining.join(KeptLog.of_run(small), log, 1, from_store=False)
    back = joining.join(KeptLog.of_run(log), small, 1, from_store=False)
    assert back.added == 2


def test_events_of_one_second_are_one_basket():
    log = make_log(["a"], ["x"], [START], baskets=[0])
    milliseconds = [START * 1000 + 100, START * 1000 + 900, START * 1000 + 1000]
    found, _ = joining.of_events(log, [Event("a", "x", each) for each in milliseconds])
    assert found.baskets is not None
    assert found.baskets[0] == found.baskets[1] != found.baskets[2]


def test_events_without_a_type_have_the_usual_one():
    """As a server reads them."""
    log = make_log(
        ["a", "a", "b"], ["x", "y", "x"], [START, START + 1, START + 2],
        event_types=["buy", "view", "view"],
    )  # fmt: skip
    found, _ = joining.of_events(log, [Event("a", "x", START * 1000)])
    assert found.event_types is not None
    assert found.event_type_names[found.event_types[0]] == "view"


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
    assert (found.added, found.unread, found.kept.place.position) == (0, 2, 3)
    unwanted = found.kept.log.unwanted
    assert unwanted is not None
    assert (unwanted.users.to_list(), unwanted.items.to_list()) == (["a"], ["y"])
    store.close()


def test_who_comes_back_in_the_second_of_being_forgotten_stays(tmp_path, monkeypatch):
    """The store keeps milliseconds and the log seconds: what came after the mark is not lost."""
    log = make_log(["a", "b"], ["x", "y"], [START, START])
    store = SqliteStore(tmp_path / "events.sqlite")
    kept = KeptLog.of_run(log)
    store.append([Event("a", "x", (START + 5) * 1000 + 300, event_id="before")])
    kept = joining.join_store(kept, store, 1).kept
    store.forget("a")
    mark = (START + 5) * 1000 + 500

    def marks(users):
        return [mark if user == "a" else None for user in users]

    monkeypatch.setattr(store, "forgotten_at", marks)
    store.append([Event("a", "y", (START + 5) * 1000 + 900, event_id="after")])
    both = joining.join_store(kept, store, 2).kept
    rest, gone = forgetting.forget(both, store)
    assert gone == 2
    assert rows_of(rest.log) == [("a", "y", START + 5), ("b", "y", START)]
    store.close()


def test_csv_of_a_log_of_numbers_is_read_as_these():
    log = make_log([10, 9, 10], [1, 20, 3], [START, START + 1, START + 2])
    as_text = make_log(["9", "10", "100"], ["20", "3", "5"], [START + 1, START + 9, START + 5])
    as_text = as_text.with_unwanted(["10"], ["20"])
    found = joining.join(KeptLog.of_run(log), as_text, 1, from_store=False)
    assert (found.added, found.known) == (2, 1)
    assert rows_of(found.kept.log) == sorted(
        [*rows_of(log), (10, 3, START + 9), (100, 5, START + 5)]
    )
    assert found.kept.log.unwanted is not None
    assert found.kept.log.unwanted.users.to_list() == [10]
    other = make_log(["9", "007"], ["20", "3"], [START + 1, START + 9])
    with pytest.raises(BadData, match="are String in the new events") as refused:
        joining.join(KeptLog.of_run(log), other, 1, from_store=False)
    assert "007" in refused.value.hint
