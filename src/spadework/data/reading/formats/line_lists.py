"""Lines that are lists of items: a user and what they had (`0 21 33 40`), or one basket a line
(`milk,bread`).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace

import polars as pl

from spadework import formatting
from spadework.data.reading.formats.encodings import decoded
from spadework.data.reading.tables import Table
from spadework.errors import BadData, Undecided

ADJACENCY, BASKETS = "adjacency", "baskets"
_SIGNS = (",", ";", "|", "\t")
_SAMPLE = 1 << 16
_EVEN = 0.9  # share of lines of one length from which on lines are rows of a table
_BLANK = re.compile(rb"[ \t]+")
_DIGITS = re.compile(rb"[0-9 \t\r\n]+")


def blank_layout(data: bytes) -> str | None:
    """`fields` where blanks separate the fields of a table, `lists` where lines of whole numbers
    have different lengths, None for anything else. Looks at the first 64 KiB.
    """
    lines = _sample(data)
    only_numbers = bool(lines) and all(map(_DIGITS.fullmatch, lines))
    other_signs = any(sign.encode() in line for line in lines[:100] for sign in (*_SIGNS, "::"))
    if not lines or (other_signs and not only_numbers):
        return None
    lengths = Counter(len(_BLANK.split(line)) for line in lines)
    length, count = lengths.most_common(1)[0]
    if only_numbers and count < _EVEN * len(lines):
        return "lists"
    return "fields" if length > 1 and count >= _EVEN * len(lines) and not other_signs else None


def with_single_blanks(data: bytes) -> bytes:
    """The text with one blank between fields, and none at the ends of lines."""
    data = data.replace(b"\r\n", b"\n").replace(b"\t", b" ")
    if b"  " in data or b" \n" in data or b"\n " in data or data.startswith(b" "):
        data = b"\n".join(b" ".join(line.split()) for line in data.split(b"\n"))
    return data.rstrip(b" ")


def parse_line_lists(
    data: bytes, name: str, shape: str | None, *, delimiter: str | None, encoding: str
) -> Table:
    """One row for each item of a line. Without a `shape` the lines are users only where their first
    numbers count them; else Undecided is raised.
    """
    data, remarks = decoded(data, name, encoding, header=False)
    if not data.strip():
        raise BadData(f"{name} is empty.", "Give a file with one list a line.")
    data = data.replace(b"\r\n", b"\n")
    if b"\r" in data:
        data = data.replace(b"\r", b"\n")
        remarks.append("Some lines end with a carriage return alone.")
    sign = _sign(data, name) if delimiter is None else delimiter
    lines = _split(data.decode(), sign, name)
    if delimiter is not None and delimiter.encode() not in data:
        remarks.append(f"The delimiter {delimiter!r} is in no line, so each line has one entry.")
    if b'"' in data and lines.explode().str.contains('"', literal=True).any():
        remarks.append("Quotes are inside entries and are read as ordinary characters.")
    if shape is None:
        shape = _shape(lines, name)
    count = len(lines)
    if shape == ADJACENCY:
        remarks.append(
            "Each line is a list: first the user, then their items "
            f"({formatting.count(count, 'line')})."
        )
        users = lines.list.first()
        items = lines.list.slice(1)
    else:
        remarks.append(
            f"Each line is one basket, and a user of its own ({formatting.count(count, 'line')})."
        )
        users = pl.Series(range(1, count + 1), dtype=pl.Int64).cast(pl.String)
        items = lines
    frame = (
        pl.DataFrame({"user": users, "item": items})
        .with_columns(pl.when(pl.col("item").list.len() > 0).then(pl.col("item")))
        .explode("item")
    )
    return Table(
        name=name,
        source_format="csv",
        schema={"user": pl.String(), "item": pl.String()},
        rows=frame.height,
        fetch=lambda columns: frame.select(columns),
        head=frame.head,
        text=True,
        remarks=tuple(remarks),
        size=len(data),
    )


def with_file_number(table: Table, number: int) -> Table:
    """Baskets of one of several files: a user is called FILE:LINE, so that the first basket of each
    file is another user.
    """

    def renamed(frame: pl.DataFrame) -> pl.DataFrame:
        if "user" not in frame.columns:
            return frame
        return frame.with_columns(pl.format("{}:{}", pl.lit(number), "user").alias("user"))

    remark = "Users are numbered FILE:LINE, since there are several files."
    return replace(
        table,
        fetch=lambda columns: renamed(table.fetch(columns)),
        head=lambda n: renamed(table.head(n)),
        remarks=(*table.remarks, remark),
    )


def _sample(data: bytes) -> list[bytes]:
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1]
    return [stripped for line in sample.split(b"\n") if (stripped := line.strip())]


def _sign(data: bytes, name: str) -> str:
    """The sign between the entries: the only one in use; blanks where there is no other."""
    lines = [line.decode(errors="replace") for line in _sample(data)]
    used = [sign for sign in _SIGNS if sum(sign in line for line in lines) * 10 > len(lines)]
    blanks = sum(" " in line.replace(", ", ",") for line in lines) * 10 > len(lines)
    if blanks and used in ([], ["\t"]):
        return " "  # tabs count as blanks
    known = [*used, *([" "] if blanks else [])]
    if len(known) > 1:
        raise Undecided(
            f"The lists of {name} could be separated by {' or '.join(map(repr, known))}.",
            "Say which: --delimiter " + " or --delimiter ".join(map(repr, known)) + ".",
        )
    # where nearly every list has one entry, the sign that most of the others have
    return used[0] if used else max(_SIGNS, key=lambda sign: sum(sign in line for line in lines))


def _split(text: str, sign: str, name: str) -> pl.Series:
    """The entries of each line that is not blank."""
    if sign == " ":
        lines = pl.Series(text.split("\n"), dtype=pl.String).str.replace_all(r"[ \t]+", " ")
        lines = lines.str.strip_chars(" ")
        return lines.filter(lines != "").str.split(" ")
    if '"' in text and len(sign) == 1:
        # strict, since a quote that is never closed would take all lines below it
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
        try:
            entries = [[entry.strip() for entry in row if entry.strip()] for row in rows]
        except csv.Error as error:
            raise BadData(
                f"The lists of {name} cannot be read: {error}.", "Look at its quotes."
            ) from None
        return pl.Series([row for row in entries if row], dtype=pl.List(pl.String))
    lines = pl.Series(text.split("\n"), dtype=pl.String)
    lines = lines.filter(lines.str.strip_chars() != "")
    return lines.str.split(sign).list.eval(
        pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != "")
    )


def _shape(lines: pl.Series, name: str) -> str:
    first = lines.list.first().cast(pl.Int64, strict=False)
    if first.null_count() == 0 and len(first) > 2 and first[0] in (0, 1):
        steps = first.diff().drop_nulls()
        if (steps == 1).all():
            return ADJACENCY
    raise Undecided(
        f"The lines of {name} are lists of different lengths: {', '.join(lines[0][:5])} …",
        "Say what a line is: --shape adjacency (a user, then their items) or --shape baskets "
        "(one basket a line).",
    )
