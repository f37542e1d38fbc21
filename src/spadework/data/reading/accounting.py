"""The row account of a reading, made of what was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.data.account import RowAccount
from spadework.data.reading.set_aside import Ledger, counted
from spadework.data.reading.tables import Table


def account_of(
    frame: pl.DataFrame,
    table: Table,
    names: Mapping[str, str],
    ledger: Ledger,
    every: int,
    numbers: NDArray[np.int64] | None,
    used: int,
) -> RowAccount:
    """The account of the rows of `frame`. `names` are the columns by role, `used` counts the rows
    of the log; one in `every` users was read.
    """
    totals = {reason: len(rows) for reason, rows in table.dropped.items()} | ledger.totals()
    if every > 1:
        reason = f"user left out by sampling (1 of {every} kept)"
        left_out = table.rows - frame.height
        totals = {reason: left_out} | totals
        ledger.remark(
            f"There is not enough memory for all rows, so 1 of {every} users was read, "
            "with all their rows."
        )
    for name, rows in table.parts:
        ledger.remark(f"{name}: {counted(rows, 'row')}.")
    return RowAccount(
        source=table.name,
        read=table.rows,
        used=used,
        set_aside=totals,
        columns=names,
        remarks=tuple(ledger.remarks),
        counts=ledger.counts,
        rows_set_aside=_rows_set_aside(frame, table, ledger, numbers),
    )


def _rows_set_aside(
    frame: pl.DataFrame, table: Table, ledger: Ledger, numbers: NDArray[np.int64] | None
) -> pl.DataFrame:
    """Row number, reason and the values as text; rows that could not be parsed have no values."""
    at, reasons = ledger.aside()
    known = table.row_numbers() if numbers is None and at.size else numbers
    rows = pl.DataFrame(
        {
            "row": pl.Series(known[at] if known is not None and at.size else [], dtype=pl.Int64),
            "reason": pl.Series(reasons, dtype=pl.String),
        }
    )
    values = frame[at].select(_as_text(column) for column in frame.get_columns())
    parsed = pl.concat([rows, values], how="horizontal")
    unparsed: Sequence[pl.DataFrame] = [
        pl.DataFrame({"row": pl.Series(lost, dtype=pl.Int64), "reason": [reason] * len(lost)})
        for reason, lost in table.dropped.items()
    ]
    return pl.concat([parsed, *unparsed], how="diagonal").sort("row")


def _as_text(column: pl.Series) -> pl.Expr:
    return pl.col(column.name).cast(pl.String)
