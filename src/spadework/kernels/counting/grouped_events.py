"""Events grouped by unit, with items renumbered by how common they are.

A unit is whatever makes things stand together: a user's history, a session, a basket. Inside the
kernels the most common item is 0, the next 1: the accumulator cells that are hit most then stand
side by side in the nearest cache. Indices are unsigned, since a signed index costs a test for
"counted from the end" at each access; both together are worth a quarter of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.errors import Unsuitable
from spadework.kernels.counting import postings


@dataclass(frozen=True, eq=False)
class Units:
    """Events by unit, and by item where they occur; `ranks` and `order` translate item codes."""

    starts: Array  # [units + 1] uint32
    items: Array  # [events] uint16 or uint32: rank of the item; a unit's events stand together
    occurrence_starts: Array  # [items + 1] uint32
    occurrence_units: Array  # [events] uint32: unit of each event, events ordered by item
    order: Codes  # [items] code of each rank
    ranks: Array  # [items] uint32: rank of each code
    # [events] uint32: the events ordered by item; None for sets, which need no more than the unit
    occurrences: Array | None = None
    # whether all occurrences are there; else rows of items that nobody asks for stay empty
    whole: bool = True
    crowded: int = 0  # units that held more items than were asked for

    @classmethod
    def build(cls, starts: Offsets, items: Codes, item_count: int) -> Units:
        """Index the events of units; within a unit their order is kept. O(events + items · log
        items).
        """
        order, ranks, rank_starts = _by_frequency(np.bincount(items, minlength=item_count))
        own = ranks[items].astype(np.uint16 if item_count < 2**16 else np.uint32, copy=False)
        occurrences, units = postings.events_by_item(starts, own, rank_starts)
        return cls(starts.astype(np.uint32), own, rank_starts, units, order, ranks, occurrences)

    @classmethod
    def of_sets(
        cls, starts: Offsets, items: Codes, item_count: int, newest: int | None = None
    ) -> Units:
        """The distinct items of each unit, common ones first; of more than `newest` the last ones.
        O(events + items · log items).
        """
        unit_sizes, item_sizes, crowded = postings.distinct_items(starts, items, item_count, newest)
        order, ranks, rank_starts = _by_frequency(item_sizes)
        units = postings.units_by_item(starts, items, newest, ranks, rank_starts)
        own_starts = _starts(unit_sizes)
        own = postings.items_by_unit(rank_starts, units, own_starts)
        return cls(own_starts, own, rank_starts, units, order, ranks, crowded=crowded)

    def asked(self, items: Mask) -> Units:
        """The same units for counting the rows of these item codes alone: the others have no
        occurrences. O(events).
        """
        kept = items[self.order]
        occurring = np.repeat(kept, self.item_sizes)
        return replace(
            self,
            occurrence_units=self.occurrence_units[occurring],
            occurrences=None if self.occurrences is None else self.occurrences[occurring],
            occurrence_starts=_starts(np.where(kept, self.item_sizes, 0)),
            whole=False,
        )

    @property
    def item_count(self) -> int:
        """Number of items, with and without events."""
        return len(self.order)

    @property
    def unit_count(self) -> int:
        """Number of units, with and without events."""
        return len(self.starts) - 1

    @property
    def item_sizes(self) -> Array:
        """Occurrences of each rank; none of those that are not asked for. Shape [items]."""
        return np.asarray(np.diff(self.occurrence_starts.astype(np.int64)))

    @cached_property
    def pairs(self) -> Array:
        """Pairs of events in which each rank takes part: the additions that counting its row takes.
        Shape [items], int64.
        """
        return postings.pairs_of_ranks(self.occurrence_starts, self.occurrence_units, self.starts)


def _by_frequency(sizes: Array) -> tuple[Codes, Array, Array]:
    """Codes by descending size, ties to the lower code; the rank of each code; and where the
    occurrences of each rank begin.
    """
    order = np.argsort(-sizes, kind="stable").astype(np.int32)
    ranks = np.empty(len(sizes), np.uint32)
    ranks[order] = np.arange(len(sizes), dtype=np.uint32)
    return order, ranks, _starts(sizes[order])


def _starts(sizes: Array) -> Array:
    starts = np.concatenate(([0], np.cumsum(sizes)))
    if int(starts[-1]) >= 2**32:
        raise Unsuitable(
            (
                f"There are {int(starts[-1]):,} events, more than the {2**32:,} that one count "
                "can hold."
            ),
            (
                "Count parts of the log apart (spadework.count) and merge them, or keep fewer "
                "events a unit (newest)."
            ),
        )
    return starts.astype(np.uint32)
