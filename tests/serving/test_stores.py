"""The laws of stores, for each kind: a machine that does anything in any order beside a dictionary,
writers at the same time, what no store can keep.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import store_servers
import store_writer
from makers import SOURCE
from spadework.errors import BadRequest, StoreFailed
from spadework.serving.stores.store import MOST_HISTORY, Batch, Event, History, Store
from spadework.serving.stores.store_addresses import open_store

LATER = 2**42
"""A time, in milliseconds, that is after every forgetting of these tests."""
USERS = ["ann", "Ann", "ann ", "b/..%2F", "名前", "e\u0301", "é", "'; DROP TABLE events; --", "*"]
ITEMS = ["i", "I", "007", "7", '"', "\\", "🥄", "\u202eright to left", "{}"]
TEXTS = st.sampled_from(ITEMS) | st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30
)


@pytest.fixture(params=store_servers.KINDS)
def fresh(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Opens new stores of a kind; further ones of the same address too. All are closed."""
    place = store_servers.place(request.param)
    opened: list[Store] = []

    def open_one(address: str | None = None) -> Store:
        opened.append(open_store(place.fresh() if address is None else address))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture(params=store_servers.KINDS)
def place(request: pytest.FixtureRequest) -> store_servers.Place:
    return store_servers.place(request.param)


events_given = st.lists(
    st.builds(
        Event,
        user=st.sampled_from(USERS),
        item=TEXTS,
        time=st.sampled_from([0, -5, 1, 2, 1_000, LATER, LATER + 1]),
        event_type=st.none() | st.sampled_from(["view", "購入"]),
        weight=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        basket=st.none() | TEXTS,
        event_id=st.none() | st.sampled_from([f"event {each}" for each in range(12)]) | TEXTS,
    ),
    max_size=8,
)
base_events = st.lists(
    st.tuples(TEXTS, st.sampled_from([0, 0, 1, 1_500, LATER]), st.none() | st.just(2.5)), max_size=4
)
bases = st.dictionaries(st.sampled_from(USERS), st.tuples(base_events, st.lists(TEXTS, max_size=2)))


class StoreMachine(RuleBasedStateMachine):
    """A store beside lists and dictionaries that obey the laws by being simple."""

    place: store_servers.Place

    @initialize()
    def begin(self) -> None:
        self.address = self.place.fresh()
        self.store = open_store(self.address)
        self.kept: list[tuple[int, Event]] = []  # (number of arrival, event)
        self.arrivals = 0
        self.base: dict[str, History] = {}
        self.name: str | None = None
        self.forgotten: dict[str, int] = {}
        self.seen: list[tuple[int, int]] = [(0, 0)]  # position, number of arrivals before it

    @rule(events=events_given)
    def append(self, events: list[Event]) -> None:
        ids = {event.event_id for _, event in self.kept if event.event_id is not None}
        expected = []
        for event in events:
            expected.append(event.event_id is None or event.event_id not in ids)
            if expected[-1]:
                self.arrivals += 1
                self.kept.append((self.arrivals, event))
                ids |= {event.event_id} - {None}
        assert self.store.append(events) == expected

    @rule(user=st.sampled_from(USERS))
    def forget(self, user: str) -> None:
        known = sum(event.user == user for _, event in self.kept)
        known += len(self.base[user].events) if user in self.base else 0
        # clocks of callers may be ahead: what is known already is covered in any case
        of_base = self.base[user].events if user in self.base else []
        own = [event for _, event in self.kept if event.user == user]
        newest = max((event.time for event in (*own, *of_base)), default=0)
        before = time.time_ns() // 1_000_000
        assert self.store.forget(user) == known
        after = time.time_ns() // 1_000_000
        (at,) = self.store.forgotten_at([user])
        assert at is not None
        assert max(before, newest) <= at <= max(after, newest)
        self.forgotten[user] = at
        self.kept = [(number, event) for number, event in self.kept if event.user != user]
        self.base.pop(user, None)

    @rule(given_base=bases, name=TEXTS)
    def set_base(self, given_base: dict[str, tuple[list[tuple], list[str]]], name: str) -> None:
        histories = {
            user: History(
                sorted(
                    (Event(user, item, at, None, weight) for item, at, weight in rows),
                    key=lambda event: event.time,
                ),
                unwanted,
            )
            for user, (rows, unwanted) in given_base.items()
        }
        self.store.set_base(name, iter(histories.items()))
        self.name, self.base = name, {}
        for user, history in histories.items():
            if user not in self.forgotten:
                self.base[user] = history
            elif later := [e for e in history.events if e.time > self.forgotten[user]]:
                self.base[user] = History(later)

    @rule(histories=bases)
    def begin_a_base_that_fails(self, histories: dict[str, object]) -> None:
        def broken() -> Iterator[tuple[str, History]]:
            for user in histories:
                yield user, History([Event(user, "never", 0)])
            raise ValueError("the log ends here")

        with pytest.raises(ValueError, match="the log ends here"):
            self.store.set_base("never", broken())

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = open_store(self.address)

    @rule(most=st.integers(1, 5), start=st.integers(0, 10))
    def follow(self, most: int, start: int) -> None:
        position, arrived = self.seen[start % len(self.seen)]
        batch = self.store.after(position, most)
        wanted = [(number, event) for number, event in self.kept if number > arrived][:most]
        assert batch.events == [event for _, event in wanted]
        assert batch.position >= position
        if wanted:
            self.seen.append((batch.position, wanted[-1][0]))
        else:
            assert self.store.after(batch.position).events == []

    @invariant()
    def says_what_it_was_told(self) -> None:
        assert self.store.base() == self.name
        assert self.store.count() == len(self.kept)
        assert self.store.forgotten_at(USERS) == [self.forgotten.get(user) for user in USERS]
        for user in USERS:
            before = self.base.get(user, History())
            own = [event for _, event in self.kept if event.user == user]
            merged = sorted([*before.events, *own], key=lambda event: event.time)
            assert self.store.history(user) == History(merged, before.unwanted)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


