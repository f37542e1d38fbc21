"""A connection to PostgreSQL that does not wait for ever, and sentences for what goes wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from spadework.errors import StoreFailed
from spadework.serving.stores.store_words import ASK_AGAIN, silent, unread

T = TypeVar("T")
CONNECT, ANSWER = 3, 5
"""Seconds that are waited for a connection, and for an answer."""
SILENCE = ANSWER + 1
"""Seconds after which a server has hung; at `ANSWER` it gives up by itself, and tells."""
_LOST = {"08000", "08003", "08006", "40001", "40P01", "57P01", "57P02", "57P03"}
"""What PostgreSQL says where the same statement may be sent again."""
_DEFAULTS = {
    "client_encoding": "utf8",
    "application_name": "spadework",
    # a network that has gone away is noticed before the next call
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": ANSWER * 1000,
}
_FORM = "postgresql://NAME:PASSWORD@HOST:PORT/DATABASE"
_SETTINGS = (
    "SELECT set_config('statement_timeout', %s, false), "
    # each statement sees what was committed before it, also behind a lock
    "set_config('default_transaction_isolation', 'read committed', false), "
    "set_config('extra_float_digits', '1', false), "  # weights as they are
    "CASE WHEN current_setting('synchronous_commit') = 'off' "
    "THEN set_config('synchronous_commit', 'on', false) END"
)


class Silent(psycopg.OperationalError):
    """The server did not answer in time."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One whose waiting ends, also where the server's machine is frozen."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg does, with an end of ours; looks for it at each interval."""
        return super().wait(_bounded(gen), interval)


@dataclass(frozen=True)
class Target:
    """What an address says."""

    options: dict[str, Any]
    durable: bool  # events must survive the end of the server's machine

    @classmethod
    def of(cls, address: str) -> Target:
        """Raises `BadRequest`."""
        rest, allowed = re.subn(r"(?<=[?&])durable=no(&|$)", "", address)
        try:
            options = dict(conninfo_to_dict(rest.rstrip("?&")))
        except psycopg.Error:
            raise unread("PostgreSQL", _FORM) from None
        host, port, database = (str(options.get(key, "")) for key in ("host", "port", "dbname"))
        # a sign of a password that is not written as %40 leaves a part of it elsewhere
        if "@" in host + database or not re.fullmatch(r"[\d,]*", port):
            raise unread("PostgreSQL", _FORM)
        return cls(options, not allowed)

    @property
    def name(self) -> str:
        """The address without what is secret."""
        port = f":{self.options['port']}" if "port" in self.options else ""
        return f"postgresql://{self.options.get('host', '')}{port}/{self.options.get('dbname', '')}"

    def connected(self) -> Connection:
        """A new connection. Raises `StoreFailed`."""
        options = {**_DEFAULTS, "connect_timeout": CONNECT, **self.options}
        try:
            made = Connection.connect(**options, autocommit=True)
        except psycopg.Error as error:
            raise self.failed("reached", error) from None
        try:
            made.execute(_SETTINGS, (str(ANSWER * 1000),))
        except psycopg.Error as error:
            made.close()
            raise self.failed("reached", error) from None
        return made

    def failed(self, done: str, error: psycopg.Error) -> StoreFailed:
        """One sentence, without the name and the password of the address."""
        if isinstance(error, Silent):
            return silent(self.name, done, ANSWER)
        # libpq adds questions in lines of their own, behind a tab
        lines = [line for line in str(error).splitlines() if line.strip() and line[0] != "\t"]
        says = error.diag.message_primary or (lines or [type(error).__name__])[-1]
        user, password = (str(self.options.get(key, "")) for key in ("user", "password"))
        if user:
            says = says.replace(f' "{user}"', " of the address")
        if password:
            says = says.replace(password, "…")
        hint = ASK_AGAIN
        if isinstance(
            error, (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)
        ):
            hint = "Give the role of the address the right to create and write tables there."
        elif error.sqlstate is not None and error.sqlstate.startswith("53"):
            hint = "Make room on the server; nothing of this request was kept."
        return StoreFailed(f"{self.name} cannot be {done}: {says.strip().rstrip('.')}.", hint)


def is_lost(error: psycopg.Error) -> bool:
    """Whether a new connection may help at once."""
    if isinstance(error, Silent):
        return False
    return error.sqlstate is None or error.sqlstate in _LOST


def is_usable(connection: Connection) -> bool:
    """Whether a connection can be used again."""
    return not connection.closed and (connection.info.transaction_status == TransactionStatus.IDLE)


def _bounded(waiting: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """The same, and an end to it; the waiting comes by several times a second."""
    ends = time.monotonic() + SILENCE
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > ends:
                raise Silent("there is no answer")
            wanted = waiting.send(ready)
    except StopIteration as stopped:
        answer: T = stopped.value
        return answer
