"""Two pure functions for whoever counts a log in parts, on several machines: `count_part` counts
whole users, and `reduce_block` adds up some rows of several parts and weighs and prunes them.

What they give is what `CoOccurrence.fit` gives on the log as a whole, to the bit for plain counts:
counts are whole numbers or whole steps of 2⁻²⁴, so their sums do not depend on their order, and a
row is pruned from its own counts and the sizes of all items alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.counting.added_rows import added_blocks
from spadework.kernels.counting.count_blocks import Block, Counter, Workspace
from spadework.kernels.similarity.neighbour_table import Table, tables
from spadework.models.cooccurrence.counts import check_exact
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.cooccurrence.pruning import float_sizes, pruned
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


@dataclass(frozen=True, eq=False)
class CountedPart:
    """The counts of a log that is a part of another one."""

    sums: ItemSums
    groups: int
    _counted: Pass

    def rows(self) -> Iterator[CountedRows]:
        """All pairs by the codes of the log's items, some millions at once: each row is in one of
        these. O(pairs) in all; memory is that of `AT_ONCE` pairs and of a block of each thread.
        """
        counter = self._counted.counter
        counter.prepare()
        blocks, workspace = list(counter.blocks()), Workspace()
        counting = partial(_cells_of, self._counted, workspace)
        step, held = BLOCKS * parallel.threads(), list[_Cells]()
        for at in range(0, len(blocks), step):
            held += parallel.share(counting, blocks[at : at + step], "count pairs")
            if sum(len(one.columns) for one in held) >= AT_ONCE or at + step >= len(blocks):
                yield _by_code(held)
                held = []

    def neighbours(self, model: CoOccurrence) -> Table:
        """The neighbours of the items whose rows are counted, by the codes of the log's items,
        before rows are scaled; `pruning.finished` makes a model of those of all items. Nothing but
        the blocks of threads and what is kept is held.
        """
        counted, groups = self._counted, self._counted.groups
        sizes = float_sizes(self.sums.sizes)[groups.code_of_rank]
        weighing = model.weighing(0, sizes, float(self.groups))
        counter = _Checked(counted.counter, self.sums.sizes)
        (table,) = tables(counter, groups, [weighing], f"fit {model.label}")
        return table


@dataclass(frozen=True, eq=False)
class _Checked:
    """Blocks of a counter in single precision, with sums that have lost nothing."""

    counter: Counter
    sizes: Array

    def prepare(self) -> None:
        self.counter.prepare()

    def blocks(self) -> list[tuple[int, int]]:
        return self.counter.blocks()

    def count(self, rows: tuple[int, int], workspace: Workspace) -> Block:
        block = self.counter.count(rows, workspace)
        if block.joint.dtype != np.float64:
            return block
        check_exact(block.joint, self.sizes)
        return replace(block, joint=block.joint.astype(np.float32))


AT_ONCE, BLOCKS = 1 << 22, 16
"""Pairs of a part that are held together; blocks that each thread counts meanwhile."""


class _Cells(NamedTuple):
    rows: Codes  # [rows] of a block, in the order of ranks
    lengths: Array  # [rows]
    columns: Codes  # [pairs]
    joint: Array  # [pairs]


def _cells_of(counted: Pass, workspace: Workspace, rows: tuple[int, int]) -> _Cells:
    """The pairs of a block of ranks."""
    codes = counted.groups.code_of_rank
    block = counted.counter.count(rows, workspace)
    joint = block.joint[:, 0]
    own = codes[rows[0] : rows[0] + block.rows]
    if block.starts is None or block.columns is None:
        square = joint.reshape(block.rows, -1)
        places, ranks = np.nonzero(square)
        lengths = np.bincount(places, minlength=block.rows)
        return _Cells(own, lengths, codes[ranks], square[places, ranks])
    kept = joint > 0
    lengths = np.diff(offsets_of(kept)[block.starts])
    return _Cells(own, lengths, codes[block.columns[kept]], joint[kept])


def _by_code(held: Sequence[_Cells]) -> CountedRows:
    """The rows of some blocks, ascending; those without a pair are left out."""
    rows, lengths, columns, joint = (np.concatenate(column) for column in zip(*held, strict=True))
    order = np.argsort(rows, kind="stable")
    order = order[lengths[order] > 0]
    cells, starts = cells_of_rows(offsets_of(lengths), order)
    return CountedRows(rows[order].astype(np.int32), starts, columns[cells], joint[cells])


def count_part(
    log: Interactions, channel: Channel, now: int | None, wanted: Mask | None = None
) -> CountedPart:
    """A log, arranged so that its pairs can be counted, what is counted of each item, and the
    number of groups. `now` (epoch seconds) is the time from which ages are counted; with `wanted`
    [items] only the rows of these items are counted.
    """
    counted = count_pass(log, (channel,), now=now, exact=not channel.plain)
    groups = counted.groups
    rank_of_code = groups.rank_of_code.astype(np.int64)
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
    total = int(counted.totals[0])
    return CountedPart(sums, total, counted if wanted is None else counted.of_rows(wanted))


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
