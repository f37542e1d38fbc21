"""Delimited text (csv, tsv, `::` …) to a table of text. All bytes are checked before parsing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.columns.headers import LOOKED_AT, Header, header_of
from spadework.data.reading.formats.delimiters import (
    NAMES,
    SUBSTITUTE,
    check_delimiter,
    find_delimiter,
)
from spadework.data.reading.formats.encodings import decoded
from spadework.data.reading.formats.line_lists import (
    blank_layout,
    parse_line_lists,
    with_single_blanks,
)
from spadework.data.reading.formats.preambles import without_preamble
from spadework.data.reading.formats.records import Records, scan
from spadework.data.reading.formats.repeated_headers import headers
from spadework.data.reading.tables import Table
from spadework.errors import BadData, Undecided

_BLANK = " "
# from this share of rows of another length on, and this number of rows, lines may be lists
_RAGGED, _SEVERAL = 0.4, 5
HEADER_AGAIN = "header written again"
_SHORT = 1 << 12  # bytes of a row that is looked at to tell whether the first one is a header
_PLAIN_QUOTES = "Quotes are inside fields and are read as ordinary characters."


@dataclass(frozen=True, eq=False)
class Text:
    """The bytes of a file with what was found in them."""

    name: str
    data: bytes
    delimiter: str  # one character
    sign: str  # the delimiter as it is written
    records: Records
    quotes: bool

    @property
    def bytes(self) -> Array:
        """The bytes as numbers."""
        return np.frombuffer(self.data, np.uint8)

    def fields_of(self, record: int) -> list[str]:
        """The fields of one record."""
        line = self.data[self.records.starts[record] : self.records.stops[record]].decode()
        if len(line) > csv.field_size_limit():
            raise BadData(
                f"The first row of {self.name} is {formatting.count(len(line), 'character')} long.",
                "Look at the file: its line breaks are missing.",
            )
        try:
            lines = io.StringIO(line, newline="")
            if not self.quotes:
                return next(
                    csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE), [""]
                )
            return next(csv.reader(lines, delimiter=self.delimiter), [""])
        except csv.Error as error:
            raise BadData(
                f"The first row of {self.name} cannot be read: {error}.", "Look at its quotes."
            ) from None


def parse_delimited(
    data: bytes,
    name: str,
    *,
    delimiter: str | None,
    encoding: str,
    skip_bad: bool,
    wanted: Sequence[str] = (),
    has_header: bool = False,
) -> Table:
    """Table of text. `wanted` are the column names that the user gave; one of them `column_<n>`
    says that there is no header. With `has_header` the first row names the columns, whatever it
    holds.

    Lines that are lists of items are read as such (`line_lists`). Raises BadData for bad bytes,
    quotes that do not close and rows of the wrong length (set aside with `skip_bad`). O(bytes).
    """
    found = prepared(data, name, delimiter=delimiter, encoding=encoding)
    if isinstance(found, Table):
        return found
    return table_of(*found, skip_bad, wanted, has_header)


def prepared(
    data: bytes, name: str, *, delimiter: str | None, encoding: str
) -> tuple[Text, list[str]] | Table:
    """The records of a text, and remarks; the table where its lines are lists of items."""
    data, remarks = decoded(data, name, encoding)
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
        remarks.append("Lines end with a carriage return alone.")
    if not data.strip():
        raise BadData(f"{name} is empty.", "Give a file with a header and rows.")
    data, declared, left_out = without_preamble(data)
    delimiter = delimiter if delimiter is not None else declared
    remarks += left_out
    layout = blank_layout(data) if delimiter is None else None
    if layout == "lists":
        table = parse_line_lists(data, name, None, delimiter=_BLANK, encoding="utf-8")
        return replace(table, remarks=(*remarks, *table.remarks))
    if delimiter is not None:
        chosen = check_delimiter(delimiter)
    else:
        chosen = _BLANK if layout == "fields" else find_delimiter(data, name)
    if chosen == _BLANK and b'"' not in data:
        data = with_single_blanks(data)
    implied = "\t" if ".tsv" in name.lower() else ","
    if delimiter is None and chosen != implied:
        remarks.append(f"Fields are separated by {NAMES[chosen]}.")
    return text_of(data, name, chosen, remarks), remarks


def text_of(
    data: bytes, name: str, chosen: str, remarks: list[str], header: bytes | None = None
) -> Text:
    """The records of decoded text. A piece that begins with a row is put under the `header` of the
    first piece.
    """
    if len(chosen) > 1:
        if SUBSTITUTE.encode() in data:
            raise BadData(
                f"{name} holds the control character 0x1F in addition to its delimiter {chosen!r}.",
                "Remove it.",
            )
        data = data.replace(chosen.encode(), SUBSTITUTE.encode())
        if b'"' in data:
            remarks.append(_PLAIN_QUOTES)
    return _scanned(data if header is None else header + b"\n" + data, name, chosen, remarks)


def _scanned(data: bytes, name: str, chosen: str, remarks: list[str]) -> Text:
    """Records with quotes read as quotes, or as ordinary characters where they are only inside
    fields.
    """
    view = np.frombuffer(data, np.uint8)
    if len(chosen) > 1:
        records = scan(view, ord(SUBSTITUTE), quotes=False)
        return Text(name, data, SUBSTITUTE, chosen, records, False)
    records = scan(view, ord(chosen), quotes=True)
    if records.fault is not None:
        plain = scan(view, ord(chosen), quotes=False)
        if not plain.quote_opens_field:
            remarks.append(_PLAIN_QUOTES)
            return Text(name, data, chosen, chosen, plain, False)
    return Text(name, data, chosen, chosen, records, True)


def _check_quotes(text: Text, headerless: bool, skip_bad: bool) -> None:
    fault = text.records.fault
    if fault is None:
        return
    row = int(np.count_nonzero(text.records.lengths[: fault.record] > 0)) + headerless
    where = f"row {row}" if row else "the header"
    if fault.unclosed:
        raise BadData(
            f"{text.name}: the quote that opens in {where} is never closed.",
            "Close it, or double quotes that belong to the text.",
        )
    if not skip_bad:
        raise BadData(
            f"{text.name}: {where} has a quote in the middle of a field.",
            "Double quotes inside quoted text, or use --skip-bad to set such rows aside.",
        )


def table_of(
    text: Text,
    remarks: list[str],
    skip_bad: bool,
    wanted: Sequence[str],
    has_header: bool,
    known: Header | None = None,
) -> Table:
    """The table of a text. With the header `known` it is a piece of one, and may have no row."""
    records = text.records
    present = np.flatnonzero(records.lengths > 0)
    if len(present) == 0:
        raise BadData(f"{text.name} is empty.", "Give a file with a header and rows.")
    header = known or _header(text, present, wanted, has_header)
    columns, headerless = header.columns, header.headerless
    remarks += header.remarks
    _check_quotes(text, headerless, skip_bad)
    rows = present if headerless else present[1:]
    if len(rows) == 0 and known is None:
        raise BadData(f"{text.name} has a header and 0 rows.", "Give a file with rows.")
    if int(present[-1]) - int(present[0]) + 1 != len(present):
        remarks.append("Blank lines are ignored.")
    same = headers(text.bytes, records, int(present[0]), columns, text.fields_of)
    if len(same) == len(present) and not headerless and known is None:
        raise BadData(f"{text.name} has a header and 0 rows.", "Give a file with rows.")
    bad = _bad_rows(text, rows, len(columns), skip_bad)
    if len(same) > 1 and not headerless and not header.remarks:
        bad[HEADER_AGAIN] = np.isin(rows, same) & ~np.any([*bad.values()], axis=0)
        if known is None:
            remarks.append(again(len(same) - 1))
    fine = np.ones(len(rows), np.bool_)
    for mask in bad.values():
        fine &= ~mask
    is_complete = not headerless and len(present) == len(records.lengths) and bool(fine.all())
    body = text.data if is_complete else _cut(text, rows[fine])
    count = int(fine.sum())
    if count == 0 and known is None:
        reasons = ", ".join(f"{int(mask.sum()):,} {reason}" for reason, mask in bad.items())
        raise BadData(
            f"No row of {text.name} can be read: {reasons}.",
            f"Its columns would be {listed(columns)}: is the delimiter right, and is the first "
            "row a header? See --delimiter and --shape.",
        )
    schema = {column: pl.String() for column in columns}

    def fetch(names: Sequence[str], limit: int | None = None) -> pl.DataFrame:
        return _read(
            text,
            body,
            [columns.index(name) for name in names],
            list(names),
            is_complete,
            count,
            limit,
        )

    return Table(
        name=text.name,
        source_format="csv",
        schema=schema,
        rows=len(rows),
        fetch=fetch,
        head=lambda n: fetch(columns, n),
        text=True,
        headerless=headerless,
        remarks=tuple(remarks),
        dropped={reason: np.flatnonzero(mask) + 1 for reason, mask in bad.items()},
        numbers=None if fine.all() else np.flatnonzero(fine) + 1,
        size=len(text.data),
    )


def _header(text: Text, present: Array, wanted: Sequence[str], has_header: bool) -> Header:
    first, below = text.fields_of(int(present[0])), _below(text, present)
    return header_of(first, below, text.name, wanted, names_columns=has_header)


def again(rows: int) -> str:
    """The remark for rows that are the header."""
    return f"The header is written again in {formatting.count(rows, 'row')}."


def _below(text: Text, present: Array) -> list[list[str]]:
    """Some of the rows below the first one; what is wrong with a row is told later."""
    found = []
    chosen = present[1 : LOOKED_AT + 1]
    lengths = text.records.stops[chosen] - text.records.starts[chosen]
    for record, length in zip(chosen, lengths, strict=True):
        if length <= _SHORT:
            with suppress(BadData, UnicodeDecodeError):
                found.append(text.fields_of(int(record)))
    return found


def _read(
    text: Text,
    body: bytes,
    at: list[int],
    names: list[str],
    header: bool,
    count: int,
    limit: int | None,
) -> pl.DataFrame:
    if count == 0:
        return pl.DataFrame({name: pl.Series(name, [], dtype=pl.String) for name in names})
    try:
        frame = pl.read_csv(
            body,
            has_header=header,
            columns=sorted(set(at)),
            separator=text.delimiter,
            quote_char='"' if text.quotes else None,
            infer_schema=False,
            n_rows=limit,
        )
    except pl.exceptions.PolarsError as error:
        raise BadData(
            f"{text.name} cannot be parsed: {str(error).splitlines()[0]}",
            "Check its quotes and delimiters.",
        ) from None
    if frame.height != (count if limit is None else min(count, limit)):
        raise BadData(
            f"{text.name} has {formatting.count(count, 'row')} by its lines, but {frame.height:,} "
            "by its fields.",
            "Check its quotes.",
        )
    order = dict(zip(sorted(set(at)), frame.columns, strict=True))
    return pl.DataFrame(
        {name: frame[order[column]] for column, name in zip(at, names, strict=True)}
    )


def _cut(text: Text, keep: Array) -> bytes:
    """The bytes of the chosen records only."""
    records = text.records
    chosen = np.zeros(len(records.starts), np.bool_)
    chosen[keep] = True
    spans = np.diff(records.starts, append=len(text.data))
    body = text.bytes[np.repeat(chosen, spans)].tobytes()
    return body if body.endswith(b"\n") else body + b"\n"


def _bad_rows(text: Text, rows: Array, width: int, skip_bad: bool) -> dict[str, Mask]:
    """Reason → mask over rows: of the wrong length, with a NUL byte, with a misplaced
    quote.
    """
    records = text.records
    fields = records.fields[rows]
    bad = {
        "misplaced quote": np.isin(rows, records.misplaced),
        "NUL byte in the row": np.isin(rows, records.with_nul),
    }
    bad["NUL byte in the row"] &= ~bad["misplaced quote"]
    wrong = (fields != width) & ~bad["misplaced quote"] & ~bad["NUL byte in the row"]
    if wrong.any() and not skip_bad:
        row = int(np.argmax(wrong))
        more = int(wrong.sum()) - 1
        if wrong.all() and int(fields.min()) == int(fields.max()) > width and len(rows) > 1:
            raise BadData(
                f"{text.name}: the first line has {formatting.count(width, 'field')}, and all rows "
                f"have {int(fields.max())}.",
                "If a title stands above the names of the columns, remove it. Otherwise mend the "
                "first line.",
            )
        further = f" (and {formatting.count(more, 'more row')} with a wrong number)" if more else ""
        if wrong.mean() > _RAGGED and len(wrong) >= _SEVERAL:
            raise Undecided(
                f"{text.name}: the lines have {int(fields.min()):,} to {int(fields.max()):,} "
                f"fields; {int(wrong.sum()):,} of {len(wrong):,} differ from the first line.",
                "If a line is a list, say of what: --shape baskets (one basket a line) or "
                "--shape adjacency (a user, then their items). Otherwise mend the file, or use "
                "--skip-bad to set such rows aside.",
            )
        raise BadData(
            (
                f"{text.name}: row {row + 1} has {formatting.count(int(fields[row]), 'field')}, "
                f"but the header has {width}{further}."
            ),
            "Mend the file, or use --skip-bad to set such rows aside.",
        )
    bad["fewer fields than the header"] = wrong & (fields < width)
    bad["more fields than the header"] = wrong & (fields > width)
    return {reason: mask for reason, mask in bad.items() if mask.any()}
