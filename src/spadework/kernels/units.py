"""Events grouped by unit, with items renumbered by how common they are.

A unit is whatever makes things stand together: a user's history, a session, a basket. Inside the kernels the most common item is 0, the
next 1: the accumulator cells that are hit most then stand side by side in the nearest cache. Indices are unsigned, since a signed index
costs a test for "counted from the end" at each access; both together are worth a quarter of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Mask, Offsets


@dataclass(frozen=True, eq=False)
class Units:
    """Events by unit, and by item where they occur; `ranks` and `order` translate item codes."""

    starts: Array  # [units + 1] uint32
    items: Array  # [events] uint32: rank of the item; a unit's events stand together
    owners: Array  # [events] uint32: unit of each event
    occurrences: Array  # [events] uint32: events ordered by item
    occurrence_starts: Array  # [items + 1] uint32
    order: Codes  # [items] code of each rank
    ranks: Array  # [items] uint32: rank of each code
    whole: bool = True  # whether all occurrences are there; else rows of items that nobody asks for stay empty

    @classmethod
    def build(cls, starts: Offsets, items: Codes, item_count: int) -> Units:
        """Index the events of units; within a unit their order is kept. O(events + items · log items)."""
        order, ranks = _by_frequency(items, item_count)
        return cls._indexed(starts, ranks[items], order, ranks)

    @classmethod
    def _indexed(cls, starts: Array, items: Array, order: Codes, ranks: Array) -> Units:
        # The transpose of units × items is the index by item; its data, numbered, are the events.
        numbers = np.arange(len(items), dtype=np.int32)
        numbered = csr_array((numbers, items.view(np.int32), starts), shape=(len(starts) - 1, len(order))).tocsc()
        return cls(
            starts=np.asarray(starts, np.uint32),
            items=items,
            owners=np.repeat(np.arange(len(starts) - 1, dtype=np.uint32), np.diff(starts)),
            occurrences=numbered.data.astype(np.uint32),
            occurrence_starts=numbered.indptr.astype(np.uint32),
            order=order,
            ranks=ranks,
        )

    @classmethod
    def of_sets(cls, starts: Offsets, items: Codes, item_count: int) -> Units:
        """Units in which each item stands at most once, sorted so that common items come first. O(events + items · log items)."""
        order, ranks = _by_frequency(items, item_count)
        marks = csr_array((np.ones(len(items), np.bool_), ranks[items].view(np.int32), starts), shape=(len(starts) - 1, item_count))
        ascending = marks.tocsc().tocsr()  # transposed twice, each row ascends
        return cls._indexed(ascending.indptr, ascending.indices.astype(np.uint32), order, ranks)

    def asked(self, items: Mask) -> Units:
        """The same units for counting the rows of these item codes alone: the others have no occurrences. O(events)."""
        kept = items[self.order]
        lengths = np.where(kept, self.item_sizes, 0)
        return replace(
            self,
            occurrences=self.occurrences[np.repeat(kept, self.item_sizes)],
            occurrence_starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.uint32),
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
    def lengths(self) -> Array:
        """Events of each unit. Shape [units]."""
        return np.asarray(np.diff(self.starts.astype(np.int64)))

    @property
    def item_sizes(self) -> Array:
        """Occurrences of each rank. Shape [items]."""
        return np.asarray(np.diff(self.occurrence_starts.astype(np.int64)))

    @cached_property
    def occurrence_units(self) -> Array:
        """Unit of each occurrence, so that a kernel reads it in order. Shape [events] uint32."""
        return np.asarray(self.owners[self.occurrences])

    @cached_property
    def occurrence_ends(self) -> Array:
        """Where the unit of each occurrence ends. Shape [events] uint32."""
        return np.asarray(self.starts[self.occurrence_units + 1])

    @cached_property
    def pairs(self) -> Array:
        """Pairs of events in which each rank takes part: the additions that counting its row takes. Shape [items], int64."""
        lengths = self.lengths[self.occurrence_units]
        sums = np.concatenate(([0], np.cumsum(lengths)))
        return np.asarray(sums[self.occurrence_starts[1:]] - sums[self.occurrence_starts[:-1]])


def _by_frequency(items: Codes, item_count: int) -> tuple[Codes, Array]:
    """Codes by descending number of events, ties to the lower code; and the rank of each code."""
    order = np.argsort(-np.bincount(items, minlength=item_count), kind="stable").astype(np.int32)
    ranks = np.empty(item_count, np.uint32)
    ranks[order] = np.arange(item_count, dtype=np.uint32)
    return order, ranks
