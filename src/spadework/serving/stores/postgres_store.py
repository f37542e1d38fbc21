"""Events in a PostgreSQL database: for several machines.

Writers of events take turns by an advisory lock that is held until the commit is visible, so that
positions are visible in their order: a reader never passes over an event that commits later. One
statement takes the lock and writes, so that no one waits for another's network.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import psycopg

from spadework import events as remarks
from spadework.errors import StoreFailed
from spadework.serving.stores import base_histories, store_words
from spadework.serving.stores.connections import Connections
from spadework.serving.stores.postgres_connection import Connection, Target, is_lost, is_usable
from spadework.serving.stores.store import (
    MOST_HISTORY,
    MOST_OLDER,
    Batch,
    Event,
    History,
    Store,
)

T = TypeVar("T")
FORMAT = 2
_TABLES = (
    "CREATE TABLE spadework_facts (name text PRIMARY KEY, value text NOT NULL)",
    "CREATE TABLE spadework_events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    ' "user" text COLLATE "C" NOT NULL, item text COLLATE "C" NOT NULL, time bigint NOT NULL,'
    ' event_type text, weight double precision, basket text, event_id text COLLATE "C" UNIQUE,'
    " batch uuid NOT NULL, number integer NOT NULL, UNIQUE (batch, number))",
    'CREATE INDEX spadework_events_of_users ON spadework_events ("user", time, position)',
    'CREATE TABLE spadework_histories ("user" text COLLATE "C" NOT NULL, base bigint NOT NULL,'
    ' history text NOT NULL, PRIMARY KEY ("user", base))',
    'CREATE TABLE spadework_older ("user" text COLLATE "C" NOT NULL,'
    ' what text COLLATE "C" NOT NULL, time bigint NOT NULL, PRIMARY KEY ("user", what))',
    'CREATE INDEX spadework_older_of_users ON spadework_older ("user", time)',
    "CREATE TABLE spadework_forgotten (mark text PRIMARY KEY, time bigint NOT NULL)",
)
_FIELDS = ", ".join(f'"{name}"' for name in Event._fields)
_TYPES = ("text", "text", "bigint", "text", "double precision", "text", "text")
# `batch` and `number` name each event, so that the same statement sent again, after a connection
# that was lost before its answer, keeps nothing twice and finds out what was kept
_APPEND = (
    "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(%s)) "
    f"INSERT INTO spadework_events ({_FIELDS}, batch, number) "
    f"SELECT {', '.join(f'sent.{name}' for name in _FIELDS.split(', '))}, %s, sent.number "
    f"FROM turn, unnest({', '.join(f'%s::{kind}[]' for kind in _TYPES)}) "
    f"WITH ORDINALITY AS sent({_FIELDS}, number) ORDER BY sent.number "
    "ON CONFLICT DO NOTHING RETURNING number"
)
# as many events as are new are no longer among the newest; new ones may be older than all these
_KEEP_OLDER = (
    "INSERT INTO spadework_older "
    "SELECT sent.who, json_build_array(item, event_type)::text, max(time) "
    "FROM unnest(%s::text[], %s::bigint[]) AS sent(who, many) CROSS JOIN LATERAL "
    '((SELECT item, event_type, time FROM spadework_events WHERE "user" = sent.who COLLATE "C" '
    f"ORDER BY time DESC, position DESC LIMIT sent.many OFFSET {MOST_HISTORY}) "
    "UNION ALL SELECT item, event_type, time FROM spadework_events "
    'WHERE batch = %s AND "user" = sent.who COLLATE "C" AND (time, position) < '
    '(SELECT time, position FROM spadework_events WHERE "user" = sent.who COLLATE "C" '
    f"ORDER BY time DESC, position DESC LIMIT 1 OFFSET {MOST_HISTORY - 1})) AS fallen "
    'GROUP BY sent.who, item, event_type ON CONFLICT ("user", what) '
    "DO UPDATE SET time = greatest(spadework_older.time, excluded.time)"
)
_BASE = "(SELECT max(value)::bigint FROM spadework_facts WHERE name = 'base number')"
_HISTORY = (
    f'SELECT (SELECT history FROM spadework_histories WHERE "user" = %s AND base = {_BASE}), '
    "(SELECT json_agg(json_build_array(item, time, event_type, weight, basket, event_id) "
    "ORDER BY time, position)::text FROM (SELECT * FROM spadework_events "
    f'WHERE "user" = %s ORDER BY time DESC, position DESC LIMIT {MOST_HISTORY}) AS newest), '
    "(SELECT json_agg(json_build_array(what, time))::text FROM (SELECT * FROM spadework_older "
    f'WHERE "user" = %s ORDER BY time DESC LIMIT {MOST_OLDER}) AS older)'
)
_SET_FACT = (
    "INSERT INTO spadework_facts VALUES (%s, %s) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_BEGIN_BASE = (
    "INSERT INTO spadework_facts VALUES ('bases begun', '1') ON CONFLICT (name) "
    "DO UPDATE SET value = (spadework_facts.value::bigint + 1)::text RETURNING value::bigint"
)
_ADD_TO_BASE = (
    'INSERT INTO spadework_histories ("user", base, history) '
    "SELECT sent.who, %s, sent.history FROM unnest(%s::text[], %s::text[]) AS sent(who, history) "
    'ON CONFLICT ("user", base) DO UPDATE SET history = excluded.history'
)
_PART = 5000
_REMOVE_BASES = (
    "DELETE FROM spadework_histories WHERE ctid = ANY (ARRAY(SELECT ctid FROM spadework_histories "
    f"WHERE base < %s AND base IS DISTINCT FROM {_BASE} LIMIT {_PART}))"
)
_FORGOTTEN = "SELECT mark, time FROM spadework_forgotten WHERE mark = ANY (%s)"
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_LOCKS = 0x5350 << 40
"""Advisory locks are numbers that all programs of a database share."""


class PostgresStore(Store):
    """See `Store`. Its tables are in the first schema of the search path."""

    remote = True

    def __init__(self, address: str) -> None:
        self._target = Target.of(address)
        self._name = self._target.name
        self._connections = Connections(self._target.connected, Connection.close, is_usable)
        try:
            self._salt, self._turn, self._base_turn = self._do("opened", self._prepare)
        except BaseException:
            self.close()
            raise
        self.name = store_words.name_of(self._salt)

    def append(self, events: Sequence[Event]) -> list[bool]:
        if not events:
            return []
        # one that grows with time, so that indexes grow at their end
        batch = uuid.UUID(int=(time.time_ns() // 1_000_000 << 80) | secrets.randbits(80))
        columns = [list(column) for column in zip(*events, strict=True)]
        users = Counter(event.user for event in events)
        times_sent = 0

        def send(connection: Connection) -> list[tuple[Any, ...]]:
            nonlocal times_sent
            times_sent += 1
            # sent together, so that the turn does not last as long as the network takes
            with connection.pipeline(), connection.transaction():
                sent = connection.execute(_APPEND, (self._turn, batch, *columns))
                connection.execute(_KEEP_OLDER, (list(users), list(users.values()), batch))
            if times_sent > 1:
                sent = connection.execute(
                    "SELECT number FROM spadework_events WHERE batch = %s", (batch,)
                )
            return sent.fetchall()

        new = {number for (number,) in self._do("written", send)}
        return [number in new for number in range(1, len(events) + 1)]

    def of_ids(self, event_ids: Sequence[str]) -> dict[str, Event]:
        statement = f"SELECT {_FIELDS} FROM spadework_events WHERE event_id = ANY (%s)"
        rows = self._rows("read", statement, list(event_ids))
        return {row[-1]: Event._make(row) for row in rows}

    def history(self, user: str) -> History:
        base, text, older = self._row("read", _HISTORY, user, user, user)
        newest = [] if text is None else [Event(user, *row) for row in json.loads(text)]
        rows = [] if older is None else json.loads(older)
        return base_histories.together(user, base, newest, base_histories.read_older(rows))

    def forget(self, user: str) -> int:
        mark, at = store_words.mark(self._salt, user), self.time_of_forgetting(user)

        def remove(connection: Connection) -> int:
            with connection.transaction():
                for lock in (self._base_turn, self._turn):  # nobody keeps what goes
                    connection.execute(_LOCK, (lock,))
                number = connection.execute(
                    'DELETE FROM spadework_events WHERE "user" = %s', (user,)
                ).rowcount
                base = connection.execute(
                    f'SELECT history FROM spadework_histories WHERE "user" = %s AND base = {_BASE}',
                    (user,),
                ).fetchone()
                for table in ("spadework_histories", "spadework_older"):
                    connection.execute(f'DELETE FROM {table} WHERE "user" = %s', (user,))
                connection.execute(
                    "INSERT INTO spadework_forgotten VALUES (%s, %s) "
                    "ON CONFLICT (mark) DO UPDATE SET time = excluded.time",
                    (mark, at),
                )
            return number + base_histories.events_of(None if base is None else base[0])

        return self._do("written", remove)

    def forgotten_at(self, users: Sequence[str]) -> list[int | None]:
        (some,) = self._row("read", "SELECT EXISTS (SELECT FROM spadework_forgotten)")
        if not some:
            return [None] * len(users)
        marks = [store_words.mark(self._salt, user) for user in users]
        found: dict[str, int] = {}
        for start in range(0, len(marks), _PART):
            found |= dict(self._rows("read", _FORGOTTEN, marks[start : start + _PART]))
        return [found.get(mark) for mark in marks]

    def set_base(self, name: str, histories: Iterable[tuple[str, History]]) -> None:
        # in parts, so that nothing takes longer than an answer may
        (number,) = self._row("written", _BEGIN_BASE)
        self._remove_bases(number)  # of those that did not come to an end
        for part in base_histories.parts(histories):
            self._do("written", partial(self._add, number, part))

        def finish(connection: Connection) -> None:
            with connection.transaction():
                self._check_newest(connection, number)
                connection.execute(_SET_FACT, ("base", name))
                connection.execute(_SET_FACT, ("base number", str(number)))

        self._do("written", finish)
        with suppress(StoreFailed):  # the new base is set; the next one removes what is left
            self._remove_bases(number)

    def base(self) -> str | None:
        (found,) = self._row("read", "SELECT max(value) FROM spadework_facts WHERE name = 'base'")
        return None if found is None else str(found)

    def after(self, position: int, most: int = 10_000) -> Batch:
        found = self._rows(
            "read",
            f"SELECT position, {_FIELDS} FROM spadework_events "
            "WHERE position > %s ORDER BY position LIMIT %s",
            position,
            most,
        )
        return Batch([Event._make(row[1:]) for row in found], found[-1][0] if found else position)

    def count(self) -> int:
        return int(self._row("read", "SELECT count(*) FROM spadework_events")[0])

    def tidy(self) -> None:
        """Nothing to do: PostgreSQL does it some minutes later by itself (autovacuum)."""

    def close(self) -> None:
        self._connections.close()

    def _prepare(self, connection: Connection) -> tuple[str, int, int]:
        """Make the tables of a new store; the salt of its marks, and its two locks."""
        self._check_settings(connection)
        with connection.transaction():
            connection.execute(_LOCK, (_LOCKS,))
            found = connection.execute("SELECT to_regclass('spadework_facts')").fetchone()
            if found == (None,):
                for table in _TABLES:
                    connection.execute(table)
                for fact in (("format", str(FORMAT)), ("salt", secrets.token_hex(16))):
                    connection.execute(_SET_FACT, fact)
        facts = dict(connection.execute("SELECT name, value FROM spadework_facts").fetchall())
        if facts.get("format") != str(FORMAT):
            raise store_words.other_format(
                self._name, facts.get("format"), FORMAT, "another database or schema"
            )
        row = connection.execute("SELECT 'spadework_events'::regclass::oid::bigint").fetchone()
        assert row is not None
        lock = _LOCKS + row[0] * 4
        return facts["salt"], lock + 1, lock + 2

    def _check_settings(self, connection: Connection) -> None:
        found = connection.execute(
            "SELECT current_setting('server_encoding'), current_setting('fsync'), "
            "current_setting('full_page_writes')"
        ).fetchone()
        assert found is not None
        encoding, fsync, whole_pages = found
        if encoding != "UTF8":
            raise StoreFailed(
                f"{self._name} is in {encoding}, which cannot hold every id.",
                "Name a database that is in UTF8.",
            )
        if fsync == "on" and whole_pages == "on":
            return
        says = (
            f"{self._name} may lose accepted events when its machine stops: its setting "
            f"{'fsync' if fsync != 'on' else 'full_page_writes'} is off."
        )
        if self._target.durable:
            raise StoreFailed(
                says, "Set it to on, or add ?durable=no to the address if you can bear the loss."
            )
        remarks.note(says)

    def _add(
        self, number: int, part: Sequence[tuple[str, History]], connection: Connection
    ) -> None:
        marks = [store_words.mark(self._salt, user) for user, _ in part]
        with connection.transaction():
            # who is forgotten meanwhile is forgotten before or after, and not between
            connection.execute(_LOCK, (self._base_turn,))
            self._check_newest(connection, number)
            forgotten = dict(connection.execute(_FORGOTTEN, (marks,)).fetchall())
            kept = {
                user: base_histories.kept(history, forgotten.get(mark))
                for (user, history), mark in zip(part, marks, strict=True)
            }
            rows = [(user, text) for user, text in kept.items() if text is not None]
            connection.execute(
                _ADD_TO_BASE, (number, [user for user, _ in rows], [text for _, text in rows])
            )

    def _check_newest(self, connection: Connection, number: int) -> None:
        found = connection.execute(
            "SELECT value FROM spadework_facts WHERE name = 'bases begun' FOR SHARE"
        ).fetchone()
        if found != (str(number),):
            raise store_words.replaced(self._name)

    def _remove_bases(self, number: int) -> None:
        """Remove the bases before a number, but for the one that is read, part by part."""
        while self._do(
            "written", lambda connection: connection.execute(_REMOVE_BASES, (number,)).rowcount
        ):
            pass

    def _rows(self, done: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._do(done, lambda connection: connection.execute(statement, values).fetchall())

    def _row(self, done: str, statement: str, *values: Any) -> tuple[Any, ...]:
        (row,) = self._rows(done, statement, *values)
        return row

    def _do(self, done: str, work: Callable[[Connection], T]) -> T:
        """What `work` gives; on a new connection where the server has closed the one that waited,
        as it does when it starts again.
        """
        for is_last in (False, True):
            try:
                with self._connections.one() as connection:
                    return work(connection)
            except (psycopg.DataError, UnicodeEncodeError, OverflowError):
                raise store_words.unkept() from None
            except psycopg.Error as error:
                if is_last or not is_lost(error):
                    raise self._target.failed(done, error) from None
                self._connections.drop()
        raise AssertionError
