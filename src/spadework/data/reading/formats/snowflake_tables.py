"""Snowflake through ADBC: all rows of a table, a view or a query come by one statement, so they are
of one moment. Needs adbc-driver-snowflake and arro3-core.
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from spadework.data.reading.formats.adbc_rows import AdbcRows
from spadework.data.reading.formats.databases import one_statement, quoted
from spadework.data.reading.formats.server_addresses import ServerAddress
from spadework.data.reading.formats.snapshots import Relation
from spadework.errors import BadRequest, MissingExtra

PASSWORD, KEY_FILE = "SNOWFLAKE_PASSWORD", "SNOWFLAKE_PRIVATE_KEY_PATH"
"""Variables of the environment, as Snowflake's own clients call them."""
_OPTION = "adbc.snowflake.sql."
_SETTINGS = {
    "warehouse": "warehouse",
    "role": "role",
    "host": "uri.host",
    "port": "uri.port",
    "protocol": "uri.protocol",
}
"""Settings of an address → options of the driver."""
_ALWAYS = {
    # else whole numbers come as decimals of 38 digits
    f"{_OPTION}client_option.use_high_precision": "false",
    # nothing is told to anybody about what is read
    f"{_OPTION}client_option.disable_telemetry": "true",
    f"{_OPTION}client_option.app_name": "spadework",
    f"{_OPTION}client_option.login_timeout": "30s",
}
_COLUMNS = """
select table_schema, table_name, column_name from information_schema.columns
where table_schema <> 'INFORMATION_SCHEMA'
order by table_schema, table_name, ordinal_position
"""
_SAYS = re.compile(
    r"\[Snowflake\]\s*(?:\d+ \(\w+\): |\d+: |\d+ )*(.*?)(?:\. Vendor code: .*)?$", re.DOTALL
)


class SnowflakeSnapshot(AdbcRows):
    """A session that ends with this object."""

    def __init__(self, address: ServerAddress) -> None:
        super().__init__(address.shown, "adbc-driver-snowflake", "snowflake")
        try:
            import adbc_driver_snowflake
        except ImportError:
            raise MissingExtra(
                f"What reads {address.shown} (adbc-driver-snowflake)", "snowflake"
            ) from None
        options = _options(address)
        with self._told():
            database = self._driver.AdbcDatabase(
                driver=adbc_driver_snowflake._driver_path(), **options
            )
            weakref.finalize(self, database.close)
            self._connection = self._driver.AdbcConnection(database)
            weakref.finalize(self, self._connection.close)
        self._schema = address.schema

    def relations(self) -> list[Relation]:
        found: dict[tuple[str, str], list[str]] = {}
        for batch in self._batches(_COLUMNS):
            for schema, table, column in batch.rows():
                if not self._schema or schema.casefold() == self._schema.casefold():
                    found.setdefault((schema, table), []).append(column)
        alone = len({schema for schema, _ in found}) == 1
        return [
            Relation(
                name=table if alone else f"{schema}.{table}",
                source=f"{quoted(schema)}.{quoted(table)}",
                computed=False,
                kept=False,  # a second statement may give another order, and other rows
                columns=tuple(columns),
            )
            for (schema, table), columns in found.items()
        ]

    def query(self, text: str) -> Relation:
        return Relation(
            name="query", source=f"({one_statement(text)}\n) as q", computed=True, kept=False
        )

    def columns(self, relation: Relation) -> Mapping[str, str]:
        with self._stream(f"select * from {relation.source} limit 0") as reader:
            return {str(field.name): quoted(str(field.name)) for field in reader.schema}

    def count(self, relation: Relation) -> int:
        batches = list(self._batches(f"select count(*) from {relation.source}"))
        return int(pl.concat(batches).item())

    def frames(
        self, relation: Relation, asked: Sequence[str], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        end = "" if limit is None else f" limit {limit}"
        yield from self._batches(f"select {', '.join(asked)} from {relation.source}{end}")

    def _says(self, error: BaseException) -> str:
        found = _SAYS.search(str(error))
        return (found[1] if found else super()._says(error)).strip().rstrip(".")


def _options(address: ServerAddress) -> dict[str, str]:
    """Options of the driver: the address, and secrets from the environment."""
    options = {
        **_ALWAYS,
        f"{_OPTION}account": address.host,
        f"{_OPTION}db": address.database,
        "username": address.user.replace("%40", "@"),
    }
    if address.schema:
        options[f"{_OPTION}schema"] = address.schema
    for pair in filter(None, address.settings.split("&")):
        name, _, value = pair.partition("=")
        if name not in _SETTINGS:
            raise BadRequest(
                f"The address of {address.shown} has the setting {name!r}.",
                f"Known: {', '.join(_SETTINGS)}.",
            )
        options[_OPTION + _SETTINGS[name]] = value
    if key := os.environ.get(KEY_FILE):
        options[f"{_OPTION}auth_type"] = "auth_jwt"
        options[f"{_OPTION}client_option.jwt_private_key"] = key
    elif password := os.environ.get(PASSWORD):
        options["password"] = password
    else:
        raise BadRequest(
            f"Nothing says who may read {address.shown}.",
            f"Set {PASSWORD}, or {KEY_FILE} to the file of a private key.",
        )
    return options
