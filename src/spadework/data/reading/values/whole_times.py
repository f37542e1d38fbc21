"""Whole numbers as times: their unit, or what their digits mean. A reading that gives an era that
cannot be is never taken in silence.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from spadework import formatting
from spadework.data.reading.values.readings import UNITS, steps_option
from spadework.data.reading.values.written_times import (
    ENOUGH,
    Layout,
    count_distinct,
    days_before_years,
    layouts_of,
)
from spadework.errors import BadData, Undecided
from spadework.timestamps import present

Timestamps = NDArray[np.int64]

FIRST = 31_536_000  # 1971-01-01; earlier values are zeros or small numbers, not dates
LAST = 4_102_444_800  # 2100-01-01
_CLEAR = 631_152_000  # 1990-01-01: logs of recommenders begin later
_LIKELY = (788_918_400, 2_051_222_400)  # 1995 … 2035
_DOUBTFUL_SHARE, _DOUBTFUL_VALUES = 0.1, 5
"""More than this share of rows, with at least so many values that differ, outside 1990 … tomorrow
make a reading doubtful; fewer values are placeholders.
"""
_POSITION_LIMIT = 100_000_000
_EPOCHS = {  # seconds before 1970, and how many a second are counted
    "filetime": (11_644_473_600, 10**7),
    "ticks": (62_135_596_800, 10**7),
    "webkit": (11_644_473_600, 10**6),
    "cocoa": (-978_307_200, 1),
}
_NAMES = {
    "filetime": "Windows FILETIME (100 nanoseconds since 1601)",
    "ticks": ".NET ticks (100 nanoseconds since the year 1)",
    "webkit": "times of WebKit (microseconds since 1601)",
    "cocoa": "times of Cocoa (seconds since 2001)",
}
_COCOA_2005 = 126_230_400
_BEFORE_SHOPS = 828_316_800  # 1996-04-01
"""Seconds of 2001 and later, counted from 2001, look like dates before this one."""
SERIAL_1970 = 25_569  # days from 1899-12-30 to 1970-01-01
SERIALS = (34_700, 49_400)  # 1995 … 2035
_LAST_DAY = 253_402_214_400  # 9999-12-31


@dataclass(frozen=True, eq=False)
class Whole:
    """Numbers that were understood: counted from 1970, `scale` a second, or positions."""

    reading: str
    values: Timestamps
    scale: int
    remark: str = ""


def now() -> int:
    """Epoch seconds of now."""
    return present()


def understand(values: Timestamps, is_present: NDArray[np.bool_] | None, name: str) -> Whole:
    """The reading of a column; values at or below zero are placeholders and decide nothing.

    Raises Undecided where no reading gives times that can be, or where two do.
    """
    present = values if is_present is None else values[is_present]
    above = present if len(present) and int(present.min()) > 0 else present[present > 0]
    if not len(above):
        return _as_positions(values, name)
    unit = _unit_of(above, name)
    layout = _layout_of(above, unit, name)
    if layout is not None:
        return _as_written(values, layout, name)
    low, high = int(above.min()), int(above.max())
    for reading, (epoch, scale) in _EPOCHS.items():
        first, last = ((epoch + at) * scale for at in _LIKELY)
        if reading != "cocoa" and first <= low and high <= last:
            return as_told(values, above, name, reading)
    if unit is not None and _can_be(above, UNITS[unit]):
        if (
            unit == "seconds"
            and _may_be_cocoa(high)
            and _are_many(above[above < _BEFORE_SHOPS], len(above))
        ):
            raise _question(name, above)
        return Whole(unit, values, UNITS[unit])
    if high < _POSITION_LIMIT and low < FIRST:
        if letters := days_before_years(above):
            raise BadData(
                f"The numbers in {name!r}, such as {low}, are days written as {letters}, so they "
                "are in no order of time.",
                "Write them as YYYYMMDD, or as text with signs such as 31.01.2026; "
                f"--time {shlex.quote(f'{name}:position')} takes their order as it is.",
            )
        if SERIALS[0] <= low and high <= SERIALS[1]:
            if "date" not in name.casefold():
                raise _question(name, above, ("serial",))
            return as_told(values, above, name, "serial")
        return _as_positions(values, name)
    raise _question(name, above)


def as_told(values: Timestamps, above: Timestamps, name: str, reading: str) -> Whole:
    """The reading that the user named, or that was found."""
    if reading in UNITS:
        return Whole(reading, values, UNITS[reading])
    if reading in _EPOCHS:
        epoch, scale = _EPOCHS[reading]
        remark = f"Times in {name!r} are read as {_NAMES[reading]}."
        return Whole(reading, values - epoch * scale, scale, remark)
    if reading == "serial":
        remark = f"Times in {name!r} are read as days of a spreadsheet, counted from 1899-12-30."
        return Whole(reading, (values - SERIAL_1970) * 86_400, 1, remark)
    if reading == "position":
        return Whole(reading, values, 1)
    layout = next(layouts_of(above), None) if len(above) else None
    if layout is None:
        example = int(above[0]) if len(above) else 0
        raise BadData(
            f"The numbers in {name!r} are not all dates in digits; one of them is {example}.",
            "Digits such as 20260131 or 202601310930 are read. Let it be found: --time "
            f"{shlex.quote(name)}.",
        )
    return _as_written(values, layout, name)


def _as_positions(values: Timestamps, name: str) -> Whole:
    return Whole(
        "position",
        values,
        1,
        f"The numbers in {name!r} are too small for a calendar and are read as positions: "
        "there is an order, but no dates. If they count steps of one length from a known start: "
        f"{steps_option(name)}.",
    )


def _as_written(values: Timestamps, layout: Layout, name: str) -> Whole:
    millis, _ = layout.times(np.maximum(values, 0))
    if layout.letters == "YYYYMMDD":
        return Whole(
            "written", millis, 1000, f"Times in {name!r} are days written as {layout.letters}."
        )
    return Whole("written", millis, 1000, f"Times in {name!r} are written as {layout.letters}.")


def _unit_of(above: Timestamps, name: str) -> str | None:
    """The unit under which the numbers are dates; None where there is none, or only for few rows.

    Raises BadData where rows are of different units.
    """
    low, high = int(above.min()), int(above.max())
    for unit, scale in UNITS.items():
        if FIRST * scale < low and high < LAST * scale:
            return unit
    if high < _POSITION_LIMIT:
        return None
    inside = {
        unit: (above > _CLEAR * scale) & (above < LAST * scale) for unit, scale in UNITS.items()
    }
    counts = {unit: int(mask.sum()) for unit, mask in inside.items() if mask.any()}
    outside = above[~np.logical_or.reduce(list(inside.values()))]
    if not counts or _are_many(outside, len(above)):
        return None
    if len(counts) > 1:
        raise mixed(name, counts)
    return next(iter(counts))


def mixed(name: str, counts: dict[str, int]) -> BadData:
    """The error for a column that is written in several ways, with the rows of each."""
    shown = ", ".join(f"{count:,} as {form}" for form, count in counts.items())
    return BadData(
        f"The times in {name!r} are written in more than one way: {shown}.",
        "Write them all in one way.",
    )


def _are_many(odd: Timestamps, rows: int) -> bool:
    return len(odd) > _DOUBTFUL_SHARE * rows and count_distinct(odd) >= _DOUBTFUL_VALUES


def _can_be(above: Timestamps, scale: int) -> bool:
    """Whether a unit puts the rows between 1990 and tomorrow, or so many that the others are
    placeholders or clocks gone wrong.
    """
    odd = (above < _CLEAR * scale) | (above > (now() + 86_400) * scale)
    if not odd.any():
        return True
    # one placeholder is no era; numbers that begin at zero are many
    return not (odd.all() or _are_many(above[odd], len(above)))


def _may_be_cocoa(high: int) -> bool:
    return _COCOA_2005 <= high <= now() + 86_400 + _EPOCHS["cocoa"][0]


def _layout_of(above: Timestamps, unit: str | None, name: str) -> Layout | None:
    layout = next(layouts_of(above), None)
    if layout is None:
        return None
    distinct = count_distinct(above)
    scale = UNITS[unit] if unit is not None else None
    is_late = scale is not None and int(above.min()) > (now() + 86_400) * scale
    rival = scale is not None and not is_late and _can_be(above, scale)
    if not rival or distinct >= ENOUGH:
        return layout
    if distinct >= _DOUBTFUL_VALUES:
        raise _question(name, above, ("written",))
    return None


def _question(name: str, above: Timestamps, others: Sequence[str] = ()) -> Undecided:
    """Asks for the reading, with the first and the last date under each."""
    shown: list[str] = []
    options: list[str] = []
    more = ["cocoa"] if _may_be_cocoa(int(above.max())) else []
    for reading in (*others, *UNITS, *more):
        whole = as_told(above, above, name, reading)
        seconds = whole.values // whole.scale
        first, last = int(seconds.min()), int(seconds.max())
        if last < 86_400 or last > _LAST_DAY:
            continue
        lost = int(((seconds < FIRST) | (seconds > now() + 86_400)).sum())
        text = f"as {reading} from {_day(first)} to {_day(last)}"
        if lost:
            text += (
                f" ({lost:,} of {formatting.count(len(above), 'row')} before 1971 or in the future)"
            )
        shown.append(text)
        if lost < len(above):
            options.append("--time " + shlex.quote(f"{name}:{reading}"))
    low, high = int(above.min()), int(above.max())
    readings = "; ".join(shown) or "no unit gives a date"
    return Undecided(
        f"The numbers in {name!r}, {low} to {high}, can be read in several ways: {readings}.",
        "Say which: "
        + "".join(f"{option}, " for option in options)
        + (f"{steps_option(name, '1ms')} for steps from a start, " if low < FIRST else "")
        + f"--time {shlex.quote(f'{name}:position')} for their order alone, without dates, or "
        "--time - for none.",
    )


def _day(seconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date().isoformat()


def are_likely(values: NDArray[np.int64]) -> bool:
    """Whether all numbers are epoch times, or dates in digits, between 1995 and 2035."""
    if not len(values):
        return False
    low, high = int(values.min()), int(values.max())
    if low <= 0:
        return False
    if any(_LIKELY[0] * scale <= low and high <= _LIKELY[1] * scale for scale in UNITS.values()):
        return True
    layout = next(layouts_of(values), None)
    if layout is None or not layout.has_long_year or layout.letters == "YYYYMM":
        return False
    millis, _ = layout.times(values)
    return bool(_LIKELY[0] * 1000 <= millis.min() and millis.max() <= _LIKELY[1] * 1000)
