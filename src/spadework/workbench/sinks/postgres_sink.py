"""A table of a PostgreSQL database. Needs psycopg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import psycopg
from psycopg import sql

from spadework import files
from spadework.errors import BadRequest, OutputExists
from spadework.serving.stores.postgres_connection import Target
from spadework.workbench.sinks.list_columns import columns_of, other_process
from spadework.workbench.sinks.sink import Sink, unreadable

LONGEST = 40
"""Bytes of a table's name, so that the names beside it fit into PostgreSQL's 63."""
PATIENCE = 10
"""Seconds in which the server must answer a connection, and readers of the old table must end."""


class PostgresSink(Sink):
    """Parts go into a table of another name, which takes the place of the old one at the end."""

    def __init__(self, name: str, address: str, table: str, *, force: bool) -> None:
        self.name = name
        try:
            self._target = Target.of(address)
        except (BadRequest, UnicodeError):
            raise unreadable("PostgreSQL") from None
        if len(table.encode()) > LONGEST:
            raise BadRequest(
                f"The name of the table {table!r} is too long.", "Choose a shorter one."
            )
        half = f"{files.HALF}{table}"
        self._table, self._half, self._state = map(sql.Identifier, (table, half, f"{half}-state"))
        with self._told():
            options = {"connect_timeout": PATIENCE, "application_name": "spadework"}
            self._connection = psycopg.connect(
                **{**options, **self._target.options}, autocommit=True
            )
            is_there = self._exists(self._table)
        if is_there and not force:
            self.close()
            raise OutputExists(
                f"{name} exists already.", "Choose another name, or replace it with --force."
            )

    def state(self) -> str | None:
        with self._told():
            if not self._exists(self._state):
                return None
            query = sql.SQL("SELECT state FROM {}").format(self._state)
            row = self._connection.execute(query).fetchone()
        return None if row is None else str(row[0])

    def begin(self, state: str) -> None:
        with self._transaction():
            self._run("DROP TABLE IF EXISTS {}, {}", self._half, self._state)
            self._run("CREATE TABLE {} (state text)", self._state)
            query = sql.SQL("INSERT INTO {} VALUES (%s)").format(self._state)
            self._connection.execute(query, (state,))

    def write(self, part: int, frame: pl.DataFrame, before: str, after: str) -> None:
        with self._transaction():
            query = sql.SQL("UPDATE {} SET state = %s WHERE state = %s").format(self._state)
            if self._connection.execute(query, (after, before)).rowcount != 1:
                raise other_process(self.name)
            if part == 0:
                self._run(f"CREATE TABLE {{}} ({columns_of(frame, 'NUMERIC(20)')})", self._half)
            # texts are quoted, so an empty one is not taken for one that is absent
            content = frame.write_csv(include_header=False, quote_style="non_numeric")
            copy = sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(self._half)
            with self._connection.cursor().copy(copy) as target:
                target.write(content)

    def finish(self, parts: int) -> None:
        with self._transaction():
            # who reads the old table for long would otherwise stop all others behind this
            self._connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
            self._run("DROP TABLE IF EXISTS {}", self._table)
            self._run("ALTER TABLE {} RENAME TO {}", self._half, self._table)
            self._run("DROP TABLE {}", self._state)

    def close(self) -> None:
        self._connection.close()

    def _exists(self, table: sql.Identifier) -> bool:
        row = self._connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL", (table.as_string(self._connection),)
        ).fetchone()
        return bool(row and row[0])

    def _run(self, statement: str, *names: sql.Identifier) -> None:
        self._connection.execute(sql.SQL(statement).format(*names))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told(), self._connection.transaction():
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever PostgreSQL refuses is said in one sentence."""
        try:
            yield
        except psycopg.Error as error:
            raise BadRequest(
                self._target.failed("written", error).message,
                "Check the address, its rights and the room on its disk; the same command goes on.",
            ) from None
