"""Delimited text that does not fit into memory: pieces of a file, each parsed as a file of its own
under the header of the first. Every row is parsed by the same code as in a file that fits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from spadework.data.reading.columns.headers import Header
from spadework.data.reading.formats import byte_sources
from spadework.data.reading.formats.databases import changed
from spadework.data.reading.formats.delimited import (
    HEADER_AGAIN,
    Text,
    again,
    prepared,
    table_of,
    text_of,
)
from spadework.data.reading.formats.encodings import decoded
from spadework.data.reading.formats.foreign_texts import refuse_foreign
from spadework.data.reading.tables import RowNumbers, Table
from spadework.errors import BadData, BadRequest
from spadework.events import track
from spadework.ragged import offsets_of

PIECE = 1 << 24
"""Bytes that are parsed at once, about; parsing takes some ten times as much memory."""
LONGEST = 1 << 28
"""Bytes within which a piece has to end, where quotes are left open."""
UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii")
"""Encodings of which a piece can be decoded alone."""


def open_in_pieces(
    path: Path,
    *,
    delimiter: str | None,
    encoding: str,
    skip_bad: bool,
    wanted: Sequence[str],
) -> Table | None:
    """The table of a file of delimited text, which is read twice: now to count and check its rows,
    and piece by piece when they are wanted. None where the text is of another kind: packed, not
    UTF-8, or lines of lists or fields between blanks.

    Raises what parsing raises, with rows counted from the piece. O(bytes) time, and memory for a
    piece.
    """
    if encoding.lower() not in UTF8:
        return None
    source = _Source(path, *_state(path))
    spans = list(source.spans())
    data = source.read(spans[0])
    if byte_sources.format_of(data[:4096], path.name) != "text":
        return None
    refuse_foreign(data, path.name)
    begun = prepared(data, path.name, delimiter=delimiter, encoding=encoding)
    if isinstance(begun, Table) or begun[0].sign == " " or b"\n" not in begun[0].data:
        return None
    table = table_of(*begun, skip_bad, wanted, False)
    header, line = _header_of(begun[0], table)
    return _Pieces(
        source=source,
        spans=spans,
        form=_Form(
            delimiter=delimiter,
            encoding=encoding,
            skip_bad=skip_bad,
            wanted=tuple(wanted),
            sign=begun[0].sign,
            header=header,
            line=line,
        ),
        schema=dict(table.schema),
    ).table()


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise BadRequest(
            f"{str(path)!r} cannot be read: {error.strerror}.", "Check the path and your rights."
        ) from None
    return found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class _Source:
    """A file that must stay as it is while it is read."""

    path: Path
    size: int
    changed_at: int

    def read(self, span: tuple[int, int]) -> bytes:
        """The bytes from the first to before the second."""
        try:
            with self.path.open("rb") as file:
                file.seek(span[0])
                data = file.read(span[1] - span[0])
        except OSError as error:
            raise BadRequest(
                f"{str(self.path)!r} cannot be read: {error.strerror}.",
                "Check the path and your rights.",
            ) from None
        if _state(self.path) != (self.size, self.changed_at):
            raise changed(self.path.name)
        return data

    def spans(self) -> Iterator[tuple[int, int]]:
        """Pieces that end with a row: behind a line break that is in no quotes."""
        begin = 0
        while begin < self.size:
            length = PIECE
            while True:
                data = self.read((begin, min(begin + length, self.size)))
                is_last = begin + len(data) >= self.size
                end = len(data) if is_last else _end_of_rows(data)
                if end or length >= LONGEST:
                    break
                length *= 2
            yield begin, begin + (end or data.rfind(b"\n") + 1 or len(data))
            begin += end or data.rfind(b"\n") + 1 or len(data)


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


def _header_of(text: Text, table: Table) -> tuple[Header, bytes | None]:
    """The header, and its line as it is written; None where there is no such line."""
    header = Header(table.columns, headerless=table.headerless)
    if table.headerless:
        return header, None
    records = text.records
    first = int(np.flatnonzero(records.lengths > 0)[0])
    return header, text.data[records.starts[first] : records.stops[first]]


@dataclass(frozen=True, kw_only=True)
class _Form:
    """How the file is written: as the user says, and as its first piece tells."""

    delimiter: str | None
    encoding: str
    skip_bad: bool
    wanted: tuple[str, ...]
    sign: str
    header: Header
    line: bytes | None  # of the header


@dataclass(frozen=True, kw_only=True)
class _Pieces:
    """The pieces of one file."""

    source: _Source
    spans: list[tuple[int, int]]
    form: _Form
    schema: dict[str, pl.DataType]
    rows: list[int] = field(default_factory=list)  # of each piece, fetched or not
    fetched: list[int] = field(default_factory=list)

    def table(self) -> Table:
        """The table of all pieces, each of which is parsed once for it."""
        name = self.source.path.name
        remarks: list[str] = []
        dropped: dict[str, list[RowNumbers]] = {}
        styles: set[str] = set()
        for at in track(range(len(self.spans)), f"counting {name}"):
            table = self._piece(at, remarks, styles)
            before = sum(self.rows)
            for reason, rows in table.dropped.items():
                dropped.setdefault(reason, []).append(rows + before)
            self.rows.append(table.rows)
            self.fetched.append(table.rows - sum(map(len, table.dropped.values())))
        if {"around", "inside"} <= styles:
            raise BadData(
                f"{name} has quotes around fields in some places, and inside of fields in others.",
                "Double quotes inside quoted text.",
            )
        every = {reason: np.concatenate(rows) for reason, rows in dropped.items()}
        headers = len(every.get(HEADER_AGAIN, ()))
        remarks = [one for one in remarks if not one.startswith("The header is written again")]
        numbers = None
        if every:
            fine = np.ones(sum(self.rows), np.bool_)
            for rows in every.values():
                fine[rows - 1] = False
            numbers = np.flatnonzero(fine) + 1
        return Table(
            name=name,
            source_format="csv",
            schema=self.schema,
            rows=sum(self.rows),
            fetch=lambda columns: pl.concat([self._empty(columns), *self._frames(columns)]),
            head=self._head,
            text=True,
            headerless=self.form.header.headerless,
            remarks=(*dict.fromkeys(remarks), *([again(headers)] if headers else [])),
            dropped=every,
            numbers=numbers,
            size=self.source.size,
            span=self._span,
            batches=lambda columns, _: self._frames(columns),
        )

    def _piece(self, at: int, remarks: list[str], styles: set[str]) -> Table:
        """A piece parsed; what is remarked and how it is quoted is added to what is known."""
        name, form = self.source.path.name, self.form
        data = self.source.read(self.spans[at])
        if at == 0:
            begun = prepared(data, name, delimiter=form.delimiter, encoding=form.encoding)
            assert not isinstance(begun, Table)
            styles.add(_style(begun[0]))
            table = table_of(*begun, form.skip_bad, form.wanted, False)
            remarks += table.remarks
            return table
        try:
            data, notes = decoded(data, name, form.encoding, header=False)
            if not data.strip(b"\r\n"):
                return Table(
                    name=name,
                    source_format="csv",
                    schema=self.schema,
                    rows=0,
                    fetch=self._empty,
                    head=lambda _: self._empty(list(self.schema)),
                )
            text = text_of(data, name, form.sign, notes, form.line)
            styles.add(_style(text))
            table = table_of(text, notes, form.skip_bad, (), True, form.header)
        except BadData as error:
            since = f"Rows are counted from row {sum(self.rows[:at]) + 1:,} on."
            raise type(error)(f"{error.message} {since}", error.hint) from None
        remarks += [one for one in table.remarks if one not in remarks]
        return table

    def _empty(self, columns: Sequence[str]) -> pl.DataFrame:
        return pl.DataFrame(schema={column: self.schema[column] for column in columns})

    def _frames(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        for at, rows in enumerate(self.fetched):
            if rows:
                yield self._piece(at, [], set()).fetch(columns)

    def _head(self, rows: int) -> pl.DataFrame:
        found, columns = [self._empty(list(self.schema))], list(self.schema)
        for frame in self._frames(columns):
            found.append(frame.head(rows - sum(each.height for each in found)))
            if sum(each.height for each in found) >= rows:
                break
        return pl.concat(found)

    def _span(self, columns: Sequence[str], first: int, rows: int) -> pl.DataFrame:
        starts = offsets_of(self.fetched)
        found = [self._empty(columns)]
        at = int(np.searchsorted(starts, first, side="right")) - 1
        while at < len(self.fetched) and rows > 0:
            begin = max(first - int(starts[at]), 0)
            frame = self._piece(at, [], set()).fetch(columns).slice(begin, rows)
            found.append(frame)
            rows -= frame.height
            at += 1
        return pl.concat(found)


def _style(text: Text) -> str:
    """Whether quotes are around fields, inside of them as ordinary characters, or neither."""
    if not text.quotes:
        return "inside" if b'"' in text.data and len(text.sign) == 1 else "none"
    return "around" if text.records.quote_opens_field else "none"


def is_large(paths: Sequence[str | Path], most: int) -> bool:
    """Whether the files among these have together more bytes than `most`."""
    return sum(os.path.getsize(each) for each in paths if os.path.isfile(each)) > most
