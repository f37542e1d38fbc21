"""Events in one SQLite file, in write-ahead mode: for one machine, any number of processes.

Checkpoints, which carry writes from the log into the file, are made here and never by SQLite
itself: these hold the lock of writers, so that no commit comes between, which versions before
3.51.3 cannot always bear (sqlite.org/wal.html, the WAL-reset bug).
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from spadework.errors import StoreFailed
from spadework.serving.stores import base_histories, store_words
from spadework.serving.stores.connections import Connections
from spadework.serving.stores.sqlite_sentences import InWords
from spadework.serving.stores.sqlite_turns import (
    WAIT,
    begin,
    committed,
    set_write_ahead,
    sync_log,
    transaction,
)
from spadework.serving.stores.store import (
    MOST_HISTORY,
    MOST_OLDER,
    Batch,
    Event,
    History,
    Store,
)

FORMAT = 2
APPLICATION = 0x53504445
"""In the file's header, so that no other program's database is taken for ours."""
_TABLES = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL,"
    " item TEXT NOT NULL, time INTEGER NOT NULL, event_type TEXT, weight REAL, basket TEXT,"
    " event_id TEXT UNIQUE)",
    "CREATE INDEX events_of_users ON events (user, time)",
    # with row ids: without them a row of more than a kilobyte takes a page of its own
    "CREATE TABLE histories (user TEXT NOT NULL, base INTEGER NOT NULL, history TEXT NOT NULL,"
    " PRIMARY KEY (user, base))",
    "CREATE TABLE older (user TEXT NOT NULL, what TEXT NOT NULL, time INTEGER NOT NULL,"
    " PRIMARY KEY (user, what)) WITHOUT ROWID",
    "CREATE INDEX older_of_users ON older (user, time)",
    "CREATE TABLE forgotten (mark TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID",
)
_FIELDS = ", ".join(Event._fields)
# as many events as are new are no longer among the newest
_KEEP_OLDER = (
    "INSERT INTO older SELECT user, json_array(item, event_type), max(time) FROM "
    "(SELECT user, item, event_type, time FROM events WHERE user = ?1 "
    f"ORDER BY time DESC, position DESC LIMIT ?2 OFFSET {MOST_HISTORY}) "
    "WHERE true GROUP BY item, event_type "
    "ON CONFLICT (user, what) DO UPDATE SET time = max(time, excluded.time)"
)
_OLDER = f"SELECT what, time FROM older WHERE user = ? ORDER BY time DESC LIMIT {MOST_OLDER}"
_BASE = "(SELECT CAST(coalesce(max(value), '0') AS INTEGER) FROM facts WHERE name = 'base number')"
_OTHERS = ", ".join(Event._fields[1:])
_HISTORY = (
    f"SELECT history, {', '.join(['NULL'] * len(Event._fields[1:]))} FROM histories "
    "WHERE user = ?1 AND base = ?2 "
    f"UNION ALL SELECT * FROM (SELECT NULL, {_OTHERS} FROM events "
    f"WHERE user = ?1 ORDER BY time DESC, position DESC LIMIT {MOST_HISTORY})"
)
_LOOK = 4
"""Commits between two looks at the log of writes."""
_LOG_BYTES = 4 << 20
"""Size of the log of writes from which on it is carried over into the file."""
_QUICK = 64 << 20
"""Size of a file that is written anew whenever a user is forgotten."""
_PART = 1000
_TOGETHER = 64
"""Rows of one statement; older versions of SQLite take 999 values."""


class SqliteStore(Store):
    """See `Store`."""

    def __init__(self, path: Path) -> None:
        self._path, self._text = path, str(path)
        self._file: tuple[int, int] | None = None
        self._written = 0
        self._connections = self._pool(WAIT)
        self._writers = self._pool(0)  # these take turns, see `sqlite_turns`
        self._quick_writers = self._pool(0, "NORMAL")  # a commit does not wait for the disk
        try:
            with self._told("opened"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):  # what people did is not for all users to read
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                with self._connections.one() as connection:
                    self._prepare(connection)
                    self._salt = _fact(connection, "salt") or ""
                self.name = store_words.name_of(self._salt)
                self._file = self._file_now()
        except BaseException:
            self.close()
            raise

    def append(self, events: Sequence[Event]) -> list[bool]:
        if not events:
            return []
        with self._writing() as connection:
            return _append(connection, events)

    def append_soon(self, events: Sequence[Event]) -> tuple[list[bool], Callable[[], None]] | None:
        # written, and read by everyone, but not yet on the disk
        with self._told("written"):
            self._check_file()
            with self._quick_writers.one() as connection:
                if not begin(connection):
                    return None
                with committed(connection):
                    before = _newest(connection)
                    new = _append(connection, events)
                    after = _newest(connection)
        return new, lambda: self._settle(before, after)

    def _settle(self, before: int, after: int) -> None:
        """Wait for the disk. Events that it refuses are taken back, as their callers are told."""
        with self._told("written"):
            try:
                sync_log(self._path)
            except OSError:
                with suppress(StoreFailed, sqlite3.Error), self._writing() as connection:
                    connection.execute(
                        "DELETE FROM events WHERE position > ? AND position <= ?", (before, after)
                    )
                raise
        self._shorten_log()

    def of_ids(self, event_ids: Sequence[str]) -> dict[str, Event]:
        statement = f"SELECT {_FIELDS} FROM events WHERE event_id = ?"
        with self._reading() as connection:
            rows = [connection.execute(statement, (each,)).fetchone() for each in event_ids]
        return {row[-1]: Event._make(row) for row in rows if row is not None}

    def history(self, user: str) -> History:
        return self.histories((user,))[0]

    def histories(self, users: Sequence[str]) -> list[History]:
        with self._told("read"):
            self._check_file()
            with self._connections.one() as connection:
                connection.execute("BEGIN")  # locks are taken once, and all is of one moment
                try:
                    (base,) = connection.execute(f"SELECT {_BASE}").fetchone()
                    return [_history(connection, user, base) for user in users]
                finally:
                    connection.execute("COMMIT")

    def forget(self, user: str) -> int:
        at = self.time_of_forgetting(user)
        with self._writing() as connection:
            number = connection.execute("DELETE FROM events WHERE user = ?", (user,)).rowcount
            base = connection.execute(
                f"SELECT history FROM histories WHERE user = ? AND base = {_BASE}", (user,)
            ).fetchone()
            for table in ("histories", "older"):
                connection.execute(f"DELETE FROM {table} WHERE user = ?", (user,))
            connection.execute(
                "INSERT OR REPLACE INTO forgotten VALUES (?, ?)",
                (store_words.mark(self._salt, user), at),
            )
        self._tidy(_QUICK)
        return int(number) + (0 if base is None else base_histories.events_of(base[0]))

    def forgotten_at(self, users: Sequence[str]) -> list[int | None]:
        with self._reading() as connection:
            if not connection.execute("SELECT 1 FROM forgotten LIMIT 1").fetchone():
                return [None] * len(users)
            return [self._forgotten_at(connection, user) for user in users]

    def set_base(self, name: str, histories: Iterable[tuple[str, History]]) -> None:
        # in parts, so that no writer of events waits for long
        with self._writing() as connection:
            number = int(_fact(connection, "bases begun") or 0) + 1
            _set_fact(connection, "bases begun", str(number))
        self._remove_bases(number)  # of those that did not come to an end
        for part in base_histories.parts(histories):
            with self._writing() as connection:
                self._check_newest(connection, number)
                for user, history in part:
                    text = base_histories.kept(history, self._forgotten_at(connection, user))
                    if text is not None:
                        connection.execute(
                            "INSERT OR REPLACE INTO histories VALUES (?, ?, ?)",
                            (user, number, text),
                        )
        with self._writing() as connection:
            self._check_newest(connection, number)
            _set_fact(connection, "base", name)
            _set_fact(connection, "base number", str(number))
        with suppress(StoreFailed):  # the new base is set; the next one removes what is left
            self._remove_bases(number)

    def base(self) -> str | None:
        with self._reading() as connection:
            return _fact(connection, "base")

    def after(self, position: int, most: int = 10_000) -> Batch:
        with self._reading() as connection:
            found = connection.execute(
                f"SELECT position, {_FIELDS} FROM events "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (position, most),
            ).fetchall()
        return Batch([Event._make(row[1:]) for row in found], found[-1][0] if found else position)

    def count(self) -> int:
        with self._reading() as connection:
            (found,) = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(found)

    def close(self) -> None:
        self._connections.close()
        self._writers.close()
        self._quick_writers.close()

    def tidy(self) -> None:
        self._tidy(None)

    def _tidy(self, most: int | None) -> None:
        """Write the file anew, if it has at most so many bytes: SQLite overwrites rows that are
        deleted, but not the copies of them that moving rows between pages has left. Then carry the
        log of writes over, which has them too, and leave it empty.
        """
        try:
            with self._connections.one() as connection:
                if most is None or os.stat(self._path).st_size <= most:
                    connection.execute("VACUUM")
                row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except (OSError, sqlite3.Error):
            row = (1,)
        if row[0] != 0:
            raise StoreFailed(
                f"What {self._path} knew of the user is removed, but may be read in its files.",
                "Another process reads for long, or the disk is full. Ask again.",
            )

    def _pool(self, wait: float, synchronous: str = "FULL") -> Connections[sqlite3.Connection]:
        """Connections that wait so many seconds for a lock. FULL: a commit waits for the disk."""
        return Connections(
            lambda: self._connect(wait, synchronous),
            sqlite3.Connection.close,
            lambda each: not each.in_transaction,
        )

    def _connect(self, wait: float, synchronous: str) -> sqlite3.Connection:
        # transactions are begun by hand; threads take turns
        made = sqlite3.connect(
            self._path, timeout=wait, isolation_level=None, check_same_thread=False
        )
        try:
            made.execute(f"PRAGMA synchronous = {synchronous}")
            made.execute("PRAGMA fullfsync = ON")  # also where fsync alone does not (macOS)
            made.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
            made.execute("PRAGMA wal_autocheckpoint = 0")
        except BaseException:
            made.close()
            raise
        return made

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables of a new file; refuse files of others before anything is written."""
        is_new = self._is_new(connection)
        set_write_ahead(connection, self._path)
        if not is_new:
            return
        with transaction(connection):
            if not self._is_new(connection):  # another process was faster
                return
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            for table in _TABLES:
                connection.execute(table)
            _set_fact(connection, "salt", secrets.token_hex(16))

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if application == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return True
        if application != APPLICATION:
            raise StoreFailed(
                f"{self._path} is a database of another program.",
                "Name another file for the store.",
            )
        if found != FORMAT:
            raise store_words.other_format(str(self._path), found, FORMAT, "another file")
        return False

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._told("read"):
            self._check_file()
            with self._connections.one() as connection:
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._told("written"):
            self._check_file()
            with self._writers.one() as connection, transaction(connection):
                yield connection
            self._shorten_log()

    def _shorten_log(self) -> None:
        """Carry the log of writes over into the file, where it is long."""
        self._written += 1
        if self._written % _LOOK:
            return
        with suppress(OSError, sqlite3.Error):  # all is kept already; the next one tries again
            if os.stat(f"{self._path}-wal").st_size > _LOG_BYTES:
                with self._connections.one() as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _told(self, done: str) -> InWords:
        return InWords(self._path, done)

    def _check_file(self) -> None:
        """Refuse to write into a file that nobody finds any more."""
        if self._file is not None and self._file != self._file_now():
            raise StoreFailed(
                f"{self._path} was removed or replaced while it was open.",
                "Put the file back, or start again.",
            )

    def _file_now(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._text)  # for each list: a path object takes longer
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _check_newest(self, connection: sqlite3.Connection, number: int) -> None:
        if _fact(connection, "bases begun") != str(number):
            raise store_words.replaced(str(self._path))

    def _remove_bases(self, number: int) -> None:
        """Remove the bases before a number, but for the one that is read, part by part."""
        user = ""
        while True:
            with self._writing() as connection:
                found = connection.execute(
                    "SELECT DISTINCT user FROM histories WHERE user >= ? ORDER BY user LIMIT ?",
                    (user, _PART),
                ).fetchall()
                if not found:
                    return
                connection.execute(
                    f"DELETE FROM histories WHERE user BETWEEN ? AND ? AND base < ? "
                    f"AND base <> {_BASE}",
                    (user, found[-1][0], number),
                )
            if len(found) < _PART:
                return
            user = found[-1][0]

    def _forgotten_at(self, connection: sqlite3.Connection, user: str) -> int | None:
        row = connection.execute(
            "SELECT time FROM forgotten WHERE mark = ?", (store_words.mark(self._salt, user),)
        ).fetchone()
        return None if row is None else int(row[0])


