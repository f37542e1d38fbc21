"""The largest values of sparse rows: a histogram of the floats' leading bits finds the edge, one pass takes what lies above.

Long rows are thinned first: a pass that only compares, many values an instruction, leaves the few above a bound. The bound is a bit
below the edge of the row before, since neighbours in rank have similar rows; if fewer than `keep` reach it, it is taken from a sample
of the row, whose `keep`-th largest value cannot lie above that of the whole.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BUCKETS = 4096
"""Positive float32 values fall into the lower half by sign, exponent and three bits of mantissa; the upper half is negative values."""
SAMPLE = 16
"""Values of the sample for each one that is kept; about one in `SAMPLE` of the others survives."""
LONG = 4
"""Rows of more than this many times `keep` are worth a guess."""
BELOW = np.uint32(1 << 20)
"""How far below the edge of the row before the guess lies: an eighth of the value, in bits of float32."""
STRIPE = 32
"""Values that are compared together."""


def workspace(longest: int) -> int:
    """Size of the `room` that rows of this length need."""
    return 3 * longest + STRIPE


@njit(cache=True, nogil=True)
def keep_largest(starts, columns, values, keep, order, histogram, room, packed, out_starts, out_columns, out_bits):  # type: ignore[no-untyped-def]
    """Copy the `keep` largest positive values of each row, columns renamed by `order` [columns] and ascending. Returns the number kept.

    Row r holds `values[starts[r]:starts[r + 1]]`, float32 read as uint32: positive ones are in the same order. `columns` is empty for dense
    rows, whose columns are their places. Among equal values the lower column (before renaming) stays. `histogram` [2 · BUCKETS] int32,
    `room` [workspace(longest row)] uint32 and `packed` [longest row] int64 are to work in. O(cells + kept · log kept).
    """
    filled = np.uint64(0)
    dense = columns.shape[0] == 0
    longest = (room.shape[0] - STRIPE) // 3
    kept_columns, kept_bits = room[:longest], room[longest : 2 * longest]
    edge = room[2 * longest :]
    guess = np.uint32(0)
    for row in range(starts.shape[0] - 1):
        low, high = starts[row], starts[row + 1]
        size = high - low
        part = columns[0:0] if dense else columns[low:high]
        found = 0
        if guess > 0 and size > LONG * keep:
            found = _above(values[low:high], part, guess, kept_columns, kept_bits)
        if found < keep:  # the guess was too high, or there was none
            bound = _bound(values[low:high], keep, histogram, edge) if size > 2 * SAMPLE * keep else np.uint32(0)
            found = _above(values[low:high], part, bound, kept_columns, kept_bits)
        if found > keep:
            found, least = _largest(found, kept_columns, kept_bits, keep, histogram, edge)
            guess = least - min(least, BELOW)
        for at in range(found):
            packed[at] = (np.int64(order[kept_columns[at]]) << 32) | np.int64(kept_bits[at])
        packed[:found].sort()
        for at in range(found):
            out_columns[filled] = packed[at] >> 32
            out_bits[filled] = np.uint32(packed[at] & 0xFFFFFFFF)
            filled += np.uint64(1)
        out_starts[row + 1] = filled
    return filled


@njit(cache=True, nogil=True)
def _bound(values, keep, histogram, edge):  # type: ignore[no-untyped-def]
    """A value that at least `keep` values of the row reach: the `keep`-th largest of every n-th one. Zero if too few are positive."""
    step = values.shape[0] // (SAMPLE * keep)
    size = values.shape[0] // step
    sample = edge[:size]
    for at in range(size):
        sample[at] = values[at * step]
    bucket, _ = _bucket(sample, size, keep, histogram)
    return np.uint32(bucket) << np.uint32(20)


@njit(cache=True, nogil=True)
def _above(values, columns, bound, out_columns, out_bits):  # type: ignore[no-untyped-def]
    """Copy the positive values that reach `bound`, with their columns. Returns how many."""
    found = np.uint64(0)
    size = values.shape[0]
    dense = columns.shape[0] == 0
    if bound == 0:
        for at in range(size):
            value = values[at]
            out_columns[found] = at if dense else columns[at]
            out_bits[found] = value
            found += np.uint64((value > 0) & (value < np.uint32(0x80000000)))
        return np.int64(found)
    for begin in range(0, size, STRIPE):
        end = min(begin + STRIPE, size)
        reached = 0
        for at in range(begin, end):
            reached += np.int32((values[at] - bound) < (np.uint32(0x80000000) - bound))
        if reached:
            for at in range(begin, end):
                value = values[at]
                out_columns[found] = at if dense else columns[at]
                out_bits[found] = value
                found += np.uint64((value >= bound) & (value < np.uint32(0x80000000)))
    return np.int64(found)


@njit(cache=True, nogil=True)
def _bucket(bits, size, keep, histogram):  # type: ignore[no-untyped-def]
    """The bucket of the `keep`-th largest positive value, and how many lie above it; bucket 0 if there are fewer."""
    histogram[:] = 0
    for at in range(0, size - 1, 2):  # two histograms in turn, so that equal neighbours do not wait for each other
        histogram[bits[at] >> np.uint32(20)] += 1
        histogram[BUCKETS + (bits[at + 1] >> np.uint32(20))] += 1
    if size % 2:
        histogram[bits[size - 1] >> np.uint32(20)] += 1
    bucket, above = BUCKETS // 2 - 1, 0
    while bucket > 0:
        here = histogram[bucket] + histogram[BUCKETS + bucket]
        if above + here >= keep:
            break
        above += here
        bucket -= 1
    return bucket, above


@njit(cache=True, nogil=True)
def _largest(size, columns, bits, keep, histogram, edge):  # type: ignore[no-untyped-def]
    """Move the `keep` largest of `size` > keep positive values to the front, in place. Returns `keep` and the smallest of them."""
    bucket, above = _bucket(bits, size, keep, histogram)
    found, tied = 0, 0
    for at in range(size):  # what lies above stays, what lies in the bucket waits; without branches, which would be guessed wrong
        value, column = bits[at], columns[at]
        here = value >> np.uint32(20)
        edge[tied] = value
        columns[found], bits[found] = column, value
        found += np.int64(here >= bucket)
        tied += np.int64(here == bucket)
    room = keep - above
    least = np.partition(edge[:tied], tied - room)[tied - room]
    equal = 0
    for at in range(tied):
        room -= np.int64(edge[at] > least)
        equal += np.int64(edge[at] == least)
    last = np.uint32(0xFFFFFFFF)
    if equal > room:
        equal = 0
        for at in range(found):
            edge[equal] = columns[at]
            equal += np.int64(bits[at] == least)
        last = np.partition(edge[:equal], room - 1)[room - 1]
    size, found = found, 0
    for at in range(size):
        value, column = bits[at], columns[at]
        columns[found], bits[found] = column, value
        found += np.int64((value > least) | ((value == least) & (column <= last)))
    return found, least
