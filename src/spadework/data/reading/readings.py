"""What a user says about the time: `--time COLUMN`, `COLUMN:READING`, `DATE+CLOCK`, or `@row`."""

from __future__ import annotations

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
    name, colon, reading = given.rpartition(":")
    found = _columns_of(name, columns) if colon else ()
    if reading in READINGS and colon:
        return TimeChoice(found or (name,), reading)
    if found:
        near = nearest(reading, READINGS)
        hint = f"Did you mean {near!r}? " if near else ""
        raise BadRequest(
            f"Times cannot be read as {reading!r} (--time {given}).",
            f"{hint}Known: {', '.join(READINGS)}.",
        )
    return TimeChoice((given,))


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
    name, colon, reading = given.rpartition(":")
    return (name if colon and reading in READINGS else given).split("+")
