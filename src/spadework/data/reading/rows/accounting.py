"""The row account of a reading, made of what was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.data.account import PartAccount, RowAccount
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import Table, told_parts


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
    aside = _rows_set_aside(frame, table, ledger, numbers)
    known = every == 1 and sum(rows for _, rows in table.parts) == table.rows
    parts = parts_of(table.parts, _counts_by_file(table.parts, aside)) if known else ()
    tell_parts(table.parts, parts, ledger)
    return RowAccount(
        source=table.name,
        read=table.rows,
        used=used,
        set_aside=totals,
        columns=names,
        remarks=tuple(ledger.remarks),
        counts=ledger.all_counts(),
        rows_set_aside=aside,
        parts=parts,
    )


def parts_of(parts: Sequence[tuple[str, int]], counts: pl.DataFrame) -> tuple[PartAccount, ...]:
    """The account of each file; `counts` has the rows set aside (len) by reason and file (at)."""
    found: dict[int, list[tuple[str, int]]] = {}
    for reason, at, rows in counts.select("reason", "at", "len").iter_rows():
        found.setdefault(at, []).append((reason, rows))
    return tuple(
        PartAccount(
            source=name,
            read=rows,
            used=rows - sum(count for _, count in found.get(at, [])),
            set_aside=tuple(found.get(at, [])),
        )
        for at, (name, rows) in enumerate(parts)
    )


def _counts_by_file(parts: Sequence[tuple[str, int]], aside: pl.DataFrame) -> pl.DataFrame:
    """The rows set aside by reason and file; `aside` has the number and the reason of each."""
    ends = np.cumsum([rows for _, rows in parts])
    return (
        aside.select("reason", at=pl.Series(np.searchsorted(ends, aside["row"].to_numpy())))
        .group_by("at", "reason", maintain_order=True)
        .len()
    )


def tell_parts(
    given: Sequence[tuple[str, int]], parts: Sequence[PartAccount], ledger: Ledger
) -> None:
    """A sentence for each file; one for all where there are many."""
    lines = told_parts(given)
    some = [part for part in parts if part.set_aside]
    if len(lines) < len(given) and some:
        most = max(some, key=lambda part: part.read - part.used)
        lines[-1] += (
            f" Rows are set aside in {len(some):,} of them, most in {most.source} "
            f"({_in_words(most)})."
        )
    elif some:
        lines = [
            f"{sentence.removesuffix('.')}, {_in_words(part)}." if part.set_aside else sentence
            for sentence, part in zip(lines, parts, strict=True)
        ]
    for sentence in lines:
        ledger.remark(sentence)


def _in_words(part: PartAccount) -> str:
    most_first = sorted(part.set_aside, key=lambda reason: (-reason[1], reason[0]))
    reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in most_first)
    return f"{part.read - part.used:,} set aside: {reasons}"


def _rows_set_aside(
    frame: pl.DataFrame, table: Table, ledger: Ledger, numbers: NDArray[np.int64] | None
) -> pl.DataFrame:
    """Row number, reason and the values as text; rows that could not be parsed have no values."""
    at, reasons = ledger.aside()
    known = table.row_numbers() if numbers is None and at.size else numbers
    rows = known[at] if known is not None and at.size else np.zeros(0, np.int64)
    parsed = rows_set_aside(rows, reasons, frame[at])
    unparsed: Sequence[pl.DataFrame] = [
        pl.DataFrame({"row": pl.Series(lost, dtype=pl.Int64), "reason": [reason] * len(lost)})
        for reason, lost in table.dropped.items()
    ]
    return pl.concat([parsed, *unparsed], how="diagonal").sort("row")


def rows_set_aside(
    rows: NDArray[np.int64], reasons: Sequence[str], values: pl.DataFrame
) -> pl.DataFrame:
    """Numbers of rows, why they are set aside, and their values as text."""
    texts = values.select(_as_text(column) for column in values.get_columns())
    found = {
        "row": pl.Series(rows, dtype=pl.Int64),
        "reason": pl.Series(reasons, dtype=pl.String),
    }
    return pl.concat([pl.DataFrame(found), texts], how="horizontal")


def _as_text(column: pl.Series) -> pl.Expr:
    return pl.col(column.name).cast(pl.String)
