"""Where the records of delimited text begin and end, how many fields each has, and which quotes are
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEWLINE, RETURN, QUOTE, NUL = 10, 13, 34, 0
_STEP = 1 << 24  # bytes looked at together; the temporary arrays stay in tens of MiB


@dataclass(frozen=True)
class Fault:
    """The first misplaced quote."""

    record: int  # the record in which the quoted text opens
    unclosed: bool  # else it is a quote in the middle of a field


@dataclass(frozen=True, eq=False)
class Records:
    """One entry per record (a line, or several where a quoted field holds line breaks)."""

    starts: NDArray[np.int64]  # [records] first byte
    stops: NDArray[np.int64]  # [records] one past the last byte, without the line break
    fields: NDArray[np.int32]  # [records] number of fields
    with_nul: NDArray[np.int64]  # records that hold a NUL byte, with repetitions
    misplaced: NDArray[np.int64]  # records with a quote in the middle of a field, with repetitions
    fault: Fault | None
    quote_opens_field: bool

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each record; a blank line has none."""
        return self.stops - self.starts


def scan(data: NDArray[np.uint8], delimiter: int, *, quotes: bool) -> Records:
    """Find the records. With `quotes`, line breaks and delimiters inside quoted fields do not
    count. O(bytes), in steps of 16 MiB.
    """
    ends: list[NDArray[np.int64]] = []
    fields: list[NDArray[np.int32]] = []
    nuls: list[NDArray[np.int64]] = []
    wrong: list[NDArray[np.int64]] = []
    open_before, delimiters, opens_field, last_quote = False, 0, False, -1
    for begin in range(0, len(data), _STEP):
        chunk = data[begin : begin + _STEP]
        breaks = chunk == NEWLINE
        marks = breaks | (chunk == delimiter)
        quoted = chunk == QUOTE
        if quoted.any():
            at = np.flatnonzero(quoted) + begin
            opens_field = opens_field or bool(_opens_field(data, at, delimiter).any())
            if quotes:
                wrong.append(_misplaced(data, at, delimiter, open_before))
                inside = np.logical_xor.accumulate(quoted)
                if open_before:
                    np.logical_not(inside, out=inside)
                marks &= ~inside
                open_before = bool(inside[-1])
            last_quote = int(at[-1])
        positions = np.flatnonzero(marks)
        line_ends = np.flatnonzero(breaks[positions])
        counts = np.diff(line_ends, prepend=-1)
        if len(counts):
            counts[0] += delimiters
            delimiters = len(positions) - int(line_ends[-1]) - 1
        else:
            delimiters += len(positions)
        ends.append(positions[line_ends] + begin)
        fields.append(counts.astype(np.int32))
        if not chunk.all():
            nuls.append(np.flatnonzero(chunk == NUL) + begin)
    stops = np.concatenate([*ends, np.zeros(0, np.int64)])
    if len(data) and (len(stops) == 0 or stops[-1] != len(data) - 1):
        stops = np.append(stops, len(data))
        fields.append(np.asarray([delimiters + 1], np.int32))
    return _records(
        data, stops, fields, nuls, wrong, opens_field, last_quote if open_before else -1
    )


def _records(
    data: NDArray[np.uint8],
    stops: NDArray[np.int64],
    fields: list[NDArray[np.int32]],
    nuls: list[NDArray[np.int64]],
    wrong: list[NDArray[np.int64]],
    opens_field: bool,
    unclosed_at: int,
) -> Records:
    none = np.zeros(0, np.int64)
    starts = np.concatenate(([0], stops[:-1] + 1)).astype(np.int64) if len(stops) else none
    returns = (
        (stops > starts) & (data[np.maximum(stops - 1, 0)] == RETURN)
        if len(stops)
        else np.zeros(0, np.bool_)
    )
    misplaced_at = np.concatenate([*wrong, none])
    return Records(
        starts=starts,
        stops=stops - returns,
        fields=np.concatenate([*fields, np.zeros(0, np.int32)]),
        with_nul=np.searchsorted(stops, np.concatenate([*nuls, none])),
        misplaced=np.searchsorted(stops, misplaced_at),
        fault=_first_fault(data, stops, misplaced_at, unclosed_at),
        quote_opens_field=opens_field,
    )


def _before(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.where(at == 0, np.uint8(NEWLINE), data[np.maximum(at - 1, 0)])


def _after(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint8]:
    last = len(data) - 1
    return np.where(at == last, np.uint8(NEWLINE), data[np.minimum(at + 1, last)])


def _opens_field(
    data: NDArray[np.uint8], at: NDArray[np.int64], delimiter: int
) -> NDArray[np.bool_]:
    before = _before(data, at)
    opens: NDArray[np.bool_] = (before == delimiter) | (before == NEWLINE)
    return opens


def _misplaced(
    data: NDArray[np.uint8], at: NDArray[np.int64], delimiter: int, open_before: bool
) -> NDArray[np.int64]:
    """Opening quotes need a delimiter or a line break before them, closing quotes one after them; a
    doubled quote is both.
    """
    opening = (np.arange(len(at)) % 2 == 0) != open_before
    before, after = _before(data, at), _after(data, at)
    opens_well = (before == delimiter) | (before == NEWLINE) | (before == QUOTE)
    closes_well = (after == delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    wrong: NDArray[np.int64] = at[~np.where(opening, opens_well, closes_well)]
    return wrong


def _first_fault(
    data: NDArray[np.uint8],
    stops: NDArray[np.int64],
    misplaced: NDArray[np.int64],
    unclosed_at: int,
) -> Fault | None:
    if len(misplaced) == 0:
        return (
            None
            if unclosed_at < 0
            else Fault(int(np.searchsorted(stops, unclosed_at)), unclosed=True)
        )
    at = int(misplaced[0])
    record = int(np.searchsorted(stops, at))
    earlier = np.flatnonzero(data[:at] == QUOTE)
    inside = len(earlier) % 2 == 1  # the misplaced quote closes text that opened at earlier[-1]
    if inside and (data[earlier[-1] : at] == NEWLINE).any():
        return Fault(int(np.searchsorted(stops, earlier[-1])), unclosed=True)
    return Fault(record, unclosed=False)
