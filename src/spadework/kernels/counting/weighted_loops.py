"""The loops behind the channels: pairs of events are added to all lanes at once, row by row.

Arrays of lanes are flat: what stands at [event · lanes + lane]. The lowest mark of a word is found
by its bits, so a row's columns ascend.
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
"""Columns that share a mark, so that a row finds what it touched without looking at every
column.
"""
GRAIN = 2.0**24
"""Steps a whole of exact weights and sizes: sums of them are the same in any order."""
GAP_STEPS = 256
"""Steps of the table of 2^−x per halving; linear between them, which is exact to 10⁻⁶."""
GAP_HALVINGS = 64
"""Gaps of more half-lives than this count nothing, unless they are folded: then next to nothing."""


class Log(NamedTuple):
    """The events of all groups, and where each item occurs."""

    starts: Array  # [groups + 1] uint32
    items: Array  # [events] rank of the item
    occurrence_starts: Array  # [items + 1] uint32
    occurrence_groups: Array  # [events] uint32, by item
    occurrences: Array  # [events] uint32, by item
    places: Array  # [events] int32: position in the group


class Weights(NamedTuple):
    """What lanes weigh; nothing in those that are added apart. Flat, float32, each begins at a
    cache line.
    """

    events: Array  # [events · lanes] an event as the earlier one of a pair
    later: Array  # [events · lanes] as the later one
    forward: Array  # [(reach + 1) · lanes] by distance, where the partner comes later
    backward: Array  # [(reach + 1) · lanes] where it comes earlier


class Apart(NamedTuple):
    """The lanes that are added one by one, A of them: those with a level, or with a decay by the
    gap that is worked out pair by pair.
    """

    lanes: Array  # [A] int64
    events: Array  # [events, A] float32
    later: Array  # [events, A] float32
    rates: Array  # [A] float64: halvings a second; 0 for no decay
    level: Array  # [A] int64: row of `levels`; −1 for none
    seconds: Array  # [events] int64
    levels: Array  # [levels, events] int32
    ascending: Array  # [levels] bool: whether events of equal level stand together
    halvings: Array  # 2^−x at steps of 1 / GAP_STEPS


class Room(NamedTuple):
    """Where a block is worked out: the first three are all zeros before and after."""

    sums: Array  # [items · lanes]
    known: Array  # [items, rounded up to SPAN] uint8: columns that the row touched
    spans: Array  # [spans, rounded up to 8] uint8: whether any of SPAN columns was
    starts: Array  # [rows + 1] int64
    columns: Array  # [cells] uint32
    values: Array  # [cells · lanes]


def halvings() -> Array:
    """2^−x at steps of 1 / GAP_STEPS, up to GAP_HALVINGS."""
    return 2.0 ** (-np.arange(GAP_HALVINGS * GAP_STEPS + 2) / GAP_STEPS)


@kernel
def count(first, last, lanes, log, weights, apart, room):
    """Rows `first` to `last` of all lanes, whose number is the length of the tuple `lanes`. Returns
    the number of cells.
    """
    starts, items, occurrence_starts, occurrence_groups, occurrences, places = log
    events, later, forward, backward = weights
    width = np.uint64(len(lanes))
    reach = forward.shape[0] // width - 1
    filled = np.uint64(0)
    for row in range(first, last):
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, width, occurrences, places, items, events)
            group, event = occurrence_groups[at], np.uint64(occurrences[at])
            place = places[event]
            low, high = _within(event, place, reach, starts[group], starts[group + 1], places)
            # what came before; then what came with it or after
            split = low + np.searchsorted(places[low:event], place)
            for other in range(low, split):
                column = np.uint64(items[other])
                room.known[column] = 1
                room.spans[column // SPAN] = 1
                distance = np.uint64(place - places[other])
                add_products(
                    lanes,
                    room.sums,
                    column * width,
                    later,
                    event * width,
                    events,
                    other * width,
                    backward,
                    distance * width,
                )
            for other in range(split, high):
                column = np.uint64(items[other])
                room.known[column] = 1
                room.spans[column // SPAN] = 1
                distance = np.uint64(places[other] - place)
                add_products(
                    lanes,
                    room.sums,
                    column * width,
                    events,
                    event * width,
                    later,
                    other * width,
                    forward,
                    distance * width,
                )
            if apart.lanes.shape[0]:
                _add_apart(event, low, split, high, width, log, weights, apart, room.sums)
        if occurrence_starts[row] < occurrence_starts[row + 1]:
            filled = _emit(row, lanes, room, filled)
        room.starts[row - first + 1] = filled
    return filled


@kernel
def _look_ahead(at, width, occurrences, places, items, events):
    """Ask for what stands around an event that comes soon."""
    soon = np.uint64(occurrences[min(at + np.uint32(NEAR), np.uint32(occurrences.shape[0] - 1))])
    prefetch(places, soon)
    prefetch(items, soon)
    prefetch(events, soon * width)


@kernel
def _emit(row, lanes, room, filled):
    """Move what a row counted to the end of the block, columns ascending; nothing is left
    behind.
    """
    width = np.uint64(len(lanes))
    words, marked = room.known.view(np.uint64), room.spans.view(np.uint64)
    for eight in range(marked.shape[0]):
        spans = marked[eight]
        marked[eight] = 0
        while spans:
            span = np.uint64(8 * eight) + (trailing_zeros(spans) >> np.uint64(3))
            spans &= spans - np.uint64(1)  # a mark is one bit
            for word in range(
                span * np.uint64(SPAN // 8), (span + np.uint64(1)) * np.uint64(SPAN // 8)
            ):
                marks = words[word]
                words[word] = 0
                while marks:
                    column = np.uint64(8) * np.uint64(word) + (
                        trailing_zeros(marks) >> np.uint64(3)
                    )
                    marks &= marks - np.uint64(1)
                    room.columns[filled] = column
                    move(lanes, room.sums, column * width, room.values, filled * width)
                    filled += np.uint64(column != row)  # an item is no neighbour of itself
    return filled


@kernel
def _add_apart(event, low, split, high, width, log, weights, apart, sums):
    """Pairs of an event in the lanes with a level, or with a decay by the gap that is worked out
    pair by pair.
    """
    places, events, later, seconds = log.places, apart.events, apart.later, apart.seconds
    for lane in range(apart.lanes.shape[0]):
        to, level = np.uint64(apart.lanes[lane]), apart.level[lane]
        begin, end = low, high
        own_levels = apart.levels[max(level, 0)]
        if level >= 0 and apart.ascending[level]:  # what shares the level stands together
            begin = low + np.uint64(np.searchsorted(own_levels[low:event], own_levels[event]))
            end = event + np.uint64(
                np.searchsorted(own_levels[event:high], own_levels[event], side="right")
            )
        for other in range(begin, end):
            if level >= 0 and own_levels[event] != own_levels[other]:
                continue
            if other < split:
                distance = np.uint64(places[event] - places[other])
                weight = (
                    later[event, lane]
                    * events[other, lane]
                    * weights.backward[distance * width + to]
                )
            else:
                distance = np.uint64(places[other] - places[event])
                weight = (
                    events[event, lane]
                    * later[other, lane]
                    * weights.forward[distance * width + to]
                )
            if apart.rates[lane] > 0:
                weight *= _halved(
                    np.float64(abs(seconds[other] - seconds[event])) * apart.rates[lane],
                    apart.halvings,
                )
            sums[log.items[other] * width + to] += weight


@kernel
def count_exact(first, last, lanes, log, weights, apart, room):
    """The same in whole grains, added as float64: slower, and the same in any order. `weights` hold
    all lanes.
    """
    starts, items, occurrence_starts, occurrence_groups, occurrences, places = log
    events, later, forward, backward = weights
    width = np.uint64(len(lanes))
    reach = forward.shape[0] // width - 1
    extra = np.ones(width, np.float32)
    filled = np.uint64(0)
    for row in range(first, last):
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            group, event = occurrence_groups[at], np.uint64(occurrences[at])
            place = places[event]
            low, high = _within(event, place, reach, starts[group], starts[group + 1], places)
            for other in range(low, high):
                for lane in range(apart.lanes.shape[0]):
                    to, level = apart.lanes[lane], apart.level[lane]
                    extra[to] = (
                        level < 0 or apart.levels[level, event] == apart.levels[level, other]
                    )
                    if apart.rates[lane] > 0:
                        gap = np.float64(abs(apart.seconds[other] - apart.seconds[event]))
                        extra[to] *= _halved(gap * apart.rates[lane], apart.halvings)
                column = np.uint64(items[other])
                room.known[column] = 1
                room.spans[column // SPAN] = 1
                earlier = places[other] < place
                own, partner, table = (
                    (later, events, backward) if earlier else (events, later, forward)
                )
                distance = np.uint64(abs(places[other] - place))
                for lane in range(width):
                    weight = (
                        own[event * width + lane]
                        * partner[other * width + lane]
                        * table[distance * width + lane]
                    )
                    room.sums[column * width + lane] += (
                        np.floor(np.float64(extra[lane] * weight) * GRAIN + 0.5) / GRAIN
                    )
        if occurrence_starts[row] < occurrence_starts[row + 1]:
            filled = _emit(row, lanes, room, filled)
        room.starts[row - first + 1] = filled
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
def _within(event, place, reach, low, high, places):
    """The range of events of the same group, which is `low` to `high`, at most `reach` places
    away.
    """
    low, high = np.uint64(low), np.uint64(high)
    if places[low] < place - reach:
        low = low + np.uint64(np.searchsorted(places[low:event], place - reach))
    if places[high - np.uint64(1)] > place + reach:
        high = event + np.uint64(np.searchsorted(places[event:high], place + reach, side="right"))
    return low, high
