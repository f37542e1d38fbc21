"""Two pure functions for whoever counts a log in parts, on several machines: `count_part` counts
whole users, and `reduce_block` adds up some rows of several parts and weighs and prunes them.

What they give is what `CoOccurrence.fit` gives on the log as a whole, to the bit for plain counts:
counts are whole numbers or whole steps of 2⁻²⁴, so their sums do not depend on their order, and a
row is pruned from its own counts and the sizes of all items alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.counting.added_rows import added_blocks
from spadework.kernels.counting.count_blocks import Workspace
from spadework.kernels.similarity.neighbour_table import Table
from spadework.models.cooccurrence.counts import check_exact
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pruning import pruned
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import Pass, count_pass
from spadework.models.counting.item_sums import diagonal_of, item_users_of
from spadework.ragged import SparseRows, cells_of_rows, offsets_of


@dataclass(frozen=True, eq=False)
class ItemSums:
    """What is counted of each item, as in `Counts`; those of parts without a common user add up."""

    sizes: Array  # [items] float64
    diagonal: Array  # [items] float64
    entries: Array  # [items] int64
    popularity: Array  # [items] int64
    item_users: Array  # [items] int64

    @classmethod
    def zeros(cls, items: int) -> ItemSums:
        """Of nothing."""
        return cls(*(np.zeros(items, dtype) for dtype in ITEM_SUMS.values()))

    @property
    def arrays(self) -> dict[str, Array]:
        """By name."""
        return {name: getattr(self, name) for name in ITEM_SUMS}

    def take(self, items: Mask) -> ItemSums:
        """Those of some items."""
        return ItemSums(*(array[items] for array in self.arrays.values()))


ITEM_SUMS = {
    field.name: np.float64 if field.name in ("sizes", "diagonal") else np.int64
    for field in fields(ItemSums)
}
"""Names and types of the arrays."""


@dataclass(frozen=True, eq=False)
class CountedRows:
    """Some rows of counts: of the items `rows`, ascending. Columns are in any order."""

    rows: Codes  # [rows]
    starts: Offsets  # [rows + 1]
    columns: Codes  # [pairs]
    joint: Array  # [pairs] above zero: whole numbers, or float64 in steps of 2⁻²⁴

    def between(self, first: int, last: int) -> CountedRows:
        """The rows of the items from `first` to before `last`."""
        low, high = np.searchsorted(self.rows, (first, last))
        return self.places(int(low), int(high))

    def places(self, low: int, high: int) -> CountedRows:
        """The rows with these places."""
        starts = self.starts[low : high + 1]
        cells = slice(int(starts[0]), int(starts[-1]))
        return CountedRows(
            self.rows[low:high], starts - starts[0], self.columns[cells], self.joint[cells]
        )


def count_part(
    log: Interactions, channel: Channel, now: int | None
) -> tuple[CountedRows, ItemSums, int]:
    """All pairs of a log by the codes of its items, what is counted of each item, and the number of
    groups. `now` (epoch seconds) is the time from which ages are counted.

    Memory is 12 bytes a pair, three times that while they are made.
    """
    counted = count_pass(log, (channel,), now=now, exact=not channel.plain)
    groups = counted.groups
    lengths, columns, joint = _all_cells(counted)
    rank_of_code = groups.rank_of_code.astype(np.int64)
    cells, starts = cells_of_rows(offsets_of(lengths), rank_of_code)
    filled = np.flatnonzero(np.diff(starts))
    rows = CountedRows(
        filled.astype(np.int32), np.append(starts[filled], starts[-1]), columns[cells], joint[cells]
    )
    sizes = groups.item_sizes if channel.plain else counted.sizes[0]
    sizes = sizes[rank_of_code].astype(np.float64)
    entries = groups.item_sizes[rank_of_code].astype(np.int64)
    sums = ItemSums(
        sizes,
        diagonal_of(log, channel, now, sizes),
        entries,
        log.item_counts,
        item_users_of(log, channel, entries),
    )
    return rows, sums, int(counted.totals[0])


def _all_cells(counted: Pass) -> tuple[Array, Codes, Array]:
    """Cells of each rank, and their columns by code and counts."""
    groups, workspace = counted.groups, Workspace()
    counted.counter.prepare()

    def stored(rows: tuple[int, int]) -> tuple[Array, Codes, Array]:
        block = counted.counter.count(rows, workspace)
        joint = block.joint[:, 0]
        if block.starts is None or block.columns is None:
            square = joint.reshape(block.rows, -1)
            own, ranks = np.nonzero(square)
            lengths = np.bincount(own, minlength=block.rows)
            return lengths, groups.code_of_rank[ranks], square[own, ranks]
        kept = joint > 0
        lengths = np.diff(offsets_of(kept)[block.starts])
        return lengths, groups.code_of_rank[block.columns[kept]], joint[kept]

    parts = parallel.share(stored, counted.counter.blocks(), "count pairs")
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8))
    lengths, columns, joint = (
        np.concatenate(column) for column in zip(*(parts or [empty]), strict=True)
    )
    return lengths, columns, joint


def add_up(parts: Sequence[CountedRows], first: int, last: int, items: int) -> CountedRows:
    """The sums of rows of several parts; all rows are of items from `first` to before `last`. Each
    of these gets a row, which may be empty. O(pairs of all parts).
    """
    blocks = []
    for part in parts:
        lengths = np.zeros(last - first, np.int64)
        lengths[part.rows - first] = np.diff(part.starts)
        blocks.append(SparseRows(offsets_of(lengths), part.columns, part.joint))
    if not blocks:
        blocks = [
            SparseRows(np.zeros(last - first + 1, np.int64), np.zeros(0, np.int32), np.zeros(0))
        ]
    added = added_blocks(blocks, [None] * len(blocks), items)
    rows = np.arange(first, last, dtype=np.int32)
    return CountedRows(rows, added.starts, added.columns, added.values)


def reduce_block(
    model: CoOccurrence,
    parts: Sequence[CountedRows],
    first: int,
    last: int,
    sums: ItemSums,
    groups: int,
) -> Table:
    """The neighbours of the items from `first` to before `last`, before rows are scaled, from what
    each part counted of them, the sums of all items and the number of groups of the whole.
    `pruning.finished` makes a model of those of all blocks.
    """
    items = len(sums.entries)
    counted = add_up(parts, first, last, items)
    check_exact(counted.joint, sums.sizes)
    lengths = np.zeros(items, np.int64)
    lengths[first:last] = np.diff(counted.starts)
    pairs = SparseRows(offsets_of(lengths), counted.columns, counted.joint)
    table = pruned(model, pairs, sums.sizes, sums.entries, groups)
    starts = table.starts[first : last + 1]  # all other rows are empty
    return Table(starts - starts[0], table.columns, table.values)
