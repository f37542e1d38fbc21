"""Workbooks: what a sheet holds beside its table, what Excel does to values, and what is broken."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from spadework.data.addresses import read_content, read_interactions
from spadework.data.id_files import read_item_ids
from spadework.data.reading.formats import workbooks
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, MissingExtra, OutOfMemory, Undecided

TIME = 1_767_225_600  # 2026-01-01
HEADER = ["user_id", "item_id", "date"]
LOG = [HEADER, ["u1", 7, date(2026, 1, 1)], ["u2", 8, date(2026, 1, 2)]]
FORMS = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss", time: "hh:mm:ss"}
Fill = Callable[[Any, Any], None]


def workbook(path: Path, *sheets: tuple[str, list[list[Any]]], **options: Any) -> Path:
    """A workbook whose sheets have these rows; None is an empty cell."""
    with xlsxwriter.Workbook(path, options) as book:
        forms = {kind: book.add_format({"num_format": form}) for kind, form in FORMS.items()}
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            if name.startswith("hidden"):
                sheet.hide()
            for at, row in enumerate(rows):
                for column, value in enumerate(row):
                    if isinstance(value, str) and not value.startswith("="):
                        sheet.write_string(at, column, value)
                    elif type(value) in forms:
                        sheet.write_datetime(at, column, value, forms[type(value)])
                    elif value is not None:
                        sheet.write(at, column, value)
    return path


def remarks(log: Any) -> tuple[str, ...]:
    assert log.account is not None
    return log.account.remarks


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "orders.xlsx", ("Orders", LOG))
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(MissingExtra) as caught:
        read_interactions(path)
    assert str(caught.value) == (
        "fastexcel, with which orders.xlsx is read, is not installed.\nInstall it with: pip "
        "install 'spadework[excel]'"
    )


def test_values_are_what_the_cells_hold_not_how_they_are_shown(tmp_path: Path) -> None:
    rows = [["a", "b"], [7, 1.5], ["007", True], [123456789012345, "x"], [-2.0, None]]
    table = open_table(workbook(tmp_path / "orders.xlsx", ("Orders", rows)))
    assert table.fetch(["a"])["a"].to_list() == ["7", "007", "123456789012345", "-2"]
    assert table.fetch(["b"])["b"].to_list() == ["1.5", "true", "x", None]


def test_texts_below_thousands_of_numbers_are_not_lost(tmp_path: Path) -> None:
    """Readers that take a column's type from its first rows make them missing."""
    ids = [*range(1_500), "A1500", "A1501"]
    path = workbook(tmp_path / "orders.xlsx", ("Orders", [HEADER[:2], *([1, at] for at in ids)]))
    log = read_interactions(path)
    assert set(log.item_vocabulary.ids) == set(map(str, ids))


@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_and_times_of_day(tmp_path: Path, from_1904: bool) -> None:
    rows = [
        ["user_id", "item_id", "date", "time", "stamp"],
        [1, 2, date(2026, 1, 1), time(8, 28, 5), datetime(2026, 1, 1, 8, 28, 5)],
        [1, 3, date(2026, 1, 2), time(23, 0, 0), datetime(2026, 1, 2, 23, 0, 0)],
    ]
    path = workbook(tmp_path / "orders.xlsx", ("Orders", rows), date_1904=from_1904)
    table = open_table(path)
    assert table.fetch(["date"])["date"].to_list() == ["2026-01-01", "2026-01-02"]
    assert table.fetch(["time"])["time"].to_list() == ["08:28:05", "23:00:00"]
    expected = [TIME + 30_485, TIME + 86_400 + 82_800]
    for when in ("date+time", "stamp"):
        times = read_interactions(path, time=when).times
        assert times is not None
        assert times.tolist() == expected


def test_dates_of_which_some_stayed_texts_are_not_guessed(tmp_path: Path) -> None:
    """A list of 13/01/2026 that Excel took month-first where it could."""
    rows = [HEADER, ["u", 1, "13/01/2026"], ["u", 2, date(2026, 2, 1)]]
    with pytest.raises(BadData, match="written in more than one way"):
        read_interactions(workbook(tmp_path / "orders.xlsx", ("Orders", rows)))


def test_days_that_lost_their_format_are_days(tmp_path: Path) -> None:
    rows = [["user_id", "item_id", "date"], [1, 2, 46_023], [1, 3, 46_023.5]]
    log = read_interactions(workbook(tmp_path / "orders.xlsx", ("Orders", rows)))
    assert log.times is not None
    assert log.times.tolist() == [TIME, TIME + 43_200]


