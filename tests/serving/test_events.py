"""Events over HTTP: a verdict for each, at once in the next answer, kept once, and forgotten."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from released import running
from spadework.errors import StoreFailed
from spadework.serving.incoming_events import checked


def send(client, *events):
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def own(client, user: str) -> list[str]:
    body = {"user": user, "repeats": "only", "n": 100}
    return [item["item"] for item in client.post("/v1/recommend", json=body).json()["items"]]


def test_an_event_counts_in_the_next_answer(client, shop):
    item = shop.item_vocabulary.ids[0]
    found = send(client, {"user": "new", "item": item})
    assert found["events"] == [{"verdict": "accepted", "known_item": True}]
    assert own(client, "new") == [item]


def test_one_event_id_is_one_event(client, shop):
    event = {"event_id": "a", "user": "new", "item": shop.item_vocabulary.ids[0], "time": 1}
    assert send(client, event, event)["accepted"] == 1
    again = send(client, event)
    assert again["duplicate"] == 1
    assert again["events"][0]["event_id"] == "a"
    assert client.server.store.count() == 1


def test_another_event_under_a_known_id_is_a_conflict(client, shop):
    """The first one stays. An event without a time is the same when it comes again."""
    items = [str(each) for each in shop.item_vocabulary.ids]
    first = {"event_id": "a", "user": "new", "item": items[0]}
    timed = {**first, "event_id": "b", "time": 5.5, "weight": 0.1, "basket": "k", "event": "buy"}
    other = {**first, "item": items[1]}
    found = send(client, first, timed, other)
    assert [row["verdict"] for row in found["events"]] == ["accepted", "accepted", "conflict"]
    assert (found["accepted"], found["conflict"]) == (2, 1)
    changes = [{"item": items[1]}, {"user": "u"}, {"time": 6}, {"weight": 1}, {"basket": None}]
    changed = [{**timed, **change} for change in changes]
    same = [first, timed, {**timed, "time": "1970-01-01T00:00:05.5Z"}, {**timed, "time": None}]
    found = send(client, *changed, *same)
    verdicts = [row["verdict"] for row in found["events"]]
    assert verdicts == ["conflict"] * len(changed) + ["duplicate"] * len(same)
    assert client.server.store.history("u").events == []
    assert {event.item for event in client.server.store.history("new").events} == {items[0]}
    assert 'verdict="conflict"' in client.get("/metrics").text
    client.delete("/v1/users/new")
    assert send(client, other)["accepted"] == 1


def test_each_row_has_its_verdict(client, shop):
    item = shop.item_vocabulary.ids[0]
    rows = [
        {"user": "u", "item": item},
        {"user": "u", "item": "not known yet"},
        {"user": "u"},
        {"user": "u", "item": item, "time": time.time() + 10_000},
        {"user": "u", "item": item, "time": 1e12},
        {"user": "u", "item": item, "time": "tomorrow"},
        {"user": "u", "item": item, "weight": -1},
        {"user": "u", "item": item, "weight": True},
        {"user": "", "item": item},
        {"user": "u\u0000", "item": item},
        {"user": "u" * 257, "item": item},
        {"user": "u", "item": item, "colour": "red"},
        {"user": 7, "item": item},
        {"user": "u", "item": item, "event": "buy\u0000"},
        {"user": "u", "item": item, "event": "b" * 257},
    ]
    found = send(client, *rows)
    verdicts = [row["verdict"] for row in found["events"]]
    assert verdicts == ["accepted", "accepted", *["refused"] * 13]
    assert found["events"][1]["known_item"] is False
    assert all(row["reason"] for row in found["events"] if row["verdict"] == "refused")
    assert client.server.store.count() == 2


@pytest.mark.parametrize("event", ["a\0b", "a\x85", "\ud800", "\udc00b"])
def test_what_no_store_can_keep_is_refused_as_an_event_type(event):
    assert isinstance(checked({"user": "u", "item": "i", "event": event}), str)


@given(st.integers(0, 1_700_000_000_000))
def test_a_time_is_kept_to_the_millisecond_however_it_is_written(at):
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    for written in (at / 1000, moment.isoformat(), elsewhere.isoformat()):
        assert checked({"user": "u", "item": "i", "time": written}).time == at


def test_times_before_1970_and_after_now_are_refused_however_they_are_written():
    late = time.time() + 400
    for written in (
        *(-0.001, -1, late, 1e12),
        *("1969-12-31T23:59:59.999Z", "0001-01-02", "9999-12-31T23:59:59-23:59"),
        datetime.fromtimestamp(late, UTC).isoformat(),
    ):
        assert isinstance(checked({"user": "u", "item": "i", "time": written}), str), written


def test_a_refused_body_keeps_nothing(client, shop):
    item = shop.item_vocabulary.ids[0]
    for body in (
        {"events": []},
        {"events": [{"user": "u", "item": item}] * 1001},
        {"events": "all"},
        {},
    ):
        assert client.post("/v1/events", json=body).status_code == 422
    assert client.server.store.count() == 0


def test_a_forgotten_user_is_gone(client, served, shop):
    user = str(shop.user_vocabulary.ids[int(shop.active_users[0])])
    item = shop.item_vocabulary.ids[0]
    send(client, {"user": user, "item": item})
    assert own(client, user)
    answer = client.delete(f"/v1/users/{user}")
    assert answer.status_code == 200
    assert answer.json()["events"] > 1
    assert own(client, user) == []
    assert client.delete(f"/v1/users/{user}").json()["events"] == 0
    client.server.store.close()
    for path in served.glob("events.sqlite*"):
        assert f'"{user}"'.encode() not in path.read_bytes()
    with sqlite3.connect(served / "events.sqlite") as store:
        for table in ("events", "histories"):
            rows = store.execute(f"SELECT count(*) FROM {table} WHERE user = ?", (user,))
            assert rows.fetchone() == (0,)


def test_a_user_whose_id_is_that_of_the_route_is_forgotten_too(client, shop):
    send(client, {"user": "{user}", "item": shop.item_vocabulary.ids[0]})
    assert client.delete("/v1/users/%7Buser%7D").json()["events"] == 1
    answer = client.post("/v1/models/%7Brelease%7D/activate")
    assert (answer.status_code, answer.json()["code"]) == (404, "no-release")


def test_why_a_user_cannot_be_forgotten_is_logged(client, monkeypatch, caplog):
    def refuse(store, user):
        raise StoreFailed("The file is locked.", "Ask again.")

    monkeypatch.setattr(type(client.server.store), "forget", refuse)
    answer = client.delete("/v1/users/ann")
    assert (answer.status_code, answer.json()["code"]) == (503, "store")
    said = f"request {answer.json()['request_id']}: The file is locked. Ask again."
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        said
    ]


def test_a_store_without_room_is_said(client, shop, monkeypatch):
    store = client.server.store

    def refuse(events):
        raise StoreFailed("The store is full.", "Make room.")

    for name in ("append", "append_soon"):
        monkeypatch.setattr(type(store), name, lambda self, events: refuse(events))
    event = {"user": "u", "item": shop.item_vocabulary.ids[0]}
    answer = client.post("/v1/events", json={"events": [event]})
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "store"
    assert answer.headers["retry-after"]
    assert store.count() == 0
    assert client.post("/v1/recommend", json={"user": "u"}).status_code == 200
    monkeypatch.undo()
    assert send(client, event)["accepted"] == 1


class Serving(RuleBasedStateMachine):
    """Events, lists, forgetting and swaps against a dictionary."""

    folder = None  # set below
    catalogue: tuple[str, ...] = ()
    users = st.sampled_from(["ann", "bob", "cem"])
    numbers = st.integers(0, 5)

    @initialize()
    def begin(self):
        self.temporary = tempfile.mkdtemp()
        folder = Path(shutil.copytree(self.folder, f"{self.temporary}/serving"))
        self.context = running(folder)
        self.client = self.context.__enter__()
        self.known: dict[str, set[str]] = {}
        self.sent: dict[str, tuple[str, int]] = {}

    @rule(user=users, item=numbers, name=st.integers(0, 8))
    def send_event(self, user, item, name):
        event_id = str(name)
        found = send(
            self.client, {"event_id": event_id, "user": user, "item": self.catalogue[item]}
        )
        if event_id in self.sent:
            is_same = self.sent[event_id] == (user, item)
            assert found["duplicate" if is_same else "conflict"] == 1
        else:
            assert found["accepted"] == 1
            self.known.setdefault(user, set()).add(self.catalogue[item])
            self.sent[event_id] = user, item

    @rule(user=users)
    def forget(self, user):
        before = self.client.server.store
        mine = {
            event.event_id for batch in before.all_after() for event in batch.events
            if event.user == user
        }  # fmt: skip
        assert self.client.delete(f"/v1/users/{user}").status_code == 200
        self.known.pop(user, None)
        self.sent = {name: what for name, what in self.sent.items() if name not in mine}

    @rule(which=st.integers(0, 1))
    def swap(self, which):
        names = [row["id"] for row in self.client.get("/v1/models").json()["models"]]
        answer = self.client.post(f"/v1/models/{names[which]}/activate")
        assert answer.status_code == 200
        active = [row["id"] for row in answer.json()["models"] if row["active"]]
        assert active == [names[which]]

    @invariant()
    def answers_agree(self):
        if not hasattr(self, "client"):
            return
        live = self.client.get("/health/ready").json()["artifact"]
        for user in ("ann", "bob", "cem"):
            body = {"user": user, "repeats": "only", "n": 100}
            answer = self.client.post("/v1/recommend", json=body).json()
            assert {item["item"] for item in answer["items"]} == self.known.get(user, set())
            assert answer["artifact"] == live

    def teardown(self):
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)
            shutil.rmtree(self.temporary)


def test_a_server_agrees_with_a_dictionary(released, shop):
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    Serving.folder = released
    Serving.catalogue = tuple(shop.item_vocabulary.ids.head(6))
    run_state_machine_as_test(
        Serving, settings=settings(max_examples=15, stateful_step_count=12, deadline=None)
    )


def test_an_event_that_is_ahead_is_forgotten_too(client, shop):
    """The clock of a caller may be ahead; the mark of who was forgotten covers its events."""
    at = time.time() + 250
    send(client, {"user": "ahead", "item": shop.item_vocabulary.ids[0], "time": at})
    assert client.delete("/v1/users/ahead").json()["events"] == 1
    assert client.server.store.forgotten_at(["ahead"])[0] >= int(at) * 1000
