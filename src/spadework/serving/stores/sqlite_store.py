"""Events in one SQLite file, in write-ahead mode: for one machine, any number of processes.

Checkpoints, which carry writes from the log into the file, are made here and never by SQLite
itself: these hold the lock of writers, so that no commit comes between, which versions before
3.51.3 cannot always bear (sqlite.org/wal.html, the WAL-reset bug).
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spadework.errors import StoreFailed
from spadework.serving.stores import base_histories, sqlite_rows, store_words
from spadework.serving.stores.connections import Connections
from spadework.serving.stores.sqlite_sentences import InWords
from spadework.serving.stores.sqlite_turns import (
    WAIT,
    begin,
    committed,
    emptied_log,
    set_write_ahead,
    sync_log,
    transaction,
)
from spadework.serving.stores.store import (
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
_LOOK = 4
"""Commits between two looks at the log of writes."""
_LOG_BYTES = 4 << 20
"""Size of the log of writes from which on it is carried over into the file."""
_QUICK = 64 << 20
"""Size of a file that is written anew whenever a user is forgotten."""
_PART = 1000


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
                    self._salt = sqlite_rows.fact(connection, "salt") or ""
                self.name = store_words.name_of(self._salt)
                self._file = self._file_now()
        except BaseException:
            self.close()
            raise

    def append(self, events: Sequence[Event]) -> list[bool]:
        if not events:
            return []
        with self._writing() as connection:
            return sqlite_rows.append(connection, events)

    def append_soon(self, events: Sequence[Event]) -> tuple[list[bool], Callable[[], None]] | None:
        """As `Store.append_soon`: written, and read by everyone, but not yet on the disk."""
        with self._told("written"):
            self._check_file()
            with self._quick_writers.one() as connection:
                if not begin(connection):
                    return None
                with committed(connection):
                    before = sqlite_rows.newest(connection)
                    new = sqlite_rows.append(connection, events)
                    after = sqlite_rows.newest(connection)
        return new, lambda: self._settle(before, after)

    def _settle(self, before: int, after: int) -> None:
        """Wait for the disk. Events that it refuses are taken back, as their callers are told."""
        with self._told("written"):
            try:
                sync_log(self._path)
            except OSError:
                with suppress(StoreFailed, sqlite3.Error):
                    self._take_back(before, after)
                raise
        self._shorten_log()

    def _take_back(self, before: int, after: int) -> None:
        """Remove events, and carry the log of writes over into the file: what of it the disk has
        refused would cut off all that is written behind it.
        """
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM events WHERE position > ? AND position <= ?", (before, after)
            )
        with self._connections.one() as connection:
            emptied_log(connection)

    def of_ids(self, event_ids: Sequence[str]) -> dict[str, Event]:
        statement = f"SELECT {sqlite_rows.FIELDS} FROM events WHERE event_id = ?"
        with self._reading() as connection:
            rows = [connection.execute(statement, (each,)).fetchone() for each in event_ids]
        return {row[-1]: Event._make(row) for row in rows if row is not None}

    def history(self, user: str) -> History:
        return self.histories((user,))[0]

    def histories(self, users: Sequence[str]) -> list[History]:
        """As `Store.histories`, of one moment."""
        with self._told("read"):
            self._check_file()
            with self._connections.one() as connection:
                connection.execute("BEGIN")  # locks are taken once, and all is of one moment
                try:
                    (base,) = connection.execute(f"SELECT {sqlite_rows.BASE}").fetchone()
                    return [sqlite_rows.history(connection, user, base) for user in users]
                finally:
                    connection.execute("COMMIT")

    def forget(self, user: str) -> int:
        at = self.time_of_forgetting(user)
        with self._writing() as connection:
            number = connection.execute("DELETE FROM events WHERE user = ?", (user,)).rowcount
            base = connection.execute(
                f"SELECT history FROM histories WHERE user = ? AND base = {sqlite_rows.BASE}",
                (user,),
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
            number = int(sqlite_rows.fact(connection, "bases begun") or 0) + 1
            sqlite_rows.set_fact(connection, "bases begun", str(number))
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
            sqlite_rows.set_fact(connection, "base", name)
            sqlite_rows.set_fact(connection, "base number", str(number))
        with suppress(StoreFailed):  # the new base is set; the next one removes what is left
            self._remove_bases(number)

    def base(self) -> str | None:
        with self._reading() as connection:
            return sqlite_rows.fact(connection, "base")

    def after(self, position: int, most: int = 10_000) -> Batch:
        with self._reading() as connection:
            found = connection.execute(
                f"SELECT position, {sqlite_rows.FIELDS} FROM events "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (position, most),
            ).fetchall()
            if found:  # what is written soon may not be on the disk yet, and its position is passed
                sync_log(self._path)
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
                done = emptied_log(connection)
        except (OSError, sqlite3.Error):
            done = False
        if not done:
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
            sqlite_rows.set_fact(connection, "salt", secrets.token_hex(16))

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
        if sqlite_rows.fact(connection, "bases begun") != str(number):
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
                    f"AND base <> {sqlite_rows.BASE}",
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
