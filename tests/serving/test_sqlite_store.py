"""The store in a file: full disks, torn logs, files that are none, who was forgotten."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from makers import SOURCE
from spadework.errors import StoreFailed
from spadework.serving.stores import sqlite_store, sqlite_turns
from spadework.serving.stores.sqlite_store import SqliteStore
from spadework.serving.stores.store import Event, History


def batch(number: int, size: int = 50) -> list[Event]:
    return [
        Event(f"user {each}", f"{number} {each} {'x' * 40}", number, event_id=f"{number} {each}")
        for each in range(size)
    ]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of a megabyte, with a file of a third of it."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("This user may not mount a file system; files are limited instead.")
    try:
        (folder / "ballast").write_bytes(bytes(300_000))
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_files(folder: Path) -> Iterator[None]:
    """No file of this process may grow beyond what the file of ballast says."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(store: SqliteStore, first: int) -> tuple[int, str]:
    """Append until the store refuses; the batches that were accepted, and what it said."""
    for number in range(first, first + 1000):
        try:
            assert all(store.append(batch(number)))
        except StoreFailed as refused:
            return number - first, str(refused)
    raise AssertionError


def check_is(store: SqliteStore, batches: int) -> None:
    wanted = [event for number in range(batches) for event in batch(number)]
    assert [event for part in store.all_after() for event in part.events] == wanted
    assert store.count() == len(wanted)


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path):
    with small_disk(tmp_path):
        store = SqliteStore(tmp_path / "s")
        kept, said = fill(store, 0)
        assert kept > 2
        assert said.startswith(f"{tmp_path}/s cannot be written: database or disk is full.")
        assert "Make room on the disk; nothing of this request was kept." in said
        for _ in range(3):
            with pytest.raises(StoreFailed, match="full"):
                store.append(batch(kept, 400))
        check_is(store, kept)
        other = SqliteStore(tmp_path / "s")  # another process finds the same
        check_is(other, kept)
        other.close()
        (tmp_path / "ballast").unlink()
        with open(tmp_path / "all", "wb", buffering=0) as rest, suppress(OSError):
            while True:
                rest.write(bytes(4096))
        with pytest.raises(StoreFailed, match=f"{tmp_path}/new cannot be opened: .*[.]"):
            SqliteStore(tmp_path / "new")
        (tmp_path / "all").unlink()
        SqliteStore(tmp_path / "new").close()
        (tmp_path / "new").unlink()
        more, _ = fill(store, kept)  # later writes work again
        assert more > 1
        check_is(store, kept + more)
        store.close()
        store = SqliteStore(tmp_path / "s")
        check_is(store, kept + more)
        store.close()


def test_a_limit_of_the_size_of_files_is_told_and_leaves_nothing_half(tmp_path):
    store = SqliteStore(tmp_path / "s")
    with small_files(tmp_path):
        kept, said = fill(store, 0)
        assert kept > 2
        assert said.startswith(f"{tmp_path}/s cannot be written: ")
        assert "nothing of this request was kept." in said
        check_is(store, kept)
    assert all(store.append(batch(kept)))  # later writes work again
    check_is(store, kept + 1)
    store.close()
    store = SqliteStore(tmp_path / "s")
    check_is(store, kept + 1)
    store.close()


def test_a_torn_log_of_writes_leaves_whole_batches(tmp_path):
    """Cut at any byte, or with any bit turned, the log gives the batches before the damage."""
    randomness = random.Random(1)
    store = SqliteStore(tmp_path / "s")
    ends = []  # size of the log after each batch
    for number in range(12):
        store.append(batch(number, 20))
        ends.append((tmp_path / "s-wal").stat().st_size)
    main, log = (tmp_path / "s").read_bytes(), (tmp_path / "s-wal").read_bytes()
    store.close()
    for turn in range(60):
        folder = tmp_path / str(turn)
        folder.mkdir()
        at = randomness.randrange(ends[0], len(log))
        torn = bytearray(log[:at] if turn % 2 else log)
        if turn % 2 == 0:
            torn[at] ^= 1 << randomness.randrange(8)
        (folder / "s").write_bytes(main)
        (folder / "s-wal").write_bytes(torn)
        again = SqliteStore(folder / "s")
        whole = sum(end <= at for end in ends)
        found = [event for part in again.all_after() for event in part.events]
        assert found == [event for number in range(whole) for event in batch(number, 20)]
        assert all(again.append(batch(99)))
        again.close()


def test_the_log_of_writes_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "_LOG_BYTES", 100_000)
    store = SqliteStore(tmp_path / "s")
    for number in range(40):
        store.append(batch(number))
        assert (tmp_path / "s-wal").stat().st_size < 400_000
    check_is(store, 40)
    store.close()


