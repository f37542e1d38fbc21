"""From an address to a store."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from spadework.errors import BadRequest, MissingExtra
from spadework.serving.stores.store import Store

_SCHEME = re.compile(r"^([a-zA-Z+]+)://")
_END = re.compile("[/?#]")
_PORT = re.compile(r"^(\[[^]]*\]|[^:]*):?")


def open_store(address: str, *, is_there: bool = False) -> Store:
    """The store of an address: a path, or `sqlite:PATH`; `postgresql://…`; `redis://…`. A file is
    made unless it `is_there` already, but no folder is. Raises `BadRequest` for other addresses and
    files that are not there, `MissingExtra` where its library is not installed, and `StoreFailed`
    where it cannot be reached.
    """
    found = _SCHEME.match(address)
    scheme = found[1].lower() if found else "sqlite"
    if scheme == "sqlite":
        from spadework.serving.stores.sqlite_store import SqliteStore

        path = Path(address.removeprefix("sqlite:"))
        if (is_there and not path.exists()) or not path.absolute().parent.is_dir():
            raise BadRequest(f"There is no store {str(path)!r}.", "Check its path.")
        return SqliteStore(path)
    if scheme in ("postgresql", "postgres"):
        _check_server(address)
        _require("psycopg", "postgres")
        from spadework.serving.stores.postgres_store import PostgresStore

        return PostgresStore(address)
    if scheme in ("redis", "rediss", "unix"):
        if scheme != "unix":
            _check_server(address)
        _require("redis", "redis")
        from spadework.serving.stores.redis_store import RedisStore

        return RedisStore(address)
    raise BadRequest(
        f"Stores of {scheme!r} are not known.",
        "Name a file, postgresql://HOST/DATABASE or redis://HOST:PORT/NUMBER.",
    )


def _check_server(address: str) -> None:
    """Refuse an address whose password ends it too early: what follows would be taken for a path,
    and be shown.
    """
    rest = address.partition("://")[2]
    server = _END.split(rest, maxsplit=1)[0]
    path = rest[len(server) :].partition("?")[0]
    ports = [_PORT.sub("", host) for host in server.split(",")]
    if "@" not in server and ("@" in path or any(port.strip("0123456789") for port in ports)):
        raise BadRequest(
            "The address of the store has a / or ? or # within its name or password.",
            "Write these as %2F, %3F and %23.",
        )


def _require(library: str, extra: str) -> None:
    if find_spec(library) is None:
        raise MissingExtra(f"{library}, which such a store is reached with,", extra)
