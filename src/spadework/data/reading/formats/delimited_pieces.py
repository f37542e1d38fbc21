"""Delimited text that does not fit into memory: pieces under the header of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spadework.data.reading.columns.headers import Header
from spadework.data.reading.formats.delimited import (
    HEADER_AGAIN,
    Text,
    again,
    prepared,
    table_of,
    text_of,
)
from spadework.data.reading.formats.encodings import decoded, is_utf8
from spadework.data.reading.formats.foreign_texts import refuse_foreign
from spadework.data.reading.formats.text_pieces import Pieces, TextFile
from spadework.data.reading.tables import Table
from spadework.errors import BadData


def delimited_in_pieces(
    path: Path, *, delimiter: str | None, encoding: str, skip_bad: bool, wanted: Sequence[str]
) -> Table | None:
    """The table of a file that is read twice: now to count and to check its rows, and piece by
    piece when they are wanted. None where pieces cannot be told: text that is not UTF-8, or of
    lists, or of fields between blanks.

    Raises what parsing raises, with rows counted from the piece.
    """
    if not is_utf8(encoding):
        return None
    file = TextFile.of(path)
    spans = file.spans(quotes=True)
    data = file.read(spans[0])
    if b"\n" not in data:  # lines end with a carriage return alone
        return None
    refuse_foreign(data, path.name)
    begun = prepared(data, path.name, delimiter=delimiter, encoding=encoding)
    if isinstance(begun, Table) or begun[0].sign == " ":
        return None
    parsing = _Parsing(
        name=path.name,
        delimiter=delimiter,
        encoding=encoding,
        skip_bad=skip_bad,
        wanted=tuple(wanted),
        sign=begun[0].sign,
    )
    table = Pieces(file=file, spans=spans, parse=parsing.table).table()
    if {_AROUND, _INSIDE} <= parsing.quotes:
        raise BadData(
            f"{path.name} has quotes around fields in some places, and inside of fields in others.",
            "Double quotes inside quoted text.",
        )
    headers = len(table.dropped.get(HEADER_AGAIN, ()))
    others = [remark for remark in table.remarks if remark not in parsing.of_headers]
    return replace(table, remarks=(*others, *([again(headers)] if headers else [])))


_AROUND, _INSIDE = "around", "inside"


@dataclass(kw_only=True)
class _Parsing:
    """How a file is written: as the user says, and as its first piece tells."""

    name: str
    delimiter: str | None
    encoding: str
    skip_bad: bool
    wanted: tuple[str, ...]
    sign: str
    header: Header = field(default_factory=lambda: Header([], headerless=True))
    line: bytes | None = None  # of the header, as it is written
    quotes: set[str] = field(default_factory=set)  # where they were seen
    of_headers: set[str] = field(default_factory=set)  # remarks about one piece alone

    def table(self, at: int, data: bytes) -> Table | None:
        """The table of a piece, of which the first tells the header of all."""
        if at == 0:
            begun = prepared(data, self.name, delimiter=self.delimiter, encoding=self.encoding)
            assert not isinstance(begun, Table)
            self._look_at_quotes(begun[0])
            table = table_of(*begun, self.skip_bad, self.wanted, False)
            self._know_header(begun[0], table)
            return table
        data, notes = decoded(data, self.name, self.encoding, header=False)
        if not data.strip(b"\r\n"):
            return None
        text = text_of(data, self.name, self.sign, notes, self.line)
        self._look_at_quotes(text)
        return table_of(text, notes, self.skip_bad, (), True, self.header)

    def _know_header(self, text: Text, table: Table) -> None:
        self.header = Header(table.columns, headerless=table.headerless)
        self.of_headers = {again(len(table.dropped.get(HEADER_AGAIN, ())))}
        if not table.headerless:
            records = text.records
            first = int(np.flatnonzero(records.lengths > 0)[0])
            self.line = text.data[records.starts[first] : records.stops[first]]

    def _look_at_quotes(self, text: Text) -> None:
        """Quotes are around fields, or ordinary characters inside of them: the same throughout."""
        if text.quotes and text.records.quote_opens_field:
            self.quotes.add(_AROUND)
        elif not text.quotes and len(text.sign) == 1:
            self.quotes.add(_INSIDE)
