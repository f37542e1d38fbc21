"""Times of a column in one unit: seconds to nanoseconds, calendar dates, or positions."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.calendars import parse_dates, without_zone
from spadework.data.reading.values.date_forms import EXAMPLES, MONTHS, date_forms
from spadework.data.reading.values.readings import UNITS, steps_option
from spadework.data.reading.values.whole_times import (
    FIRST,
    LAST,
    SERIAL_1970,
    SERIALS,
    Timestamps,
    Whole,
    are_likely,
    as_told,
    mixed,
    now,
    understand,
)
from spadework.errors import BadData, Undecided

_POLARS_UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
MICRO = 10**6
_FEW = 20  # values that are looked at first, before all are
_WHOLE, _DECIMAL = "whole numbers", "decimals"


@dataclass(frozen=True, eq=False)
class Clock:
    """Whole seconds, and the finer clock behind them where there is one. Rows that were set aside
    hold zeros.
    """

    seconds: Timestamps
    fine: Timestamps | None
    calendar: bool
    scale: int = 1  # units of the finer clock in a second, where there is a calendar
    # ranks stand for the values, so that those of another part of a log mean others
    ranked: bool = False


def read_clock(column: pl.Series, name: str, ledger: Ledger, reading: str | None = None) -> Clock:
    """The clock of a column. One unit holds for all rows; mixed units are refused with their
    counts. `reading` is one of READINGS, where the user gave it.

    Missing times, times before 1971 and times later than tomorrow are set aside in `ledger`.
    Raises Undecided where the values allow several readings.
    """
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
        dtype = column.dtype
    if dtype == pl.String:
        return _of_text(column, name, ledger, reading)
    if isinstance(dtype, pl.Datetime):
        _refuse_reading(reading, name, "dates with a type of their own")
        if dtype.time_zone is None:
            ledger.remark(without_zone(name))
        return in_unit(
            *filled(column.to_physical(), ledger), _POLARS_UNITS[dtype.time_unit], ledger
        )
    if dtype == pl.Date:
        _refuse_reading(reading, name, "dates with a type of their own")
        days, is_present = filled(column.to_physical().cast(pl.Int64), ledger)
        return in_unit(days * 86_400, is_present, 1, ledger)
    if dtype.is_integer():
        wide = column.cast(pl.Int64, strict=False)
        _refuse_lost(column, wide, name)
        return _of_integers(*filled(wide, ledger), name, ledger, reading)
    if dtype.is_float() or dtype.is_decimal():
        _tell_lost_digits(column, name, ledger)
        return _of_decimals(column.cast(pl.Float64), name, ledger, reading)
    raise BadData(
        f"The time column {name!r} holds {dtype}, which is no time.",
        "Give epoch seconds, dates or ISO text; --time - reads none.",
    )


def positions_of_rows(numbers: NDArray[np.int64], ledger: Ledger) -> Clock:
    """The order of the rows as the clock; `numbers` are their numbers in the source."""
    ledger.counts["time_is_position"] = 1
    ledger.remark(
        "The order of the rows is the order of events, as asked for: there are no dates. "
        "A source that is not sorted by time gives a wrong order."
    )
    return as_positions(numbers.astype(np.int64))


def as_positions(values: Timestamps) -> Clock:
    """Positions smaller than any date: large ones are replaced by their ranks."""
    if not len(values) or int(values.max()) < FIRST:
        return Clock(values, None, False)
    ranks = np.unique(values, return_inverse=True)[1].astype(np.int64)
    highest = int(ranks.max())
    if highest < FIRST:
        return Clock(ranks, None, False, ranked=True)
    return Clock(ranks * (FIRST - 1) // highest, ranks, False, ranked=True)


def looks_like_calendar(column: pl.Series) -> bool:
    """Whether every value is a date, or a number that is a time between 1995 and 2035. Used where
    the name does not decide.
    """
    dtype = column.dtype
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return True
    values = column.drop_nulls()
    if dtype == pl.String:
        values = values.str.strip_chars()
        values = values.filter(values != "")
        are_digits = values.head(_FEW).str.contains("^[0-9]+$").any()  # which no date is
        # months alone may be numbers of another kind
        if len(values) and not (are_digits or date_forms(values).is_in(["", MONTHS]).any()):
            return True
        values = values.cast(pl.Float64 if _has_point(values) else pl.Int64, strict=False)
        dtype = values.dtype
    if dtype.is_float() and not values.null_count() and values.is_finite().all():
        values = values.clip(-1.0, 2.0**62).floor().cast(pl.Int64)
        dtype = values.dtype
    if not dtype.is_integer() or len(values) == 0 or values.null_count():
        return False
    return are_likely(values.cast(pl.Int64, strict=False).fill_null(0).to_numpy())


def could_be_time(column: pl.Series) -> bool:
    """Whether at least half of the values are dates or numbers."""
    dtype = column.dtype
    if dtype in (pl.Categorical, pl.Enum):
        column, dtype = column.cast(pl.String), pl.String()
    if dtype != pl.String:
        return dtype.is_numeric() or dtype == pl.Date or isinstance(dtype, pl.Datetime)
    values = column.drop_nulls().str.strip_chars()
    values = values.filter(values != "")
    numbers = values.cast(pl.Float64, strict=False).is_not_null()
    if int(numbers.sum()) * 2 >= len(values):
        return True
    fits = numbers | (date_forms(values) != "")
    return int(fits.sum()) * 2 >= len(values)


def _has_point(text: pl.Series) -> bool:
    return bool(len(text)) and "." in text[0]


def _refuse_reading(reading: str | None, name: str, found: str) -> None:
    if reading is not None:
        raise BadData(
            f"The time column {name!r} holds {found}, so it cannot be read as {reading}.",
            f"Leave the reading out: --time {shlex.quote(name)}.",
        )


def filled(column: pl.Series, ledger: Ledger) -> tuple[Timestamps, NDArray[np.bool_] | None]:
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
            f"The time column {name!r} holds {formatting.count(lost, 'number')} beyond 64 bits.",
            "Give epoch seconds.",
        )


def _tell_lost_digits(column: pl.Series, name: str, ledger: Ledger) -> None:
    """Single precision has 24 binary digits: epoch seconds are then two minutes apart."""
    if column.dtype.is_decimal() or column.dtype == pl.Float64:
        return
    highest = column.abs().fill_nan(None).max()
    width = np.float32 if column.dtype == pl.Float32 else np.float16
    step = float(np.spacing(width(highest or 0)))  # type: ignore[arg-type]
    if np.isfinite(step) and step > 1:
        ledger.remark(
            f"Times in {name!r} are numbers of {column.dtype.to_python().__name__} type with "
            f"{np.finfo(width).bits} bits: they are exact to {step:,.0f} units only, and the order "
            "within is that of the file. Store them as 64-bit numbers."
        )


def _of_integers(
    values: Timestamps,
    is_present: NDArray[np.bool_] | None,
    name: str,
    ledger: Ledger,
    reading: str | None,
) -> Clock:
    present = values if is_present is None else values[is_present]
    if len(present) == 0:
        return Clock(values, None, False)
    if reading in ("day-first", "month-first"):
        _refuse_reading(reading, name, "numbers")
    about = f"the times in {name!r}"
    known = ledger.known.get(about)
    if reading is None and known is None:
        whole = understand(values, is_present, name)
    elif reading is None:
        whole = _as_known(values, is_present, name, str(known))
    else:
        whole = as_told(values, present[present > 0], name, reading)
    ledger.time_reading = reading or (None if whole.reading in UNITS else whole.reading)
    ledger.choices[about] = whole.reading  # another one than is known is an error
    return _clock_of(whole, is_present, ledger)


def _as_known(
    values: Timestamps, is_present: NDArray[np.bool_] | None, name: str, known: str
) -> Whole:
    """The reading of a part of a column of which other parts told it: where this part tells
    nothing, such as zeros alone, it is read like them.
    """
    present = values if is_present is None else values[is_present]
    above = present[present > 0]
    if len(above):
        try:
            return understand(values, is_present, name)
        except Undecided:
            pass
    return as_told(values, above, name, known)


def _clock_of(whole: Whole, is_present: NDArray[np.bool_] | None, ledger: Ledger) -> Clock:
    if whole.remark:
        ledger.remark(whole.remark)
    if whole.reading == "position":
        ledger.counts["time_is_position"] = 1
        return as_positions(whole.values)
    return in_unit(whole.values, is_present, whole.scale, ledger)


def in_unit(
    values: Timestamps, is_present: NDArray[np.bool_] | None, scale: int, ledger: Ledger
) -> Clock:
    """The clock of numbers that are counted from 1970, `scale` a second."""
    seconds = values if scale == 1 else values // scale
    is_exact = scale == 1 or bool((values == seconds * scale).all())
    tomorrow = now() + 86_400
    if len(values) and (int(seconds.min()) < FIRST or int(seconds.max()) > tomorrow):
        present = np.ones(len(values), np.bool_) if is_present is None else is_present
        ledger.set_aside(present & (seconds < FIRST), "time before 1971")
        ledger.set_aside(present & (seconds > tomorrow), "time in the future")
    return Clock(seconds, None if is_exact else values, True, scale)


def _of_decimals(column: pl.Series, name: str, ledger: Ledger, reading: str | None) -> Clock:
    column = column.fill_nan(None)
    values, is_present = filled(column, ledger)
    present = values if is_present is None else values[is_present]
    if len(present) and not np.isfinite(present).all():
        raise BadData(f"The time column {name!r} holds infinite values.", "Give epoch seconds.")
    if len(present) == 0 and ledger.in_part:
        return Clock(np.zeros(len(column), np.int64), None, False)
    if len(present) == 0 or float(np.abs(present).max()) >= 2.0**62:
        raise BadData(
            f"The time column {name!r} holds no readable time.",
            "Give epoch seconds, or leave the time out: --time -.",
        )
    if (np.floor(present) == present).all():
        return _of_integers(values.astype(np.int64), is_present, name, ledger, reading)
    are_serials = SERIALS[0] <= float(present.min()) and float(present.max()) <= SERIALS[1]
    if reading == "serial" or (reading is None and are_serials):
        return _of_serials(values.astype(np.float64), is_present, name, ledger)
    if reading == "position":
        ledger.time_reading = reading
        ledger.counts["time_is_position"] = 1
        ranks = np.unique(values, return_inverse=True)[1].astype(np.int64)
        return replace(as_positions(ranks), ranked=True)
    coarse = _of_integers(np.floor(values).astype(np.int64), is_present, name, ledger, reading)
    if not coarse.calendar:
        raise BadData(
            f"The time column {name!r} holds small numbers with decimals, which are no times.",
            f"Give epoch seconds. --time {shlex.quote(f'{name}:position')} takes their order "
            f"alone, and {steps_option(name)} counts steps from a known start.",
        )
    scale = (
        UNITS[reading] if reading is not None and reading in UNITS else _scale_of(np.floor(present))
    )
    # what is out of range was set aside as a time in the future
    fine = np.clip(np.rint(values * (MICRO / scale)), -(2.0**62), 2.0**62)
    return Clock(coarse.seconds, fine.astype(np.int64), True, MICRO)


def _of_serials(
    values: NDArray[np.float64], is_present: NDArray[np.bool_] | None, name: str, ledger: Ledger
) -> Clock:
    ledger.time_reading = "serial"
    ledger.remark(
        f"Times in {name!r} are read as days of a spreadsheet, counted from 1899-12-30, to the "
        "nearest second."
    )
    return in_unit(np.rint((values - SERIAL_1970) * 86_400).astype(np.int64), is_present, 1, ledger)


def _scale_of(present: NDArray[np.float64]) -> int:
    middle = float(np.median(present))
    return next((scale for scale in UNITS.values() if FIRST * scale < middle < LAST * scale), 1)


def _of_text(column: pl.Series, name: str, ledger: Ledger, reading: str | None) -> Clock:
    text = column.str.strip_chars()
    text = text.set(text == "", None) if (text == "").any() else text
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() == text.null_count():
        return _of_integers(*filled(numbers, ledger), name, ledger, reading)
    forms = _forms(text, numbers)
    counts: dict[str, Any] = dict(forms.filter(forms != "").value_counts(sort=True).iter_rows())
    unreadable = (forms == "").fill_null(False)
    bad = int(unreadable.sum())
    if not counts and ledger.in_part:
        ledger.set_aside(unreadable, "time not readable")
        return Clock(np.zeros(len(text), np.int64), None, False)
    if not ledger.in_part and (not counts or bad * 2 > len(text) - text.null_count()):
        example = text.filter(unreadable)[0]
        raise BadData(
            f"The time column {name!r} holds {formatting.count(bad, 'value')} that are no time, "
            f"such as {example!r}.",
            f"Read are epoch seconds to nanoseconds, and dates such as {EXAMPLES}. Name another "
            "column, or read none: --time -.",
        )
    if set(counts) == {_WHOLE, _DECIMAL}:
        counts = {_DECIMAL: sum(counts.values())}
    if len(counts) > 1:
        raise mixed(name, counts)
    if bad:
        ledger.set_aside(unreadable, "time not readable")
        text = text.set(unreadable, None)
    form = next(iter(counts))
    if form == _DECIMAL:
        _tell_exponents(text, name, ledger)
        return _of_decimals(text.cast(pl.Float64, strict=False), name, ledger, reading)
    if form == _WHOLE:
        whole = text.cast(pl.Int64, strict=False)
        return _of_integers(*filled(whole, ledger), name, ledger, reading)
    if reading not in (None, "day-first", "month-first"):
        _refuse_reading(reading, name, "written dates")
    timestamps = parse_dates(text, form, name, reading, ledger)
    values, is_present = filled(timestamps, ledger)
    return in_unit(values, is_present, MICRO, ledger)


def _tell_exponents(text: pl.Series, name: str, ledger: Ledger) -> None:
    """Numbers that a spreadsheet has cut to a few digits."""
    parts = text.str.extract_groups(
        r"\.(?P<digits>[0-9]+)[eE]\+?(?P<power>[0-9]+)$"
    ).struct.unnest()
    power = parts["power"].cast(pl.Int64, strict=False)
    lost = (power - parts["digits"].str.len_chars().cast(pl.Int64)).drop_nulls()
    if len(lost) and (most := int(lost.median())) > 0:  # type: ignore[arg-type]
        ledger.remark(
            f"Times in {name!r} are written like {text.drop_nulls()[0]!r}: they are exact to "
            f"{10**most:,} units only. Export all digits."
        )


def _forms(text: pl.Series, numbers: pl.Series) -> pl.Series:
    """The way each value is written, "" for none that is known, null where it is missing."""
    frame = pl.DataFrame({"text": text, "date": date_forms(text), "number": numbers.is_not_null()})
    decimal = pl.col("text").str.contains(r"^[+-]?[0-9]+\.[0-9]+(?:[eE][+]?[0-9]+)?$")
    form = (
        pl.when(pl.col("text").is_null())
        .then(None)
        .when("number")
        .then(pl.lit(_WHOLE))
        .when(decimal)
        .then(pl.lit(_DECIMAL))
        .otherwise("date")
    )
    return frame.select(form.alias("form"))["form"]
