"""Counting ordered pairs of events for many channels in one pass.

A channel says what a pair of events weighs: a weight per event (entry weight, size of the unit), a decay with the age of the later event,
a weight per distance in either direction, a decay with the time between the two, and the level at which they must stand together. Each
visit of a pair adds to all channels side by side, so eight cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from spadework.arrays import Array
from spadework.kernels.blocks import Block, Workspace, cut
from spadework.kernels.instructions import NEAR, add_products, aligned, move, prefetch, trailing_zeros
from spadework.kernels.units import Units

BLOCK_CELLS = 1 << 20
"""Cells that a block can hold at most; in long histories a quarter of them is filled. Smaller blocks cost more calls than they save."""
LANES = 8
"""Channels that one pass fills side by side: one vector register of float32."""
WIDTHS = (1, 2, 4, LANES)
"""Numbers of lanes to choose from: whole registers."""
GAP_STEPS = 256
"""Steps of the table of 2^−x per halving; linear between them, which is exact to 10⁻⁶."""
SPAN = 64
"""Columns that share a mark, so that a row finds what it touched without looking at every column."""
GRAIN = 2.0**24
"""Steps a whole of exact weights."""
FOLDED_HALVINGS = 100
"""Half-lives from the middle of a unit to its ends up to which float32 holds both factors of the decay."""
GAP_HALVINGS = 64
"""Gaps of more half-lives than this count nothing, unless they are folded: then next to nothing."""


@dataclass(frozen=True, eq=False)
class ChannelCounter:
    """Counts of pairs of events, all channels at once. C channels.

    Events of a unit ascend by `places`; equal places stand at the same time. An item is no neighbour of itself.
    """

    units: Units
    places: Array  # [events] int32: position in the unit
    events: Array  # [events, C] float32: weight of each event
    later: Array  # [events, C] float32: weight of each event where it is the later one of a pair
    forward: Array  # [reach + 1, C] float32: weight by distance where the partner comes later; 0 is the same place
    backward: Array  # [reach + 1, C] float32: where the partner comes earlier
    seconds: Array | None = None  # [events] int64, for gaps
    middles: Array | None = None  # [events] int64: any moment that the events of a unit share, best in the middle of them
    gap_rates: Array | None = None  # [C] float64: halvings a second
    levels: Array | None = None  # [levels, events] int32: number of the event's session, basket …
    level: Array | None = None  # [C] int64: level that both events must share; −1 for none
    exact: bool = False  # weights in steps of 2⁻²⁴ and sums in float64, so that sums of parts equal the sum of the whole

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.events.shape[1])

    def prepare(self) -> None:
        """Nothing is shared between blocks."""

    @cached_property
    def _cells(self) -> Array:
        return np.asarray(np.minimum(self.units.pairs, self.units.item_count))

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of ranks, none filling more than `BLOCK_CELLS` cells."""
        return cut(np.cumsum(self._cells), BLOCK_CELLS)

    def count(self, rows: tuple[int, int], work: Workspace) -> Block:
        """Counts of a range of ranks with all others, columns ascending. O(Σ over units of length · reach)."""
        units, (first, last) = self.units, rows
        lanes, items = self.channels, units.item_count
        kind = np.float64 if self.exact else np.float32
        capacity = int(self._cells[first:last].sum()) + 1
        starts = np.zeros(last - first + 1, np.int64)
        columns = work.columns(capacity)
        values = work.array(f"values {kind.__name__}", lanes * capacity, kind)
        log = (units.starts, units.items, units.occurrence_starts, units.occurrence_units, units.occurrences, self.places)
        room = (work.accumulator(kind, items * lanes), *_marks(work, items), starts, columns, values)
        kernel = _count_exact if self.exact else _count
        filled = kernel(first, last, (0,) * lanes, log, self._weights, self._special, _halvings(), room)
        return Block(first, last, starts, columns[:filled], values[: lanes * filled].reshape(filled, lanes), ascending=True)

    @cached_property
    def _folded(self) -> Array:
        """Lanes whose decay with the gap is a weight of the earlier event times one of the later: 2^(t − m) · 2^(m − t'), m the middle.

        So it costs nothing, as long as no unit spans so many half-lives that float32 cannot hold the factors. Shape [C] bool.
        """
        if self.seconds is None or self.middles is None or self.gap_rates is None or self.exact:
            return np.zeros(self.channels, np.bool_)
        farthest = float(np.abs(self.seconds - self.middles).max(initial=0))
        return np.asarray((self.gap_rates > 0) & (self.gap_rates * farthest <= FOLDED_HALVINGS))

    @cached_property
    def _adjusted(self) -> Array:
        """Lanes that are added apart, one by one: those with a level, or whose decay with the gap cannot be folded. Shape [A]."""
        gaps = np.zeros(self.channels, np.bool_) if self.gap_rates is None or self.seconds is None else self.gap_rates > 0
        level = np.zeros(self.channels, np.bool_) if self.level is None else self.level >= 0
        return np.flatnonzero((gaps & ~self._folded) | level)

    @cached_property
    def _by_event(self) -> tuple[Array, Array]:
        """What each event weighs as the earlier and as the later one of a pair, decay by the gap folded in. Shape [events, C] both."""
        if not self._folded.any():
            return self.events, self.later
        assert self.seconds is not None
        assert self.middles is not None
        assert self.gap_rates is not None
        rates = np.where(self._folded, self.gap_rates, 0)
        growth = np.exp2(np.outer(self.seconds - self.middles, rates))
        return (self.events * growth).astype(np.float32), (self.later / growth).astype(np.float32)

    @cached_property
    def _weights(self) -> tuple[Array, ...]:
        """Flat tables of the lanes: of events, of events as the later ones, by distance forward and backward."""
        plain = np.ones(self.channels, np.float32)
        if not self.exact:
            plain[self._adjusted] = 0  # these are added apart
        events, later = self._by_event
        return _flat(events * plain), _flat(later * plain), _flat(self.forward), _flat(self.backward)

    @cached_property
    def _special(self) -> tuple[Array, ...]:
        """What the adjusted lanes are, what they weigh [events, A], their halvings a second and levels [A], and what these look at."""
        lanes = self._adjusted
        size = len(self.places)
        levels = np.zeros((1, size), np.int32) if self.levels is None or not len(self.levels) else self.levels
        events, later = self._by_event
        return (
            lanes, np.ascontiguousarray(events[:, lanes]), np.ascontiguousarray(later[:, lanes]),
            np.zeros(len(lanes)) if self.gap_rates is None else np.where(self._folded, 0, self.gap_rates)[lanes],
            np.full(len(lanes), -1, np.int64) if self.level is None else self.level[lanes],
            np.zeros(size, np.int64) if self.seconds is None else self.seconds,
            levels, np.asarray((np.diff(levels, axis=1) >= 0).all(axis=1)),
        )  # fmt: skip


