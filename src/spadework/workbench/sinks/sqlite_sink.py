"""A table of an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from spadework import files
from spadework.data.reading.formats.databases import quoted
from spadework.errors import BadRequest, OutputExists
from spadework.serving.stores.sqlite_store import APPLICATION
from spadework.workbench.sinks.list_columns import columns_of, other_process
from spadework.workbench.sinks.sink import Sink

PATIENCE = 10.0
"""Seconds to wait for a lock of another program."""


class SqliteSink(Sink):
    """Parts go into a table of another name, which takes the place of the old one at the end."""

    def __init__(self, path: Path, table: str, *, force: bool) -> None:
        self.name = f"sqlite:{path}/{table}"
        self._table, half = table, f"{files.HALF}{table}"
        self._half, self._state = half, f"{half}-state"
        self._path, self._is_new = path, not path.exists()
        with self._told():
            # transactions are begun by hand
            self._connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            is_there = self._exists(table)
            (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        if application == APPLICATION:
            self.close()
            raise BadRequest(
                f"{path} is a store of events; lists are not written into it.",
                "Name another file.",
            )
        if is_there and not force:
            self.close()
            raise OutputExists(
                f"{self.name} exists already.", "Choose another name, or replace it with --force."
            )

    def state(self) -> str | None:
        with self._told():
            if not self._exists(self._state):
                return None
            row = self._connection.execute(f"SELECT state FROM {quoted(self._state)}").fetchone()
        return None if row is None else str(row[0])

    def begin(self, state: str) -> None:
        with self._transaction() as run:
            run.execute(f"DROP TABLE IF EXISTS {quoted(self._half)}")
            run.execute(f"DROP TABLE IF EXISTS {quoted(self._state)}")
            run.execute(f"CREATE TABLE {quoted(self._state)} (state TEXT)")
            run.execute(f"INSERT INTO {quoted(self._state)} VALUES (?)", (state,))

    def write(self, part: int, frame: pl.DataFrame, before: str, after: str) -> None:
        columns = columns_of(frame, "TEXT")
        places = ", ".join("?" for _ in frame.columns)
        texts = [name for name in frame.columns if frame[name].dtype == pl.UInt64]
        rows = frame.with_columns(pl.col(texts).cast(pl.String)).iter_rows()
        with self._transaction() as run:
            done = run.execute(
                f"UPDATE {quoted(self._state)} SET state = ? WHERE state = ?", (after, before)
            )
            if done.rowcount != 1:
                raise other_process(self.name)
            if part == 0:
                run.execute(f"CREATE TABLE {quoted(self._half)} ({columns})")
            run.executemany(f"INSERT INTO {quoted(self._half)} VALUES ({places})", rows)

    def finish(self, parts: int) -> None:
        with self._transaction() as run:
            run.execute(f"DROP TABLE IF EXISTS {quoted(self._table)}")
            run.execute(f"ALTER TABLE {quoted(self._half)} RENAME TO {quoted(self._table)}")
            run.execute(f"DROP TABLE {quoted(self._state)}")

    def close(self) -> None:
        self._connection.close()
        if self._is_new and self._path.exists() and not self._path.stat().st_size:
            self._path.unlink()  # nothing was begun

    def _exists(self, table: str) -> bool:
        # for SQLite Lists and lists are one name
        found = self._connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = ? COLLATE NOCASE "
            "AND type IN ('table', 'view')",
            (table,),
        )
        return found.fetchone() is not None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever SQLite refuses is said in one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise BadRequest(
                f"{self.name} cannot be written: {error}.",
                "Check the file, its folder and the room on the disk; the same command goes on.",
            ) from None
