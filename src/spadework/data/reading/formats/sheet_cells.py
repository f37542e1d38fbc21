"""Cells of a sheet as a table: titles above the header, blank rows and empty columns are no part
of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from spadework import formatting
from spadework.data.reading.columns.headers import LOOKED_AT, header_of
from spadework.data.reading.synonyms import candidates
from spadework.data.reading.tables import Table
from spadework.errors import BadData

_TITLES = 20
"""As many rows may stand above the header."""
_FILLED = 0.6
"""Share of the widest row's cells that are filled in a header; a title fills one or two."""
_MIDNIGHT = r"^\d{4}-\d\d-\d\d 00:00:00$"
# what a time of day without a date is written as: days are counted from there
_DAY_ZERO = r"^(?:1899-12-3[01]|1904-01-01) (\d\d:\d\d:\d\d)"


def table_of_cells(
    name: str, cells: pl.DataFrame, wanted: Sequence[str], has_header: bool
) -> Table:
    """The table that stands in the used cells of a sheet; these are text, and columns have their
    letters as names. `wanted` are columns that the user named; with `has_header` the first filled
    row names the columns, whatever it holds. O(cells).
    """
    frame, blank = _without_blanks(cells)
    if not frame.height:
        raise BadData(f"{name} is empty.", "Name a sheet with a header and rows.")
    at, columns, headerless, notes = _header(name, frame, wanted, has_header)
    body = frame[at:]
    body = pl.DataFrame({column: _as_written(body[of]) for of, column in columns.items()})
    if not body.height:
        raise BadData(f"{name} has a header and 0 rows.", "Give a sheet with rows.")
    remarks = [*notes, *(["Blank rows are ignored."] if blank else [])]
    return Table(
        name=name,
        source_format="workbook",
        schema=dict(body.schema),
        rows=body.height,
        fetch=body.select,
        head=body.head,
        text=True,
        headerless=headerless,
        remarks=tuple(remarks),
    )


def _without_blanks(frame: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """The rows with some text, and whether blank ones stand between them."""
    filled = frame.select(
        pl.any_horizontal(pl.all().str.contains(r"\S").fill_null(False)).alias("filled")
    )["filled"]
    rows = filled.to_numpy().nonzero()[0]
    between = len(rows) > 0 and len(rows) <= int(rows[-1])
    return frame.filter(filled), between


def _header(
    name: str, frame: pl.DataFrame, wanted: Sequence[str], has_header: bool
) -> tuple[int, dict[str, str], bool, list[str]]:
    """The first row of data, letter → name of each column, whether the names are invented, and
    remarks.
    """
    top = frame.head(_TITLES + LOOKED_AT)
    at = _row_of_header(top)
    columns, headerless, notes = _named(name, frame, at, wanted, has_header)
    if headerless and at:  # so what stands above may be data, too
        at = 0
        columns, headerless, notes = _named(name, frame, at, wanted, has_header)
    if at:
        example = next(cell for cell in top.row(0) if (cell or "").strip())
        notes = [
            f"Left out above the header, {formatting.count(at, 'row')}: {example[:60]!r}.",
            *notes,
        ]
    return at + (not headerless), columns, headerless, notes


def _row_of_header(top: pl.DataFrame) -> int:
    """The first of the upper rows that is filled as rows of the table are; one below that names a
    user and an item where all above are narrower.
    """
    rows = [[cell for cell in row if (cell or "").strip()] for row in top.rows()]
    widths = [len(row) for row in rows]
    least = max(min(2, max(widths)), _FILLED * max(widths))
    filled = [at for at, width in enumerate(widths[:_TITLES]) if width >= least]
    for at in filled:
        narrower = all(width < widths[at] for width in widths[:at])
        if narrower and candidates("user", rows[at]) and candidates("item", rows[at]):
            return at
    return next(iter(filled), 0)


def _named(
    name: str, frame: pl.DataFrame, at: int, wanted: Sequence[str], has_header: bool
) -> tuple[dict[str, str], bool, list[str]]:
    below = frame[at + 1 :]
    letters = [
        letter
        for letter, cell in zip(frame.columns, frame.row(at), strict=True)
        if (cell or "").strip() or below[letter].str.contains(r"\S").any()
    ]
    chosen = frame.select(letters)
    first = [
        (cell or "").strip() or f"column {letter}"
        for letter, cell in zip(letters, chosen.row(at), strict=True)
    ]
    sample = [[cell or "" for cell in row] for row in chosen[at + 1 : at + 1 + LOOKED_AT].rows()]
    header = header_of(first, sample, name, wanted, names_columns=has_header)
    named = dict(zip(letters, header.columns, strict=True))
    return named, header.headerless, list(header.remarks)


def _as_written(column: pl.Series) -> pl.Series:
    """Dates without a time of day as dates, times of day without a date as times of day; other
    values are as they are.
    """
    values = column.drop_nulls()
    if len(values) and values.str.contains(_MIDNIGHT).all():
        return column.str.slice(0, 10)
    if values.str.contains(_DAY_ZERO).any():
        return column.str.replace(_DAY_ZERO, "$1")
    return column