def test_any_order_of_calls_is_as_with_a_dictionary(place):
    machine = type("Machine", (StoreMachine,), {"place": place})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=15, deadline=None)
    )


@pytest.mark.long
def test_any_long_order_of_calls_is_as_with_a_dictionary(place):
    machine = type("Machine", (StoreMachine,), {"place": place})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_the_newest_of_many_events_are_read(fresh):
    store = fresh()
    old = [Event("u", f"old {at}", at) for at in range(MOST_HISTORY)]
    store.set_base("log", [("u", History(old, ["no"]))])
    assert store.history("u") == History(old, ["no"])
    # sent in one request, the newest first: clocks go back
    new = [Event("u", f"new {at}", 400 + at, event_id=str(at)) for at in range(999, -1, -1)]
    assert store.append(new) == [True] * 1000
    assert store.append(new) == [False] * 1000
    older = {(event.item, None): event.time for event in (*old, *new[MOST_HISTORY:])}
    assert store.history("u") == History(new[MOST_HISTORY - 1 :: -1], ["no"], older=older)
    assert store.after(0, 1000).events == new
    assert [len(batch.events) for batch in store.all_after()] == [1000]
    assert store.forget("u") == 1500
    assert store.history("u") == History()
    assert list(store.all_after()) == []
    # what is sent after that is new
    assert store.append(new[:3]) == [True] * 3


def test_what_was_kept_under_an_id_is_found(fresh):
    store = fresh()
    events = [Event("u", "i", 7, "view", 0.1, "k", "a"), Event("ü", "🥄", 8, event_id="b/ü")]
    store.append([*events, Event("u", "i", 1)])
    store.append([events[0]._replace(item="other")])
    assert store.of_ids(["a", "none", "b/ü", "a"]) == {"a": events[0], "b/ü": events[1]}
    assert store.of_ids([]) == {}
    store.forget("u")
    assert store.of_ids(["a", "b/ü"]) == {"b/ü": events[1]}


def test_a_store_keeps_its_name_and_another_has_another(place, fresh):
    address = place.fresh()
    one, same, other = fresh(address), fresh(address), fresh()
    assert one.name == same.name
    assert len({one.name, other.name, ""}) == 3


def test_a_batch_ends_at_an_event(fresh):
    """Also where those that came last were forgotten."""
    store = fresh()
    store.append([Event("ann", "i", 1), Event("bob", "i", 2), Event("zoe", "i", 3)])
    whole = store.after(0)
    assert store.after(whole.position - 1, 1) == Batch(whole.events[-1:], whole.position)
    store.forget("zoe")
    left = store.after(0)
    assert left.position < whole.position
    assert store.after(left.position - 1, 1) == Batch(left.events[-1:], left.position)
    assert store.after(whole.position - 1, 1).events == []


def test_a_base_is_replaced_whole(fresh):
    """Users that the next log lacks have no history any more."""
    store = fresh()
    users = [f"user {each}" for each in range(1200)]
    store.set_base("one", ((user, History([Event(user, "1", 1)])) for user in users))
    store.set_base("two", ((user, History([Event(user, "2", 2)])) for user in users[:700]))
    assert store.base() == "two"
    for at, user in enumerate(users):
        expected = [Event(user, "2", 2)] if at < 700 else []
        assert store.history(user).events == expected
    store.set_base("none", [])
    assert store.history(users[0]) == History()


def test_of_two_bases_at_once_the_later_is_set(place):
    address = place.fresh()
    one, two = open_store(address), open_store(address)

    def interrupted() -> Iterator[tuple[str, History]]:
        yield from ((f"user {each}", History([Event("", "1", 1)])) for each in range(600))
        two.set_base("two", [("user 0", History([Event("user 0", "2", 2)]))])
        yield "user 600", History([Event("", "1", 1)])

    with pytest.raises(StoreFailed, match=r"Another process gives .* its histories"):
        one.set_base("one", interrupted())
    assert one.base() == two.base() == "two"
    assert one.history("user 0").events == [Event("user 0", "2", 2)]
    assert one.history("user 1") == History()
    one.close()
    two.close()


