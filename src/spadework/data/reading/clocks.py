"""Times of a column in one unit: seconds to nanoseconds, calendar dates, or positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.data.reading.calendars import date_forms, parse_dates
from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData
from spadework.timestamps import present

Timestamps = NDArray[np.int64]

FIRST = 31_536_000  # 1971-01-01; earlier values are zeros or small numbers, not dates
LAST = 4_102_444_800  # 2100-01-01
UNITS: Mapping[str, int] = {
    "seconds": 1,
    "milliseconds": 10**3,
    "microseconds": 10**6,
    "nanoseconds": 10**9,
}
_POSITION_LIMIT = 100_000_000
# 1995 … 2035: the narrower window for columns whose name is no synonym of time
_LIKELY = (788_918_400, 2_051_222_400)
_POLARS_UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, eq=False)
class Clock:
    """Whole seconds, and the finer clock behind them where there is one. Rows that were set aside
    hold zeros.
    """

    seconds: Timestamps
    fine: Timestamps | None
    calendar: bool


def now() -> int:
    """Epoch seconds of now."""
    return present()


def read_clock(column: pl.Series, name: str, ledger: Ledger, day_order: str | None = None) -> Clock:
    """The clock of a column. One unit holds for all rows; mixed units are refused with their
    counts.

    Missing times, times before 1971 and times later than tomorrow are set aside in `ledger`.
    """
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
        dtype = column.dtype
    if dtype == pl.String:
        return _of_text(column, name, ledger, day_order)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            ledger.remark(f"Times in {name!r} have no zone and are read as UTC.")
        return _in_unit(
            *_filled(column.to_physical(), ledger), _POLARS_UNITS[dtype.time_unit], ledger
        )
    if dtype == pl.Date:
        days, is_present = _filled(column.to_physical().cast(pl.Int64), ledger)
        return _in_unit(days * 86_400, is_present, 1, ledger)
    if dtype.is_integer():
        wide = column.cast(pl.Int64, strict=False)
        _refuse_lost(column, wide, name)
        return _of_integers(*_filled(wide, ledger), name, ledger)
    if dtype.is_float() or dtype.is_decimal():
        return _of_decimals(column.cast(pl.Float64), name, ledger)
    raise BadData(
        f"The time column {name!r} holds {dtype}, which is no time.",
        "Give epoch seconds, dates or ISO text; --time - reads none.",
    )


def looks_like_calendar(column: pl.Series) -> bool:
    """Whether every value is a date, or an epoch number between 1995 and 2035. Used where the name
    does not decide.
    """
    dtype = column.dtype
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return True
    values = column.drop_nulls()
    if dtype == pl.String:
        values = values.str.strip_chars()
        values = values.filter(values != "")
        if len(values) and (date_forms(values) != "").all():
            return True
        values = values.cast(pl.Int64, strict=False)
        dtype = values.dtype
    if not dtype.is_integer() or len(values) == 0 or values.null_count():
        return False
    low, high = int(values.min()), int(values.max())  # type: ignore[arg-type]
    return any(_LIKELY[0] * scale <= low and high <= _LIKELY[1] * scale for scale in UNITS.values())


def _filled(column: pl.Series, ledger: Ledger) -> tuple[Timestamps, NDArray[np.bool_] | None]:
    """Numbers with zeros where they are missing, and the mask of those that are present (None is
    all).
    """
    if column.null_count() == 0:
        return column.to_numpy(), None
    missing = column.is_null().to_numpy()
    ledger.set_aside(missing, "time missing")
    return column.fill_null(0).to_numpy(), ~missing


def _refuse_lost(before: pl.Series, after: pl.Series, name: str) -> None:
    lost = after.null_count() - before.null_count()
    if lost:
        raise BadData(
            f"The time column {name!r} holds {lost:,} numbers beyond 64 bits.",
            "Give epoch seconds.",
        )


def _of_integers(
    values: Timestamps, is_present: NDArray[np.bool_] | None, name: str, ledger: Ledger
) -> Clock:
    present = values if is_present is None else values[is_present]
    if len(present) == 0:
        return Clock(values, None, False)
    low, high = int(present.min()), int(present.max())
    for scale in UNITS.values():
        if FIRST * scale < low and high < LAST * scale:
            return _in_unit(values, is_present, scale, ledger)
    if high < _POSITION_LIMIT:
        days = _of_written_days(values, present)
        if days is not None:
            ledger.remark(f"Times in {name!r} are days written as YYYYMMDD.")
            return _in_unit(days * 86_400, is_present, 1, ledger)
        return _as_positions(values, name, ledger)
    counts = {
        unit: int(((present > FIRST * scale) & (present < LAST * scale)).sum())
        for unit, scale in UNITS.items()
    }
    counts = {unit: count for unit, count in counts.items() if count}
    if len(counts) > 1:
        raise _mixed(name, counts)
    if not counts:
        raise BadData(
            f"The times in {name!r} fit no unit: they run from {low} to {high}.",
            "Give epoch seconds, or leave the time out: --time -.",
        )
    return _in_unit(values, is_present, UNITS[next(iter(counts))], ledger)


def _mixed(name: str, counts: Mapping[str, int]) -> BadData:
    shown = ", ".join(f"{count:,} as {form}" for form, count in counts.items())
    return BadData(
        f"The times in {name!r} are written in more than one way: {shown}.",
        "Write them all in one way.",
    )


def _of_written_days(values: Timestamps, present: Timestamps) -> Timestamps | None:
    """Days since 1970 of numbers like 20240131; None where one of them is no such day."""
    if int(present.min()) < 19_710_101 or int(present.max()) > 21_001_231:
        return None
    distinct = np.unique(present)
    text = pl.Series(distinct).cast(pl.String)
    days = text.str.to_date("%Y%m%d", strict=False)
    if days.null_count():
        return None
    return (
        days.to_physical()
        .cast(pl.Int64)
        .to_numpy()[np.minimum(np.searchsorted(distinct, values), len(distinct) - 1)]
    )


def _as_positions(values: Timestamps, name: str, ledger: Ledger) -> Clock:
    ledger.counts["time_is_position"] = 1
    ledger.remark(
        f"The numbers in {name!r} are too small for a calendar and are read as positions: "
        "there is an order, but no dates."
    )
    return Clock(values, None, False)


def _in_unit(
    values: Timestamps, is_present: NDArray[np.bool_] | None, scale: int, ledger: Ledger
) -> Clock:
    seconds = values if scale == 1 else values // scale
    is_exact = scale == 1 or bool((values == seconds * scale).all())
    tomorrow = now() + 86_400
    if len(values) and (int(seconds.min()) < FIRST or int(seconds.max()) > tomorrow):
        present = np.ones(len(values), np.bool_) if is_present is None else is_present
        ledger.set_aside(present & (seconds < FIRST), "time before 1971")
        ledger.set_aside(present & (seconds > tomorrow), "time in the future")
    return Clock(seconds, None if is_exact else values, True)


def _of_decimals(column: pl.Series, name: str, ledger: Ledger) -> Clock:
    column = column.fill_nan(None)
    values, is_present = _filled(column, ledger)
    present = values if is_present is None else values[is_present]
    if len(present) and not np.isfinite(present).all():
        raise BadData(f"The time column {name!r} holds infinite values.", "Give epoch seconds.")
    if len(present) == 0 or float(np.abs(present).max()) >= 2.0**62:
        raise BadData(
            f"The time column {name!r} holds no readable time.",
            "Give epoch seconds, or leave the time out: --time -.",
        )
    floors = np.floor(present)
    if (floors == present).all():
        return _of_integers(values.astype(np.int64), is_present, name, ledger)
    coarse = _of_integers(np.floor(values).astype(np.int64), is_present, name, ledger)
    if not coarse.calendar:
        raise BadData(
            f"The time column {name!r} holds small numbers with decimals, which are no times.",
            "Give epoch seconds.",
        )
    scale = _scale_of(np.floor(present))
    return Clock(coarse.seconds, np.rint(values * (10**6 / scale)).astype(np.int64), True)


def _scale_of(present: NDArray[np.float64]) -> int:
    middle = float(np.median(present))
    return next((scale for scale in UNITS.values() if FIRST * scale < middle < LAST * scale), 1)


def _of_text(column: pl.Series, name: str, ledger: Ledger, day_order: str | None) -> Clock:
    text = column.str.strip_chars()
    text = text.set(text == "", None) if (text == "").any() else text
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() == text.null_count():
        return _of_integers(*_filled(numbers, ledger), name, ledger)
    forms = _forms(text, numbers)
    counts: dict[str, Any] = dict(forms.filter(forms != "").value_counts(sort=True).iter_rows())
    unreadable = (forms == "").fill_null(False)
    bad = int(unreadable.sum())
    if not counts or bad * 2 > len(text) - text.null_count():
        example = text.filter(unreadable)[0]
        raise BadData(
            f"The time column {name!r} holds {bad:,} values that are no time, such as {example!r}.",
            "Name another column: --time.",
        )
    if set(counts) == {"whole numbers", "decimals"}:
        counts = {"decimals": sum(counts.values())}
    if len(counts) > 1:
        raise _mixed(name, counts)
    if bad:
        ledger.set_aside(unreadable, "time not readable")
        text = text.set(unreadable, None)
    form = next(iter(counts))
    if form == "decimals":
        return _of_decimals(text.cast(pl.Float64, strict=False), name, ledger)
    if form == "whole numbers":
        return _of_integers(*_filled(text.cast(pl.Int64, strict=False), ledger), name, ledger)
    timestamps = parse_dates(text, form, name, day_order, ledger)
    values, is_present = _filled(timestamps, ledger)
    return _in_unit(values, is_present, 10**6, ledger)


def _forms(text: pl.Series, numbers: pl.Series) -> pl.Series:
    """The way each value is written, "" for none that is known, null where it is missing."""
    frame = pl.DataFrame({"text": text, "date": date_forms(text), "number": numbers.is_not_null()})
    decimal = pl.col("text").str.contains(r"^[+-]?\d+\.\d+(?:[eE][+]?\d+)?$")
    form = (
        pl.when(pl.col("text").is_null())
        .then(None)
        .when("number")
        .then(pl.lit("whole numbers"))
        .when(decimal)
        .then(pl.lit("decimals"))
        .otherwise("date")
    )
    return frame.select(form.alias("form"))["form"]
