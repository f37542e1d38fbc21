"""Releases and servers for tests, made of a fitted model without a dig."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import uvicorn
from starlette.testclient import TestClient

from spadework.artifacts import artifact, release
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.single_lists import SingleLists
from spadework.serving import releases, served_release, stored_checks
from spadework.serving.history_reading import LogForm
from spadework.serving.http.application import create
from spadework.serving.http.server_state import Server
from spadework.serving.http.settings import Settings
from spadework.serving.item_ids import ItemIds
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.workbench.answers import publishing

HOST = "http://127.0.0.1:8765"


def form_of(log: Interactions) -> LogForm:
    """The columns of a log."""
    return publishing.form_of(log)


def make_release(
    folder: Path,
    fitted: Recommender,
    log: Interactions,
    content: ItemContent | None = None,
    *,
    repeats: Any = "allow",
    similar: Recommender | None = None,
    note: str = "",
) -> str:
    """Write a release into a folder of releases; its name."""
    models = {served_release.WINNER: _saved(folder / "saved" / f"winner-{note}", fitted)}
    if similar is not None:
        models[served_release.SIMILAR] = _saved(folder / "saved" / f"similar-{note}", similar)
    form = form_of(log)
    columns: dict[str, Any] = {release.ID: fitted.item_vocabulary.ids}
    if content is not None:
        columns[release.TITLE] = content.titles()
        columns[release.ATTRIBUTES] = content.table.to_struct()
    checks = stored_checks.stored(
        SingleLists.of(fitted),
        ItemIds(fitted.item_vocabulary),
        form,
        repeats,
        [history.events for _, history in publishing.histories(log)][:20],
    )
    facts = {
        "model": fitted.label,
        "note": note,
        "log": publishing.facts_of(form),
        "repeats": repeats,
    }
    items = pl.DataFrame(columns)
    return release.write(folder / releases.RELEASES, models, items, facts, checks).id


def _saved(path: Path, fitted: Recommender) -> Path:
    if not path.exists():
        artifact.save(fitted, path)
    return path


def fill_store(folder: Path, log: Interactions) -> None:
    """Give the store of a folder the histories of a log."""
    store = SqliteStore(folder / "events.sqlite")
    publishing.set_base(store, log)
    store.close()


@contextmanager
def running(folder: Path, **changes: Any) -> Iterator[TestClient]:
    """A server of a folder, called without a network."""
    settings = Settings(folder=str(folder), store=str(folder / "events.sqlite"), **changes)
    server = Server.of(settings)
    with TestClient(create(server), base_url=HOST) as client:
        client.server = server  # type: ignore[attr-defined]
        yield client


@contextmanager
def listening(folder: Path, **changes: Any) -> Iterator[int]:
    """A server of a folder at a free port of this machine; the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        folder=str(folder), store=str(folder / "events.sqlite"), port=port, **changes
    )
    server = uvicorn.Server(
        uvicorn.Config(create(Server.of(settings)), port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join(20)
