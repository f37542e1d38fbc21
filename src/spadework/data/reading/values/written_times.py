"""Whole numbers whose digits are a date: 20260131, 202601310930, 2601310930."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spadework.data.reading.values.calendars import days_since_1970, is_day

Numbers = NDArray[np.int64]

ENOUGH = 20
"""Distinct values that must all be dates before two digits count as a year."""
_SAMPLE = 1_000
_LAYOUTS = (
    "YYYYMM",
    "YYYYMMDD",
    "YYYYMMDDHH",
    "YYMMDDHHMM",
    "YYYYMMDDHHMM",
    "YYMMDDHHMMSS",
    "YYYYMMDDHHMMSS",
    "YYYYMMDDHHMMSSmmm",
)
_FIRST_YEAR, _LAST_YEAR = 1971, 2100
_FIRST_SHORT, _LAST_SHORT = 1990, 2040  # years that need more evidence


@dataclass(frozen=True)
class Layout:
    """What the digits of a number mean, such as YYYYMMDD."""

    letters: str

    @property
    def has_long_year(self) -> bool:
        """Whether the year has four digits."""
        return self.letters.startswith("YYYY")

    def times(self, numbers: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """Milliseconds since 1970, and whether each number is a date of this layout."""
        year_digits = 4 if self.has_long_year else 2
        rest = self.letters[year_digits:]
        widths = [2] * (len(rest.rstrip("m")) // 2) + [3] * rest.endswith("m")
        parts: list[Numbers] = []
        left = numbers
        for width in reversed(widths):
            left, part = np.divmod(left, 10**width)
            parts.append(part)
        zeros = np.zeros(len(numbers), np.int64)
        if len(parts) == 1:
            parts.insert(0, zeros + 1)  # the first day of the month
        month, day, hour, minute, second, milli = (parts[::-1] + [zeros] * 6)[:6]
        year, first, last = left, _FIRST_YEAR, _LAST_YEAR
        if not self.has_long_year:
            year = np.where(left < 69, left + 2000, left + 1900)
            first, last = _FIRST_SHORT, _LAST_SHORT
        fits = (
            (year >= first)
            & (year <= last)
            & is_day(year, month, day)
            & (hour < 24)
            & (minute < 60)
            & (second < 60)
        )
        days = days_since_1970(year, month, day)
        seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
        return np.where(fits, seconds * 1000 + milli, 0), fits


def layouts_of(numbers: Numbers) -> Iterator[Layout]:
    """Layouts of which every number is a date, those with years of four digits first; `numbers`
    are above zero.
    """
    high = int(numbers.max())
    for letters in sorted(_LAYOUTS, key=lambda letters: not letters.startswith("YYYY")):
        digits, layout = len(letters), Layout(letters)
        # the year 2001 is written 1 where two digits are whole numbers
        if not 10 ** (digits - 2) <= high < 10**digits:
            continue
        if layout.times(numbers[:_SAMPLE])[1].all() and layout.times(numbers)[1].all():
            yield layout


def days_before_years(numbers: Numbers) -> str | None:
    """DDMMYYYY or MMDDYYYY where every number is a day of it, so that numbers are in no order of
    time; `numbers` are above zero.
    """
    rest, year = np.divmod(numbers, 10_000)
    first, second = np.divmod(rest, 100)
    if not ((year >= _FIRST_SHORT) & (year <= _LAST_SHORT)).all():
        return None
    if is_day(year, second, first).all():
        return "DDMMYYYY"
    return "MMDDYYYY" if is_day(year, first, second).all() else None


def count_distinct(numbers: Numbers) -> int:
    """Number of distinct values among the first hundred thousand."""
    return len(np.unique(numbers[:100_000]))