def test_who_is_forgotten_while_a_base_is_set_stays_forgotten(place):
    address = place.fresh()
    one, two = open_store(address), open_store(address)

    def histories() -> Iterator[tuple[str, History]]:
        yield from ((f"user {each}", History([Event("", "1", 1)])) for each in range(600))
        two.forget("user 0")
        two.forget("user 700")
        two.append([Event("user 1", "2", 2)])  # events are kept meanwhile
        yield from ((f"user {each}", History([Event("", "1", 1)])) for each in range(600, 800))

    one.set_base("log", histories())
    assert one.history("user 0") == one.history("user 700") == History()
    assert [event.item for event in one.history("user 1").events] == ["1", "2"]
    one.close()
    two.close()


def test_who_is_forgotten_while_a_part_of_a_base_is_added_stays_forgotten(place, monkeypatch):
    """Between reading who was forgotten and adding, where the store does that in two steps."""
    address = place.fresh()
    one, two = open_store(address), open_store(address)
    asked = one.forgotten_at

    def ask_and_lose_time(users: list[str]) -> list[int | None]:
        found = asked(users)
        if found[0] is None:
            two.forget("user 0")
        return found

    monkeypatch.setattr(one, "forgotten_at", ask_and_lose_time)
    one.set_base("log", [(f"user {each}", History([Event("", "1", 1)])) for each in range(3)])
    if asked(["user 0"]) == [None]:  # the store adds in one step
        two.forget("user 0")
    assert one.history("user 0") == History()
    assert one.history("user 1").events == [Event("user 1", "1", 1)]
    one.close()
    two.close()


def test_what_no_store_can_keep_is_refused_in_words_and_keeps_nothing(fresh):
    store = fresh()
    good = Event("u", "i", 1)
    for bad in (
        good._replace(user="\ud800"),
        good._replace(item="\udfff"),
        good._replace(event_id="\ud800"),
        good._replace(time=2**63),
        good._replace(time=-(2**70)),
    ):
        with pytest.raises(BadRequest, match="text or a number that no store can keep"):
            store.append([good, bad])
    for ask in (store.history, store.forget, lambda user: store.forgotten_at([user])):
        if ask == store.history or ask == store.forget:
            with pytest.raises(BadRequest):
                ask("\ud800")
    assert store.count() == 0
    assert store.append([good]) == [True]


def test_a_closed_store_says_so(fresh):
    store = fresh()
    store.append([Event("u", "i", 1)])
    store.close()
    store.close()
    with pytest.raises(StoreFailed, match="closed"):
        store.history("u")


def test_writers_at_once_and_a_reader_that_follows(place):
    """Threads and processes write, with ids in common; who follows meets each event once."""
    address = place.fresh()
    store = open_store(address)
    followed: list[Event] = []
    done = threading.Event()

    def follow() -> None:
        other, position = open_store(address), 0
        while True:
            last = done.is_set()
            batch = other.after(position, 7)
            followed.extend(batch.events)
            position = batch.position
            if last and not batch.events:
                other.close()
                return

    def write(number: int) -> int:
        new = 0
        for batch in range(12):
            own = [Event(f"u{number}", f"{batch}", batch) for _ in range(2)]
            shared = [Event("all", str(batch), batch, event_id=f"shared {batch}")]
            new += sum(store.append([*own, *shared]))
        return new

    processes = [
        subprocess.Popen(
            [sys.executable, store_writer.__file__, address, name],
            env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""},
            stdout=subprocess.PIPE,
        )
        for name in ("a", "b")
    ]
    with ThreadPoolExecutor(5) as threads:
        following = threads.submit(follow)
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it writes
        written = list(threads.map(write, range(4)))
        for process in processes:
            process.kill()
            process.communicate()
        done.set()
        following.result()
    assert sum(written) == 4 * 12 * 2 + 12
    everything = [event for batch in store.all_after() for event in batch.events]
    assert len(everything) == store.count()
    # who follows may have met what was forgotten since
    everything = [event for event in everything if not event.user.startswith("gone")]
    assert [event for event in followed if not event.user.startswith("gone")] == everything
    ids = [event.event_id for event in everything if event.event_id is not None]
    assert len(ids) == len(set(ids))
    store.close()


def test_no_store_holds_a_connection_for_each_thread_that_ever_was(fresh):
    store = fresh()
    for _ in range(60):
        thread = threading.Thread(target=store.history, args=("u",))
        thread.start()
        thread.join()
    connections = getattr(store, "_connections", None)
    assert connections is None or len(connections._idle) == 1
