"""What a user had before the newest events stays known: in each kind of store, in histories of a
log, and in lists that must not repeat it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import polars as pl
import pytest

import store_servers
from makers import START, make_log
from released import make_release, running
from served_run import served_run
from spadework.models.labels import model
from spadework.serving import releases
from spadework.serving.stores.store import MOST_HISTORY, MOST_OLDER, Event, History, Store
from spadework.serving.stores.store_addresses import open_store
from spadework.workbench.answers import served_folder

LATER = 2**42
USERS = ["ann", "名前", "b/..%2F"]
ITEMS = [f"{text}{at}" for text in ("i", '"', "\\", "🥄", "/", "'") for at in range(60)]


@pytest.fixture(params=store_servers.KINDS)
def place(request: pytest.FixtureRequest) -> store_servers.Place:
    return store_servers.place(request.param)


def last_times(events: list[Event]) -> dict[tuple[str, str | None], int]:
    found: dict[tuple[str, str | None], int] = {}
    for event in events:
        what = event.item, event.event_type
        found[what] = max(event.time, found.get(what, event.time))
    return found


def some(chance: random.Random, user: str, most: int) -> list[Event]:
    types = [None, "view", "購入", 'a"b']
    made = [
        Event(user, chance.choice(ITEMS), chance.randrange(900), chance.choice(types))
        for _ in range(chance.randrange(most))
    ]
    return sorted(made, key=lambda event: event.time)


@pytest.mark.parametrize("seed", range(4))
def test_items_types_and_last_times_are_those_of_all_events(place, seed):
    """However they come: in parts, twice, of several users at once, before or behind others."""
    chance = random.Random(seed)
    store = open_store(place.fresh())
    base = {}
    for user in USERS if seed else []:
        events = some(chance, user, 1500)
        older = last_times(events[:-MOST_HISTORY])
        base[user] = History(events[-MOST_HISTORY:], ["no"], older=older)
    if base:
        store.set_base("log", base.items())
    kept: list[Event] = []
    for _ in range(4):
        sent = [event for user in USERS for event in some(chance, user, 500)]
        sent = [event._replace(event_id=str(at % 600)) for at, event in enumerate(sent)]
        chance.shuffle(sent)
        new = store.append(sent)
        kept += [event for event, is_new in zip(sent, new, strict=True) if is_new]
        for user in USERS:
            before = base.get(user, History())
            own = [event for event in kept if event.user == user]
            merged = sorted([*before.events, *own], key=lambda event: event.time)
            older = last_times(merged[:-MOST_HISTORY])
            for what, at in before.older.items():
                older[what] = max(at, older.get(what, at))
            wanted = History(merged[-MOST_HISTORY:], before.unwanted, older=older)
            assert store.history(user) == wanted
    store.close()


def test_an_event_that_comes_late_is_known_however_old_it_is(place):
    store = open_store(place.fresh())
    events = [Event("u", f"item {at}", 10 * at) for at in range(2 * MOST_HISTORY)]
    store.append(events)
    late = [Event("u", "first", 1), Event("v", "other", 1), Event("u", "view", 25, "view")]
    for event in late:
        store.append([event])
    older = last_times([*events[:-MOST_HISTORY], late[0], late[2]])
    assert store.history("u") == History(events[-MOST_HISTORY:], older=older)
    assert store.append([Event("u", "now", LATER), Event("u", "at once", 2)]) == [True, True]
    assert set(store.history("u").older) - set(older) == {("item 500", None), ("at once", None)}
    store.close()


def test_who_is_forgotten_had_nothing(place):
    store = open_store(place.fresh())
    events = [Event("u", f"item {at}", at) for at in range(2 * MOST_HISTORY)]
    base = History(events[-MOST_HISTORY:], older=last_times(events[:-MOST_HISTORY]))
    store.set_base("log", [("u", base)])
    store.append(events)
    assert len(store.history("u").older) == 750
    store.forget("u")
    assert store.history("u") == History()
    # nor in what comes afterwards, in a log or in events
    (at,) = store.forgotten_at(["u"])
    later = Event("u", "k", at + 2)
    again = History([later], older={("i", None): at, ("j", "view"): at + 1})
    store.set_base("later", [("u", again)])
    assert store.history("u") == History([later], older={("j", "view"): at + 1})
    store.append([Event("u", "new", LATER + at) for at in range(MOST_HISTORY + 1)])
    assert set(store.history("u").older) == {("j", "view"), ("k", None), ("new", None)}
    store.close()


def test_of_very_many_items_the_newest_are_known(place):
    store = open_store(place.fresh())
    events = [Event("u", f"item {at}", at) for at in range(MOST_OLDER + MOST_HISTORY + 700)]
    newest = last_times(events[700:-MOST_HISTORY])
    older = last_times(events[:-MOST_HISTORY])
    store.set_base("log", [("u", History(events[-MOST_HISTORY:], older=older))])
    assert store.history("u").older == newest
    store.set_base("none", [])
    for start in range(0, len(events), 2000):
        store.append(events[start : start + 2000])
    assert store.history("u") == History(events[-MOST_HISTORY:], older=newest)
    assert store.forget("u") == len(events)
    store.close()


def listed(client, **body) -> list[str]:
    answer = client.post("/v1/recommend", json={"n": 100, **body})
    assert answer.status_code == 200, answer.text
    return [item["item"] for item in answer.json()["items"]]


def test_lists_never_repeat_what_a_user_ever_had(client, shop):
    """From events, from the history of a request, and in a batch."""
    ids = [str(each) for each in shop.item_vocabulary.ids]
    many = [{"user": "u", "item": ids[1], "time": 2} for _ in range(MOST_HISTORY)]
    first = {"user": "u", "item": ids[0], "time": 1}
    for sent in ([first], many):
        client.post("/v1/events", json={"events": sent})
    assert ids[0] in listed(client, user="u")
    assert not {ids[0], ids[1]} & set(listed(client, user="u", repeats="forbid"))
    batch = {"users": ["u"], "n": 100, "repeats": "forbid"}
    (found,) = client.post("/v1/recommend:batch", json=batch).json()["lists"]
    assert not {ids[0], ids[1]} & {item["item"] for item in found["items"]}
    assert ids[0] in listed(client, user="u", repeats="allow")
    history = [ids[0], *[ids[1]] * MOST_HISTORY]
    assert not {ids[0], ids[1]} & set(listed(client, history=history, repeats="forbid"))
    client.delete("/v1/users/u")
    assert ids[0] in listed(client, user="u", repeats="forbid")


def test_types_that_do_not_count_forbid_nothing(tmp_path):
    rows = [(f"u{user}", f"i{(user + at) % 7}", "buy") for user in range(9) for at in range(4)]
    log = make_log(
        [user for user, *_ in rows], [item for _, item, _ in rows], list(range(len(rows))),
        event_types=[each for *_, each in rows],
    )  # fmt: skip
    name = make_release(tmp_path, model("cosine").fit(log), log)
    releases.activate(tmp_path, name, "a test")
    with running(tmp_path) as client:
        old = [Event("u", "i0", 1, "buy"), Event("u", "i1", 1, "view"), Event("u", "i2", 1)]
        client.server.store.append([*old, *[Event("u", "i3", 2, "buy")] * MOST_HISTORY])
        found = listed(client, user="u", repeats="forbid")
    assert "i1" in found
    assert not {"i0", "i2", "i3"} & set(found)


def test_that_more_was_had_than_is_known_is_said(client, shop, monkeypatch):
    older = {(f"item {at}", None): at for at in range(MOST_OLDER)}

    def histories(store: Store, users: Sequence[str]) -> list[History]:
        item = str(shop.item_vocabulary.ids[0])
        return [History([Event(user, item, 10**6)], older=older) for user in users]

    monkeypatch.setattr(type(client.server.store), "histories", histories)
    told = {
        repeats: client.post("/v1/recommend", json={"user": "u", "repeats": repeats}).json()
        for repeats in ("forbid", "allow")
    }
    assert f"the last {MOST_OLDER:,} items are known" in told["forbid"]["remarks"][0]
    assert "remarks" not in told["allow"]


def test_histories_of_a_log_know_all_that_was_had(tmp_path):
    rows = [("u1", f"i{at}", 1) for at in range(5)]
    rows += [("u1", f"i{5 + at % 3}", 10 + at) for at in range(MOST_HISTORY)]
    rows += [(f"v{at}", f"i{each}", 5) for at in range(9) for each in range(at % 5, 12)]
    frame = pl.DataFrame(rows, schema=["user", "item", "at"], orient="row")
    frame = frame.with_columns(time=START + 60 * pl.col("at")).drop("at")
    frame.write_csv(tmp_path / "log.csv")
    run = served_run(tmp_path / "run", {"source": str(tmp_path / "log.csv")})
    made = served_folder.publish(str(run))
    with running(made.folder) as client:
        stored = client.server.store.history("u1")
        assert {item for item, _ in stored.older} == {f"i{at}" for at in range(5)}
        assert set(listed(client, user="u1", repeats="forbid")) == {f"i{at}" for at in range(8, 12)}
