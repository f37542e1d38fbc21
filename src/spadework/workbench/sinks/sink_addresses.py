"""From what `--out` says to a sink.

A file is a path. All else is an address whose last part is the name: the table in
`sqlite:FILE/TABLE` and `postgresql://HOST/DATABASE/TABLE`, and what keys begin with in
`redis://HOST:PORT/NUMBER/PREFIX`. One rule for all, and nothing that a shell would take apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from spadework import durations
from spadework.errors import BadRequest, MissingExtra
from spadework.shown_addresses import shown
from spadework.workbench.sinks.file_sink import ENDINGS, FileSink
from spadework.workbench.sinks.sink import Sink, unreadable

_SCHEMES = ("sqlite", "postgresql", "postgres", "redis", "rediss")
_FORM = re.compile(rf"^({'|'.join(_SCHEMES)}):(.*)$", re.DOTALL | re.IGNORECASE)
_ANY_SCHEME = re.compile(r"^([a-z][a-z0-9+]+)://", re.IGNORECASE)
_NAME = re.compile(r"^[^./?#%\s\x00-\x1f][^./?#%\x00-\x1f]*$")
HINT = (
    "Name a file (.parquet, .csv, .jsonl), sqlite:FILE/TABLE, postgresql://HOST/DATABASE/TABLE or "
    "redis://HOST:PORT/NUMBER/PREFIX."
)


@dataclass(frozen=True)
class Address:
    """An address in its parts."""

    scheme: str  # empty for a file
    server: str  # the file, or the address of the database
    name: str  # of the table, or the prefix
    query: str = ""

    @property
    def path(self) -> Path | None:
        """The file that is written; None for a server."""
        return Path(self.server) if self.scheme in ("", "sqlite") else None

    @property
    def shown(self) -> str:
        """The address without user, password and settings, for messages."""
        if self.scheme == "":
            return self.server
        if self.scheme == "sqlite":
            return f"sqlite:{self.server}/{self.name}"
        return shown(f"{self.scheme}:{self.server}/{self.name}")


def parsed(text: str) -> Address:
    """The parts of what `--out` says. Raises `BadRequest` for an address that names no table or no
    prefix, or is of another kind.
    """
    found = _FORM.match(text)
    if found is None:
        other = _ANY_SCHEME.match(text)
        if other is not None:
            raise BadRequest(f"Lists cannot be written to {other[1]}://.", HINT)
        return Address("", text, "")
    scheme, rest = found[1].lower(), found[2]
    rest, _, query = rest.partition("?") if scheme != "sqlite" else (rest, "", "")
    server, _, name = rest.rpartition("/")
    if scheme != "sqlite" and "@" in name + query:
        raise unreadable("Redis" if scheme.startswith("redis") else "PostgreSQL")
    has_database = scheme == "sqlite" or "/" in server.removeprefix("//")
    if not _NAME.match(name) or not server or not has_database:
        what = "prefix" if scheme.startswith("redis") else "table"
        raise BadRequest(
            f"{shown(f'{scheme}:{rest}')!r} names no {what}: its last part has to be a name "
            "without dots.",
            HINT,
        )
    return Address(scheme, server, name, query)


def open_sink(
    address: Address,
    *,
    apostrophes: bool,
    force: bool,
    writable: Callable[[str, bool], Path],
) -> Sink:
    """The sink of an address. `writable(path, is database)` gives a path that may be written, or
    raises. Raises `MissingExtra` where a library is not installed, `OutputExists` where something
    is there that is not to be replaced.
    """
    if apostrophes and not address.server.endswith(".csv"):
        raise BadRequest(
            "Apostrophes keep a spreadsheet from running texts of csv as formulas; "
            f"{address.shown} is no csv.",
            "Leave out --with apostrophes.",
        )
    if address.scheme == "":
        return FileSink(writable(address.server, False), apostrophes=apostrophes)
    if address.scheme == "sqlite":
        from spadework.workbench.sinks.sqlite_sink import SqliteSink

        return SqliteSink(writable(address.server, True), address.name, force=force)
    if address.scheme.startswith("postgres"):
        if find_spec("psycopg") is None:
            raise MissingExtra("What writes to PostgreSQL (psycopg)", "postgres")
        from spadework.workbench.sinks.postgres_sink import PostgresSink

        settings = f"?{address.query}" if address.query else ""
        whole = f"{address.scheme}:{address.server}{settings}"
        return PostgresSink(address.shown, whole, address.name, force=force)
    if find_spec("redis") is None:
        raise MissingExtra("What writes to Redis (redis)", "redis")
    from spadework.workbench.sinks.redis_sink import RedisSink

    seconds, query = _kept(address.query)
    whole = f"{address.scheme}:{address.server}{query}"
    return RedisSink(address.shown, whole, address.name, seconds=seconds, force=force)


def _kept(query: str) -> tuple[int | None, str]:
    """How long lists are kept (`keep=2d`), and the other settings of an address."""
    parts = [part for part in query.split("&") if part]
    kept = [part.partition("=")[2] for part in parts if part.startswith("keep=")]
    others = "&".join(part for part in parts if not part.startswith("keep="))
    seconds = durations.seconds(kept[-1], "keep") if kept else None
    return (None if seconds is None else max(1, round(seconds))), f"?{others}" if others else ""


__all__ = ["ENDINGS", "HINT", "Address", "open_sink", "parsed"]
