"""PostgreSQL through ADBC: one read-only transaction, rows by COPY as Arrow batches. Needs
adbc-driver-postgresql and arro3-core.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from spadework.data.reading.formats.adbc_rows import AdbcRows
from spadework.data.reading.formats.databases import is_random, one_statement, quoted
from spadework.data.reading.formats.server_addresses import ServerAddress
from spadework.data.reading.formats.snapshots import Relation
from spadework.data.reading.library_errors import first_line
from spadework.errors import MissingExtra

PATIENCE = 10
"""Seconds in which the server must answer a connection."""
_BEGIN = (
    "set transaction isolation level repeatable read, read only",
    "set local client_encoding to 'UTF8'",
    # rows of a table come in the order of its pages, those of a query in one order, too
    "set local synchronize_seqscans = off",
    "set local max_parallel_workers_per_gather = 0",
    "set local statement_timeout = 0",
    "set local idle_in_transaction_session_timeout = 0",
)
_SCANS = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
_RELATIONS = """
select n.nspname, c.relname, c.relkind in ('r', 'p', 'm') as is_kept,
    c.relkind = 'v' and pg_catalog.pg_get_viewdef(c.oid) ~* 'random|uuid|tablesample' as is_random,
    n.nspname = any (pg_catalog.current_schemas(false)) as near,
    array(
        select a.attname::text from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum
    ) as columns
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
    and pg_catalog.has_any_column_privilege(c.oid, 'select')
order by near desc, n.nspname, c.relname
"""
# PostgreSQL's types that a frame holds as they are; all others are read as the texts it writes
_AS_THEY_ARE = re.compile(r"_?(bool|int2|int4|int8|float4|float8|text|varchar|bpchar|name)|bytea")
_DATES = ("date", "timestamp", "timestamptz")
_SAYS = re.compile(r"(?:ERROR|FATAL|PANIC):\s*(.*)")
_KIND = b"POSTGRESQL:type"


class PostgresSnapshot(AdbcRows):
    """A transaction that ends with this object."""

    def __init__(self, address: ServerAddress) -> None:
        super().__init__(address.shown, "adbc-driver-postgresql", "databases")
        try:
            import adbc_driver_postgresql
        except ImportError:
            raise MissingExtra(
                f"What reads {address.shown} (adbc-driver-postgresql)", "databases"
            ) from None
        with self._told():
            database = adbc_driver_postgresql.connect(_conninfo(address))
            weakref.finalize(self, database.close)
            self._connection = self._driver.AdbcConnection(database)
            weakref.finalize(self, self._connection.close)
            self._connection.set_autocommit(False)
            for statement in _BEGIN:
                self._execute(statement)

    def relations(self) -> list[Relation]:
        return [
            Relation(
                name=name if near else f"{schema}.{name}",
                source=f"{quoted(schema)}.{quoted(name)}",
                computed=not is_kept,
                kept=not is_random,
                columns=tuple(columns),
            )
            for batch in self._batches(_RELATIONS)
            for schema, name, is_kept, is_random, near, columns in batch.rows()
        ]

    def query(self, text: str) -> Relation:
        statement = one_statement(text)
        return Relation(
            name="query",
            source=f"({statement}\n) as q",
            computed=True,
            kept=not is_random(statement),
        )

    def columns(self, relation: Relation) -> Mapping[str, str]:
        with self._stream(f"select * from {relation.source} limit 0") as reader:
            return {
                str(field.name): _asked(
                    str(field.name), bytes((field.metadata or {}).get(_KIND, b"")).decode()
                )
                for field in reader.schema
            }

    def count(self, relation: Relation) -> int:
        batches = list(self._batches(f"select count(*) from {relation.source}"))
        return int(pl.concat(batches).item())

    def frames(
        self, relation: Relation, asked: Sequence[str], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        scans = ", ".join(
            f"set_config('{name}', '{'on' if relation.computed else 'off'}', true)"
            for name in _SCANS
        )
        before, source = "", relation.source
        if relation.computed:  # all columns are computed, so the way to them is always the same
            before = f"with rows_of_query as materialized (select * from {relation.source}) "
            source = "rows_of_query"
        end = "" if limit is None else f" limit {limit}"
        with self._told():
            self._execute(f"select {scans}")
        yield from self._batches(f"{before}select {', '.join(asked)} from {source}{end}")

    def _says(self, error: BaseException) -> str:
        found = _SAYS.search(str(error))
        text = found[1] if found else first_line(error).rpartition("[libpq] ")[2]
        return text.strip().rstrip(".")


def _conninfo(address: ServerAddress) -> str:
    settings = [address.settings] if address.settings else []
    settings += [
        f"{name}={value}"
        for name, value in (("connect_timeout", PATIENCE), ("application_name", "spadework"))
        if f"{name}=" not in address.settings
    ]
    user = f"{address.user}@" if address.user else ""
    return f"postgresql://{user}{address.host}/{address.database}?{'&'.join(settings)}"


def _asked(column: str, kind: str) -> str:
    """A column as it is selected."""
    name = quoted(column)
    if kind in _DATES:  # 'infinity' is no date of a calendar
        return f"case when isfinite({name}) then {name} end as {name}"
    return name if _AS_THEY_ARE.fullmatch(kind) else f"{name}::text as {name}"
