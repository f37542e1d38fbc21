"""From an address to a store."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from spadework.errors import BadRequest, MissingExtra
from spadework.serving.stores.store import Store

_SCHEME = re.compile(r"^([a-z+]+)://")


def open_store(address: str) -> Store:
    """The store of an address: a path, or `sqlite:PATH`; `postgresql://…`; `redis://…`. Raises
    `BadRequest` for others, `MissingExtra` where its library is not installed, and `StoreFailed`
    where it cannot be reached.
    """
    found = _SCHEME.match(address)
    scheme = found[1] if found else "sqlite"
    if scheme == "sqlite":
        from spadework.serving.stores.sqlite_store import SqliteStore

        return SqliteStore(Path(address.removeprefix("sqlite:")))
    if scheme in ("postgresql", "postgres"):
        _require("psycopg", "postgres")
        from spadework.serving.stores.postgres_store import PostgresStore

        return PostgresStore(address)
    if scheme in ("redis", "rediss", "unix"):
        _require("redis", "redis")
        from spadework.serving.stores.redis_store import RedisStore

        return RedisStore(address)
    raise BadRequest(
        f"Stores of {scheme!r} are not known.",
        "Name a file, postgresql://HOST/DATABASE or redis://HOST:PORT/NUMBER.",
    )


def _require(library: str, extra: str) -> None:
    if find_spec(library) is None:
        raise MissingExtra(f"{library}, which such a store is reached with,", extra)