def test_files_that_are_no_store_are_refused_and_left_alone(tmp_path):
    noise = tmp_path / "noise"
    noise.write_bytes(b"not a database, but long enough to look like one" * 100)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE facts (a)")
    connection.close()
    newer = tmp_path / "newer.sqlite"
    SqliteStore(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    cases = {
        noise: "cannot be opened: file is not a database.",
        other: "is a database of another program.",
        newer: "has format 7, and this spadework reads 2.",
        tmp_path / "folder": "cannot be opened: unable to open database file.",
        tmp_path / "file" / "below": "cannot be opened: ",
    }
    for path, says in cases.items():
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(StoreFailed) as refused:
            SqliteStore(path)
        assert str(refused.value).startswith(f"{path} {says}")
        assert refused.value.hint
        if before is not None:
            assert path.read_bytes() == before
            assert sorted(p.name for p in tmp_path.glob(f"{path.name}*")) == [path.name]


def test_other_users_of_the_machine_cannot_read_it(tmp_path):
    store = SqliteStore(tmp_path / "s")
    store.append(batch(0))
    files = list(tmp_path.iterdir())
    assert len(files) == 3
    assert not any(path.stat().st_mode & 0o077 for path in files)
    store.close()


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "s").touch()
    store = SqliteStore(tmp_path / "s")
    assert store.append(batch(1))
    store.close()


