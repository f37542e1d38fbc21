"""The largest values of sparse rows: a histogram of the floats' leading bits finds the smallest
value that stays (the edge), one pass copies the values above.

Long rows are thinned first: a pass that only compares, many values an instruction, leaves the few
above a bound. The bound is a bit below the edge of the row before, since neighbours in rank have
similar rows. If fewer than `keep` reach it, the bound comes from a sample of the row, whose
`keep`-th largest value cannot be above that of the complete row.
"""

from __future__ import annotations

import numpy as np

from spadework.kernels.compiled import kernel

BUCKETS = 2048
"""Positive float32 values by sign, exponent and three bits of mantissa."""
SAMPLE = 16
"""Values of the sample for each one that is kept; about one in `SAMPLE` of the others survives."""
LONG = 4
"""The edge is guessed for rows of more than this many times `keep` cells."""
BELOW = np.int32(1 << 20)
"""How far the guess is below the edge of the row before: an eighth of the value, in bits of
float32.
"""
STRIPE = 512
"""Values that are compared together; their marks are then read eight at a time."""
INFINITY = np.int32(0x7F800000)
"""Bits of the largest value, +∞; bits above are NaN."""
BINS = 256
"""Parts of the range of codes into which the columns of a row are distributed for sorting."""


def scratch_cells(longest: int) -> int:
    """Cells of the `room` that rows of this length need."""
    return 3 * longest + BINS + STRIPE


@kernel
def keep_largest(
    starts, columns, values, keep, order, histogram, room, packed, out_starts, out_columns, out_bits
):
    """Copy the `keep` largest positive values of each row, columns renamed by `order` [columns] and
    ascending. Returns the number kept.

    Row r holds `values[starts[r]:starts[r + 1]]`, float32 read as uint32: positive ones are in the
    same order. `columns` is empty for dense rows, whose columns are their indices. Among equal
    values the lower column (before renaming) stays; NaN does not. `histogram` [2 ·
    BUCKETS] int32, `room` [scratch_cells(longest row)] uint32 and `packed` [longest row] int64 are
    scratch. O(cells + kept · log kept).
    """
    filled = np.uint64(0)
    signed = values.view(np.int32)
    dense = columns.shape[0] == 0
    longest = (room.shape[0] - BINS - STRIPE) // 3
    kept_columns, kept_bits = room[:longest], room[longest : 2 * longest].view(np.int32)
    edge, bins = (
        room[2 * longest : 3 * longest].view(np.int32),
        room[3 * longest : 3 * longest + BINS],
    )
    marks = room[3 * longest + BINS :].view(np.uint8)[:STRIPE]
    histogram[:] = 0
    guess = np.int32(0)
    # For each row: thin it by a bound, keep the largest of the rest, sort these by code.
    for row in range(starts.shape[0] - 1):
        low, high = starts[row], starts[row + 1]
        size = high - low
        part = columns[0:0] if dense else columns[low:high]
        found = 0
        if guess > 0 and size > LONG * keep:
            found = _above(signed[low:high], part, guess, marks, kept_columns, kept_bits)
        # The guess was too high, or there was none: a sample gives a bound that holds.
        if found < keep:
            bound = (
                _bound(signed[low:high], keep, histogram, edge)
                if size > 2 * SAMPLE * keep
                else np.int32(0)
            )
            found = _above(signed[low:high], part, bound, marks, kept_columns, kept_bits)
        if found > keep:
            found, least = _largest(found, kept_columns, kept_bits, keep, histogram, edge)
            guess = np.int32(least - min(least, BELOW))
        _by_code(found, kept_columns, kept_bits, order, bins, packed)
        for at in range(found):
            out_columns[filled] = packed[at] >> 32
            out_bits[filled] = np.uint32(packed[at] & 0xFFFFFFFF)
            filled += np.uint64(1)
        out_starts[row + 1] = filled
    return filled


