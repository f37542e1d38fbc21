"""The loops behind the channels: pairs of events are added to all lanes at once, row by row.

Arrays of lanes are flat: the value of a lane is at [event · lanes + lane]. The lowest mark of a
word is found by its bits, so a row's columns ascend.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.instructions import (
    NEAR,
    add_products,
    move,
    prefetch,
    trailing_zeros,
)

SPAN = 64
"""Columns that share a mark, so that a row finds its touched columns without looking at every
column.
"""
GRAIN = 2.0**24
"""Exact weights and sizes are multiples of 1 / GRAIN: sums of them are the same in any order."""
GAP_STEPS = 256
"""Steps of the table of 2^−x per halving; linear between them, which is exact to 10⁻⁶."""
GAP_HALVINGS = 64
"""Gaps of more half-lives than this add nothing; folded ones add next to nothing."""


class EventIndex(NamedTuple):
    """The events of all groups, and where each item occurs."""

    starts: Array  # [groups + 1] uint32
    items: Array  # [events] rank of the item
    occurrence_starts: Array  # [items + 1] uint32
    occurrence_groups: Array  # [events] uint32, by item
    occurrences: Array  # [events] uint32, by item
    positions: Array  # [events] int32: position in the group


class Weights(NamedTuple):
    """The weights of the lanes; 0 in those that are added separately. Flat, float32, each begins at
    a cache line.
    """

    earlier_weights: Array  # [events · lanes] an event as the earlier one of a pair
    later_weights: Array  # [events · lanes] as the later one
    forward: Array  # [(reach + 1) · lanes] by distance, where the partner comes later
    backward: Array  # [(reach + 1) · lanes] where it comes earlier


class SeparateLanes(NamedTuple):
    """The lanes that are added one by one, A of them: those with a subgroup, or with a decay by
    the gap that is computed pair by pair.
    """

    lanes: Array  # [A] int64
    earlier_weights: Array  # [events, A] float32
    later_weights: Array  # [events, A] float32
    rates: Array  # [A] float64: halvings a second; 0 for no decay
    subgroup: Array  # [A] int64: row of `subgroups`; −1 for none
    seconds: Array  # [events] int64
    subgroups: Array  # [kinds, events] int32: number of each event's session, basket …
    ascending: Array  # [kinds] bool: whether events of a subgroup are adjacent
    halvings: Array  # 2^−x at steps of 1 / GAP_STEPS


class Buffers(NamedTuple):
    """The arrays in which a block is computed: the first three are all zeros before and after."""

    sums: Array  # [items · lanes]
    touched: Array  # [items, rounded up to SPAN] uint8: columns that the row touched
    spans: Array  # [spans, rounded up to 8] uint8: whether any of SPAN columns was
    starts: Array  # [rows + 1] int64
    columns: Array  # [cells] uint32
    values: Array  # [cells · lanes]


def halvings() -> Array:
    """2^−x at steps of 1 / GAP_STEPS, up to GAP_HALVINGS."""
    return 2.0 ** (-np.arange(GAP_HALVINGS * GAP_STEPS + 2) / GAP_STEPS)


@kernel
def count(first, last, lanes, index, weights, separate, buffers):
    """Count the rows `first` to `last` in all lanes, whose number is the length of the tuple
    `lanes`. Returns the number of cells.
    """
    starts, items, occurrence_starts, occurrence_groups, occurrences, positions = index
    earlier_weights, later_weights, forward, backward = weights
    width = np.uint64(len(lanes))
    reach = forward.shape[0] // width - 1
    filled = np.uint64(0)
    # `buffers.sums` holds one row for all lanes; `_emit` moves it out and clears it.
    for row in range(first, last):
        # Each occurrence of the row's item, with the events of its group within reach. Additions
        # are in the order of the log, so threads change nothing.
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, width, occurrences, positions, items, earlier_weights)
            group, event = occurrence_groups[at], np.uint64(occurrences[at])
            position = positions[event]
            low, high = _within(event, position, reach, starts[group], starts[group + 1], positions)
            # [low, split) came before the event; [split, high) came with it or after.
            split = low + np.searchsorted(positions[low:event], position)
            # Earlier partners: the row's event is the later one of the pair.
            for other in range(low, split):
                column = np.uint64(items[other])
                buffers.touched[column] = 1
                buffers.spans[column // SPAN] = 1
                distance = np.uint64(position - positions[other])
                add_products(
                    lanes,
                    buffers.sums,
                    column * width,
                    later_weights,
                    event * width,
                    earlier_weights,
                    other * width,
                    backward,
                    distance * width,
                )
            # Partners at the same time or later: the row's event counts as the earlier one.
            for other in range(split, high):
                column = np.uint64(items[other])
                buffers.touched[column] = 1
                buffers.spans[column // SPAN] = 1
                distance = np.uint64(positions[other] - position)
                add_products(
                    lanes,
                    buffers.sums,
                    column * width,
                    earlier_weights,
                    event * width,
                    later_weights,
                    other * width,
                    forward,
                    distance * width,
                )
            if separate.lanes.shape[0]:
                _add_separate(
                    event, low, split, high, width, index, weights, separate, buffers.sums
                )
        if occurrence_starts[row] < occurrence_starts[row + 1]:
            filled = _emit(row, lanes, buffers, filled)
        buffers.starts[row - first + 1] = filled
    return filled


@kernel
def _look_ahead(at, width, occurrences, positions, items, earlier_weights):
    """Prefetch the data around an event that follows soon."""
    soon = np.uint64(occurrences[min(at + np.uint32(NEAR), np.uint32(occurrences.shape[0] - 1))])
    prefetch(positions, soon)
    prefetch(items, soon)
    prefetch(earlier_weights, soon * width)


@kernel
def _emit(row, lanes, buffers, filled):
    """Move the sums of a row to the end of the block, columns ascending; sums and marks are zeros
    afterwards.
    """
    width = np.uint64(len(lanes))
    words, marked = buffers.touched.view(np.uint64), buffers.spans.view(np.uint64)
    # A word holds the marks of eight spans, so one test skips 8 · SPAN untouched columns.
    for eight in range(marked.shape[0]):
        spans = marked[eight]
        marked[eight] = 0
        # The lowest mark first, so that columns ascend.
        while spans:
            span = np.uint64(8 * eight) + (trailing_zeros(spans) >> np.uint64(3))
            spans &= spans - np.uint64(1)  # a mark is one bit
            # A word holds the marks of eight columns of the span.
            for word in range(
                span * np.uint64(SPAN // 8), (span + np.uint64(1)) * np.uint64(SPAN // 8)
            ):
                marks = words[word]
                words[word] = 0
                # The row's own cell is moved like others, and the next one overwrites it.
                while marks:
                    column = np.uint64(8) * np.uint64(word) + (
                        trailing_zeros(marks) >> np.uint64(3)
                    )
                    marks &= marks - np.uint64(1)
                    buffers.columns[filled] = column
                    move(lanes, buffers.sums, column * width, buffers.values, filled * width)
                    filled += np.uint64(column != row)  # an item is no neighbour of itself
    return filled


@kernel
def _add_separate(event, low, split, high, width, index, weights, separate, sums):
    """Add the pairs of one event in the lanes with a subgroup, or with a decay by the gap that
    is computed pair by pair.
    """
    positions, earlier_weights, later_weights, seconds = (
        index.positions,
        separate.earlier_weights,
        separate.later_weights,
        separate.seconds,
    )
    # One lane at a time: each has its own subgroup and its own rate.
    for lane in range(separate.lanes.shape[0]):
        to, subgroup = np.uint64(separate.lanes[lane]), separate.subgroup[lane]
        begin, end = low, high
        own_subgroups = separate.subgroups[max(subgroup, 0)]
        # Where subgroups ascend, those of one are adjacent, so the range is found by bisection.
        if subgroup >= 0 and separate.ascending[subgroup]:
            begin = low + np.uint64(np.searchsorted(own_subgroups[low:event], own_subgroups[event]))
            end = event + np.uint64(
                np.searchsorted(own_subgroups[event:high], own_subgroups[event], side="right")
            )
        # Factors are multiplied from the left in float32, as in `add_products`.
        for other in range(begin, end):
            if subgroup >= 0 and own_subgroups[event] != own_subgroups[other]:
                continue
            if other < split:
                distance = np.uint64(positions[event] - positions[other])
                weight = (
                    later_weights[event, lane]
                    * earlier_weights[other, lane]
                    * weights.backward[distance * width + to]
                )
            else:
                distance = np.uint64(positions[other] - positions[event])
                weight = (
                    earlier_weights[event, lane]
                    * later_weights[other, lane]
                    * weights.forward[distance * width + to]
                )
            if separate.rates[lane] > 0:
                weight *= _halved(
                    np.float64(abs(seconds[other] - seconds[event])) * separate.rates[lane],
                    separate.halvings,
                )
            sums[index.items[other] * width + to] += weight


@kernel
def count_exact(first, last, lanes, index, weights, separate, buffers):
    """The same as `count` in whole grains, added as float64: slower, and equal in any order of
    addition. `weights` hold all lanes.
    """
    starts, items, occurrence_starts, occurrence_groups, occurrences, positions = index
    earlier_weights, later_weights, forward, backward = weights
    width = np.uint64(len(lanes))
    reach = forward.shape[0] // width - 1
    extra = np.ones(width, np.float32)
    filled = np.uint64(0)
    # Row by row, as in `count`.
    for row in range(first, last):
        # Each occurrence of the row's item, with the events of its group within reach.
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            group, event = occurrence_groups[at], np.uint64(occurrences[at])
            position = positions[event]
            low, high = _within(event, position, reach, starts[group], starts[group + 1], positions)
            # Earlier and later partners in one loop: sums of whole grains are equal in any order.
            for other in range(low, high):
                # `extra` is the factor of the subgroup and of the decay; it stays 1 in all other
                # lanes.
                for lane in range(separate.lanes.shape[0]):
                    to, subgroup = separate.lanes[lane], separate.subgroup[lane]
                    extra[to] = (
                        subgroup < 0
                        or separate.subgroups[subgroup, event]
                        == separate.subgroups[subgroup, other]
                    )
                    if separate.rates[lane] > 0:
                        gap = np.float64(abs(separate.seconds[other] - separate.seconds[event]))
                        extra[to] *= _halved(gap * separate.rates[lane], separate.halvings)
                column = np.uint64(items[other])
                buffers.touched[column] = 1
                buffers.spans[column // SPAN] = 1
                earlier = positions[other] < position
                own, partner, table = (
                    (later_weights, earlier_weights, backward)
                    if earlier
                    else (earlier_weights, later_weights, forward)
                )
                distance = np.uint64(abs(positions[other] - position))
                # A product is float32 as in `count`; it is rounded to whole grains and added in
                # float64.
                for lane in range(width):
                    weight = (
                        own[event * width + lane]
                        * partner[other * width + lane]
                        * table[distance * width + lane]
                    )
                    buffers.sums[column * width + lane] += (
                        np.floor(np.float64(extra[lane] * weight) * GRAIN + 0.5) / GRAIN
                    )
        if occurrence_starts[row] < occurrence_starts[row + 1]:
            filled = _emit(row, lanes, buffers, filled)
        buffers.starts[row - first + 1] = filled
    return filled


@kernel
def _halved(halvings_passed, halvings):
    """2^−x, linear between the steps of the table."""
    at = halvings_passed * GAP_STEPS
    if at >= GAP_HALVINGS * GAP_STEPS:
        return np.float32(0)
    step = np.int64(at)
    return np.float32(halvings[step] + (at - step) * (halvings[step + 1] - halvings[step]))


@kernel
def _within(event, position, reach, low, high, positions):
    """The range of the events of a group, which are `low` to `high`, that are at most `reach`
    positions away from `position`.
    """
    low, high = np.uint64(low), np.uint64(high)
    if positions[low] < position - reach:
        low = low + np.uint64(np.searchsorted(positions[low:event], position - reach))
    if positions[high - np.uint64(1)] > position + reach:
        high = event + np.uint64(
            np.searchsorted(positions[event:high], position + reach, side="right")
        )
    return low, high
