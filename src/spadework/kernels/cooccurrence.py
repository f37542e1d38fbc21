"""Counting which things stand together in the same unit.

A unit is a list of events (a user's history, a session). For each pair of events (e, f) of a unit at positions p_e and p_f,
`counts[item_e, item_f]` grows by κ(p_f − p_e) if f comes later and by `backward` · κ(p_e − p_f) if f comes earlier. Events at the same
position (one basket) count κ = 1 in both directions. κ is a table, so that "all the same" and "1/distance" are one kernel. The
diagonal is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from spadework.arrays import Array, Codes, Offsets

BLOCK_CELLS = 8_000_000
"""Cells that a block of rows may fill at most (12 bytes each while it is worked on)."""


@dataclass(frozen=True, eq=False)
class Units:
    """Events grouped by unit, and where each item occurs."""

    starts: Offsets  # [units + 1]
    items: Codes  # [events] item of each event, in order of position within a unit
    positions: Codes  # [events] ascending within a unit; equal means "at the same time"
    owners: Codes  # [events] unit of each event
    occurrences: Array  # [events] events ordered by item
    occurrence_starts: Offsets  # [items + 1]

    @classmethod
    def build(cls, starts: Offsets, items: Codes, positions: Codes, item_count: int) -> Units:
        """Index events by item. O(events)."""
        lengths = np.diff(starts)
        owners = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        occurrence_starts = np.concatenate(([0], np.cumsum(np.bincount(items, minlength=item_count)))).astype(np.int64)
        return cls(starts.astype(np.int64), items, positions, owners, np.argsort(items, kind="stable"), occurrence_starts)

    @property
    def item_count(self) -> int:
        """Number of items, with and without events."""
        return len(self.occurrence_starts) - 1

    @cached_property
    def row_bounds(self) -> Array:
        """Upper bound of the number of cells in each row: all events of all units in which the item occurs. Shape [items]."""
        lengths = np.diff(self.starts)[self.owners]
        sums = np.concatenate(([0], np.cumsum(lengths[self.occurrences])))
        bounds = sums[self.occurrence_starts[1:]] - sums[self.occurrence_starts[:-1]]
        return np.asarray(np.minimum(bounds, self.item_count))

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of rows, none filling more than `BLOCK_CELLS` cells."""
        filled = np.cumsum(self.row_bounds)
        edges = [0]
        while edges[-1] < self.item_count:
            base = filled[edges[-1] - 1] if edges[-1] else 0
            edges.append(max(int(np.searchsorted(filled, base + BLOCK_CELLS, side="right")), edges[-1] + 1))
        return list(zip(edges[:-1], edges[1:], strict=True))

    def count(self, rows: tuple[int, int], kernel: Array, backward: float, weights: Array | None) -> tuple[Offsets, Codes, Array]:
        """Counts of a block of rows: starts [rows + 1], columns ascending in each row, values float32.

        `kernel` [largest distance + 1] is κ; `backward` weighs pairs whose partner came earlier; `weights` [events] are not below zero,
        and a pair weighs their product; None is one for all. O(Σ over units of length²).
        """
        first, last = rows
        capacity = int(self.row_bounds[first:last].sum())
        starts = np.zeros(last - first + 1, np.int64)
        columns = np.empty(capacity, np.int32)
        values = np.empty(capacity, np.float32)
        plain = len(kernel) == 1 and weights is None
        weights = np.ones(0 if plain else len(self.items), np.float32) if weights is None else weights
        filled = _count(
            first, last, self.starts, self.items, self.positions, self.owners, self.occurrences, self.occurrence_starts,
            kernel.astype(np.float64), backward, weights.astype(np.float32), plain, starts, columns, values,
        )  # fmt: skip
        return starts, columns[:filled], values[:filled]


@njit(cache=True, nogil=True)
def _count(  # type: ignore[no-untyped-def]
    first, last, starts, items, positions, owners, occurrences, occurrence_starts, kernel, backward, weights, plain, out_starts, columns, values
):  # fmt: skip
    item_count = len(occurrence_starts) - 1
    sums = np.zeros(item_count, np.float64)
    touched = np.empty(item_count, np.int32)
    filled = 0
    for row in range(first, last):
        found = 0
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            event = occurrences[at]
            unit = owners[event]
            if plain:  # the common case, without looking anything up
                for other in range(starts[unit], starts[unit + 1]):
                    column = items[other]
                    if sums[column] == 0.0:
                        touched[found] = column
                        found += 1
                    sums[column] += 1.0
                continue
            place = positions[event]
            for other in range(starts[unit], starts[unit + 1]):
                column = items[other]
                distance = positions[other] - place
                if distance == 0:
                    weight = 1.0
                elif distance > 0:
                    weight = kernel[distance]
                else:
                    weight = backward * kernel[-distance]
                weight *= weights[event] * weights[other]
                if weight == 0.0:
                    continue
                if sums[column] == 0.0:
                    touched[found] = column
                    found += 1
                sums[column] += weight
        for at in range(found):  # an item is no neighbour of itself
            if touched[at] == row:
                found -= 1
                touched[at] = touched[found]
                sums[row] = 0.0
                break
        if found * 64 > item_count:  # a dense row is read off in order; a sparse one is sorted
            for column in range(item_count):
                if sums[column] != 0.0:
                    columns[filled] = column
                    values[filled] = sums[column]
                    sums[column] = 0.0
                    filled += 1
        else:
            ordered = np.sort(touched[:found])
            for at in range(found):
                column = ordered[at]
                columns[filled] = column
                values[filled] = sums[column]
                sums[column] = 0.0
                filled += 1
        out_starts[row - first + 1] = filled
    return filled


@njit(cache=True, nogil=True)
def keep_largest(starts, columns, values, keep, out_starts, out_columns, out_values):  # type: ignore[no-untyped-def]
    """Copy the `keep` largest positive values of each row, columns ascending; among equals the lower column stays. Returns the number kept.

    A selection finds the smallest value that stays, one pass copies: O(cells).
    """
    filled = 0
    buffer = np.empty(0, np.float32)
    for row in range(len(starts) - 1):
        size = starts[row + 1] - starts[row]
        if len(buffer) < size:
            buffer = np.empty(2 * size, np.float32)
        positive = 0
        for at in range(starts[row], starts[row + 1]):
            if values[at] > 0:
                buffer[positive] = values[at]
                positive += 1
        threshold = np.float32(0.0)
        room = keep  # places for values equal to the threshold
        if positive > keep:
            chosen = np.partition(buffer[:positive], positive - keep)
            threshold = chosen[positive - keep]
            for at in range(positive - keep, positive):
                if chosen[at] > threshold:
                    room -= 1
        for at in range(starts[row], starts[row + 1]):
            value = values[at]
            if value > threshold or (value == threshold and value > 0 and room > 0):
                if value == threshold:
                    room -= 1
                out_columns[filled] = columns[at]
                out_values[filled] = value
                filled += 1
        out_starts[row + 1] = filled
    return filled
