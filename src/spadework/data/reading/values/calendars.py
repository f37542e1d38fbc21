"""Dates as users write them, to microseconds since 1970."""

from __future__ import annotations

import shlex

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.date_forms import FORMS
from spadework.errors import BadData, Undecided

_QUICK = (
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "%Y-%m-%d %H:%M:%S"),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$", "%Y-%m-%dT%H:%M:%S"),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC$", "%Y-%m-%d %H:%M:%S UTC"),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", "%Y-%m-%dT%H:%M:%SZ"),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "%Y-%m-%d"),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PIVOT = 69  # 69 is 1969 and 68 is 2068, as in C


def without_zone(name: str) -> str:
    """What a user is told of times without a zone."""
    return f"Times in {name!r} have no zone and are read as UTC."


def parse_dates(
    text: pl.Series, form: str, name: str, day_order: str | None, ledger: Ledger
) -> pl.Series:
    """Microseconds since 1970, null where the value is missing or no day of the calendar (those are
    set aside). `form` is a label of FORMS.

    Zones are honoured, times without one are UTC. Raises Undecided where day and month could be
    swapped in every row.
    """
    if not FORMS[form].has_zone:
        ledger.remark(without_zone(name))
    quick = _quickly(text)
    if quick is not None:
        return quick
    part = _parts(text, form)
    is_present = text.is_not_null().to_numpy()
    year, month, day = _date(part, is_present, text, name, day_order, ledger)
    hour, minute, seconds = (_integers(part[key], 0) for key in ("hour", "minute", "seconds"))
    half = part["half"].str.to_lowercase()
    hour = np.where(
        (half == "p").fill_null(False).to_numpy(),
        hour % 12 + 12,
        np.where((half == "a").fill_null(False).to_numpy(), hour % 12, hour),
    )
    micros = _integers(part["fraction"].str.pad_end(6, "0").str.head(6), 0)
    wrong = is_present & ~is_day(year, month, day) | (hour > 23) | (minute > 59) | (seconds > 60)
    ledger.set_aside(wrong, "time not readable")
    epoch_seconds = (
        days_since_1970(year, month, day) * 86_400
        + hour * 3600
        + minute * 60
        + seconds
        - _offsets(part["zone"])
    )
    timestamps = pl.Series(name, epoch_seconds * 10**6 + micros)
    # Rows that were just set aside keep a harmless timestamp, so that they are not counted as
    # missing too.
    timestamps = timestamps.set(pl.Series(wrong), 10**15) if wrong.any() else timestamps
    return timestamps.set(text.is_null(), None) if text.null_count() else timestamps


def _parts(text: pl.Series, form: str) -> dict[str, pl.Series]:
    """Part → text of it; a part that the form lacks is null throughout."""
    found = text.str.extract_groups(FORMS[form].pattern).struct.unnest().to_dict()
    absent = pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    names = ("day", "hour", "minute", "seconds", "fraction", "half", "zone")
    return dict.fromkeys(names, absent) | found


def _date(
    part: dict[str, pl.Series],
    is_present: NDArray[np.bool_],
    text: pl.Series,
    name: str,
    day_order: str | None,
    ledger: Ledger,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Year, month and day."""
    year = _integers(part["year"], 1)
    is_short = part["year"].str.len_bytes().fill_null(4).to_numpy() == 2
    year = np.where(is_short, year + np.where(year < _PIVOT, 2000, 1900), year)
    if "name" in part:
        names = part["name"].str.head(3).str.to_lowercase()
        month = _integers(names.replace(list(_MONTHS), [str(at) for at in range(1, 13)]), 1)
        return year, month, _integers(part["day"], 1)
    if "first" not in part:
        return year, _integers(part["month"], 1), _integers(part["day"], 1)
    first, second = _integers(part["first"], 1), _integers(part["second"], 1)
    if _day_comes_first(first[is_present], second[is_present], text, name, day_order, ledger):
        return year, second, first
    return year, first, second


def _quickly(text: pl.Series) -> pl.Series | None:
    """The five most common ISO forms, ten times as fast; None where not all values have one of
    them.
    """
    for pattern, form in _QUICK:
        if text.str.contains(pattern).all():
            parsed = text.str.strptime(pl.Datetime("us"), form, strict=False)
            return parsed.to_physical() if parsed.null_count() == text.null_count() else None
    return None


def _integers(column: pl.Series, default: int) -> NDArray[np.int64]:
    return column.cast(pl.Int64, strict=False).fill_null(default).to_numpy()


def _day_comes_first(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    text: pl.Series,
    name: str,
    day_order: str | None,
    ledger: Ledger,
) -> bool:
    day_first, month_first = int((first > 12).sum()), int((second > 12).sum())
    if day_first and month_first:
        raise BadData(
            (
                f"The dates in {name!r} are written in more than one way: {day_first:,} day "
                f"first, {month_first:,} month first."
            ),
            "Write them all in one way.",
        )
    if day_order is not None:
        conflicting = month_first if day_order == "day-first" else day_first
        if conflicting:
            raise BadData(
                f"{formatting.count(conflicting, 'date')} in {name!r} cannot be read {day_order}.",
                "Leave the order of day and month to the reader.",
            )
        ledger.time_reading = day_order
        return day_order == "day-first"
    if not day_first and not month_first:
        example = text.drop_nulls()[0]
        raise Undecided(
            (
                f"Dates in {name!r} such as {example!r} can be read day first or month first: "
                "no value settles it."
            ),
            f"Say which: --time {shlex.quote(f'{name}:day-first')} or --time "
            f"{shlex.quote(f'{name}:month-first')}.",
        )
    ledger.remark(f"Dates in {name!r} are read {'day' if day_first else 'month'} first.")
    ledger.time_reading = "day-first" if day_first else "month-first"
    return day_first > 0


def is_day(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each is a day of the Gregorian calendar."""
    lengths = np.asarray([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = lengths[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    real: NDArray[np.bool_] = (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    return real


def days_since_1970(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March."""
    march_year = year - (month <= 2)
    era_days = march_year * 365 + march_year // 4 - march_year // 100 + march_year // 400
    return era_days + (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719_468


def _offsets(zone: pl.Series) -> NDArray[np.int64]:
    """Seconds east of UTC."""
    digits = zone.str.replace_all(r"[^0-9]", "")
    hours, minutes = _integers(digits.str.slice(0, 2), 0), _integers(digits.str.slice(2, 2), 0)
    is_west = zone.str.contains("-", literal=True).fill_null(False).to_numpy()
    sign = np.where(is_west, -1, 1)
    offsets: NDArray[np.int64] = sign * (hours * 3600 + minutes * 60)
    return offsets
