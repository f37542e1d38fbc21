"""Events, histories and facts as rows of one SQLite file, on a connection."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from spadework.serving.stores import base_histories
from spadework.serving.stores.store import MOST_HISTORY, MOST_OLDER, Event, History

FIELDS = ", ".join(Event._fields)
# as many events as are new are no longer among the newest; new ones may be older than all these
_KEEP_OLDER = (
    "INSERT INTO older SELECT user, json_array(item, event_type), max(time) FROM "
    "(SELECT * FROM (SELECT user, item, event_type, time FROM events WHERE user = ?1 "
    f"ORDER BY time DESC, position DESC LIMIT ?2 OFFSET {MOST_HISTORY}) "
    # with a plus, so that it looks through the new events, and not through all of the user
    "UNION ALL SELECT user, item, event_type, time FROM events "
    "WHERE +user = ?1 AND position > ?3 AND (time, position) < "
    "(SELECT time, position FROM events WHERE user = ?1 "
    f"ORDER BY time DESC, position DESC LIMIT 1 OFFSET {MOST_HISTORY - 1})) "
    "WHERE true GROUP BY item, event_type "
    "ON CONFLICT (user, what) DO UPDATE SET time = max(time, excluded.time)"
)
_OLDER = f"SELECT what, time FROM older WHERE user = ? ORDER BY time DESC LIMIT {MOST_OLDER}"
BASE = "(SELECT CAST(coalesce(max(value), '0') AS INTEGER) FROM facts WHERE name = 'base number')"
_OTHERS = ", ".join(Event._fields[1:])
_HISTORY = (
    f"SELECT history, {', '.join(['NULL'] * len(Event._fields[1:]))} FROM histories "
    "WHERE user = ?1 AND base = ?2 "
    f"UNION ALL SELECT * FROM (SELECT NULL, {_OTHERS} FROM events "
    f"WHERE user = ?1 ORDER BY time DESC, position DESC LIMIT {MOST_HISTORY})"
)
_TOGETHER = 64
"""Rows of one statement; older versions of SQLite take 999 values."""


def history(connection: sqlite3.Connection, user: str, number: int) -> History:
    """What is known of a user, with the base of this number."""
    rows = connection.execute(_HISTORY, (user, number)).fetchall()
    older: list[tuple[str, int]] = []
    if len(rows) >= MOST_HISTORY:
        older = connection.execute(_OLDER, (user,)).fetchall()
    base = None
    if rows and rows[0][0] is not None:  # the base is the first
        base = rows.pop(0)[0]
    events = [Event(user, *row[1:]) for row in reversed(rows)]
    return base_histories.together(user, base, events, base_histories.read_older(older))


def append(connection: sqlite3.Connection, events: Sequence[Event]) -> list[bool]:
    """Add events within a transaction; for each whether it is new."""
    before = newest(connection)
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
        connection.execute(_KEEP_OLDER, (user, users[user], before))
    return new


def newest(connection: sqlite3.Connection) -> int:
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
            f"INSERT INTO events ({FIELDS}) VALUES {', '.join([row] * len(some))} "
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


def fact(connection: sqlite3.Connection, name: str) -> str | None:
    """A fact about the store, if it is known."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a fact."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
