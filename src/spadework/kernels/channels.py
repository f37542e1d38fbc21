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
from spadework.kernels.blocks import BLOCK_CELLS, Block, Workspace, cut
from spadework.kernels.units import Units

LANES = 8
"""Channels that one pass fills side by side: one vector register of float32."""
WIDTHS = (1, 2, 4, LANES)
"""Numbers of lanes to choose from: whole registers."""
GAP_STEPS = 256
"""Steps of the table of 2^−x per halving; linear between them, which is exact to 10⁻⁶."""
GAP_HALVINGS = 64
"""Gaps of more half-lives than this count nothing."""


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
        """Counts of a range of ranks with all others, a row of values for each channel. O(Σ over units of length · reach)."""
        units, (first, last) = self.units, rows
        lanes, items = self.channels, units.item_count
        kind = np.float64 if self.exact else np.float32
        capacity = int(self._cells[first:last].sum()) + 1
        sums = work.accumulator(kind, items * lanes).reshape(items, lanes)
        known = work.array("known", items, np.bool_, zeroed=True)[:items]
        starts = np.zeros(last - first + 1, np.int64)
        columns = work.columns(capacity)
        values = work.array(f"values {kind.__name__}", lanes * capacity, kind)[: lanes * capacity].reshape(lanes, capacity)
        nothing = np.zeros(0, np.int64)
        filled = _count(
            first, last, units.starts, units.items, units.occurrence_starts, units.occurrence_units, units.occurrences,
            self.places, self.events, self.later, self.forward, self.backward,
            nothing if self.seconds is None else self.seconds, np.zeros(lanes) if self.gap_rates is None else self.gap_rates, _halvings(),
            np.zeros((0, 0), np.int32) if self.levels is None else self.levels, nothing if self.level is None else self.level,
            2.0**24 if self.exact else 0.0, sums, known, work.touched(items + 1), starts, columns, values,
        )  # fmt: skip
        return Block(first, last, starts, columns[:filled], values[:, :filled])


def _halvings() -> Array:
    """2^−x at steps of 1 / GAP_STEPS."""
    return 2.0 ** (-np.arange(GAP_HALVINGS * GAP_STEPS + 2) / GAP_STEPS)


@njit(cache=True, nogil=True)
def _count(  # type: ignore[no-untyped-def]
    first, last, starts, items, occurrence_starts, occurrence_units, occurrences, places, events, later, forward, backward,
    seconds, gap_rates, halvings, levels, level, grain, sums, known, touched, out_starts, columns, values,
):  # fmt: skip
    reach, lanes = forward.shape[0] - 1, sums.shape[1]
    plain = seconds.shape[0] == 0 and level.shape[0] == 0 and grain == 0
    extra = np.ones(lanes, np.float32)
    filled = np.uint64(0)
    for row in range(first, last):
        found = np.uint64(0)
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            event = np.int64(occurrences[at])
            unit = occurrence_units[at]
            low, high = _within(event, places[event], reach, np.int64(starts[unit]), np.int64(starts[unit + 1]), places)
            split = low + np.searchsorted(places[low:event], places[event])  # what came before; then what came with it or after
            for side in range(2):
                begin, end = (low, split) if side == 0 else (split, high)
                own, partner, table = (later, events, backward) if side == 0 else (events, later, forward)
                if lanes == 1 and plain:
                    found = _add_one(begin, end, event, own, partner, table, items, places, sums, known, touched, found)
                elif plain:
                    found = _add(begin, end, event, own, partner, table, items, places, sums, known, touched, found)
                else:
                    found = _add_adjusted(
                        begin, end, event, own, partner, table, items, places, sums, known, touched, found,
                        seconds, gap_rates, halvings, levels, level, grain, extra,
                    )  # fmt: skip
        for at in range(found):
            column = touched[at]
            known[column] = False
            columns[filled] = column
            for lane in range(lanes):
                values[lane, filled] = sums[column, lane]
                sums[column, lane] = 0
            filled += np.uint64(column != row)  # an item is no neighbour of itself
        out_starts[row - first + 1] = filled
    return filled


@njit(cache=True, nogil=True)
def _add_one(begin, end, event, own, partner, table, items, places, sums, known, touched, found):  # type: ignore[no-untyped-def]
    """Pairs of an event with a range of others, for a single channel."""
    for other in range(begin, end):
        column = items[np.uint64(other)]
        weight = own[event, 0] * partner[other, 0] * table[abs(places[other] - places[event]), 0]
        touched[found] = column
        found += np.uint64(not known[column])
        known[column] = True
        sums[column, 0] += weight
    return found


@njit(cache=True, nogil=True)
def _add(begin, end, event, own, partner, table, items, places, sums, known, touched, found):  # type: ignore[no-untyped-def]
    """The same for many channels. Their number is no constant here: only so is the loop over them made of vector instructions."""
    for other in range(begin, end):
        column = items[np.uint64(other)]
        distance = abs(places[other] - places[event])
        touched[found] = column
        found += np.uint64(not known[column])
        known[column] = True
        for lane in range(sums.shape[1]):
            sums[column, lane] += own[event, lane] * partner[other, lane] * table[distance, lane]
    return found


@njit(cache=True, nogil=True)
def _add_adjusted(  # type: ignore[no-untyped-def]
    begin, end, event, own, partner, table, items, places, sums, known, touched, found,
    seconds, gap_rates, halvings, levels, level, grain, extra,
):  # fmt: skip
    """The same with decay by the gap, with levels, or in whole grains."""
    lanes = sums.shape[1]
    for other in range(begin, end):
        column = items[np.uint64(other)]
        distance = abs(places[other] - places[event])
        touched[found] = column
        found += np.uint64(not known[column])
        known[column] = True
        if seconds.shape[0]:
            gap = np.float64(abs(seconds[other] - seconds[event]))
            for lane in range(lanes):
                if gap_rates[lane] > 0:
                    extra[lane] = _halved(gap * gap_rates[lane], halvings)
        if level.shape[0]:
            for lane in range(lanes):
                if level[lane] >= 0:
                    together = levels[level[lane], event] == levels[level[lane], other]
                    if seconds.shape[0] == 0 or gap_rates[lane] == 0:
                        extra[lane] = together
                    else:
                        extra[lane] *= together
        if grain:
            for lane in range(lanes):
                weight = np.float32(extra[lane] * np.float32(own[event, lane] * partner[other, lane] * table[distance, lane]))
                sums[column, lane] += np.floor(np.float64(weight) * grain + 0.5) / grain
        else:
            for lane in range(lanes):
                sums[column, lane] += extra[lane] * (own[event, lane] * partner[other, lane] * table[distance, lane])
    return found


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
    if places[low] < place - reach:
        low = low + np.searchsorted(places[low:event], place - reach)
    if places[high - 1] > place + reach:
        high = event + np.searchsorted(places[event:high], place + reach, side="right")
    return low, high