@contextmanager
def only_read(folder: Path) -> Iterator[None]:
    """Nobody may write here; for root, who may everywhere, it is a mounted file system."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    if subprocess.run(["mount", "-o", "remount,ro", str(folder)], capture_output=True).returncode:
        pytest.skip("Nothing can be mounted here, and root may write everywhere.")
    yield


def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    with small_disk(tmp_path):
        SqliteStore(tmp_path / "s").close()
        store = SqliteStore(tmp_path / "open")
        store.append(batch(0))
        store.close()
        with only_read(tmp_path):
            no_right = "Read-only file system" if os.geteuid() == 0 else "Permission denied"
            for name, why in {
                "s": "unable to open database file",
                "new": no_right,
                "new/below": no_right,
            }.items():
                with pytest.raises(StoreFailed) as refused:
                    SqliteStore(tmp_path / name)
                assert refused.value.message == f"{tmp_path / name} cannot be opened: {why}."
                assert (
                    refused.value.hint == "Check that this user may write the file and its folder."
                )


def test_a_file_that_was_removed_or_replaced_takes_no_events(tmp_path):
    store = SqliteStore(tmp_path / "s")
    store.append(batch(0))
    shutil.copy(tmp_path / "s", tmp_path / "copy")
    os.replace(tmp_path / "copy", tmp_path / "s")
    with pytest.raises(StoreFailed, match="was removed or replaced while it was open"):
        store.append(batch(1))
    (tmp_path / "s").unlink()
    with pytest.raises(StoreFailed, match="was removed or replaced while it was open"):
        store.history("user 1")
    assert not (tmp_path / "s").exists()
    store.close()


def test_who_waits_too_long_for_another_writer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "WAIT", 0.05)
    monkeypatch.setattr(sqlite_turns, "WAIT", 0.05)
    store = SqliteStore(tmp_path / "s")
    other = sqlite3.connect(tmp_path / "s", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed, match=r"database is locked\.\nAnother process holds the file"):
        store.append(batch(0))
    assert store.history("user 1") == History()  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    assert all(store.append(batch(0)))
    store.close()


def test_processes_that_open_a_new_file_at_once_make_one_store(tmp_path):
    def opened(number: int) -> str:
        store = SqliteStore(tmp_path / f"s{number % 10}")
        salt = store._salt
        store.append(batch(number, 3))
        store.close()
        return salt

    with ThreadPoolExecutor(8) as threads:
        salts = list(threads.map(opened, range(80)))
    assert all(salts[at] == salts[at % 10] for at in range(80))
    for at in range(10):
        store = SqliteStore(tmp_path / f"s{at}")
        assert store.count() == 8 * 3
        store.close()


def test_nothing_is_left_of_who_is_forgotten(tmp_path):
    """No byte of their names, items, baskets and ids in any of the files, though SQLite has moved
    rows between pages before.
    """
    randomness = random.Random(3)
    store = SqliteStore(tmp_path / "s")
    users = [f"secret-user-{randomness.getrandbits(64):016x}" for _ in range(60)]

    def event(user: str) -> Event:
        return Event(
            user,
            f"item-of-{user}-{'y' * randomness.randrange(200)}",
            randomness.randrange(10**12),
            "view",
            basket=f"basket-{user}",
            event_id=f"{randomness.getrandbits(64):016x}-{user}",
        )

    def log() -> Iterator[tuple[str, History]]:
        return (
            (user, History([event(user)] * randomness.randrange(1, 200), [f"not for {user}"]))
            for user in users
        )

    for _ in range(60):
        store.append([event(randomness.choice(users)) for _ in range(20)])
    store.set_base("one", log())
    store.set_base("two", log())
    gone = []
    while len(users) > 5:
        gone.append(users.pop(randomness.randrange(len(users))))
        store.forget(gone[-1])
        left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert not [user for user in gone if user.encode() in left]
        store.append([event(randomness.choice(users)) for _ in range(30)])
    assert all(store.history(user).events for user in users)
    store.close()


def test_users_who_are_forgotten_at_once_are_all_forgotten(tmp_path):
    store = SqliteStore(tmp_path / "s")
    store.append(batch(0))

    def forget(number: int) -> int:
        store.append([Event("who stays", "i", number)])
        return store.forget(f"user {number}")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(forget, range(50))) == [1] * 50
    assert store.count() == 50
    store.close()


def test_a_large_file_is_tidied_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "_QUICK", 0)
    store = SqliteStore(tmp_path / "s")
    for number in range(100):
        store.append(batch(number))
    store.forget("nobody")  # this carries the log of writes over
    pages, times = (tmp_path / "s").stat().st_size, (tmp_path / "s").read_bytes().count(b"user 7")
    for each in range(40):
        store.forget(f"user {each}")
    assert (tmp_path / "s").stat().st_size >= pages
    assert (tmp_path / "s").read_bytes().count(b"user 7") < times / 10  # rows are overwritten
    store.tidy()
    assert (tmp_path / "s").stat().st_size < pages / 2
    assert store.count() == 1000
    store.close()


def test_a_forgotten_user_is_told_to_ask_again_while_a_reader_holds_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "WAIT", 0.05)
    monkeypatch.setattr(sqlite_turns, "WAIT", 0.05)
    store = SqliteStore(tmp_path / "s")
    store.append(batch(0))
    other = sqlite3.connect(tmp_path / "s", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM events").fetchone()
    with pytest.raises(StoreFailed, match="is removed, but may be read in its files"):
        store.forget("user 1")
    assert store.history("user 1") == History()
    other.execute("ROLLBACK")
    other.close()
    assert store.forget("user 1") == 0
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"user 1x" not in left
    store.close()


def test_events_are_kept_while_a_base_is_set(tmp_path, monkeypatch):
    """No writer waits for the whole of a base."""
    monkeypatch.setattr(sqlite_store, "WAIT", 0.0)
    monkeypatch.setattr(sqlite_turns, "WAIT", 0.0)
    store, other = SqliteStore(tmp_path / "s"), SqliteStore(tmp_path / "s")

    def histories() -> Iterator[tuple[str, History]]:
        for number in range(2000):
            if number % 500 == 7:
                assert other.append([Event("u", str(number), number)]) == [True]
            yield f"user {number}", History([Event("", "i", 1)])

    store.set_base("log", histories())
    assert len(store.history("u").events) == 4
    store.close()
    other.close()


def test_a_fork_uses_connections_of_its_own(tmp_path):
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from spadework.serving.stores.sqlite_store import SqliteStore\n"
        "from spadework.serving.stores.store import Event\n"
        f"store = SqliteStore(Path({str(tmp_path / 's')!r}))\n"
        "store.append([Event('u', 'before', 1)])\n"
        "child = os.fork()\n"
        "new = store.append([Event('u', 'child' if child == 0 else 'parent', 2)])\n"
        "if child == 0:\n"
        "    os._exit(0 if new == [True] else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert store.append([Event('u', 'after', 3)]) == [True]\n"
        "print(store.count())\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert said.stdout == "4\n", said.stderr


def test_what_is_written_soon_is_read_at_once_and_settled_afterwards(tmp_path, monkeypatch):
    store = SqliteStore(tmp_path / "s")
    synced = []
    monkeypatch.setattr(sqlite_store, "sync_log", synced.append)
    events = [Event("u", "i", 1, event_id="a"), Event("u", "j", 2, event_id="a")]
    new, settle = store.append_soon([*events, Event("v", "k", 3)])
    assert new == [True, False, True]
    assert [event.item for event in store.history("u").events] == ["i"]
    assert not synced
    settle()
    assert synced == [tmp_path / "s"]
    # who passes a position does not see another event there after a crash
    assert len(store.after(0).events) == 2
    assert len(synced) == 2
    store.close()


def test_what_the_disk_refuses_is_taken_back(tmp_path, monkeypatch):
    store = SqliteStore(tmp_path / "s")
    store.append([Event("u", "before", 1)])
    _, settle = store.append_soon([Event("u", "i", 2, event_id="a")])
    _, later = store.append_soon([Event("u", "after", 3)])

    def refuse(path):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_store, "sync_log", refuse)
        with pytest.raises(StoreFailed, match="cannot be written: Input/output error"):
            settle()
    # what did not reach the disk cuts nothing off: the log of writes begins anew
    assert (tmp_path / "s-wal").stat().st_size == 0
    later()
    assert [event.item for event in store.history("u").events] == ["before", "after"]
    assert store.append([Event("u", "i", 2, event_id="a")]) == [True]
    store.close()


def test_where_another_process_writes_nothing_is_written_soon(tmp_path):
    store, other = SqliteStore(tmp_path / "s"), sqlite3.connect(tmp_path / "s")
    other.execute("BEGIN IMMEDIATE")
    assert store.append_soon([Event("u", "i", 1)]) is None
    other.execute("ROLLBACK")
    assert store.append_soon([Event("u", "i", 1)]) is not None
    other.close()
    store.close()
