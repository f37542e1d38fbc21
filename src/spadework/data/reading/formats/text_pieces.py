"""A text file that does not fit into memory: pieces that end with a row, each parsed as a file of
its own, so that every row is parsed by the code that parses files that fit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from spadework.data.reading.formats.databases import changed
from spadework.data.reading.tables import RowNumbers, Table
from spadework.errors import BadData, BadRequest
from spadework.events import track
from spadework.ragged import offsets_of

PIECE = 1 << 24
"""Bytes that are parsed at once, about; parsing takes some ten times as much memory."""
LONGEST = 1 << 28
"""Bytes within which a piece has to end, where quotes are left open."""


def is_large(paths: Sequence[str | Path], most: int) -> bool:
    """Whether the files among these have together more bytes than `most`."""
    return sum(os.path.getsize(each) for each in paths if os.path.isfile(each)) > most


class MixedTypes(BadData):
    """A column has other types in other pieces, so only the whole file says what it holds."""


@dataclass(frozen=True)
class TextFile:
    """A file that must stay as it is while it is read."""

    path: Path
    size: int
    changed_at: int

    @classmethod
    def of(cls, path: Path) -> TextFile:
        """The file as it is now."""
        return cls(path, *_state(path))

    def read(self, span: tuple[int, int]) -> bytes:
        """The bytes from the first to before the second. Raises BadData where it was changed."""
        try:
            with self.path.open("rb") as file:
                file.seek(span[0])
                data = file.read(span[1] - span[0])
        except OSError as error:
            raise _unreadable(self.path, error) from None
        if _state(self.path) != (self.size, self.changed_at):
            raise changed(self.path.name)
        return data

    def spans(self, *, quotes: bool) -> list[tuple[int, int]]:
        """First byte and end of each piece, which is behind a line break; with `quotes`, one that
        is in no quotes. O(bytes).
        """
        found: list[tuple[int, int]] = []
        begin = 0
        while begin < self.size:
            end, length = 0, PIECE
            while not end:
                data = self.read((begin, min(begin + length, self.size)))
                if begin + len(data) >= self.size:
                    end = len(data)
                elif quotes:
                    end = _end_of_rows(data)
                else:
                    end = data.rfind(b"\n") + 1
                if not end and length >= LONGEST:
                    end = data.rfind(b"\n") + 1 or len(data)
                length *= 2
            found.append((begin, begin + end))
            begin += end
        return found


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return found.st_size, found.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> BadRequest:
    return BadRequest(
        f"{str(path)!r} cannot be read: {error.strerror}.", "Check the path and your rights."
    )


def _end_of_rows(data: bytes) -> int:
    """Where the last whole row ends; 0 where no row does."""
    at, quotes = len(data), data.count(b'"')
    while at > 0:
        end = data.rfind(b"\n", 0, at) + 1
        quotes -= data.count(b'"', end, at)
        if quotes % 2 == 0:
            return end
        at = end - 1
    return 0


Parse = Callable[[int, bytes], Table | None]
"""The table of a piece, by its number and its bytes; None where it has no row."""


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The pieces of one file, and how they are parsed."""

    file: TextFile
    spans: Sequence[tuple[int, int]]
    parse: Parse
    rows: list[int] = field(default_factory=list)  # of each piece, fetched or not
    fetched: list[int] = field(default_factory=list)
    schema: dict[str, pl.DataType] = field(default_factory=dict)

    def table(self) -> Table:
        """The table of all pieces. Each is parsed once for it, to count and to check its rows, and
        again when it is wanted. O(bytes) time, and memory for a piece.
        """
        first: Table | None = None
        remarks: list[str] = []
        dropped: dict[str, list[RowNumbers]] = {}
        for at in track(range(len(self.spans)), f"counting {self.file.path.name}"):
            table = self._piece(at)
            before = sum(self.rows)
            self.rows.append(0 if table is None else table.rows)
            lost = 0
            if table is not None:
                first = first or replace(table, fetch=_nothing, head=_nothing)  # without its bytes
                remarks += table.remarks
                self._know(table)
                for reason, rows in table.dropped.items():
                    dropped.setdefault(reason, []).append(rows + before)
                    lost += len(rows)
            self.fetched.append(self.rows[-1] - lost)
        assert first is not None, "a file with rows has a piece with rows"
        every = {reason: np.concatenate(rows) for reason, rows in dropped.items()}
        return replace(
            first,
            schema=self.schema,
            rows=sum(self.rows),
            fetch=lambda columns: pl.concat([self._empty(columns), *self._frames(columns)]),
            head=self._head,
            remarks=tuple(dict.fromkeys(remarks)),
            dropped=every,
            numbers=_others(sum(self.rows), every) if every else None,
            size=self.file.size,
            span=self._span,
            batches=lambda columns, _: self._frames(columns),
        )

    def _piece(self, at: int) -> Table | None:
        try:
            return self.parse(at, self.file.read(self.spans[at]))
        except BadData as error:
            before = sum(self.rows[:at])
            since = f" Rows are counted from row {before + 1:,} on." if before else ""
            raise type(error)(f"{error.message}{since}", error.hint) from None

    def _know(self, table: Table) -> None:
        """Columns of further pieces; those of earlier ones have to be of one type."""
        for column, dtype in table.schema.items():
            if self.schema.setdefault(column, dtype) != dtype:
                raise MixedTypes(
                    f"{table.name} does not fit into memory, and the column {column!r} is "
                    f"{self.schema[column]} in some rows and {dtype} in others.",
                    "Turn it into parquet, in which a column has one type.",
                )

    def _empty(self, columns: Sequence[str]) -> pl.DataFrame:
        return pl.DataFrame(schema={column: self.schema[column] for column in columns})

    def _frame(self, at: int, columns: Sequence[str]) -> pl.DataFrame:
        """A piece's rows; columns that it does not have are empty."""
        table = self._piece(at)
        if table is None or not self.fetched[at]:
            return self._empty(columns)
        present = [column for column in columns if column in table.schema]
        frame = table.fetch(present or table.columns[:1])
        return frame.select(
            pl.col(column) if column in present else pl.lit(None, self.schema[column]).alias(column)
            for column in columns
        )

    def _frames(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        for at, rows in enumerate(self.fetched):
            if rows:
                yield self._frame(at, columns)

    def _head(self, rows: int) -> pl.DataFrame:
        return self._span(list(self.schema), 0, rows)

    def _span(self, columns: Sequence[str], first: int, rows: int) -> pl.DataFrame:
        starts = offsets_of(self.fetched)
        found, at = [self._empty(columns)], int(np.searchsorted(starts, first, side="right")) - 1
        while at < len(self.fetched) and rows > 0:
            begin = max(first - int(starts[at]), 0)
            found.append(self._frame(at, columns).slice(begin, rows))
            rows -= found[-1].height
            at += 1
        return pl.concat(found)


def _others(rows: int, dropped: dict[str, RowNumbers]) -> RowNumbers:
    """Numbers of the rows that are in none of these, from 1."""
    fine = np.ones(rows, np.bool_)
    for lost in dropped.values():
        fine[lost - 1] = False
    return np.flatnonzero(fine) + 1


def _nothing(_: object) -> pl.DataFrame:
    raise AssertionError("this table stands for its columns alone")
