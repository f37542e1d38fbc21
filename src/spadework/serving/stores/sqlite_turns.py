"""How writers of one SQLite file take turns."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spadework.errors import StoreFailed

WAIT = 10.0
"""Seconds that a writer waits for another process's."""
_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS, where `fsync` alone does not reach the disk."""
_sync = getattr(os, "fdatasync", os.fsync)
_LOOK = 0.0003
"""Seconds between two looks at whether its turn has come."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write alone; all of it is kept, or nothing. Best on a connection that waits for no lock by
    itself: SQLite looks every tenth of a second whether another writer is done, so that of two busy
    processes one may wait for long.
    """
    ends = time.monotonic() + WAIT
    while not begin(connection, time.monotonic() > ends):
        time.sleep(_LOOK)
    with committed(connection):
        yield


def begin(connection: sqlite3.Connection, is_last: bool = False) -> bool:
    """Begin to write, if nobody else does. Raises `sqlite3.OperationalError` where it `is_last`
    time to ask.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or is_last:
            raise
        return False
    return True


@contextmanager
def committed(connection: sqlite3.Connection) -> Iterator[None]:
    """What was begun is kept, or taken back where it fails."""
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def sync_log(path: Path) -> None:
    """Wait until the log of writes is on the disk: what `synchronous = FULL` does in a commit."""
    with open(f"{path}-wal", "r+b") as file:
        if _FULL_SYNC is None:
            _sync(file.fileno())
        else:
            fcntl.fcntl(file.fileno(), _FULL_SYNC)


def emptied_log(connection: sqlite3.Connection) -> bool:
    """Carry the log of writes over into the file, and leave it empty; whether that was done.
    SQLite waits for readers and writers, but for nobody else who carries it over.
    """
    ends = time.monotonic() + WAIT
    while True:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy or time.monotonic() > ends:
            return not busy
        time.sleep(_LOOK)


def set_write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Two processes that open a new file at once may meet here, where SQLite does not wait."""
    ends = time.monotonic() + WAIT
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.01)
    if mode != "wal":
        raise StoreFailed(
            f"{path} cannot have a log of writes: its file system lacks what SQLite needs.",
            "Put the store on a disk of this machine, or name a PostgreSQL or Redis server.",
        )