def test_titles_above_the_header_and_blank_rows_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [
        [None, "Sales report 2026"],
        [None, "as of:", "2026-02-01"],
        [],
        [None, *HEADER],
        [],
        [None, *LOG[1]],
        [None, None, "  "],
        [None, *LOG[2]],
        [None, None, " "],
    ]
    log = read_interactions(workbook(tmp_path / "orders.xlsx", ("Orders", rows)))
    assert log.frame()["item_id"].to_list() == ["7", "8"]
    assert log.account is not None
    assert log.account.read == 2
    assert "Left out above the header, 2 rows: 'Sales report 2026'." in remarks(log)
    assert "Blank rows are ignored." in remarks(log)


def test_a_header_is_not_taken_from_values_and_may_be_missing(tmp_path: Path) -> None:
    rows = [["who", "what"], ["a", "item"], ["customer", "product"]]
    path = workbook(tmp_path / "orders.xlsx", ("Orders", rows))
    log = read_interactions(path, user="who", item="what")
    assert log.account is not None
    assert log.account.read == 2
    rows = [[1, 21, 1_767_225_600], [2, 33, 1_767_225_601]]
    path = workbook(tmp_path / "bare.xlsx", ("Sheet1", rows))
    with pytest.raises(Undecided, match="has no header: its first row is 1, 21, 1767225600"):
        read_interactions(path)
    log = read_interactions(path, user="column_1", item="column_2", time="column_3")
    assert log.frame().rows() == [("1", "21", TIME), ("2", "33", TIME + 1)]


def test_columns_without_a_name_have_their_letter_and_empty_ones_are_none(tmp_path: Path) -> None:
    rows = [["user_id", None, "item_id", None, "note"], [1, None, 2, "x", None]]
    table = open_table(workbook(tmp_path / "orders.xlsx", ("Orders", rows)))
    assert table.columns == ["user_id", "item_id", "column D", "note"]


def test_a_name_that_stands_twice_is_said(tmp_path: Path) -> None:
    path = workbook(tmp_path / "orders.xlsx", ("Orders", [["user_id", "user_id"], [1, 2]]))
    with pytest.raises(BadData, match=r"orders\.xlsx/Orders has the column 'user_id' 2 times"):
        read_interactions(path)


def test_formulas_are_their_values_and_errors_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Orders")
        sheet.write_row(0, 0, ["user_id", "item_id"])
        sheet.write_formula(1, 0, '="u"&1', None, "u1")
        sheet.write_formula(1, 1, "=3+4", None, 7)
        sheet.write_formula(2, 0, '="u"&2', None, "u2")
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    log = read_interactions(path)
    assert log.frame().rows() == [("u1", "7")]
    assert log.account is not None
    assert dict(log.account.set_aside) == {"item missing": 1}


def test_a_hidden_sheet_is_read_where_it_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "orders.xlsx", ("Orders", LOG[:2]), ("hidden", LOG), ("Empty", []))
    log = read_interactions(path)
    assert len(log) == 1
    assert "Read from the sheet 'Orders'; not read: 'hidden' (--table names one)." in remarks(log)
    assert len(read_interactions(path, table="hidden")) == 2
    with pytest.raises(BadData, match=r"orders\.xlsx/Empty is empty\."):
        read_interactions(path, table="Empty")


def test_sheets_of_notes_and_charts_do_not_stand_in_the_way(tmp_path: Path) -> None:
    """What the reader logs of a chart is not printed (pytest catches logs, a process shows it)."""
    path = tmp_path / "orders.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Notes").write(0, 0, "made by hand")
        sheet = book.add_worksheet("Orders")
        sheet.write_row(0, 0, ["user_id", "item_id"])
        sheet.write_row(1, 0, [1, 2])
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Orders!$A$2:$A$2"})
        book.add_chartsheet("Chart").set_chart(chart)
    log = read_interactions(path)
    assert log.frame().rows() == [("1", "2")]
    code = f"import spadework as sw; sw.read_interactions({str(path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "worksheet" not in done.stderr
    with pytest.raises(BadData, match=r"orders\.xlsx/Notes has a header and 0 rows"):
        read_interactions(path, table="Notes")


def test_a_full_sheet_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "orders.xlsx", ("Orders", LOG))
    full = "The sheet 'Orders' is full: it has 3 rows, as many as a sheet can hold, so the rest "
    assert workbooks.MOST_ROWS == 1_048_576
    for rows, is_said in ((4, False), (3, True)):
        monkeypatch.setattr(workbooks, "MOST_ROWS", rows)
        found = [remark for remark in remarks(read_interactions(path)) if remark.startswith(full)]
        assert bool(found) == is_said


