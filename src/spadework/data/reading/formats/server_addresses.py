"""Addresses of databases on servers: `postgresql://NAME@HOST:PORT/DATABASE`, with a table behind
the database where one is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spadework.errors import BadRequest
from spadework.shown_addresses import holds_password, shown

POSTGRESQL, MYSQL, SNOWFLAKE = "postgresql", "mysql", "snowflake"
KINDS = {
    POSTGRESQL: POSTGRESQL,
    "postgres": POSTGRESQL,
    MYSQL: MYSQL,
    "mariadb": MYSQL,
    SNOWFLAKE: SNOWFLAKE,
}
"""Scheme → the kind of database."""
_PASSWORDS = {
    POSTGRESQL: "the variable PGPASSWORD, the file ~/.pgpass or a service (PGSERVICE)",
    MYSQL: "the variable MYSQL_PWD or the file ~/.my.cnf",
    SNOWFLAKE: "the variable SNOWFLAKE_PASSWORD or SNOWFLAKE_PRIVATE_KEY_PATH",
}
_PARTS = re.compile(r"^//(?:([^@/?]*)@)?([^/?]*)(?:/([^/?]*))?(?:/([^?]+))?(?:\?(.*))?$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """An address in its parts; what is not in it is empty."""

    kind: str
    user: str
    host: str  # with its port
    database: str
    table: str
    settings: str  # as they are written
    schema: str = ""  # of Snowflake

    @property
    def shown(self) -> str:
        """Without user and settings, for messages."""
        return f"{self.kind}://{self.host}/{self.database}"

    @property
    def name(self) -> str:
        """The host alone."""
        return self.host.rpartition(":")[0] if self.port else self.host

    @property
    def port(self) -> str:
        """The port; empty where none is given."""
        port = self.host.rpartition(":")[2]
        return port if ":" in self.host and port.isdecimal() else ""


def kind_of(address: object) -> str | None:
    """The kind of database whose address this is; None for files and other addresses."""
    if not isinstance(address, str) or "://" not in address:
        return None
    return KINDS.get(address.partition("://")[0].lower())


def server_address(text: str) -> ServerAddress:
    """The parts of an address. Raises BadRequest where it holds a password, since a run folder
    keeps the address, and where it cannot be read.
    """
    kind = KINDS[text.partition("://")[0].lower()]
    if holds_password(text):
        raise BadRequest(
            f"The address {shown(text)} holds a password, and a run folder keeps the address.",
            f"Leave it out, and give it by {_PASSWORDS[kind]}.",
        )
    found = _PARTS.match(text.partition(":")[2])
    if found is None:
        raise BadRequest(
            f"The address {shown(text)!r} cannot be read.",
            f"Write {kind}://NAME@ACCOUNT/DATABASE/SCHEMA?warehouse=NAME."
            if kind == SNOWFLAKE
            else f"Write {kind}://NAME@HOST:PORT/DATABASE.",
        )
    user, host, database, table, settings = (part or "" for part in found.groups())
    schema = ""
    if kind == SNOWFLAKE:
        schema, _, table = table.partition("/")
    return ServerAddress(
        kind=kind,
        user=user,
        host=host,
        database=database,
        table=table,
        settings=settings,
        schema=schema,
    )
