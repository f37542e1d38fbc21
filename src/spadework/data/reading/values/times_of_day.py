"""Times of day in a column of their own, beside a column of dates."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.clocks import Clock, as_positions, read_clock
from spadework.data.reading.values.whole_times import Timestamps
from spadework.data.reading.values.written_times import ENOUGH
from spadework.errors import BadData

_TEXT = (
    r"^(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s*(?:(?P<half>[AaPp])\.?[Mm]\.?)?$"
)
_MICRO = 10**6
_DAY = 86_400
_FEW = 100  # one number in so many may be damaged
_LATER = 10  # one number in so many may be too large for HHMM


def are_times_of_day(column: pl.Series) -> bool:
    """Whether all values are times of day: texts such as 09:30, or numbers such as 930 and 93000,
    of which twenty differ and one in a hundred may be damaged.
    """
    values = _plain(column)
    if values.dtype == pl.Time:
        return True
    if len(values) and values.dtype == pl.String and values.str.contains(_TEXT).all():
        return True
    numbers = _whole(values)
    if numbers is None or len(np.unique(numbers)) < ENOUGH or int(numbers.min()) < 0:
        return False
    short = _are_short(numbers)
    fits = _parts(numbers, short)[1]
    pairs = numbers[fits] if short else numbers[fits] // 100
    hours, minutes = pairs // 100, pairs % 100
    # numbers such as 1231 are days of a year where none is past 31
    are_days = (hours >= 1).all() and (hours <= 12).all() and (minutes <= 31).all()
    damaged = len(numbers) - len(pairs)
    return bool(not are_days and damaged * _FEW <= len(numbers) and int(numbers.max()) >= 100)


def are_days(column: pl.Series) -> bool:
    """Whether dates have no time of day: read as a clock, all of them are midnights."""
    ledger = Ledger(len(column))
    try:
        clock = read_clock(column, "", ledger)
    except BadData:
        # a date that may be read day first or month first has no clock either
        texts = _plain(column)
        return texts.dtype == pl.String and not texts.str.contains(r"[0-9]:[0-9]").any()
    used = ledger.used()
    seconds = clock.seconds if used is None else clock.seconds[used]
    return clock.calendar and clock.fine is None and bool((seconds % _DAY == 0).all())


def joined_clock(
    dates: pl.Series, times: pl.Series, name: str, ledger: Ledger, reading: str | None
) -> Clock:
    """The clock of a column of dates and one of times of day. A date without a time of day counts
    as midnight, as a date alone does; what is no time of day is set aside.

    Raises BadData where no value is a time of day.
    """
    days = read_clock(dates, name, ledger, reading)
    values, fits = _micros(times, name, ledger)
    missing = times.is_null() if times.dtype != pl.String else (times.str.strip_chars() == "")
    absent = missing.fill_null(True).to_numpy()
    if not fits.any() and not absent.all():
        raise BadData(
            f"{name!r} has no time of day in its second column, but values such as "
            f"{times.drop_nulls()[0]!r}.",
            "Write DATE+TIME, such as --time day+clock, or name the date alone.",
        )
    used = ledger.used()
    midnights = int((absent if used is None else absent & used).sum())
    if midnights:
        ledger.tell(
            "midnights",
            {"rows": midnights},
            lambda facts: [
                f"Without a time of day in {name!r}, and therefore read as midnight of their date: "
                f"{formatting.count(facts['rows'], 'row')}."
            ],
        )
    fits = fits | absent
    ledger.set_aside(~fits, "time not readable")
    if not days.calendar:  # days that are numbered from some first day
        return as_positions(days.seconds * _DAY + np.where(fits, values // _MICRO, 0))
    base = days.seconds - days.seconds % _DAY
    seconds = base + np.where(fits, values // _MICRO, 0)
    if not (values[fits] % _MICRO).any():
        return Clock(seconds, None, days.calendar)
    return Clock(seconds, base * _MICRO + np.where(fits, values, 0), days.calendar, _MICRO)


def _plain(column: pl.Series) -> pl.Series:
    values = column.drop_nulls()
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        values = values.str.strip_chars()
        values = values.filter(values != "")
    return values


def _whole(values: pl.Series) -> NDArray[np.int64] | None:
    if values.dtype.is_float() and not (values == values.floor()).all():
        return None
    numbers = values.cast(pl.Int64, strict=False) if values.dtype != pl.Time else None
    if numbers is None or numbers.null_count() or not len(numbers):
        return None
    return numbers.to_numpy()


def _are_short(numbers: Timestamps) -> bool:
    """Whether numbers are HHMM: nearly none is too large for that. All others are HHMMSS."""
    return int((numbers > 2_400).sum()) * _LATER < len(numbers)


def _parts(numbers: Timestamps, short: bool) -> tuple[Timestamps, NDArray[np.bool_]]:
    """Seconds since midnight of HHMM, where they are `short`, or of HHMMSS, and whether each is a
    time of day.
    """
    clocks = numbers * 100 if short else numbers
    hours, minutes, seconds = clocks // 10_000, clocks // 100 % 100, clocks % 100
    fits = (clocks >= 0) & (hours < 24) & (minutes < 60) & (seconds < 60)
    return hours * 3_600 + minutes * 60 + seconds, fits


def _micros(column: pl.Series, name: str, ledger: Ledger) -> tuple[Timestamps, NDArray[np.bool_]]:
    """Microseconds since midnight, and whether each value is a time of day."""
    if column.dtype == pl.Time:
        ticks = column.to_physical().fill_null(0).to_numpy() // 1000
        return ticks, column.is_not_null().to_numpy()
    text = column.cast(pl.String).str.strip_chars().str.replace(r"\.0+$", "")
    text = text.set(text == "", None)
    numbers = text.cast(pl.Int64, strict=False)
    if (numbers.null_count() - text.null_count()) * 2 < len(text) - text.null_count():
        found = "HHMM" if _are_short(numbers.drop_nulls().to_numpy()) else "HHMMSS"
        short = ledger.choose(f"the times of day in {name!r}", found) == "HHMM"
        seconds, fits = _parts(numbers.fill_null(0).to_numpy(), short)
        return seconds * _MICRO, fits & numbers.is_not_null().to_numpy()
    part = text.str.extract_groups(_TEXT).struct.unnest()

    def number(key: str) -> NDArray[np.int64]:
        return part[key].cast(pl.Int64, strict=False).fill_null(0).to_numpy()

    half = part["half"].str.to_lowercase()
    is_half, is_late = half.is_not_null().to_numpy(), (half == "p").fill_null(False).to_numpy()
    hour = np.where(is_half, number("hour") % 12, number("hour")) + 12 * is_late
    minute, second = number("minute"), number("second")
    fraction = (
        part["fraction"].str.pad_end(6, "0").str.head(6).cast(pl.Int64).fill_null(0).to_numpy()
    )
    fits = part["hour"].is_not_null().to_numpy() & (hour < 24) & (minute < 60) & (second < 60)
    return (hour * 3_600 + minute * 60 + second) * _MICRO + fraction, fits
