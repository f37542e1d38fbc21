"""Dates as users write them, to microseconds since 1970."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.data.reading.set_aside import Ledger
from spadework.errors import BadData, Undecided

_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:([AaPp])\.?[Mm]\.?)?"
_ZONE = r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_DATE = r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})"
_PATTERN = rf"^{_DATE}(?:[T ]\s*{_CLOCK}(?:{_ZONE})?)?$"
_YEAR_FIRST = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
_YEAR_LAST = r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"
_QUICK = (
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", "%Y-%m-%d %H:%M:%S"),
    (r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$", "%Y-%m-%dT%H:%M:%S"),
    (r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC$", "%Y-%m-%d %H:%M:%S UTC"),
    (r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", "%Y-%m-%dT%H:%M:%SZ"),
    (r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d"),
)
_PARTS = ("first", "second", "third", "hour", "minute", "seconds", "fraction", "half", "zone")
_FORMS: tuple[tuple[str, str], ...] = (
    (rf"^{_YEAR_FIRST}$", "dates (year first)"),
    (rf"^{_YEAR_FIRST}[T ]\s*{_CLOCK}$", "dates with a clock (year first)"),
    (rf"^{_YEAR_FIRST}[T ]\s*{_CLOCK}{_ZONE}$", "dates with a clock and a zone (year first)"),
    (rf"^{_YEAR_LAST}$", "dates (year last)"),
    (rf"^{_YEAR_LAST}[T ]\s*{_CLOCK}$", "dates with a clock (year last)"),
    (rf"^{_YEAR_LAST}[T ]\s*{_CLOCK}{_ZONE}$", "dates with a clock and a zone (year last)"),
)


def date_forms(text: pl.Series) -> pl.Series:
    """The form of each date, "" where it is none; null stays null."""
    forms = [
        pl.when(pl.col("text").str.contains(pattern)).then(pl.lit(form)) for pattern, form in _FORMS
    ]
    known = pl.when(pl.col("text").is_not_null()).then(pl.coalesce(*forms, pl.lit("")))
    return pl.DataFrame({"text": text}).select(known.alias("form"))["form"]


def parse_dates(
    text: pl.Series, form: str, name: str, day_order: str | None, ledger: Ledger
) -> pl.Series:
    """Microseconds since 1970, null where the value is missing or no day of the calendar (those are
    set aside).

    Zones are honoured, times without one are UTC. Raises Undecided where day and month could be
    swapped in every row.
    """
    if "zone" not in form:
        ledger.remark(f"Times in {name!r} have no zone and are read as UTC.")
    quick = _quickly(text)
    if quick is not None:
        return quick
    part = dict(
        zip(_PARTS, text.str.extract_groups(_PATTERN).struct.unnest().get_columns(), strict=True)
    )
    first, second, third = (_integers(part[key], 1) for key in ("first", "second", "third"))
    is_present = text.is_not_null().to_numpy()
    if "year first" in form:
        year, month, day = first, second, third
    elif _day_comes_first(first[is_present], second[is_present], text, name, day_order, ledger):
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    year = (
        np.where(part["third"].str.len_bytes().fill_null(4).to_numpy() == 2, year + 2000, year)
        if "last" in form
        else year
    )
    hour, minute, seconds = (_integers(part[key], 0) for key in ("hour", "minute", "seconds"))
    half = part["half"].str.to_lowercase()
    hour = np.where(
        (half == "p").fill_null(False).to_numpy(),
        hour % 12 + 12,
        np.where((half == "a").fill_null(False).to_numpy(), hour % 12, hour),
    )
    micros = _integers(part["fraction"].str.pad_end(6, "0").str.head(6), 0)
    wrong = is_present & ~_is_day(year, month, day) | (hour > 23) | (minute > 59) | (seconds > 60)
    ledger.set_aside(wrong, "time not readable")
    epoch_seconds = (
        _days(year, month, day) * 86_400
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
                f"{conflicting:,} dates in {name!r} cannot be read {day_order}.",
                "Leave the order of day and month to the reader.",
            )
        return day_order == "day-first"
    if not day_first and not month_first:
        example = text.drop_nulls()[0]
        raise Undecided(
            (
                f"Dates in {name!r} such as {example!r} can be read day first or month first: "
                "no value settles it."
            ),
            f"Say which: --time {name}:day-first or --time {name}:month-first.",
        )
    ledger.remark(f"Dates in {name!r} are read {'day' if day_first else 'month'} first.")
    return day_first > 0


def _is_day(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.bool_]:
    lengths = np.asarray([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = lengths[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    real: NDArray[np.bool_] = (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    return real


def _days(
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
    sign = np.where(zone.str.starts_with("-").fill_null(False).to_numpy(), -1, 1)
    offsets: NDArray[np.int64] = sign * (hours * 3600 + minutes * 60)
    return offsets
