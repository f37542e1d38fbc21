"""Delimited text that is read in pieces is the text that memory holds, row by row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import spadework as sw
from large_logs import LITTLE, check_same
from spadework.data.reading.formats import reading_memory, text_pieces
from spadework.data.reading.formats.opening import open_table
from spadework.data.reading.large import part_sizes
from spadework.errors import BadData, OutOfMemory

START = 1_767_225_600
BYTE = 1
"""Of memory, so that every text is read in pieces."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_pieces, "PIECE", 1_000)
    monkeypatch.setattr(part_sizes, "_BATCH", (700, 700))
    monkeypatch.setattr(part_sizes, "_PART", (900, 900))


def lines(sign: str = ",", rows: int = 2_000) -> list[str]:
    return [
        sign.join((f"u{row % 97}", f"i{row * 7 % 53}", str(START + row * 60), f"t{row}"))
        for row in range(rows)
    ]


HEADER = "user_id,item_id,ts,title"
NAMES = {"user": "column_1", "item": "column_2", "time": "column_3"}


def with_quotes() -> str:
    """Titles with line breaks, delimiters and doubled quotes."""
    texts = [
        f'{line.rsplit(",", 1)[0]},"a ""{at}"",\nb{chr(10) * (at % 3)}"'
        for at, line in enumerate(lines())
    ]
    return "\n".join([HEADER, *texts]) + "\n"


def header_again() -> str:
    found = [HEADER]
    for at, line in enumerate(lines()):
        found += [HEADER.upper().replace(",", " , ")] if at % 333 == 332 else []
        found.append(line)
    return "\n".join(found)


def bad_rows() -> str:
    found = [line + (",x" if at % 101 == 50 else "") for at, line in enumerate(lines())]
    found[700] = "u1,i1"
    return "\n".join([HEADER, *found]) + "\n"


TEXTS = {
    "plain": ("\n".join([HEADER, *lines()]) + "\n", {}),
    "no line break at the end": ("\n".join([HEADER, *lines()]), {}),
    "CRLF": ("\r\n".join([HEADER, *lines()]) + "\r\n", {}),
    "blank lines": ("\n".join([HEADER, *lines(), *[""] * 3_000, *lines()[:40]]) + "\n", {}),
    "a mark at its start": ("\ufeff" + "\n".join([HEADER, *lines()]), {}),
    "comments above": ("\n".join(["# from the shop", HEADER, *lines()]), {}),
    "quotes": (with_quotes(), {}),
    "inches": ("\n".join([HEADER, *(f'{line} 5" wide' for line in lines())]), {}),
    "header again": (header_again(), {}),
    "bad rows": (bad_rows(), {"skip_bad": True}),
    "no header": ("\n".join(lines()), NAMES),
    "semicolons": ("\n".join([HEADER.replace(",", ";"), *lines(";")]), {}),
    "two colons": ("\n".join(lines("::")), NAMES),
    "letters": ("\n".join([HEADER, *(line.replace("t", "é") for line in lines())]), {}),
}


def records(**more: Any) -> list[dict[str, Any]]:
    return [
        {"user_id": f"u{row % 97}", "item_id": row * 7 % 53, "ts": START + row * 60, **more}
        for row in range(1_500)
    ]


