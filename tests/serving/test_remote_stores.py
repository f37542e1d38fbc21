"""Stores on a server: that restarts, is away, hangs, loses an answer, refuses; and what is said."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import store_servers
from makers import Recorder
from spadework import events as remarks
from spadework.errors import BadRequest, SpadeworkError, StoreFailed
from spadework.serving.stores import (
    postgres_connection,
    postgres_store,
    redis_store,
    store_addresses,
)
from spadework.serving.stores.store import Event, History, Store
from spadework.serving.stores.store_addresses import open_store

EVENT = Event("u", "i", 1)
CALLS: list[Callable[[Store], object]] = [
    lambda store: store.append([EVENT]),
    lambda store: store.history("u"),
    lambda store: store.forget("u"),
    lambda store: store.forgotten_at(["u"]),
    lambda store: store.set_base("log", [("u", History([EVENT]))]),
    lambda store: store.base(),
    lambda store: store.after(0),
    lambda store: store.count(),
]


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest) -> store_servers.Server:
    found = store_servers.place(request.param)
    assert isinstance(found, store_servers.Server)
    if not found.can_be_killed:
        pytest.skip("The server is not ours to stop.")
    return found


@pytest.fixture
def postgres() -> store_servers.Postgres:
    found = store_servers.place("postgres")
    assert isinstance(found, store_servers.Postgres)
    return found


@pytest.fixture
def redis_server() -> store_servers.Redis:
    found = store_servers.place("redis")
    assert isinstance(found, store_servers.Redis)
    if not found.can_be_killed:
        pytest.skip("The server's settings are not ours to change.")
    return found


def refusal(call: Callable[[], object]) -> SpadeworkError:
    """What is said: one sentence, and a hint; nothing that is secret, in its causes neither."""
    with pytest.raises(SpadeworkError) as refused:
        call()
    error: BaseException | None = refused.value
    assert refused.value.hint
    assert refused.value.message.count("\n") == 0
    assert refused.value.message.endswith(".")
    while error is not None:
        assert store_servers.PASSWORD not in str(error)
        shown = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or shown
    return refused.value


def test_a_server_that_restarts_is_not_noticed(server):
    store = open_store(server.fresh())
    store.append([EVENT])
    server.kill()
    server.start()
    for call in CALLS:
        call(store)
        server.cut()  # so the next call finds that its connection was closed
    store.close()


def test_a_server_that_is_away_is_told_and_found_again(server):
    address = server.fresh()
    store = open_store(address)
    store.append([EVENT])
    server.stop()
    try:
        for call in [*CALLS, lambda _: open_store(address)]:
            error = refusal(lambda call=call: call(store))
            assert isinstance(error, StoreFailed)
            assert re.match(r"(postgresql|redis)://127\.0\.0\.1:\d+/\w+ cannot be ", error.message)
    finally:
        server.start()
    assert store.count() == 1
    assert store.append([EVENT]) == [True]
    store.close()


def test_a_server_that_hangs_is_told(server, monkeypatch):
    monkeypatch.setattr(postgres_connection, "SILENCE", 0.2)
    monkeypatch.setattr(postgres_connection, "CONNECT", 1)
    monkeypatch.setattr(redis_store, "ANSWER", 0.2)
    store = open_store(server.fresh())
    store.append([EVENT])
    server.kill(signal.SIGSTOP)
    try:
        for call in CALLS[:2]:
            assert isinstance(refusal(lambda call=call: call(store)), StoreFailed)
    finally:
        server.kill(signal.SIGCONT)
    monkeypatch.undo()
    assert store.append([EVENT]) == [True]
    store.close()


class Proxy:
    """Passes bytes on to a server; one answer can be swallowed, and its connection closed."""

    def __init__(self, port: int) -> None:
        self.swallow = False
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for ends in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer and self.swallow:
                    self.swallow = False
                    break
                target.sendall(data)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def close(self) -> None:
        for each in [self._listening, *self._open]:
            each.close()


@pytest.fixture
def proxy(server: store_servers.Server) -> Iterator[Proxy]:
    made = Proxy(server.port)
    yield made
    made.close()


def test_events_whose_answer_is_lost_are_kept_once(server, proxy):
    """Also those without an id; and what is new is told, though it was kept at the first try."""
    address = server.fresh().replace(f":{server.port}/", f":{proxy.port}/")
    store = open_store(address)
    known = Event("u", "known", 1, event_id="known")
    assert store.append([known]) == [True]
    proxy.swallow = True
    sent = [EVENT, known, EVENT, Event("u", "new", 2, event_id="new")]
    assert store.append(sent) == [True, False, True, True]
    assert not proxy.swallow
    assert store.after(0).events == [known, EVENT, EVENT, sent[3]]
    store.close()


def test_wrong_addresses_are_told_without_what_is_secret(server):
    right, secret = server.address, store_servers.PASSWORD
    here = f"127.0.0.1:{server.port}"
    wrong = {
        right.replace(secret, f"{secret}x"): StoreFailed,
        right.replace(here, f"127.0.0.1:{store_servers.free_port()}"): StoreFailed,
        right.replace("127.0.0.1", "nowhere.invalid"): StoreFailed,
        right.replace(here, f"127.0.0.1:{secret}"): BadRequest,
        right.replace(here, f"127.0.0.1:70000{secret}@x"): SpadeworkError,
        f"{right}?color={secret}": BadRequest,
    }
    for sign in "@:/#?%":  # a password with a sign that has a meaning in addresses
        wrong[right.replace(f"{secret}@", f"12{sign}{secret}@")] = SpadeworkError
        wrong[right.replace(f"{secret}@", f"{secret}{sign}12@")] = SpadeworkError
    for address, kind in wrong.items():
        assert isinstance(refusal(lambda address=address: open_store(address)), kind), address


@pytest.mark.parametrize(("scheme", "library"), [("postgresql", "psycopg"), ("redis", "redis")])
def test_a_library_that_is_not_installed_is_named(monkeypatch, scheme, library):
    found = store_addresses.find_spec
    monkeypatch.setattr(
        store_addresses, "find_spec", lambda name: None if name == library else found(name)
    )
    error = refusal(lambda: open_store(f"{scheme}://127.0.0.1/0"))
    assert error.message.startswith(f"{library}, which such a store is reached with,")
    assert "spadework[" in error.hint


@pytest.mark.parametrize(
    "address",
    [
        "redis://:se/cret@localhost:1/0",
        "redis://:12/secret@localhost:1/0",
        "postgresql://somebody:se?cret@localhost/db",
        "postgresql://somebody:se#cret@localhost/db",
    ],
)
def test_a_password_that_ends_its_address_too_early_is_refused_and_not_shown(address):
    with pytest.raises(BadRequest, match="within its name or password") as told:
        open_store(address)
    assert "cret" not in told.value.message + told.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://[::1]:5432/db",
        "postgresql://h1:1,h2:2/db?user=me@x",
        "postgresql:///db",
        "redis://:p%2Fw@h:1/0",
    ],
)
def test_other_addresses_are_not_taken_for_such(address):
    store_addresses._check_server(address)


def test_an_address_of_another_kind_is_refused():
    error = refusal(lambda: open_store(f"mysql://spade:{store_servers.PASSWORD}@here/there"))
    assert error.message == "Stores of 'mysql' are not known."


def test_a_newer_format_is_refused(server):
    address = server.fresh()
    open_store(address).close()
    if isinstance(server, store_servers.Postgres):
        schema = address.rpartition("%3D")[2]
        server.execute(f"UPDATE {schema}.spadework_facts SET value = '7' WHERE name = 'format'")
    else:
        assert isinstance(server, store_servers.Redis)
        server.execute("HSET", f"{address.rpartition('=')[2]}facts", "format", "7")
    error = refusal(lambda: open_store(address))
    assert error.message.endswith("has format 7, and this spadework reads 2.")


@pytest.mark.parametrize(
    ("settings", "says", "hint"),
    [
        ({"appendfsync": "everysec"}, "its machine stops: its setting appendfsync is everysec",
         "CONFIG SET appendfsync always"),
        ({"appendonly": "no"}, "it ends: its setting appendonly is no",
         "CONFIG SET appendonly yes"),
        ({"maxmemory": "500mb", "maxmemory-policy": "allkeys-lru"},
         "its memory is full: its setting maxmemory-policy is allkeys-lru",
         "CONFIG SET maxmemory-policy noeviction"),
    ],
)  # fmt: skip
def test_a_redis_that_forgets_is_refused_unless_that_is_allowed(redis_server, settings, says, hint):
    usual = {
        "appendfsync": "always",
        "appendonly": "yes",
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
    }
    address = redis_server.fresh()
    for name, value in settings.items():
        redis_server.execute("CONFIG", "SET", name, value)
    try:
        error = refusal(lambda: open_store(address))
        assert error.message.endswith(f"may lose accepted events when {says}.")
        assert error.hint.startswith(f"Send it {hint} and keep that")
        notes = Recorder()
        with remarks.listening(notes):
            store = open_store(f"{address}&durable=no")
        assert notes.notes == [error.message]
        assert store.append([EVENT]) == [True]
        store.close()
    finally:
        for name, value in usual.items():
            redis_server.execute("CONFIG", "SET", name, value)


def test_a_redis_that_tells_no_settings_is_asked_for_what_it_tells(redis_server):
    redis_server.execute("ACL", "SETUSER", "narrow", "on", ">narrow-4711", "~*", "+@all", "-config")
    address = redis_server.fresh().replace(f":{store_servers.PASSWORD}@", "narrow:narrow-4711@")
    notes = Recorder()
    with remarks.listening(notes):
        store = open_store(address)
    assert "does not say when it writes to its disk" in notes.notes[0]
    assert store.append([EVENT]) == [True]
    store.close()


def test_a_redis_without_memory_refuses_and_works_again(redis_server):
    store = open_store(redis_server.fresh())
    store.append([EVENT])
    redis_server.execute("CONFIG", "SET", "maxmemory", "1mb")
    try:
        error = refusal(lambda: store.append([EVENT] * 10))
        assert "cannot be written: " in error.message
        assert "'maxmemory'" in error.message
        assert error.hint == "Give it more memory; nothing of this request was kept."
        assert store.history("u").events == [EVENT]
    finally:
        redis_server.execute("CONFIG", "SET", "maxmemory", "0")
    assert store.append([EVENT]) == [True]
    assert store.count() == 2
    store.close()


def test_a_read_only_redis_is_told(redis_server):
    address = redis_server.fresh()
    store = open_store(address)
    redis_server.execute("REPLICAOF", "127.0.0.1", str(store_servers.free_port()))
    try:
        assert "read only" in refusal(lambda: store.append([EVENT])).message
    finally:
        redis_server.execute("REPLICAOF", "NO", "ONE")
    assert store.append([EVENT]) == [True]
    store.close()


def test_a_reader_never_passes_over_an_event_that_commits_later(postgres):
    import psycopg

    address = postgres.fresh()
    store = open_store(address)
    assert isinstance(store, postgres_store.PostgresStore)
    slow = psycopg.connect(**store._target.options)
    with slow.transaction():
        columns = [list(column) for column in zip(EVENT._replace(item="slow"), strict=True)]
        slow.execute(
            postgres_store._APPEND,
            (store._turn, "00000000-0000-0000-0000-000000000001", *columns),
        )
        thread = threading.Thread(target=store.append, args=([EVENT],))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()  # it has to wait, so no later position is visible
        assert store.after(0).events == []
    thread.join()
    assert [event.item for event in store.after(0).events] == ["slow", "i"]
    slow.close()
    store.close()


def test_a_database_that_cannot_hold_every_id_is_refused(postgres):
    if not postgres.can_be_killed:
        pytest.skip("The server is not ours to fill.")
    postgres.execute("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    address = re.sub(r"/\w+(\?|$)", r"/narrow\1", postgres.address)
    error = refusal(lambda: open_store(address))
    assert error.message.endswith("/narrow is in LATIN1, which cannot hold every id.")
    postgres.execute("DROP DATABASE narrow")


def test_a_role_without_rights_is_told(postgres):
    if not postgres.can_be_killed:
        pytest.skip("The roles of the server are not ours.")
    postgres.execute("DROP ROLE IF EXISTS guest")
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest-4711'")
    address = postgres.fresh().replace(f"spade:{store_servers.PASSWORD}@", "guest:guest-4711@")
    error = refusal(lambda: open_store(address))
    assert "cannot be opened: " in error.message
    assert error.hint.startswith("Give the role of the address the right")
    postgres.execute("DROP ROLE guest")


def test_a_postgres_without_fsync_is_refused_unless_that_is_allowed(server):
    if not isinstance(server, store_servers.Postgres):
        return
    address = server.fresh()
    server.execute("ALTER SYSTEM SET fsync = off")
    server.execute("SELECT pg_reload_conf()")
    try:
        while server.ask("SHOW fsync") != "off":  # the server reads it a moment later
            time.sleep(0.01)
        error = refusal(lambda: open_store(address))
        assert error.message.endswith("when its machine stops: its setting fsync is off.")
        store = open_store(f"{address}&durable=no")
        assert store.append([EVENT]) == [True]
        store.close()
    finally:
        server.execute("ALTER SYSTEM RESET fsync")
        server.execute("SELECT pg_reload_conf()")


def test_nothing_is_left_of_who_is_forgotten_in_the_files_of_redis(redis_server):
    def left() -> bytes:
        return b"".join(
            path.read_bytes() for path in redis_server.folder.rglob("*") if path.is_file()
        )

    store = open_store(redis_server.fresh())
    for user in ("secret-user", "other-user"):
        event = Event(user, f"item of {user}", 1, basket=f"basket of {user}", event_id=f"{user} 1")
        store.append([event])
        store.set_base("log", [(user, History([event], [f"not for {user}"]))])
    assert b"secret-user" in left()
    store.forget("secret-user")
    ends = time.monotonic() + 30
    while b"secret-user" in left():  # it is written anew in the background
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert store.history("other-user").events
    store.close()
