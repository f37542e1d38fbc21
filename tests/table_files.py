"""Frames as files that hold tables: SQLite, DuckDB and workbooks."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl


def write_sqlite(path: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """A database whose columns have no declared types, so that values stay as they are."""
    connection = sqlite3.connect(path)
    for name, frame in tables.items():
        columns = ", ".join(map(_quoted, frame.columns))
        connection.execute(f"create table {_quoted(name)} ({columns})")
        marks = ", ".join("?" * frame.width)
        rows = [[_of_sqlite(value) for value in row] for row in frame.rows()]
        connection.executemany(f"insert into {_quoted(name)} values ({marks})", rows)
    connection.commit()
    connection.close()


def write_duckdb(path: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """A database with the types of the frames."""
    import duckdb

    between = path.with_name(f"{path.name}.parquet")
    with duckdb.connect(str(path)) as connection:
        for name, frame in tables.items():
            frame.write_parquet(between)
            connection.execute(f"create table {_quoted(name)} as from read_parquet('{between}')")
            between.unlink()


def write_xlsx(path: Path, sheets: Mapping[str, pl.DataFrame]) -> None:
    """A workbook with a header on each sheet; dates are dates, numbers numbers."""
    import xlsxwriter

    with xlsxwriter.Workbook(path) as workbook:
        styles = {
            date: workbook.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        for name, frame in sheets.items():
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, frame.columns)
            for at, row in enumerate(frame.rows(), start=1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(at, column, value)
                    elif type(value) in styles:
                        sheet.write_datetime(at, column, value, styles[type(value)])
                    elif isinstance(value, bool | int | float):
                        sheet.write(at, column, value if _is_cell(value) else str(value))
                    elif value is not None:
                        sheet.write_string(at, column, str(value))


def _is_cell(value: float) -> bool:
    return value == value and abs(value) < 1e300


def _of_sqlite(value: Any) -> Any:
    if value is None or isinstance(value, str | bytes | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    return str(value)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