def test_items_and_candidates_in_a_workbook(tmp_path: Path) -> None:
    products = [["item_id", "title", "price"], [7, "seven", 1.5], [8, "eight", 2]]
    path = workbook(tmp_path / "shop.xlsx", ("Orders", LOG), ("Products", products))
    log = read_interactions(path)
    content = read_content(path, log)
    assert content.table["title"].to_list() == ["seven", "eight"]
    assert content.table["price"].to_list() == [1.5, 2.0]
    assert read_item_ids(path).to_list() == ["7", "8"]
    more = workbook(tmp_path / "more.xlsx", ("A", products), ("B", products))
    with pytest.raises(Undecided) as caught:
        read_content(more, log)
    assert "Say which: --items-table A or --items-table B." in str(caught.value)
    assert len(read_content(more, log, table="B").table) == 2
    with pytest.raises(Undecided, match="Give a file with one such sheet, or with an id a line"):
        read_item_ids(more)


def test_a_matrix_in_a_sheet(tmp_path: Path) -> None:
    rows = [["user", 21, 33], ["u1", 5, None], ["u2", None, 3]]
    path = workbook(tmp_path / "matrix.xlsx", ("Sheet1", rows))
    log = read_interactions(path, shape="matrix")
    assert log.frame().rows() == [("u1", "21", 5.0), ("u2", "33", 3.0)]


BROKEN = {
    "a part of it is missing": lambda name, data: None if "sheet1" in name else data,
    "a part of it is cut off": lambda name, data: data[:600] if "sheet1" in name else data,
    "the list of sheets is empty": lambda name, data: b"" if name == "xl/workbook.xml" else data,
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_a_damaged_workbook_is_said(
    tmp_path: Path, damage: Callable[[str, bytes], bytes | None]
) -> None:
    sound = workbook(tmp_path / "sound.xlsx", ("Orders", LOG))
    path = tmp_path / "orders.xlsx"
    with zipfile.ZipFile(sound) as archive, zipfile.ZipFile(path, "w") as broken:
        for name in archive.namelist():
            data = damage(name, archive.read(name))
            if data is not None:
                broken.writestr(name, data)
    with pytest.raises(BadData, match=r"orders\.xlsx (is a broken workbook|holds no sheet)"):
        read_interactions(path)


def test_a_workbook_that_is_cut_off_is_said(tmp_path: Path) -> None:
    path = workbook(tmp_path / "orders.xlsx", ("Orders", LOG))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadData, match=r"orders\.xlsx is a broken zip archive"):
        read_interactions(path)


def test_passwords_old_kinds_and_other_documents_are_said(tmp_path: Path) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for data, said in (
        (old + "EncryptedPackage".encode("utf-16-le"), "has a password"),
        (old + "Workbook".encode("utf-16-le"), "is an Excel or Office document of the old kind"),
    ):
        (tmp_path / "orders.xls").write_bytes(data)
        with pytest.raises(BadData, match=f"orders.xls {said}"):
            read_interactions(tmp_path / "orders.xls")
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("word/document.xml", "x")
    with pytest.raises(BadData, match=r"letter\.docx is an Office document, but no workbook"):
        read_interactions(tmp_path / "letter.docx")


def test_a_workbook_that_does_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spadework.data.reading.formats import reading_memory

    path = workbook(tmp_path / "orders.xlsx", ("Orders", LOG))
    monkeypatch.setattr(reading_memory, "available", lambda: 10_000)
    with pytest.raises(OutOfMemory, match=r"Reading orders\.xlsx would take"):
        read_interactions(path)


def ods(path: Path, cells: str, beside: str = "") -> Path:
    """A spreadsheet of OpenDocument."""
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    names = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{names}:office:1.0" '
        f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Orders">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">'
        f"{beside}</manifest:file-entry></manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def _cell(value: Any) -> str:
    if isinstance(value, date):
        form = f'office:value-type="date" office:date-value="{value.isoformat()}"'
    elif isinstance(value, str):
        form = 'office:value-type="string"'
    else:
        form = f'office:value-type="float" office:value="{value}"'
    return f"<table:table-cell {form}><text:p>{value}</text:p></table:table-cell>"


def test_a_spreadsheet_of_opendocument(tmp_path: Path) -> None:
    rows = [f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in LOG]
    log = read_interactions(ods(tmp_path / "orders.ods", "".join(rows)))
    assert log.frame().rows() == [("u1", "7", TIME), ("u2", "8", TIME + 86_400)]
    locked = ods(tmp_path / "locked.ods", "", "<manifest:encryption-data/>")
    with pytest.raises(BadData, match=r"locked\.ods has a password, so it is not read"):
        read_interactions(locked)


def test_a_frame_of_a_sheet_is_text_throughout(tmp_path: Path) -> None:
    table = open_table(workbook(tmp_path / "orders.xlsx", ("Orders", LOG)))
    assert set(table.schema.values()) == {pl.String()}
    assert table.text
