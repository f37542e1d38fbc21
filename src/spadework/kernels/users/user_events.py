"""Events of users, in order of time, gathered into distinct columns with their count, their age and
their weight.

Row r of the result is user `users[r]`; columns ascend within a row. Ages are measured from the
user's own last event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Offsets, Seconds, frozen
from spadework.kernels.compiled import kernel

SHORT = 24
"""Lists up to this length are sorted by insertion, longer ones by the library."""


class Visits(NamedTuple):
    """Distinct columns of each row. Row r is `[starts[r]:starts[r + 1]]` of the other arrays."""

    starts: Offsets  # [rows + 1]
    columns: Codes  # [entries] ascending in a row
    ages: Codes  # [entries] steps (distinct timestamps) since the column's last event
    seconds: Seconds  # [entries] the same in seconds
    counts: Array  # [entries] float32, events
    values: Array  # [entries] float32, Σ weight · 2^(−seconds ago / half life) over the events


def gather(
    starts: Offsets,
    columns: Codes,
    times: Seconds | None,
    weights: Array | None,
    users: Codes,
    half_life: float | None = None,
) -> Visits:
    """The visits of these users. Without times all events are one step, without weights each weighs
    1.

    `starts` [all users + 1] says where a user's events begin; events are in order of time.
    `half_life` is in seconds, None for no decay. O(events · log events of a user).
    """
    asked = _read_only(users, np.int32)
    begins = _read_only(starts, np.int64)
    if len(asked) == 1:  # of a server, which has no time for arrays of one number
        room = int(begins[asked[0] + 1]) - int(begins[asked[0]])
    else:
        room = int((begins[asked + 1] - begins[asked]).sum())
    made = Visits(
        np.zeros(len(asked) + 1, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int64),
        np.empty(room, np.float32),
        np.empty(room, np.float32),
    )
    _gather(
        begins,
        _read_only(columns, np.int32),
        _NO_TIMES if times is None else _read_only(times, np.int64),
        _NO_WEIGHTS if weights is None else _read_only(weights, np.float32),
        asked,
        0.0 if half_life is None else 1.0 / half_life,
        *made,
    )
    size = int(made.starts[-1])
    if size == room:  # no item twice
        return made
    return Visits._make([made.starts, *(array[:size] for array in made[1:])])


def _read_only(array: Array, dtype: type[np.generic]) -> Array:
    """An array as the kernel takes it. All are read-only: otherwise numba compiles the kernel for
    each mixture of both.
    """
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and not flags.writeable:
        return array
    return frozen(np.ascontiguousarray(array, dtype))


_NO_TIMES, _NO_WEIGHTS = frozen(np.empty(0, np.int64)), frozen(np.empty(0, np.float32))


def latest(starts: Offsets, ages: Codes, count: int) -> Array:
    """Positions of the `count` entries of each row with the lowest ages, in their order; among
    equals those that come first.
    """
    positions = np.empty(len(ages), np.int64)
    return positions[
        : _latest(
            np.ascontiguousarray(starts, np.int64),
            np.ascontiguousarray(ages, np.int32),
            count,
            positions,
        )
    ]


@kernel
def _gather(
    starts, columns, times, weights, users, rate, kept_starts, kept, ages, seconds, counts, values
):
    longest = 0
    for user in users:
        longest = max(longest, starts[user + 1] - starts[user])
    keys = np.empty(longest, np.int64)
    steps = np.zeros(longest, np.int32)
    at = -1
    # One user at a time; the entries of all users follow each other.
    for row in range(len(users)):
        begin, end = starts[users[row]], starts[users[row] + 1]
        length = end - begin
        step = np.int32(0)
        # From the newest event to the oldest. A key sorts by column first, then by recency.
        for back in range(length):
            event = end - 1 - back
            if back and len(times) and times[event] != times[event + 1]:
                step += np.int32(1)
            steps[back] = step
            keys[back] = (np.int64(columns[event]) << 32) | back
        _sort(keys[:length])
        before = np.int32(-1)
        total = 0.0
        # Events of a column are adjacent now, the newest first. Sums are float64, stored as
        # float32.
        for index in range(length):
            column = np.int32(keys[index] >> 32)
            back = keys[index] & 0xFFFFFFFF
            event = end - 1 - back
            ago = times[end - 1] - times[event] if len(times) else 0
            weight = np.float64(weights[event]) if len(weights) else 1.0
            if rate > 0.0:
                weight *= 2.0 ** (-ago * rate)
            if column != before:  # the first event of a column is its newest
                at += 1
                kept[at], ages[at], seconds[at], counts[at] = column, steps[back], ago, 0.0
                before = column
                total = 0.0
            total += weight
            counts[at] += np.float32(1.0)
            values[at] = total
        kept_starts[row + 1] = at + 1


@kernel
def _sort(keys):
    """Sort in place, ascending."""
    if len(keys) > SHORT:
        keys.sort()
        return
    # Insertion sort, for short lists.
    for at in range(1, len(keys)):
        key = keys[at]
        to = at
        while to > 0 and keys[to - 1] > key:
            keys[to] = keys[to - 1]
            to -= 1
        keys[to] = key


@kernel
def _latest(starts, ages, count, positions):
    found = 0
    # A key is (age, position), so of equal ages the first entries stay.
    for row in range(len(starts) - 1):
        begin, end = starts[row], starts[row + 1]
        last = np.int64(0x7FFFFFFFFFFFFFFF)
        if end - begin > count:
            keys = np.empty(end - begin, np.int64)
            for at in range(begin, end):
                keys[at - begin] = (np.int64(ages[at]) << 32) | (at - begin)
            last = np.partition(keys, count - 1)[count - 1]
        for at in range(begin, end):
            if (np.int64(ages[at]) << 32) | (at - begin) <= last:
                positions[found] = at
                found += 1
    return found
