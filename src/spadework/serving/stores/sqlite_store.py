"""Events in one SQLite file, in write-ahead mode: for one machine, any number of processes."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spadework.errors import StoreFailed
from spadework.serving.stores.store import MOST_HISTORY, Batch, Event, History, Store

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, time INTEGER NOT NULL,
    item TEXT NOT NULL, event_type TEXT, weight REAL, basket TEXT, event_id TEXT UNIQUE);
CREATE INDEX IF NOT EXISTS events_of_users ON events (user, time, position);
CREATE TABLE IF NOT EXISTS histories (user TEXT PRIMARY KEY, history TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (mark TEXT PRIMARY KEY, time INTEGER NOT NULL)
    WITHOUT ROWID;
"""
_FIELDS = ", ".join(Event._fields)
_NEWEST = (
    f"SELECT {_FIELDS} FROM events "
    f"WHERE user = ? ORDER BY time DESC, position DESC LIMIT {MOST_HISTORY}"
)
_APPEND = f"INSERT OR IGNORE INTO events ({_FIELDS}) VALUES ({', '.join('?' * len(Event._fields))})"
_WAIT = 10.0
"""Seconds that a writer waits for another process's."""


class SqliteStore(Store):
    """See `Store`. A connection for each thread, made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._opening = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._told("opened"):
            connection = self._connection()
            connection.execute("PRAGMA journal_mode = WAL")
            with self._transaction(connection):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(
                    "INSERT OR IGNORE INTO facts VALUES ('format', ?), ('salt', ?)",
                    (str(FORMAT), secrets.token_hex(16)),
                )
            found = self._fact("format")
        if found != str(FORMAT):
            raise StoreFailed(
                f"{path} has format {found}, and this spadework reads {FORMAT}.",
                "Upgrade, or name another store.",
            )
        self._salt = self._fact("salt") or ""

    def append(self, events: Sequence[Event]) -> list[bool]:
        with self._told("written"):
            connection = self._connection()
            with self._transaction(connection):
                return [connection.execute(_APPEND, event).rowcount == 1 for event in events]

    def history(self, user: str) -> History:
        with self._told("read"):
            connection = self._connection()
            newest = connection.execute(_NEWEST, (user,)).fetchall()
            base = connection.execute(
                "SELECT history FROM histories WHERE user = ?", (user,)
            ).fetchone()
        events = [Event._make(row) for row in reversed(newest)]
        if base is None:
            return History(events)
        before, unwanted = decoded(user, base[0])
        if not events:
            return History(before, unwanted)
        # equal times: the base was there first
        merged = sorted([*before, *events], key=lambda event: event.time)
        return History(merged[-MOST_HISTORY:], unwanted)

    def forget(self, user: str) -> int:
        with self._told("written"):
            connection = self._connection()
            with self._transaction(connection):
                events = connection.execute("DELETE FROM events WHERE user = ?", (user,)).rowcount
                base = connection.execute(
                    "SELECT history FROM histories WHERE user = ?", (user,)
                ).fetchone()
                connection.execute("DELETE FROM histories WHERE user = ?", (user,))
                connection.execute(
                    "INSERT OR REPLACE INTO forgotten VALUES (?, ?)",
                    (self._mark(user), time.time_ns() // 1_000_000),
                )
            # what was deleted is in the log of writes until it is carried over
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return events + (0 if base is None else len(decoded(user, base[0])[0]))

    def forgotten_at(self, users: Sequence[str]) -> list[int | None]:
        with self._told("read"):
            marks = self._marks()
        return [marks.get(self._mark(user)) if marks else None for user in users]

    def set_base(self, name: str, histories: Iterable[tuple[str, History]]) -> None:
        with self._told("written"):
            connection = self._connection()
            with self._transaction(connection):
                rows = self._rows(histories, self._marks())
                connection.execute("DELETE FROM histories")
                connection.executemany("INSERT INTO histories VALUES (?, ?)", rows)
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('base', ?)", (name,))

    def _rows(
        self, histories: Iterable[tuple[str, History]], forgotten: dict[str, int]
    ) -> Iterator[tuple[str, str]]:
        for user, history in histories:
            at = forgotten.get(self._mark(user)) if forgotten else None
            kept = self.kept_of(history, at)
            if kept is not None:
                yield user, encoded(kept)

    def base(self) -> str | None:
        with self._told("read"):
            return self._fact("base")

    def after(self, position: int, most: int = 10_000) -> Batch:
        with self._told("read"):
            rows = self._connection().execute(
                f"SELECT position, {_FIELDS} FROM events "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (position, most),
            )
            found = rows.fetchall()
        return Batch([Event._make(row[1:]) for row in found], found[-1][0] if found else position)

    def count(self) -> int:
        with self._told("read"):
            (found,) = self._connection().execute("SELECT count(*) FROM events").fetchone()
        return int(found)

    def close(self) -> None:
        with self._opening:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if found is None:
            # transactions are begun by hand; another thread closes it at the end
            found = sqlite3.connect(
                self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False
            )
            found.execute("PRAGMA synchronous = FULL")  # a commit waits for the disk
            found.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            with self._opening:
                self._open.append(found)
            self._of_thread.connection = found
        return found

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self, done: str) -> Iterator[None]:
        """Whatever SQLite refuses is said in one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            hint = (
                "Make room on the disk; nothing of this request was kept."
                if "full" in str(error)
                else "Check the file and the rights of its folder."
            )
            raise StoreFailed(f"{self._path} cannot be {done}: {error}.", hint) from error

    def _fact(self, name: str) -> str | None:
        row = (
            self._connection().execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        )
        return None if row is None else str(row[0])

    def _marks(self) -> dict[str, int]:
        """When each forgotten user was forgotten, by mark."""
        return dict(self._connection().execute("SELECT mark, time FROM forgotten"))

    def _mark(self, user: str) -> str:
        return hashlib.sha256(f"{self._salt}{user}".encode()).hexdigest()


def encoded(history: History) -> str:
    """A user's base as text, without what every event repeats."""
    events = [event[1:-1] for event in history.events[-MOST_HISTORY:]]
    return json.dumps([events, history.unwanted], ensure_ascii=False)


def decoded(user: str, text: str) -> tuple[list[Event], list[str]]:
    """What `encoded` wrote."""
    events, unwanted = json.loads(text)
    return [Event(user, *event) for event in events], unwanted
