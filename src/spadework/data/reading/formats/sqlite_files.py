"""SQLite databases as tables: only read, nothing left beside them, and rows in a write-ahead log
not lost.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from spadework import formatting
from spadework.data.reading.formats.databases import (
    QUERY,
    changed,
    is_random,
    one_statement,
    quoted,
)
from spadework.data.reading.formats.named_tables import Inside, Purpose, chosen
from spadework.data.reading.formats.streamed_tables import Streamed, table_of_stream
from spadework.data.reading.tables import Table, joined
from spadework.errors import BadData, BadRequest

BATCH = 10_000
"""Rows that are Python values at one time."""
PATIENCE = 5.0
"""Seconds to wait for a lock of another program."""
_IMMUTABLE = "?immutable=1"
_WAL_MODE = 2  # in the two bytes of the header that tell the mode of journalling
_HEADER = 100  # bytes
_ASKED = 400  # columns that one statement asks about
# what tables of extensions (fts3 to fts5, rtree, geopoly) keep in tables of their own
_PARTS = (
    *("content", "segments", "segdir", "stat", "docsize"),
    *("data", "idx", "config"),
    *("node", "rowid", "parent"),
)
_AGAIN = "Copy or write the file again."
_COPY = "; or copy it and read the copy: sqlite3 {} '.backup copy.db'"
_LOCKED = "Close the program that writes to it, or give a copy of the file."


def open_sqlite(path: Path, named: str | None, query: str | None, purpose: Purpose) -> Table:
    """A table or view of an SQLite file, several that a pattern names, or the rows of a query.
    Raises BadData where it is broken or locked, and what `named_tables.chosen` raises.
    """
    database = _Database(path)
    with database.connected() as connection:
        if query is not None:
            return _table(database, connection, _query(connection, query), [QUERY])
        names, remarks = chosen(path.name, _inside(connection), named, purpose)
        sources = [_source(connection, name) for name in names]
        tables = [_table(database, connection, source, remarks) for source in sources]
    return joined(tables)


class _Database:
    """A file, and how it is opened without a trace."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.size = path.stat().st_size
        self._file = path.resolve()
        self._wal = self._file.with_name(f"{self._file.name}-wal")
        self._copy: Path | None = None
        self._held: sqlite3.Connection | None = None
        self._seen = self._stamp()
        with self._file.open("rb") as file:
            self._header = file.read(_HEADER)
        self._check_length()

    def _check_length(self) -> None:
        """Refuse a file that is shorter than its header says: SQLite reads zeros for what is lost
        of the last page.
        """
        page, pages = self._number(16, 2), self._number(28, 4)
        size = (page if page > 1 else 65_536) * pages
        is_told = self._number(24, 4) == self._number(92, 4)  # else an old SQLite wrote it
        if is_told and self.size < size:
            raise BadData(
                f"{self.name} is cut off: its header tells of {size:,} bytes, and it has "
                f"{self.size:,}.",
                _AGAIN,
            )

    def _number(self, at: int, length: int) -> int:
        return int.from_bytes(self._header[at : at + length], "big")

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A connection that reads; its errors are sentences. All see the rows of one moment: the
        database that no program has open may not change, of another one a snapshot is held.
        """
        try:
            if self._held is None and self._is_live():
                self._hold()
            if self._held is not None:
                yield self._held
                return
            address = self._address()
            with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as opened:
                _restrict(opened)
                yield opened
        except (sqlite3.Error, UnicodeError) as error:  # the latter for names of columns
            raise _refusal(self.name, error) from None
        if self._copy is None and self._stamp() != self._seen:
            raise changed(self.name, way=_COPY.format(self.name))

    def _is_live(self) -> bool:
        """Whether a program has it open in the mode of write-ahead logging."""
        index = self._file.with_name(f"{self._file.name}-shm")
        return self._copy is None and self._wal.exists() and index.exists()

    def _hold(self) -> None:
        """Hold a snapshot until this object goes; writers are not kept from writing."""
        opened = sqlite3.connect(
            f"{self._file.as_uri()}?mode=ro",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
            check_same_thread=False,
        )
        weakref.finalize(self, opened.close)
        _restrict(opened)
        opened.execute("begin")
        opened.execute("select 1 from sqlite_master").fetchone()  # from here on it stands
        self._held = opened

    def _stamp(self) -> list[tuple[int, int]]:
        """When the database and its log were written, and their bytes; of an empty log nothing."""
        stats = [file.stat() for file in (self._file, self._wal) if file.exists()]
        return [(stat.st_mtime_ns, stat.st_size) for stat in stats if stat.st_size]

    def _address(self) -> str:
        """Read-only, in the way that leaves no file behind and loses no row.

        A database in the mode of write-ahead logging gets files beside it by being opened, even
        for reading alone; to call it immutable prevents that, but leaves out what stands in its
        log. So it is immutable where there is no log, and where there is one that no program uses,
        a copy is read.
        """
        if self._copy is not None or (self._wal.exists() and self._wal.stat().st_size):
            return self._copied().as_uri()
        has_wal_mode = _WAL_MODE in self._header[18:20]
        return self._file.as_uri() + (_IMMUTABLE if has_wal_mode else "?mode=ro")

    def _copied(self) -> Path:
        """The database with its log in a folder of its own, which goes with this object."""
        if self._copy is None:
            folder = Path(tempfile.mkdtemp(prefix="spadework-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            try:
                shutil.copyfile(self._file, folder / "copy")
                shutil.copyfile(self._wal, folder / "copy-wal")
            except OSError as error:
                raise BadRequest(
                    f"{self.name} has rows in {self._wal.name}, and there is no place for a copy "
                    f"to read them from: {error.strerror}.",
                    "Make room in the folder of temporary files (TMPDIR), or let SQLite take them "
                    f"over: sqlite3 {self.name} 'PRAGMA wal_checkpoint(TRUNCATE)'",
                ) from None
            if self._stamp() != self._seen:
                raise changed(self.name, way=_COPY.format(self.name))
            self._copy = folder / "copy"
        return self._copy


def _restrict(opened: sqlite3.Connection) -> None:
    """Let it read alone; what a foreign file defines itself must not reach outside of it."""
    opened.execute("pragma trusted_schema = off")
    opened.execute("pragma query_only = on")


def _inside(connection: sqlite3.Connection) -> list[Inside]:
    """Tables and views in the order of their names, without those that SQLite or a table of an
    extension keeps for itself.
    """
    found = connection.execute(
        "select name, sql from sqlite_master where type in ('table', 'view') "
        "and name not like 'sqlite\\_%' escape '\\' order by name"
    ).fetchall()
    own = tuple(
        f"{name}_{part}" for name, sql in found if _starts(sql, "create virtual") for part in _PARTS
    )
    return [
        Inside(name=name, columns=_columns(connection, name))
        for name, sql in found
        if name not in own
    ]


def _columns(connection: sqlite3.Connection, name: str) -> tuple[str, ...] | None:
    try:
        return tuple(_description(connection, f"select * from {quoted(name)}"))
    except sqlite3.Error:
        return None


def _description(connection: sqlite3.Connection, statement: str) -> list[str]:
    cursor = connection.execute(f"select * from ({statement}\n) limit 0")
    return [column[0] for column in cursor.description]


@dataclass(frozen=True)
class _Storage:
    """How the values of a column come: SQLite has a type for each value, not for a column."""

    dtype: pl.DataType
    mixed: bool = False

    def series(self, name: str, values: Sequence[Any]) -> pl.Series:
        """Values as a column; what is not of the column's type is written in it."""
        if self.mixed:
            values = [None if value is None else self._written(value) for value in values]
        return pl.Series(name, values, dtype=self.dtype)

    def _written(self, value: Any) -> Any:
        if self.dtype == pl.Binary:
            return value if isinstance(value, bytes) else str(value).encode()
        return float(value) if self.dtype == pl.Float64 else str(value)