def _history(connection: sqlite3.Connection, user: str, number: int) -> History:
    rows = connection.execute(_HISTORY, (user, number)).fetchall()
    older: list[tuple[str, int]] = []
    if len(rows) >= MOST_HISTORY:
        older = connection.execute(_OLDER, (user,)).fetchall()
    base = None
    if rows and rows[0][0] is not None:  # the base is the first
        base = rows.pop(0)[0]
    events = [Event(user, *row[1:]) for row in reversed(rows)]
    return base_histories.together(user, base, events, base_histories.read_older(older))


def _append(connection: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    """Add events within a transaction; for each whether it is new."""
    before = _newest(connection)
    new = [True] * len(events)
    if _append_all(connection, events) < len(events):
        rows = connection.execute("SELECT event_id FROM events WHERE position > ?", (before,))
        kept = {event_id for (event_id,) in rows}
        for at, event in enumerate(events):
            if event.event_id is not None:
                new[at] = event.event_id in kept
                kept.discard(event.event_id)  # of two in these events the first is new
    users = Counter(event.user for event in events)
    for user in _long(connection, list(users)):
        connection.execute(_KEEP_OLDER, (user, users[user]))
    return new


def _newest(connection: sqlite3.Connection) -> int:
    """The position of the newest event."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if found is None else int(found[0])


def _append_all(connection: sqlite3.Connection, events: Sequence[Event]) -> int:
    """Add events in few statements, since each gives all other threads of a server their turn; how
    many were new.
    """
    found = 0
    for at in range(0, len(events), _TOGETHER):
        some = events[at : at + _TOGETHER]
        row = f"({', '.join('?' * len(Event._fields))})"
        found += connection.execute(
            f"INSERT INTO events ({_FIELDS}) VALUES {', '.join([row] * len(some))} "
            "ON CONFLICT (event_id) DO NOTHING",
            list(chain.from_iterable(some)),
        ).rowcount
    return found


def _long(connection: sqlite3.Connection, users: Sequence[str]) -> list[str]:
    """The users who have more events than are read."""
    found = []
    for at in range(0, len(users), _TOGETHER):
        some = users[at : at + _TOGETHER]
        rows = connection.execute(
            f"SELECT column1 FROM (VALUES {', '.join(['(?)'] * len(some))}) WHERE EXISTS "
            f"(SELECT 1 FROM events WHERE user = column1 LIMIT 1 OFFSET {MOST_HISTORY})",
            some,
        )
        found += [user for (user,) in rows.fetchall()]
    return found


def _fact(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
