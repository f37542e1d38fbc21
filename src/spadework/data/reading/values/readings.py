"""What a user says about the time: `--time COLUMN`, `COLUMN:READING`, `DATE+CLOCK`, `@row`, or
`COLUMN:5s from 2026-01-01` where numbers count steps.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spadework.errors import BadRequest, nearest

ROW = "@row"
"""Given as the time column: the order of the rows in the file is the order of events."""
UNITS: Mapping[str, int] = {
    "seconds": 1,
    "milliseconds": 10**3,
    "microseconds": 10**6,
    "nanoseconds": 10**9,
}
READINGS = (
    "day-first",
    "month-first",
    *UNITS,
    "filetime",
    "ticks",
    "webkit",
    "cocoa",
    "written",
    "serial",
    "position",
)
"""Seconds and finer are counted from 1970, `filetime` (from 1601) and `ticks` (from the year 1) in
100 ns, `webkit` in microseconds from 1601, `cocoa` in seconds from 2001, `serial` in days from
1899-12-30; `written` are digits such as 202601310930; `position` is
an order without dates.
"""
_STEPS = re.compile(r"\s*([^:]*?[0-9][^:]*?)\s+from\s+(\S.*)", re.IGNORECASE)
_LENGTH = re.compile(r"\s*[0-9.]+\s*[a-zA-Z]+\s*")


@dataclass(frozen=True)
class TimeChoice:
    """The columns of the time: one; two, a date and a time of day; none, the order of the rows."""

    columns: tuple[str, ...]
    reading: str | None = None

    @property
    def name(self) -> str:
        """As it would be given, without the reading."""
        return "+".join(self.columns) or ROW


def parse_time(given: str, columns: Sequence[str]) -> TimeChoice:
    """The choice that a text means. A name that is a column is that column, whatever is in it.

    Where no column fits, the name is returned as it is, for the caller to refuse. Raises BadRequest
    for a reading that does not exist.
    """
    if given not in columns and given == ROW:
        return TimeChoice(())
    whole = _columns_of(given, columns)
    if whole:
        return TimeChoice(whole)
    name, colon, reading = _parted(given)
    found = _columns_of(name, columns) if colon else ()
    if colon and (reading in READINGS or (steps_in(reading) is not None and len(found) < 2)):
        return TimeChoice(found or (name,), reading)
    if len(found) == 1 and _LENGTH.fullmatch(reading):
        raise BadRequest(
            f"Steps of {reading.strip()} need the time of step 0 (--time {given}).",
            f"Write it behind: {steps_option(name, reading.strip())}. Where the start is not known "
            "any date will do, and the distances between events are right.",
        )
    if found:
        near = nearest(reading, READINGS)
        hint = f"Did you mean {near!r}? " if near else ""
        raise BadRequest(
            f"Times cannot be read as {reading!r} (--time {given}).",
            f"{hint}Known: {', '.join(READINGS)}.",
        )
    return TimeChoice((given,))


def steps_in(reading: str) -> tuple[str, str] | None:
    """The length of a step and the start in a reading such as `5s from 2026-01-01`; None where it
    is another one.
    """
    found = _STEPS.fullmatch(reading)
    return None if found is None else (found[1], found[2].strip())


def steps_option(name: str, length: str = "5s") -> str:
    """The option that reads a column as steps, as an example to type."""
    return "--time " + shlex.quote(f"{name}:{length} from 2026-01-01")


def _parted(given: str) -> tuple[str, str, str]:
    """The column, a colon where there is one, and the reading, which may hold colons itself."""
    for at, sign in enumerate(given):
        if sign == ":" and steps_in(given[at + 1 :]) is not None:
            return given[:at], ":", given[at + 1 :].strip()
    return given.rpartition(":")


def _columns_of(name: str, columns: Sequence[str]) -> tuple[str, ...]:
    if name in columns:
        return (name,)
    for at, letter in enumerate(name):
        parts = (name[:at], name[at + 1 :])
        if letter == "+" and all(part in columns for part in parts):
            return parts
    return ()


def names_in(given: str) -> list[str]:
    """The column names in a text for the time, before the columns are known."""
    if given == ROW:
        return []
    name, colon, reading = _parted(given)
    is_reading = bool(colon) and (reading in READINGS or steps_in(reading) is not None)
    return (name if is_reading else given).split("+")
