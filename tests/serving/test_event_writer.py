"""Events of many requests are written together: each is told of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from spadework.errors import StoreFailed
from spadework.serving.http import event_writer
from spadework.serving.http.event_writer import EventWriter
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event


def _sent(store: SqliteStore, requests: Sequence[Sequence[Event]]) -> list[object]:
    """What requests of one moment are told."""

    async def send() -> list[object]:
        writer = EventWriter(store)
        waiting = (asyncio.wait_for(writer.append(events), 20) for events in requests)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        await writer.close()
        return found

    return asyncio.run(send())


def test_each_request_is_told_of_its_own_events(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s")
    requests = [
        [Event(f"u{at}", "i", each, event_id=str(each % 7 + at // 2)) for each in range(at)]
        for at in range(20)
    ]
    found, known = _sent(store, requests), set()
    for events, verdicts in zip(requests, found, strict=True):
        new = []
        for event in events:
            new.append(event.event_id not in known)
            known.add(event.event_id)
        assert verdicts == new
    assert store.count() == len(known)
    store.close()


def test_many_events_at_once_do_not_hold_up_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "s")
    writing: list[tuple[int, bool]] = []
    write, write_soon = SqliteStore.append, SqliteStore.append_soon

    def note(events: Sequence[Event]) -> None:
        writing.append((len(events), threading.current_thread() is threading.main_thread()))

    monkeypatch.setattr(
        SqliteStore, "append", lambda self, events: (note(events), write(self, events))[1]
    )
    monkeypatch.setattr(
        SqliteStore, "append_soon", lambda self, events: (note(events), write_soon(self, events))[1]
    )
    many = [Event("u", "i", at) for at in range(event_writer.SOON)]
    first, second = [Event("v", "i", 1)], [Event("v", "j", 2)]
    assert _sent(store, [first, many, second]) == [[True], [True] * len(many), [True]]
    assert writing == [(1, True), (len(many) + 1, False)]
    assert store.count() == len(many) + 2
    store.close()


def test_where_nothing_is_kept_each_request_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "s")

    def refuse(self: SqliteStore, events: Sequence[Event]) -> None:
        raise StoreFailed("The store is full.", "Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteStore, "append_soon", refuse)
        found = _sent(store, [[Event("u", "i", at)] for at in range(5)])
    assert [type(each) for each in found] == [StoreFailed] * 5
    assert _sent(store, [[Event("u", "i", 1)]]) == [[True]]
    store.close()
