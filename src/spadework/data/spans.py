"""The span that holds the events of a log: its first and last time, without a few stray rows that
lie far from all others.

The rule. At each end at most one row in a thousand (at least one row, up to three in a log of a few
hundred) may be stray. They are where a pause parts them from the rest that is longer than three
days and than three times the longest pause between the other rows; before the beginning, where
little depends on it, the pause must also be a quarter of the span of the rest. Without such rows
the span is that of the smallest and the largest time, to the second.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spadework.arrays import Array

ONE_IN, SMALL_ONE_IN, MOST_OF_SMALL = 1_000, 200, 3
LONGER, DAY = 3, 86_400
SHORTEST = 3 * DAY
MANY_DAYS = 1_000_000
EARLY_PART = 4
"""Rows before the beginning are stray where the pause is the span of the rest divided by this."""
PART_ROWS = 1 << 22
CALENDAR = 31_536_000  # seconds in 1970: smaller times are positions in a sequence, not a calendar


def span_of(times: Array) -> tuple[int, int]:
    """First and last time that are not stray; (0, 0) without times. O(rows), or O(rows · log rows)
    where one of the outermost days has few rows and there is a pause of days.
    """
    if not len(times):
        return 0, 0
    first, last = int(times.min()), int(times.max())
    most = _most(len(times))
    if not most or last < CALENDAR:
        return first, last
    late = sum(int((part > last - DAY).sum()) for part in _parts(times)) <= most
    early = sum(int((part < first + DAY).sum()) for part in _parts(times)) <= most
    if not late and not early:
        return first, last
    if _has_no_pause(times, first, last):
        return first, last
    ordered = np.sort(times)
    body = ordered[most:-most]
    pause = max(SHORTEST, LONGER * int(np.diff(body).max(initial=0)))
    if late:
        outer = ordered[-most - 1 :]
        wide = np.flatnonzero(np.diff(outer) > pause)
        last = int(outer[wide[0]]) if len(wide) else last
    if early:
        outer = ordered[: most + 1]
        pause = max(pause, int(body[-1] - body[0]) // EARLY_PART)
        wide = np.flatnonzero(np.diff(outer) > pause)
        first = int(outer[wide[-1] + 1]) if len(wide) else first
    return first, last


def _parts(times: Array) -> Iterator[Array]:
    """The times part by part, since what is worked out for each takes as much memory again."""
    for begin in range(0, len(times), PART_ROWS):
        yield times[begin : begin + PART_ROWS]


def _has_no_pause(times: Array, first: int, last: int) -> bool:
    """Whether no pause is longer than the shortest that parts stray rows; False may also mean that
    this is not known without sorting.
    """
    if (last - first) // DAY >= MANY_DAYS:
        return False
    rows_of_days = np.zeros((last - first) // DAY + 1, np.int64)
    for part in _parts(times):
        rows_of_days += np.bincount((part - first) // DAY, minlength=len(rows_of_days))
    days = np.flatnonzero(rows_of_days)
    # rows on days that are n apart are less than n + 1 days apart
    return int(np.diff(days).max(initial=0)) < SHORTEST // DAY


def _most(rows: int) -> int:
    """How many rows may be stray at one end."""
    return max(rows // ONE_IN, min(rows // SMALL_ONE_IN, MOST_OF_SMALL))


def end_of_days(rows: Array, firsts: Array, lasts: Array) -> int:
    """The end that `span_of` finds, from the days that have rows, ascending: how many, and the
    first and last time of each. So the end of a log is found where its times are not at hand.

    Pauses inside of a day do not matter: they are shorter than a third of the shortest that parts
    stray rows. O(days).
    """
    count, last = int(rows.sum()), int(lasts[-1])
    most = _most(count)
    if not most or last < CALENDAR:
        return last
    before = np.cumsum(rows)[:-1]  # rows before each pause between two days
    pauses = firsts[1:] - lasts[:-1]
    body = pauses[(before > most) & (before < count - most)]
    pause = max(SHORTEST, LONGER * int(body.max(initial=0)))
    wide = np.flatnonzero((before >= count - most) & (pauses > pause))
    return int(lasts[wide[0]]) if len(wide) else last