def _storage(least: str | None, most: str | None) -> _Storage:
    """By the first and the last type of a column's values in the order of the alphabet: blob,
    integer, real, text.
    """
    if least is None or most is None:
        return _Storage(pl.Null())
    types: dict[str, pl.DataType] = {
        "blob": pl.Binary(),
        "integer": pl.Int64(),
        "real": pl.Float64(),
        "text": pl.String(),
    }
    return _Storage(types["blob" if least == "blob" else most], mixed=least != most)


def _table(
    database: _Database, connection: sqlite3.Connection, source: _Source, remarks: Sequence[str]
) -> Table:
    name, columns = source.name, source.columns
    rows, storages = _storages(connection, source, columns)
    notes = _mixtures(connection, source, storages)

    def frames(names: Sequence[str], limit: int | None) -> Iterator[pl.DataFrame]:
        asked = ", ".join(map(quoted, names))
        statement = source.select(asked) + ("" if limit is None else f" limit {limit}")
        with database.connected() as opened:
            cursor = opened.execute(statement)
            while batch := cursor.fetchmany(BATCH):
                try:
                    yield pl.DataFrame(
                        [
                            storages[column].series(column, list(map(itemgetter(at), batch)))
                            for at, column in enumerate(names)
                        ]
                    )
                except TypeError:  # of another type than the column was when it was looked at
                    raise changed(database.name, way=_COPY.format(database.name)) from None

    table = table_of_stream(
        Streamed(
            name=f"{database.name}/{name}",
            source_format="sqlite",
            schema={column: storages[column].dtype for column in columns},
            rows=rows,
            frames=frames,
            size=database.size,
            remarks=(*remarks, *notes),
        )
    )
    if not source.is_random:
        return table
    frame = table.fetch(columns)
    return replace(
        table,
        rows=frame.height,
        fetch=frame.select,
        head=frame.head,
        sampled=None,
        span=None,
        batches=None,
    )