@kernel
def _bound(values, keep, histogram, edge):
    """A value that at least `keep` values of the row reach: the `keep`-th largest of every n-th
    one. Zero if too few are positive.
    """
    step = values.shape[0] // (SAMPLE * keep)
    found = np.uint64(0)
    for at in range(values.shape[0] // step):
        value = values[at * step]
        edge[found] = value
        found += np.uint64((value > 0) & (value <= INFINITY))
    bucket, _ = bucket_of(edge, np.int64(found), keep, histogram)
    return np.int32(bucket << 20)


@kernel
def _above(values, columns, bound, marks, out_columns, out_bits):
    """Copy the positive values that reach `bound`, with their columns. Returns how many."""
    found = np.uint64(0)
    size = values.shape[0]
    dense = columns.shape[0] == 0
    if bound == 0:
        for at in range(size):
            value = values[at]
            out_columns[found] = at if dense else columns[at]
            out_bits[found] = value
            found += np.uint64((value > 0) & (value <= INFINITY))
        return np.int64(found)
    words = marks.view(np.uint64)
    # Stripe by stripe: the first pass only compares, many values an instruction.
    for begin in range(0, size, STRIPE):
        count = min(STRIPE, size - begin)
        stripe = values[begin : begin + count]
        for at in range(count):
            marks[at] = stripe[at] >= bound
        marks[count : (count + 7) // 8 * 8] = 0
        # Few marks are set, so a word of eight marks is mostly skipped at once.
        for word in range((count + 7) // 8):
            if words[word]:
                for at in range(begin + 8 * word, min(begin + 8 * word + 8, size)):
                    value = values[at]
                    out_columns[found] = at if dense else columns[at]
                    out_bits[found] = value
                    found += np.uint64((value >= bound) & (value <= INFINITY))
    return np.int64(found)


@kernel
def bucket_of(bits, size, keep, histogram):
    """The bucket of the `keep`-th largest of `size` positive values, and how many values are in
    higher buckets; bucket 0 if there are fewer.

    The histogram is all zeros before and after.
    """
    top = np.int32(0)
    for at in range(size):
        top = max(top, bits[at])
    # Two histograms in turn, so that equal neighbours do not wait for each other.
    for at in range(0, size - 1, 2):
        histogram[np.uint32(bits[at]) >> np.uint32(20)] += 1
        histogram[BUCKETS + (np.uint32(bits[at + 1]) >> np.uint32(20))] += 1
    if size % 2:
        histogram[np.uint32(bits[size - 1]) >> np.uint32(20)] += 1
    bucket, above = np.int64(top >> 20), 0
    # From the highest bucket down, until `keep` values are counted.
    while bucket > 0:
        here = histogram[bucket] + histogram[BUCKETS + bucket]
        if above + here >= keep:
            break
        above += here
        bucket -= 1
    if size > BUCKETS:
        histogram[:] = 0
    else:
        for at in range(size):
            histogram[np.uint32(bits[at]) >> np.uint32(20)] = 0
            histogram[BUCKETS + (np.uint32(bits[at]) >> np.uint32(20))] = 0
    return bucket, above


@kernel
def _largest(size, columns, bits, keep, histogram, edge):
    """Move the `keep` largest of `size` > keep positive values to the front, in place. Returns
    `keep` and the smallest of them.
    """
    bucket, above = bucket_of(bits, size, keep, histogram)
    found, tied = np.uint64(0), np.uint64(0)
    # Values in the bucket and above it stay for now; those in the bucket are also listed in `edge`.
    # Without branches, which would often be mispredicted.
    for at in range(size):
        value, column = bits[at], columns[at]
        here = value >> 20
        edge[tied] = value
        columns[found], bits[found] = column, value
        found += np.uint64(here >= bucket)
        tied += np.uint64(here == bucket)
    size, waiting = np.int64(found), np.int64(tied)
    least = np.int32(
        np.partition(edge[:waiting], waiting - (keep - above))[waiting - (keep - above)]
    )
    room, equal = np.int64(keep - above), np.int64(0)
    for at in range(waiting):
        room -= np.int64(edge[at] > least)
        equal += np.int64(edge[at] == least)
    last = np.uint32(0xFFFFFFFF)
    if equal > room:
        ties = np.empty(equal, np.uint32)
        tie = 0
        for at in range(size):
            if bits[at] == least:
                ties[tie] = columns[at]
                tie += 1
        last = np.partition(ties, room - 1)[room - 1]
    kept = np.uint64(0)
    for at in range(size):
        value, column = bits[at], columns[at]
        columns[kept], bits[kept] = column, value
        kept += np.uint64((value > least) | ((value == least) & (column <= last)))
    return np.int64(kept), least


@kernel
def _by_code(size, columns, bits, order, bins, packed):
    """Fill `packed` with (code, bits) by ascending code: distributed to bins by range of codes,
    then sorted among neighbours.
    """
    if size < BINS // 8 or size > 4 * BINS:
        for at in range(size):
            packed[at] = (np.int64(order[columns[at]]) << 32) | np.int64(bits[at])
        packed[:size].sort()
        return
    shift = 0
    while order.shape[0] >> shift > BINS:
        shift += 1
    bins[:] = 0
    for at in range(size):
        bins[np.uint32(order[columns[at]]) >> np.uint32(shift)] += np.uint32(1)
    most, filled = np.uint32(0), np.uint32(0)
    for index in range(BINS):
        here = bins[index]
        most = max(most, here)
        bins[index] = filled
        filled += here
    for at in range(size):
        code = order[columns[at]]
        bin_of = np.uint32(code) >> np.uint32(shift)
        packed[bins[bin_of]] = (np.int64(code) << 32) | np.int64(bits[at])
        bins[bin_of] += np.uint32(1)
    # Many codes share one bin: insertion would be slow.
    if most > 24:
        packed[:size].sort()
        return
    # Insertion sort: after the bins, every cell is close to its final position.
    for at in range(1, size):
        cell = packed[at]
        to = at
        while to > 0 and packed[to - 1] > cell:
            packed[to] = packed[to - 1]
            to -= 1
        packed[to] = cell
