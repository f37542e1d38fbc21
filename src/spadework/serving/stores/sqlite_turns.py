"""How writers of one SQLite file take turns."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spadework.errors import StoreFailed

WAIT = 10.0
"""Seconds that a writer waits for another process's."""
_LOOK = 0.0003
"""Seconds between two looks at whether its turn has come."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write alone; all of it is kept, or nothing."""
    take_turn(connection)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def take_turn(connection: sqlite3.Connection) -> None:
    """Begin to write, best on a connection that waits for no lock by itself: SQLite looks every
    tenth of a second whether another writer is done, so that of two busy processes one may wait for
    long.
    """
    ends = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
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
