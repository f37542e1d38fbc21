"""Counting which items occur together where rows are all items (of every event type) and columns
are some of them (of one event type).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array, Mask
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.grouped_events import Groups
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class CrossCounter(SetCounter):
    """Counts of all items with those that may be a column. The table is not symmetric, so nothing
    is counted by half.
    """

    @property
    def by_half(self) -> bool:
        """Never: (i, j) and (j, i) are different counts."""
        return False

    @classmethod
    def build(cls, groups: Groups, columns: Mask) -> CrossCounter:
        """Count the `groups` (sets) against the items where `columns` [items, by code] holds.
        O(events).
        """
        wanted = columns[groups.code_of_rank[groups.item_ranks]]
        before = offsets_of(wanted)
        # Rows are read by occurrence, whose groups stay the same; partners are read from the
        # shorter lists.
        partners: Array = before[groups.starts].astype(np.uint32)
        return cls(replace(groups, starts=partners, item_ranks=groups.item_ranks[wanted]))
