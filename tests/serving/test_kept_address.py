"""The address of a store is named once, and no password is kept."""

from __future__ import annotations

import json
import re

import pytest

import store_servers
from makers import Recorder
from spadework import events
from spadework.errors import StoreFailed
from spadework.serving import kept_address, live_file
from spadework.serving.kept_address import FILE, address_of, shown, without_password
from spadework.serving.stores.store_addresses import open_store

PASSWORDS = [
    ("postgresql://shop:secret@db:5432/shop", "postgresql://shop@db:5432/shop"),
    ("postgresql://shop@db/shop?password=secret&sslmode=require", "postgresql://shop@db/shop?sslmode=require"),
    ("postgresql://shop@db/shop?p%61ssword=secret", "postgresql://shop@db/shop"),
    ("postgresql:///shop?host=/run/x&sslpassword=secret", "postgresql:///shop?host=/run/x"),
    ("redis://:secret@db:6379/0?prefix=shop:", "redis://db:6379/0?prefix=shop:"),
    ("rediss://shop:sec:ret@ret@db/0", "rediss://shop@db/0"),
    ("redis://db/0?PASSWORD=secret", "redis://db/0"),
    ("unix://shop:secret@/run/redis.sock?db=1", "unix://shop@/run/redis.sock?db=1"),
    ("redis://db:6379/0", "redis://db:6379/0"),
]  # fmt: skip


def test_no_password_is_left_of_an_address():
    for address, wanted in PASSWORDS:
        assert without_password(address) == wanted
        assert "shop@" not in shown(address)
        assert not {"secret", "ret"} & set(shown(address).replace("/", ":").split(":"))


def test_a_file_is_kept_as_a_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "serving"
    assert address_of(folder, None) == str(folder / live_file.STORE)
    assert address_of(folder, "other.sqlite") == "other.sqlite"
    monkeypatch.chdir("/")
    recorder = Recorder()
    with events.listening(recorder):
        assert address_of(folder, None) == str(tmp_path / "other.sqlite")
    assert "as it was named before" in recorder.notes[0]
    # the file beside the releases moves with them, so nothing is kept of it
    assert address_of(folder, str(folder / live_file.STORE))
    assert not (folder / FILE).exists()


def test_an_address_that_cannot_be_opened_is_not_kept(tmp_path):
    (tmp_path / "file").write_text("no database, but text that is longer than a header of one" * 9)
    with pytest.raises(StoreFailed):
        address_of(tmp_path, str(tmp_path / "file"))
    assert not (tmp_path / FILE).exists()


def test_the_password_of_redis_comes_from_where_its_own_client_looks(tmp_path, monkeypatch):
    content = {"address": "redis://shop@db:6379/0", "password": True}
    (tmp_path / FILE).write_text(json.dumps(content))
    recorder = Recorder()
    with events.listening(recorder):
        assert address_of(tmp_path, None) == "redis://shop@db:6379/0"
    assert kept_address.REDIS_PASSWORD in recorder.notes[0]
    monkeypatch.setenv(kept_address.REDIS_PASSWORD, "a@:")
    assert address_of(tmp_path, None) == "redis://shop:%61%40%3A@db:6379/0"
    content = {"address": "redis://db:6379/0", "password": False}
    (tmp_path / FILE).write_text(json.dumps(content))
    assert address_of(tmp_path, None) == "redis://db:6379/0"


@pytest.mark.parametrize(
    ("kind", "variable"), [("postgres", "PGPASSWORD"), ("redis", kept_address.REDIS_PASSWORD)]
)
def test_a_server_that_was_named_is_found_again(tmp_path, monkeypatch, kind, variable):
    address = store_servers.place(kind).fresh()
    assert address_of(tmp_path, address) == address
    secret = re.search(r"://[^:/]*:([^@]+)@", address)
    assert secret is not None
    assert secret[1] not in (tmp_path / FILE).read_text()
    with pytest.raises(StoreFailed):
        open_store(address_of(tmp_path, None))
    monkeypatch.setenv(variable, secret[1])
    names = []
    for each in (address, address_of(tmp_path, None)):
        store = open_store(each)
        names.append(store.name)
        store.close()
    assert names[0] == names[1]