@dataclass(frozen=True)
class _Source:
    """What rows are selected from, always in one order, whichever columns are asked for."""

    name: str
    columns: Sequence[str]
    computed: str = ""  # the statement of a view or a query
    is_random: bool = False  # it may give other rows each time

    def select(self, what: str) -> str:
        """The statement for some columns or counts."""
        if self.computed:  # an index may serve some of its columns, in another order
            every = f"with computed_rows as materialized ({self.computed}\n)"
            return f"{every} select {what} from computed_rows"
        return f"select {what} from {quoted(self.name)} not indexed"


def _source(connection: sqlite3.Connection, name: str) -> _Source:
    columns = _description(connection, f"select * from {quoted(name)}")
    kind = connection.execute("select type from sqlite_master where name = ?", (name,)).fetchone()
    if kind is None or kind[0] != "view":
        return _Source(name, columns)
    return _Source(name, columns, f"select * from {quoted(name)}", _has_random_view(connection))


def _query(connection: sqlite3.Connection, query: str) -> _Source:
    statement = one_statement(query)
    random = is_random(statement) or _has_random_view(connection)
    return _Source("query", _description(connection, statement), statement, random)


def _has_random_view(connection: sqlite3.Connection) -> bool:
    asked = "select 1 from sqlite_master where type = 'view' and sql like '%random%'"
    return connection.execute(asked).fetchone() is not None


def _storages(
    connection: sqlite3.Connection, source: _Source, columns: Sequence[str]
) -> tuple[int, dict[str, _Storage]]:
    """The number of rows, and how each column comes: one pass over the table."""
    rows = 0
    found: dict[str, _Storage] = {}
    for first in range(0, len(columns), _ASKED):
        part = columns[first : first + _ASKED]
        types = [f"nullif(typeof({quoted(column)}), 'null')" for column in part]
        asked = ", ".join(f"min({each}), max({each})" for each in types)
        rows, *ends = connection.execute(source.select(f"count(*), {asked}")).fetchone()
        found |= {column: _storage(*ends[2 * at : 2 * at + 2]) for at, column in enumerate(part)}
    return rows, found


def _mixtures(
    connection: sqlite3.Connection, source: _Source, storages: dict[str, _Storage]
) -> list[str]:
    """A remark for each column that holds texts and numbers."""
    remarks = []
    for column, storage in storages.items():
        if not storage.mixed or storage.dtype != pl.String:
            continue
        texts = f"sum(typeof({quoted(column)}) = 'text')"
        count, total = connection.execute(
            source.select(f"{texts}, count({quoted(column)})")
        ).fetchone()
        remarks.append(
            f"The column {column!r} holds {formatting.count(count, 'text')} and "
            f"{formatting.count(total - count, 'number')}; all are read as texts, the number 7 "
            "as '7'."
        )
    return remarks


def _starts(sql: str | None, words: str) -> bool:
    return " ".join((sql or "").lower().split()).startswith(words)


def _refusal(name: str, error: Exception) -> BadData:
    message = str(error)
    if "locked" in message:
        return BadData(f"{name} is locked: another program writes to it.", _LOCKED)
    if "readonly" in message or "unable to open" in message:
        return BadData(
            f"{name} cannot be opened for reading alone: a change that was not finished may stand "
            f"in {name}-journal or {name}-wal.",
            "Open it once with the program that wrote it, or with sqlite3, which takes it back or "
            "to its end.",
        )
    if "decode to UTF-8" in message:
        column = message.partition("column ")[2].partition(" with")[0]
        return BadData(
            f"{name} holds text that is not UTF-8 in the column {column}.",
            "Mend it, or make a view that leaves it out and name that: --table VIEW.",
        )
    if "no such" in message or "unsafe use" in message or "prohibited" in message:
        return BadData(
            f"A view of {name} cannot be read: {message}.", "Name another: --table NAME."
        )
    return BadData(f"{name} is a broken SQLite database: {message}.", _AGAIN)