def _flat(table: Array) -> Array:
    """A table of lanes that begins at a cache line, flat."""
    found = aligned(table.size, np.float32)
    found[:] = table.reshape(-1)
    return found


def _marks(work: Workspace, items: int) -> tuple[Array, Array]:
    """Marks of the columns that a row touches, and of each `SPAN` of them, all zeros."""
    spans = -(-items // SPAN)
    return work.array("known", SPAN * spans, np.uint8, zeroed=True), work.array("spans", spans, np.uint8, zeroed=True)


def _halvings() -> Array:
    """2^−x at steps of 1 / GAP_STEPS."""
    return 2.0 ** (-np.arange(GAP_HALVINGS * GAP_STEPS + 2) / GAP_STEPS)


@njit(cache=True, nogil=True)
def _count(first, last, lanes, log, weights, special, halvings, room):  # type: ignore[no-untyped-def]
    starts, items, occurrence_starts, occurrence_units, occurrences, places = log
    events, later, forward, backward = weights
    sums, known, spans, out_starts, columns, values = room
    width = np.uint64(len(lanes))
    adjusted = special[0].shape[0]
    reach = forward.shape[0] // width - 1
    filled = np.uint64(0)
    for row in range(first, last):
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, width, occurrences, places, items, events)
            unit, event = occurrence_units[at], np.uint64(occurrences[at])
            place = places[event]
            low, high = _within(event, place, reach, starts[unit], starts[unit + 1], places)
            split = low + np.searchsorted(places[low:event], place)  # what came before; then what came with it or after
            for other in range(low, split):
                column = np.uint64(items[other])
                known[column] = 1
                spans[column // SPAN] = 1
                distance = np.uint64(place - places[other])
                add_products(lanes, sums, column * width, later, event * width, events, other * width, backward, distance * width)
            for other in range(split, high):
                column = np.uint64(items[other])
                known[column] = 1
                spans[column // SPAN] = 1
                distance = np.uint64(places[other] - place)
                add_products(lanes, sums, column * width, events, event * width, later, other * width, forward, distance * width)
            if adjusted:
                _add_adjusted(event, low, split, high, width, items, places, forward, backward, special, halvings, sums)
        filled = _emit(row, lanes, sums, known, spans, columns, values, filled)
        out_starts[row - first + 1] = filled
    return filled


@njit(cache=True, nogil=True)
def _look_ahead(at, width, occurrences, places, items, events):  # type: ignore[no-untyped-def]
    """Ask for what stands around an event that comes soon."""
    soon = np.uint64(occurrences[min(at + np.uint32(NEAR), np.uint32(occurrences.shape[0] - 1))])
    prefetch(places, soon)
    prefetch(items, soon)
    prefetch(events, soon * width)


@njit(cache=True, nogil=True)
def _emit(row, lanes, sums, known, spans, columns, values, filled):  # type: ignore[no-untyped-def]
    """Move what a row counted to the end of the block, columns ascending; nothing is left behind."""
    width = np.uint64(len(lanes))
    words = known.view(np.uint64)
    for span in range(spans.shape[0]):
        if not spans[span]:
            continue
        spans[span] = 0
        for word in range(span * SPAN // 8, (span + 1) * SPAN // 8):
            if words[word]:
                marks = words[word]
                words[word] = 0
                while marks:
                    column = np.uint64(8 * word) + (trailing_zeros(marks) >> np.uint64(3))
                    marks &= marks - np.uint64(1)  # a mark is one bit
                    columns[filled] = column
                    move(lanes, sums, column * width, values, filled * width)
                    filled += np.uint64(column != row)  # an item is no neighbour of itself
    return filled


@njit(cache=True, nogil=True)
def _add_adjusted(event, low, split, high, width, items, places, forward, backward, special, halvings, sums):  # type: ignore[no-untyped-def]
    """Pairs of an event in the lanes with decay by the gap, or with levels."""
    lanes, events, later, rates, level, seconds, levels, ascending = special
    for lane in range(lanes.shape[0]):
        own_level = levels[max(level[lane], 0)]
        begin, end = low, high
        if level[lane] >= 0 and ascending[level[lane]]:  # what shares the level stands together
            begin = low + np.uint64(np.searchsorted(own_level[low:event], own_level[event]))
            end = event + np.uint64(np.searchsorted(own_level[event:high], own_level[event], side="right"))
        for other in range(begin, end):
            if level[lane] >= 0 and own_level[event] != own_level[other]:
                continue
            if other < split:
                weight = later[event, lane] * events[other, lane] * backward[np.uint64(places[event] - places[other]) * width + lanes[lane]]
            else:
                weight = events[event, lane] * later[other, lane] * forward[np.uint64(places[other] - places[event]) * width + lanes[lane]]
            if rates[lane] > 0:
                weight *= _halved(np.float64(abs(seconds[other] - seconds[event])) * rates[lane], halvings)
            sums[items[other] * width + lanes[lane]] += weight


@njit(cache=True, nogil=True)
def _count_exact(first, last, lanes, log, weights, special, halvings, room):  # type: ignore[no-untyped-def]
    """The same in whole grains, added as float64: slower, and the same in any order."""
    starts, items, occurrence_starts, occurrence_units, occurrences, places = log
    events, later, forward, backward = weights
    sums, known, spans, out_starts, columns, values = room
    adjusted, _, _, rates, level, seconds, levels, _ = special
    width = np.uint64(len(lanes))
    reach = forward.shape[0] // width - 1
    extra = np.ones(width, np.float32)
    filled = np.uint64(0)
    for row in range(first, last):
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            unit, event = occurrence_units[at], np.uint64(occurrences[at])
            place = places[event]
            low, high = _within(event, place, reach, starts[unit], starts[unit + 1], places)
            for other in range(low, high):
                for lane in range(adjusted.shape[0]):
                    extra[adjusted[lane]] = level[lane] < 0 or levels[level[lane], event] == levels[level[lane], other]
                    if rates[lane] > 0:
                        extra[adjusted[lane]] *= _halved(np.float64(abs(seconds[other] - seconds[event])) * rates[lane], halvings)
                column = np.uint64(items[other])
                known[column] = 1
                spans[column // SPAN] = 1
                earlier = places[other] < place
                own, partner, table = (later, events, backward) if earlier else (events, later, forward)
                distance = abs(places[other] - place)
                for lane in range(width):
                    weight = own[event * width + lane] * partner[other * width + lane] * table[distance * width + lane]
                    sums[column * width + lane] += np.floor(np.float64(extra[lane] * weight) * GRAIN + 0.5) / GRAIN
        filled = _emit(row, lanes, sums, known, spans, columns, values, filled)
        out_starts[row - first + 1] = filled
    return filled


@njit(cache=True, nogil=True)
def _halved(halvings_passed, halvings):  # type: ignore[no-untyped-def]
    """2^−x, linear between the steps of the table."""
    at = halvings_passed * GAP_STEPS
    if at >= GAP_HALVINGS * GAP_STEPS:
        return np.float32(0)
    step = np.int64(at)
    return np.float32(halvings[step] + (at - step) * (halvings[step + 1] - halvings[step]))


@njit(cache=True, nogil=True)
def _within(event, place, reach, low, high, places):  # type: ignore[no-untyped-def]
    """The range of events of the same unit, which is `low` to `high`, at most `reach` places away."""
    low, high = np.uint64(low), np.uint64(high)
    if places[low] < place - reach:
        low = low + np.uint64(np.searchsorted(places[low:event], place - reach))
    if places[high - np.uint64(1)] > place + reach:
        high = event + np.uint64(np.searchsorted(places[event:high], place + reach, side="right"))
    return low, high
