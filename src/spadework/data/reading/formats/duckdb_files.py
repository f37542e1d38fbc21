"""DuckDB databases as tables: only read, and nothing outside of the file is reached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from spadework.data.reading.formats.arrow_streams import frame_of
from spadework.data.reading.formats.databases import QUERY, changed, one_statement, quoted
from spadework.data.reading.formats.named_tables import Inside, Purpose, chosen
from spadework.data.reading.formats.reading_memory import check_rows_size
from spadework.data.reading.library_errors import LIBRARY_ERRORS, first_line
from spadework.data.reading.tables import RowNumbers, Table, joined
from spadework.errors import BadData, MissingExtra

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CLOSED: Mapping[str, Any] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
    "lock_configuration": "true",
}
"""No other file, no network, no extension that is fetched or loaded, no files beside it."""
# types that no frame holds, or not as they are: they are read as the texts that DuckDB writes
_AS_TEXT = re.compile(
    r"\b(INTERVAL|BIT|UNION|MAP|JSON|VARIANT|GEOMETRY|BIGNUM|VARINT|TIME WITH TIME ZONE)\b"
)
_DATES = re.compile(r"(DATE|TIMESTAMP\w*)( WITH TIME ZONE)?")
_ROW = "row number"
_EXPORT = "Export it there: COPY my_table TO 'log.parquet'"


def open_duckdb(path: Path, named: str | None, query: str | None, purpose: Purpose) -> Table:
    """A table or view of a DuckDB file, several that a pattern names, or the rows of a query.
    Raises MissingExtra where the package is not installed, BadData where the file is broken, newer
    or open elsewhere.
    """
    with _connected(path) as connection:
        if query is not None:
            relation = _query(connection, query)
            return _table(path, connection, relation, [QUERY])
        relations = {each.name: each for each in _relations(connection)}
        inside = [Inside(name=name, columns=tuple(of.types)) for name, of in relations.items()]
        names, remarks = chosen(path.name, inside, named, purpose)
        tables = [_table(path, connection, relations[name], remarks) for name in names]
    return joined(tables)


@contextmanager
def _connected(path: Path) -> Iterator[DuckDBPyConnection]:
    """A connection that reads; its errors are sentences."""
    try:
        import duckdb
    except ImportError:
        raise MissingExtra(f"DuckDB, with which {path.name} is read,", "sql") from None
    errors: tuple[type[BaseException], ...] = (duckdb.Error, *LIBRARY_ERRORS)
    try:
        # as a whole path: a name such as md:shop would be an address
        with closing(
            duckdb.connect(str(path.absolute()), read_only=True, config=dict(_CLOSED))
        ) as opened:
            yield opened
    except errors as error:
        raise _refusal(path.name, error) from None


@dataclass(frozen=True)
class _Relation:
    """A table or a view."""

    schema: str
    table: str
    is_computed: bool  # a view or a query
    types: dict[str, str]  # column → type
    query: str = ""

    @property
    def name(self) -> str:
        """As users name it."""
        return self.table if self.schema == "main" else f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """As a statement names it."""
        if self.query:
            return f"({self.query}\n)"
        return f"{quoted(self.schema)}.{quoted(self.table)}"


def _relations(connection: DuckDBPyConnection) -> list[_Relation]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    views = set(
        connection.execute(
            "select schema_name, view_name from duckdb_views() "
            "where not internal and database_name = current_database()"
        ).fetchall()
    )
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where not internal and database_name = current_database() "
        "order by schema_name <> 'main', schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault((schema, table), {})[column] = kind
    return [_Relation(*name, name in views, types) for name, types in found.items()]


def _query(connection: DuckDBPyConnection, query: str) -> _Relation:
    statement = one_statement(query)
    described = connection.execute(f"describe select * from ({statement}\n)").fetchall()
    return _Relation("main", "query", True, {row[0]: row[1] for row in described}, statement)


def _table(
    path: Path, connection: DuckDBPyConnection, relation: _Relation, remarks: Sequence[str]
) -> Table:
    types, source = relation.types, relation.quoted

    def query(
        opened: DuckDBPyConnection, columns: Sequence[str], beside: str = "", then: str = ""
    ) -> pl.DataFrame:
        asked = ", ".join(_asked(column, types[column]) for column in columns)
        return frame_of(opened.sql(f"select {asked}{beside} from {source} {then}"))

    name = f"{path.name}/{relation.name}"
    stamp = _stamp(path)
    schema = dict(query(connection, list(types), then="limit 0").schema)
    rows = int(connection.execute(f"select count(*) from {source}").fetchall()[0][0])
    if relation.is_computed:  # two statements may give its rows in two orders
        check_rows_size(rows, schema, name)
        frame = query(connection, list(types))
        return replace(_table_of_view(frame, name, remarks), size=path.stat().st_size)

    def fetch(columns: Sequence[str]) -> pl.DataFrame:
        with _connected(path) as opened:
            frame = query(opened, columns)
        if frame.height != rows or _stamp(path) != stamp:
            raise changed(path.name)
        return frame

    def head(count: int) -> pl.DataFrame:
        with _connected(path) as opened:
            return query(opened, list(types), then=f"limit {count}")

    def sampled(columns: Sequence[str], user: str, every: int) -> tuple[pl.DataFrame, RowNumbers]:
        numbered = f', row_number() over () as "{_ROW}"'
        with _connected(path) as opened:
            # hash() is DuckDB's own: a user is in the sample with all rows, or with none
            frame = query(opened, columns, numbered, f"qualify hash({quoted(user)}) % {every} = 0")
        return frame.drop(_ROW), frame[_ROW].cast(pl.Int64).to_numpy()

    return Table(
        name=name,
        source_format="duckdb",
        schema=schema,
        rows=rows,
        fetch=fetch,
        head=head,
        size=path.stat().st_size,
        sampled=sampled,
        remarks=tuple(remarks),
    )


def _table_of_view(frame: pl.DataFrame, name: str, remarks: Sequence[str]) -> Table:
    return Table(
        name=name,
        source_format="duckdb",
        schema=dict(frame.schema),
        rows=frame.height,
        fetch=frame.select,
        head=frame.head,
        remarks=tuple(remarks),
    )


def _stamp(path: Path) -> list[tuple[int, int]]:
    """When the database and its log were written, and their bytes."""
    stats = [file.stat() for file in (path, path.with_name(f"{path.name}.wal")) if file.exists()]
    return [(stat.st_mtime_ns, stat.st_size) for stat in stats]


def _asked(column: str, kind: str) -> str:
    """A column as it is selected."""
    name = quoted(column)
    if _AS_TEXT.search(kind):
        return f"{name}::varchar as {name}"
    if _DATES.fullmatch(kind):  # 'infinity' is no date of a calendar
        return f"case when isfinite({name}) then {name} end as {name}"
    return name


def _refusal(name: str, error: BaseException) -> BadData:
    message = first_line(error)
    if "lock" in message and "Conflicting" in message:
        return BadData(
            f"{name} is locked: another program has it open for writing.",
            "Close that program, or give a copy of the file.",
        )
    if "different configuration" in message:
        return BadData(
            f"{name} is open in this Python already.",
            "Close that connection, or give its result as the source: connection.sql('FROM "
            "my_table').",
        )
    if "version number" in message:
        return BadData(
            f"{name} was written by another version of DuckDB than the one installed: {message}.",
            f"Install a newer one: pip install --upgrade duckdb. {_EXPORT}",
        )
    if "disabled by configuration" in message:
        return BadData(
            f"A view of {name} reads what is outside of the file, which is not done: {message}.",
            f"Name another table: --table NAME. {_EXPORT}",
        )
    return BadData(f"{name} cannot be read as a DuckDB database: {message}.", _EXPORT)
