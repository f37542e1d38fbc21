"""MySQL and MariaDB through PyMySQL: one consistent, read-only snapshot, and rows as they come."""

from __future__ import annotations

import getpass
import os
import re
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from spadework.data.reading.formats.databases import one_statement
from spadework.data.reading.formats.server_addresses import ServerAddress
from spadework.data.reading.formats.snapshots import Lost, Relation, Snapshot
from spadework.data.reading.library_errors import LIBRARY_ERRORS
from spadework.errors import BadRequest, MissingExtra

PATIENCE = 10
"""Seconds in which the server must answer a connection."""
BATCH = 20_000
"""Rows that are Python values at one time."""
_BEGIN = (
    "set session transaction isolation level repeatable read",
    "set session time_zone = '+00:00'",  # of columns of type timestamp
    "set session net_write_timeout = 600",
    "start transaction with consistent snapshot, read only",
)
_RELATIONS = """
select c.table_name, c.column_name, t.table_type
from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = database() order by c.table_name, c.ordinal_position
"""
_BINARY = 63  # the number of the character set of bytes


class MysqlSnapshot(Snapshot):
    """A transaction that ends with this object."""

    def __init__(self, address: ServerAddress) -> None:
        try:
            import pymysql
            from pymysql.constants import FIELD_TYPE, FLAG
        except ImportError:
            raise MissingExtra(f"What reads {address.shown} (PyMySQL)", "databases") from None
        self._library, self._unsigned = pymysql, FLAG.UNSIGNED
        self._types = _types(FIELD_TYPE)
        self._bytes = _texts(FIELD_TYPE)  # or texts, which the character set tells
        with self._told():
            self._connection = pymysql.connect(
                **_options(address), cursorclass=pymysql.cursors.SSCursor
            )
        weakref.finalize(self, _close, self._connection)
        for statement in _BEGIN:
            self._rows(statement)

    def relations(self) -> list[Relation]:
        found: dict[str, list[str]] = {}
        tables = set()
        for table, column, kind in self._rows(_RELATIONS):
            found.setdefault(table, []).append(column)
            tables |= {table} if kind == "BASE TABLE" else set()
        return [
            Relation(
                name=name,
                # without an index rows come in the order of the table, whichever columns are asked
                source=_quoted(name) + (" use index ()" if name in tables else ""),
                computed=name not in tables,
                kept=name in tables,
                columns=tuple(columns),
            )
            for name, columns in found.items()
        ]

    def query(self, text: str) -> Relation:
        # it may give its rows in another order each time
        return Relation(
            name="query", source=f"({one_statement(text)}\n) as q", computed=True, kept=False
        )

    def columns(self, relation: Relation) -> Mapping[str, str]:
        names = self._types
        with self._cursor(f"select * from {relation.source} limit 0") as cursor:
            return {
                field[0]: f"cast({_quoted(field[0])} as char) as {_quoted(field[0])}"
                if field[1] not in names
                else _quoted(field[0])
                for field in cursor.description
            }

    def count(self, relation: Relation) -> int:
        return int(self._rows(f"select count(*) from {relation.source}")[0][0])

    def frames(
        self, relation: Relation, asked: Sequence[str], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        end = "" if limit is None else f" limit {limit}"
        with self._cursor(f"select {', '.join(asked)} from {relation.source}{end}") as cursor:
            # the field tells texts from bytes, and numbers with a sign from those without
            fields = cursor._result.fields
            schema = {field.name: self._type(field) for field in fields}
            yield pl.DataFrame(schema=schema)
            while batch := cursor.fetchmany(BATCH):
                yield self._frame(batch, schema)

    def _frame(
        self, batch: Sequence[tuple[Any, ...]], schema: Mapping[str, pl.DataType]
    ) -> pl.DataFrame:
        return pl.DataFrame(
            [
                pl.Series(name, _values(list(map(itemgetter(at), batch)), dtype), dtype=dtype)
                for at, (name, dtype) in enumerate(schema.items())
            ]
        )

    def _type(self, field: Any) -> pl.DataType:
        dtype = self._types.get(field.type_code, pl.String())
        if dtype == pl.Int64 and field.flags & self._unsigned:
            return pl.UInt64()
        is_bytes = field.type_code in self._bytes and field.charsetnr == _BINARY
        return pl.Binary() if is_bytes else dtype

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._cursor(statement) as cursor:
            return list(cursor.fetchall())

    @contextmanager
    def _cursor(self, statement: str) -> Iterator[Any]:
        with self._told(), closing(self._connection.cursor()) as cursor:
            try:
                cursor.execute(statement)
                yield cursor
            except self._library.err.Error:
                # PyMySQL would ask a connection that is gone for the other rows
                if not self._connection.open and cursor._result is not None:
                    cursor._result.unbuffered_active = False
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        errors: tuple[type[BaseException], ...] = (
            self._library.err.Error,
            *LIBRARY_ERRORS,
            RuntimeError,  # a way of signing in that needs another package
        )
        try:
            yield
        except errors as error:
            raise Lost(_says(error)) from None


def _options(address: ServerAddress) -> dict[str, Any]:
    options: dict[str, Any] = {
        "host": address.name or "127.0.0.1",
        "port": int(address.port or 3306),
        "user": address.user or getpass.getuser(),
        "database": address.database or None,
        "charset": "utf8mb4",
        "connect_timeout": PATIENCE,
        "read_timeout": 600,
    }
    file = Path.home() / ".my.cnf"
    if "MYSQL_PWD" in os.environ:
        options["password"] = os.environ["MYSQL_PWD"]
    elif file.is_file():
        options["read_default_file"] = str(file)
    for setting in filter(None, address.settings.split("&")):
        name, _, value = setting.partition("=")
        if name != "ssl_ca":
            raise BadRequest(
                f"The address {address.shown} has a setting {name!r}, which is not known.",
                "Known: ssl_ca, the file of the certificates that the server's is signed by.",
            )
        options[name] = value
    return options


def _types(codes: Any) -> dict[int, pl.DataType]:
    """The types that come as they are; columns of all others are read as texts."""
    whole = (codes.TINY, codes.SHORT, codes.INT24, codes.LONG, codes.LONGLONG, codes.YEAR)
    texts = (*_texts(codes), codes.DECIMAL, codes.NEWDECIMAL)
    return {
        **dict.fromkeys(whole, pl.Int64()),
        **dict.fromkeys((codes.FLOAT, codes.DOUBLE), pl.Float64()),
        **dict.fromkeys(texts, pl.String()),
        **dict.fromkeys((codes.DATE, codes.NEWDATE), pl.Date()),
        **dict.fromkeys((codes.DATETIME, codes.TIMESTAMP), pl.Datetime("us")),
        codes.NULL: pl.Null(),
    }


def _texts(codes: Any) -> tuple[int, ...]:
    return (
        *(codes.VARCHAR, codes.VAR_STRING, codes.STRING),
        *(codes.TINY_BLOB, codes.BLOB, codes.MEDIUM_BLOB, codes.LONG_BLOB),
    )


def _values(values: list[Any], dtype: pl.DataType) -> list[Any]:
    if dtype.is_temporal():  # 0000-00-00 comes as a text, and is no date of a calendar
        return [None if isinstance(value, str) else value for value in values]
    if dtype == pl.String:
        return [
            value if value is None or isinstance(value, str) else str(value) for value in values
        ]
    return values


def _quoted(name: str) -> str:
    doubled = name.replace("`", "``")
    return f"`{doubled}`"


def _close(connection: Any) -> None:
    """Close it without a word to the server, which may still be sending rows."""
    connection._force_close()


def _says(error: BaseException) -> str:
    text = str(error.args[1] if len(error.args) > 1 else error).strip()
    return re.sub(r"\s+", " ", text).rstrip(".") or type(error).__name__
