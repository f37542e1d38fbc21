"""Workbooks (.xlsx, .ods) as tables: a sheet is read as the text that its cells hold, like csv."""

from __future__ import annotations

import logging
import mmap
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from spadework.data.reading.formats.byte_sources import check_unpacked
from spadework.data.reading.formats.named_tables import Inside, Purpose, chosen
from spadework.data.reading.formats.reading_memory import check_text_size
from spadework.data.reading.formats.sheet_cells import table_of_cells
from spadework.data.reading.library_errors import LIBRARY_ERRORS, first_line
from spadework.data.reading.tables import Table, joined
from spadework.errors import BadData, MissingExtra

if TYPE_CHECKING:
    from fastexcel import ExcelReader

MOST_ROWS = 1_048_576
"""Rows of a sheet, its header among them."""

_OF_EXCEL = re.compile(r"/?xl/workbook\d*\.xml", re.IGNORECASE)
_OF_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
_SILENT = logging.NullHandler()
_AGAIN = "Download it again, or open it and save it again."
_SAVE = "Save it again as xlsx without a password, or save the sheet as csv."


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is a workbook that is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(map(_OF_EXCEL.fullmatch, names)):
                return True
            return "mimetype" in names and archive.read("mimetype").startswith(_OF_OPEN_DOCUMENT)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError):
        return False  # what is wrong with it is said where archives are unpacked


def refuse_old(path: Path) -> None:
    """Raise BadData for an Office document of the old kind, or for one that has a password: both
    begin alike.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        has_password = data.find("EncryptedPackage".encode("utf-16-le")) >= 0
    what = "has a password" if has_password else "is an Excel or Office document of the old kind"
    raise BadData(f"{path.name} {what}, so it is not read.", _SAVE)


def open_workbook(
    path: Path, named: str | None, purpose: Purpose, wanted: Sequence[str], has_header: bool
) -> Table:
    """A sheet, or several that a pattern names. `wanted` are columns that the user named; with
    `has_header` the first row names the columns, whatever it holds.

    Raises MissingExtra where the package is not installed, BadData where the workbook is broken.
    """
    size = _size(path)
    reader = _reader(path)
    names = [named] if named in reader.sheet_names else reader.sheet_names
    sheets = {name: _sheet(reader, path, name) for name in names}
    tables = {
        name: _table(sheet, wanted, has_header, size)
        for name, sheet in sheets.items()
        if sheet.frame.height
    }
    if named in sheets and named not in tables:
        raise BadData(f"{path.name}/{named} is empty.", "Name a sheet with a header and rows.")
    inside = [
        Inside(
            name=name,
            columns=tuple(table.columns) if isinstance(table, Table) else None,
            hidden=sheets[name].hidden,
        )
        for name, table in tables.items()
    ]
    found, remarks = chosen(path.name, inside, named, purpose, "sheet")
    read = []
    for name in found:
        table = tables[name]
        if not isinstance(table, Table):
            raise table
        read.append(replace(table, remarks=(*remarks, *table.remarks)))
    return joined(read)


def _table(sheet: _Sheet, wanted: Sequence[str], has_header: bool, size: int) -> Table | BadData:
    """The table of a sheet, or why there is none: another sheet may be the one that is read."""
    try:
        table = table_of_cells(sheet.name, sheet.frame, wanted, has_header)
    except BadData as error:
        return error
    full = (_full(sheet.title),) if sheet.is_full else ()
    return replace(table, size=size, remarks=(*table.remarks, *full))


def _full(name: str) -> str:
    return (
        f"The sheet {name!r} is full: it has {MOST_ROWS:,} rows, as many as a sheet can hold, so "
        "the rest of an export may be missing."
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sheet:
    """The used cells of a sheet as text; columns have their letters as names."""

    file: str
    title: str
    frame: pl.DataFrame
    hidden: bool = False

    @property
    def name(self) -> str:
        """File and sheet."""
        return f"{self.file}/{self.title}"

    @property
    def is_full(self) -> bool:
        """Whether it has as many rows as a sheet can have."""
        if self.frame.height != MOST_ROWS:
            return False
        return any((cell or "").strip() for cell in self.frame.row(-1))


def _size(path: Path) -> int:
    """Bytes of the unpacked archive. Refuses what expands too far, or does not fit in memory."""
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    check_unpacked(size, path.stat().st_size, path.name)
    check_text_size(size, path.name)
    return size


def _reader(path: Path) -> ExcelReader:
    try:
        import fastexcel
    except ImportError:
        raise MissingExtra(f"fastexcel, with which {path.name} is read,", "excel") from None
    # a sheet of a chart is told as a warning, which is no news: without a handler it is printed
    logging.getLogger("calamine").addHandler(_SILENT)
    errors: tuple[type[BaseException], ...] = (fastexcel.FastExcelError, *LIBRARY_ERRORS)
    try:
        return fastexcel.read_excel(path)
    except errors as error:
        raise _refusal(path.name, error) from None


def _sheet(reader: ExcelReader, path: Path, title: str) -> _Sheet:
    """A sheet as text; without cells where it is none of cells, such as a chart."""
    import fastexcel

    errors: tuple[type[BaseException], ...] = (fastexcel.FastExcelError, *LIBRARY_ERRORS)
    try:
        sheet = reader.load_sheet(title, header_row=None, dtypes="string")
        frame = pl.DataFrame(sheet)
        frame.columns = [_letters(column.absolute_index) for column in sheet.available_columns()]
    except errors as error:
        raise _refusal(path.name, error) from None
    return _Sheet(file=path.name, title=title, frame=frame, hidden=sheet.visible != "visible")


def _letters(place: int) -> str:
    """The letters over a column: A, B, … Z, AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _refusal(name: str, error: BaseException) -> BadData:
    message = first_line(error).removeprefix("calamine error: ")
    if "password" in message:
        return BadData(f"{name} has a password, so it is not read.", _SAVE)
    return BadData(f"{name} is a broken workbook: {message}.", _AGAIN)
