"""Updates and nights from stores of PostgreSQL and of Redis: the same as from a file of SQLite."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest
from shop import events_of, kept, live, shop

import store_servers
from command_line import call
from makers import DAY
from spadework.artifacts import artifact
from spadework.serving import live_file
from spadework.serving.stores.store import Event
from spadework.serving.stores.store_addresses import open_store
from spadework.workbench.updating import nightly_run

FORGOTTEN = "u007"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path]:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest) -> store_servers.Server:
    found = store_servers.place(request.param)
    assert isinstance(found, store_servers.Server)
    return found


@pytest.fixture
def filled(server, new):
    """The address of a store with the new events, and the store."""
    address = server.fresh()
    store = open_store(address)
    store.append(events_of(pl.read_csv(new)))
    yield address, store
    store.close()


def updated(capsys, run: Path, *options: object) -> dict:
    output = call(capsys, "update", run, *options, "--json")
    assert output.code == 0, output.err
    assert store_servers.PASSWORD not in output.out + output.err
    return json.loads(output.out)


def night(capsys, run: Path, *options: object) -> dict:
    output = call(capsys, "nightly", run, *options, "--json")
    assert output.code == 0, output.out + output.err
    assert store_servers.PASSWORD not in output.out + output.err
    return json.loads(output.out)


def test_an_update_is_that_of_a_file_of_sqlite(run, new, filled, tmp_path, capsys):
    address, _ = filled
    other = shutil.copytree(run, tmp_path / "beside")
    with_sqlite = tmp_path / "events.sqlite"
    beside = open_store(str(with_sqlite))
    beside.append(events_of(pl.read_csv(new)))
    beside.close()
    told = updated(capsys, run, "--from-store", address)
    assert told == updated(capsys, other, "--from-store", with_sqlite)
    assert told["added"] == len(pl.read_csv(new))
    here, there = kept(run), kept(other)
    assert here.kept.log.fingerprint == there.kept.log.fingerprint
    assert here.kept.place.position == there.kept.place.position
    one, two = (artifact.load(found.models / "cosine") for found in (here, there))
    for name, array in one.state.items():
        np.testing.assert_array_equal(array, two.state[name])
    assert live_file.read_live(run / "serving") is None


def test_an_update_reads_on_where_the_last_ended(run, filled, capsys):
    address, store = filled
    first = updated(capsys, run, "--from-store", address)
    assert updated(capsys, run, "--from-store", address)["added"] == 0
    later = kept(run).kept.log.end + DAY
    store.append([Event("u001", "i01", later * 1000, event_id="later")])
    again = updated(capsys, run, "--from-store", address)
    assert (again["added"], again["known"]) == (1, 0)
    assert kept(run).kept.place.position == first["added"] + 1


def test_a_night_takes_new_events_and_leaves_the_histories_in_the_store(run, new, filled, capsys):
    address, store = filled
    found = night(capsys, run, "--from-store", address)
    assert found["outcome"] == nightly_run.ACTIVATED, found["says"]
    assert found["live"] == live(run)
    assert found["update"]["added"] == len(pl.read_csv(new))
    now = kept(run).kept
    # the base of the store has no event that the store has, too
    assert store.base() == now.where(~now.from_store).log.fingerprint
    mine = pl.read_csv(new).filter(pl.col("user_id") == "u001")
    times = [(event.item, event.time) for event in store.history("u001").events]
    assert len(times) == len(set(times)) > len(mine)
    assert night(capsys, run, "--from-store", address)["outcome"] == nightly_run.KEPT


def test_a_night_reads_the_store_that_publish_was_given(run, new, filled, capsys, monkeypatch):
    """Its address is kept without the password, which a night takes from where programs look."""
    address, store = filled
    output = call(capsys, "publish", run, "--store", address)
    assert output.code == 0, output.err
    password = urlsplit(address).password
    for variable in ("PGPASSWORD", "REDISCLI_AUTH") if password else ():
        monkeypatch.setenv(variable, password)
    found = night(capsys, run)
    assert (found["outcome"], found["live"]) == (nightly_run.ACTIVATED, live(run))
    assert found["update"]["added"] == store.count() == len(pl.read_csv(new))


def test_who_is_forgotten_on_the_server_is_gone_from_log_and_release(run, filled, capsys):
    address, store = filled
    before = night(capsys, run, "--from-store", address)
    assert FORGOTTEN in kept(run).kept.log.user_vocabulary.ids.to_list()
    store.forget(FORGOTTEN)
    found = night(capsys, run, "--from-store", address)
    assert found["update"]["forgotten"] > 0
    assert found["outcome"] == nightly_run.ACTIVATED, found["says"]
    assert live(run) == found["release"] != before["release"]
    assert FORGOTTEN not in kept(run).kept.log.user_vocabulary.ids.to_list()
    assert store.history(FORGOTTEN).events == []


def test_a_night_at_a_server_that_is_away_says_so_and_goes_on_afterwards(
    run, server, filled, capsys
):
    if not server.can_be_killed:
        pytest.skip("The server is not ours to stop.")
    address, _ = filled
    night(capsys, run)
    before = live(run)
    server.stop()
    try:
        output = call(capsys, "nightly", run, "--from-store", address)
    finally:
        server.start()
    assert output.code == 2
    assert "Traceback" not in output.err
    assert store_servers.PASSWORD not in output.out + output.err
    assert live(run) == before
    assert night(capsys, run, "--from-store", address)["outcome"] == nightly_run.ACTIVATED
