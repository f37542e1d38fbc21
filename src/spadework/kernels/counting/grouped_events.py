"""Events grouped by group, with items renumbered by how common they are.

A group is a set of events whose items occur together: a user's history, a session, a basket. Inside
the kernels the most common item is 0, the next 1: the accumulator cells that are used most are then
next to each other in the first-level cache. Indices are unsigned, since a signed index costs a test
for "negative, so counted from the end" at each access. Both together save a quarter of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from spadework import formatting
from spadework.arrays import Array, Codes, Column, Mask, Offsets, counts_of
from spadework.errors import Unsuitable
from spadework.kernels.counting import postings
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Items by descending size, ties to the lower code."""

    code_of_rank: Codes  # [items]
    rank_of_code: Array  # [items] uint32
    rank_starts: Array  # [items + 1] uint32: where the occurrences of each rank begin

    @classmethod
    def of(cls, sizes: Array) -> Frequencies:
        """Those of the sizes of items [items], by code."""
        code_of_rank = np.argsort(-sizes, kind="stable").astype(np.int32)
        rank_of_code = np.empty(len(sizes), np.uint32)
        rank_of_code[code_of_rank] = np.arange(len(sizes), dtype=np.uint32)
        return cls(code_of_rank, rank_of_code, _starts(sizes[code_of_rank]))

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The smallest type of ranks that is used."""
        return np.uint16 if len(self.code_of_rank) < 2**16 else np.uint32


@dataclass(frozen=True, eq=False)
class Groups:
    """Events by group, and by item where they occur; `rank_of_code` and `code_of_rank` translate
    items.
    """

    starts: Array  # [groups + 1] uint32
    item_ranks: Array  # [events] uint16 or uint32; a group's events are adjacent
    occurrence_starts: Array  # [items + 1] uint32
    occurrence_groups: Array  # [events] uint32: group of each event, events ordered by item
    code_of_rank: Codes  # [items]
    rank_of_code: Array  # [items] uint32
    # [events] uint32: the events ordered by item; None for sets, which need only the group
    occurrences: Array | None = None
    # whether all occurrences are there; if not, rows of items that are not requested stay empty
    has_all_rows: bool = True
    truncated: int = 0  # groups that held more items than the limit

    @classmethod
    def build(cls, starts: Offsets, items: Codes, item_count: int) -> Groups:
        """Index the events of groups; within a group their order is kept. O(events + items · log
        items).
        """
        order = Frequencies.of(counts_of(items, item_count))
        ranks = order.rank_of_code[items].astype(order.dtype, copy=False)
        return cls.of_ranks(starts.astype(np.uint32), ranks, order)

    @classmethod
    def of_ranks(cls, starts: Array, ranks: Array, order: Frequencies) -> Groups:
        """The same of events [events] whose items are ranks already; `starts` [groups + 1]
        uint32.
        """
        occurrences, groups = postings.events_by_item(starts, ranks, order.rank_starts)
        return cls(
            starts,
            ranks,
            order.rank_starts,
            groups,
            order.code_of_rank,
            order.rank_of_code,
            occurrences,
        )

    @classmethod
    def of_sets(
        cls,
        starts: Offsets,
        items: Codes,
        item_count: int,
        most: int | None = None,
        column: Column = np.empty,
    ) -> Groups:
        """The distinct items of each group, common ones first; of more than `most` items the
        latest. O(events + items · log items). `column` gives room for what grows with groups and
        events.
        """
        sizes = postings.distinct_items(starts, items, item_count, most, column)
        order = Frequencies.of(sizes.item_sizes)
        own_starts = column(len(starts), np.uint32)
        own_starts[0] = 0
        np.cumsum(sizes.group_sizes, out=own_starts[1:])
        own, groups = postings.sets(
            starts, items, most, sizes, own_starts, order.rank_of_code, order.rank_starts, column
        )
        return cls(
            own_starts,
            own,
            order.rank_starts,
            groups,
            order.code_of_rank,
            order.rank_of_code,
            truncated=sizes.truncated,
        )

    def restricted_to(self, items: Mask) -> Groups:
        """The same groups, for counting only the rows of these items (a mask by code): the others
        have no occurrences. O(items + their
        occurrences).
        """
        kept = items[self.code_of_rank]
        starts = _starts(np.where(kept, self.item_sizes, 0))

        def of_kept(cells: Array) -> Array:
            found = np.empty(int(starts[-1]), cells.dtype)
            for rank in np.flatnonzero(kept).tolist():
                part = slice(self.occurrence_starts[rank], self.occurrence_starts[rank + 1])
                found[starts[rank] : starts[rank + 1]] = cells[part]
            return found

        return replace(
            self,
            occurrence_groups=of_kept(self.occurrence_groups),
            occurrences=None if self.occurrences is None else of_kept(self.occurrences),
            occurrence_starts=starts,
            has_all_rows=False,
        )

    @property
    def item_count(self) -> int:
        """Number of items, with and without events."""
        return len(self.code_of_rank)

    @property
    def group_count(self) -> int:
        """Number of groups, with and without events."""
        return len(self.starts) - 1

    @property
    def item_sizes(self) -> Array:
        """Occurrences of each rank; 0 for items that are not requested. Shape [items]."""
        return np.asarray(np.diff(self.occurrence_starts.astype(np.int64)))

    @cached_property
    def additions_per_row(self) -> Array:
        """Additions to count the row of each rank: the events of all groups that hold it, once for
        each of its occurrences. Shape [items], int64.
        """
        return postings.additions_per_row(
            self.occurrence_starts, self.occurrence_groups, self.starts
        )


def _starts(sizes: Array) -> Array:
    starts = offsets_of(sizes)
    if int(starts[-1]) >= 2**32:
        raise Unsuitable(
            (
                f"There are {formatting.count(int(starts[-1]), 'event')}, more than the {2**32:,} "
                "that one count can hold."
            ),
            (
                "Count parts of the log separately (sw.counts.count) and merge them, or keep fewer "
                "events a group (max_length)."
            ),
        )
    return starts.astype(np.uint32)