def written(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def with_late_keys() -> str:
    rows = records()
    for at, row in enumerate(rows):
        row |= {"device": {"kind": "a"}} if at % 2 else {}
        row |= {"rating": 4.50} if at > 900 else {}
    return written(rows)


def with_bad_lines() -> str:
    found = written(records()).splitlines()
    found[400:400] = ["[1, 2]", "7", "", "{"]
    return "\n".join([*found, '{"user_id": "u1", "item_id": "last", "ts": 1767300000}'])


LINES = {
    "records": (written(records()), {}),
    "late keys": (with_late_keys(), {}),
    "bad lines": (with_bad_lines(), {"skip_bad": True}),
    "Python": ("\n".join(map(repr, records(kind="it's"))), {}),
    "a mark": ("\ufeff" + written(records(gap=float("nan"))), {}),
}


@pytest.mark.parametrize("name", [*TEXTS, *LINES])
def test_the_table_and_the_log_are_the_same(name: str, tmp_path: Path) -> None:
    text, options = TEXTS.get(name) or LINES[name]
    path = tmp_path / ("log.csv" if name in TEXTS else "log.jsonl")
    path.write_bytes(text.encode())
    form = {"skip_bad": options.get("skip_bad", False), "wanted": tuple(NAMES.values())}
    form["wanted"] = form["wanted"] if options == NAMES else ()
    whole, pieces = open_table(path, **form), open_table(path, memory=BYTE, **form)
    assert pieces.batches is not None
    assert whole.batches is None
    assert (pieces.rows, pieces.columns, pieces.headerless) == (
        whole.rows,
        whole.columns,
        whole.headerless,
    )
    assert pieces.schema == whole.schema
    assert pieces.fetch(pieces.columns).equals(whole.fetch(whole.columns))
    assert pieces.row_numbers().tolist() == whole.row_numbers().tolist()
    assert {why: rows.tolist() for why, rows in pieces.dropped.items()} == {
        why: rows.tolist() for why, rows in whole.dropped.items()
    }
    assert set(pieces.remarks) == set(whole.remarks)
    assert pieces.head(150).equals(whole.head(150))
    assert pieces.span is not None
    everything = whole.fetch(whole.columns)
    for first, rows in ((0, 10), (57, 200), (1_990, 50), (5_000, 10)):
        assert pieces.span(pieces.columns, first, rows).equals(everything.slice(first, rows))
    small = sw.read_interactions(path, **options)
    check_same(sw.read_interactions(path, memory=LITTLE, **options), small)


def test_a_folder_of_texts(tmp_path: Path) -> None:
    every = lines()
    for at in range(4):
        part = tmp_path / f"dt=2026-01-0{at + 1}" / "part.csv"
        part.parent.mkdir()
        part.write_text("\n".join([HEADER, *every[at * 500 : (at + 1) * 500]]))
    check_same(sw.read_interactions(tmp_path, memory=LITTLE), sw.read_interactions(tmp_path))


def test_a_bad_row_is_found_in_its_piece(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(bad_rows())
    with pytest.raises(BadData, match=r"row 8 has 5 fields.* from row 44 on"):
        sw.read_interactions(path, memory=LITTLE)
    good = [HEADER, *lines()]
    good[1_500] += ",more"
    path.write_text("\n".join(good))
    with pytest.raises(
        BadData, match=r"row (\d+) has 5 fields.* Rows are counted from row"
    ) as told:
        sw.read_interactions(path, memory=LITTLE)
    row, first = map(int, re.findall(r"row (\d+)", str(told.value).replace(",", "")))
    assert row + first - 1 == 1_500
    path.write_bytes("\n".join([HEADER, *lines()]).encode() + b"\nu1,i1,5,\xff\n")
    with pytest.raises(BadData, match=r"not UTF-8.* Rows are counted from row"):
        sw.read_interactions(path, memory=LITTLE)


def test_quotes_of_two_kinds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    every = lines()
    every[:300] = [f'{line} 5" wide' for line in every[:300]]
    every[1_900] = every[1_900].rsplit(",", 1)[0] + ',"wide"'
    path.write_text("\n".join([HEADER, *every]))
    with pytest.raises(BadData, match="quotes around fields in some places"):
        sw.read_interactions(path, memory=LITTLE)
    with pytest.raises(BadData, match="quote in the middle of a field"):
        sw.read_interactions(path)


def test_columns_of_two_types_are_read_whole_or_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(written([*records(tag="a"), *records(tag=["a", "b"])]))
    log = sw.read_interactions(path, duplicates="keep", memory=LITTLE)
    assert len(log) == len(sw.read_interactions(path, duplicates="keep")) == 3_000
    monkeypatch.setattr(reading_memory, "available", lambda: 10_000)
    with pytest.raises(BadData, match="'tag' is String in some rows and List"):
        sw.read_interactions(path)


def test_lines_that_end_with_a_carriage_return_are_read_whole(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(text_pieces, "LONGEST", 2_000)
    path = tmp_path / "log.csv"
    path.write_bytes("\r".join([HEADER, *lines()]).encode())
    assert len(sw.read_interactions(path, memory=LITTLE)) == 2_000


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *lines()]))
    table = open_table(path, memory=BYTE)
    path.write_text("\n".join([HEADER, *lines(), "u1,i1,1767225600,t"]))
    with pytest.raises(BadData, match="changed while it was read"):
        table.fetch(["user_id"])


def test_what_cannot_be_read_in_pieces_says_how_it_can(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(written([records()]))
    monkeypatch.setattr(reading_memory, "available_bytes", lambda: 100)
    with pytest.raises(OutOfMemory, match="scan_ndjson"):
        sw.read_interactions(path)
    path = tmp_path / "log.csv"
    path.write_text("\n".join([HEADER, *lines()]))
    assert open_table(path).batches is not None
