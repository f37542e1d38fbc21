"""Counting which items occur together in groups, each item once a group: whole numbers, one
addition a pair.

Three ways, chosen by how full the rows will be. *Half*: in a small, dense catalogue only pairs with
a more common partner are counted, into a triangle, from which both (i, j) and (j, i) are read.
*Dense*: a row that fills much of the catalogue is copied from its accumulator in order. *Sparse*: a
row that fills little keeps a list of the cells it touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from spadework.arrays import Array
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, Block, Workspace, cut
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.instructions import FAR, LINE, NEAR, prefetch

HALF_BYTES = 2**30
"""Bytes that the triangle of counts may take: 32 thousand items with counts below 65,536."""
TILE = 128
"""Rows that are read from the triangle together: a jump to the next of its columns costs more than
the few cache lines there.
"""


@dataclass(frozen=True, eq=False)
class SetCounter:
    """Counts of pairs of distinct items. `groups` hold each item at most once a group, ascending by
    rank.
    """

    groups: Groups

    @cached_property
    def accumulator(self) -> type[np.unsignedinteger]:
        """The smallest type that holds the count of the most common item: the smaller it is, the
        more cells fit into the cache. Rows that are counted in full may have a smaller one.
        """
        return np.uint16 if self.groups.item_sizes.max(initial=0) < 2**16 else np.uint32

    def _accumulator_of(self, first: int, last: int) -> type[np.unsignedinteger]:
        """The smallest type for some rows: no pair of an item is in more groups than the item."""
        starts = self.groups.occurrence_starts[first : last + 1]
        return np.uint16 if (starts[1:] - starts[:-1]).max(initial=0) < 2**16 else np.uint32

    @cached_property
    def by_half(self) -> bool:
        """Whether the triangle of counts fits into memory and is full enough to save time."""
        items = self.groups.item_count
        small = items * (items + 1) // 2 * np.dtype(self.accumulator).itemsize <= HALF_BYTES
        return (
            small
            and self.groups.has_all_rows
            and int(self.groups.additions_per_row.sum()) >= items * items
        )

    @cached_property
    def _triangle(self) -> Array:
        """Counts of each rank with all more common ones, row after row; counted once for all
        blocks.
        """
        items = self.groups.item_count
        triangle = np.empty(items * (items - 1) // 2, self.accumulator)
        cumulated_cost = np.cumsum(self.groups.additions_per_row)
        tasks = cut(cumulated_cost, int(cumulated_cost[-1]) // (16 * parallel.threads()) + 1)
        parallel.share(partial(self._count_half, triangle), tasks, "count pairs")
        return triangle

    def _count_half(self, triangle: Array, rows: tuple[int, int]) -> None:
        groups = self.groups
        sums = np.zeros(groups.item_count, self.accumulator)
        _count_half_rows(
            *rows,
            groups.starts,
            groups.item_ranks,
            groups.occurrence_starts,
            groups.occurrence_groups,
            sums,
            triangle,
        )

    def prepare(self) -> None:
        """Count the triangle, which all blocks share."""
        if self.by_half and self.groups.item_count:
            self._triangle  # noqa: B018  (counted on first use, and then kept)

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of ranks that fill at most `BLOCK_CELLS` cells, but hold at least one row; by half
        at least `TILE` rows, each with all columns.
        """
        items = self.groups.item_count
        filled = (
            np.full(items, items)
            if self.by_half
            else np.where(
                self._is_dense_row, items, np.minimum(self.groups.additions_per_row, items)
            )
        )
        ranges = cut(np.cumsum(filled), BLOCK_CELLS, TILE if self.by_half else 1)
        edge = int(self._is_dense_row.sum())
        if not self.by_half:  # a block is dense or sparse, not both
            ranges = [
                part
                for low, high in ranges
                for part in ((low, min(high, edge)), (max(low, edge), high))
                if part[0] < part[1]
            ]
        return ranges

    @cached_property
    def _is_dense_row(self) -> Array:
        """Which rows are copied in order: those of the most common items, so a prefix of the ranks.
        Empty rows within it do not end it.
        """
        additions = self.groups.additions_per_row
        full = additions >= self.groups.item_count
        first = np.minimum.accumulate(full | (additions == 0)) & full
        return np.asarray(np.arange(len(full)) <= np.flatnonzero(first).max(initial=-1))

    def count(self, rows: tuple[int, int], workspace: Workspace) -> Block:
        """Counts of a range of ranks with all others; the diagonal is zero or absent."""
        groups, (first, last) = self.groups, rows
        items = groups.item_count
        if self.by_half:
            out = workspace.array("counts", (last - first) * items, self.accumulator)[
                : (last - first) * items
            ].reshape(last - first, items)
            _mirror(first, last, self._triangle, out)
            return Block(first, last, None, None, out.reshape(-1, 1), ascending=True)
        accumulator = self._accumulator_of(first, last)
        sums = workspace.accumulator(accumulator, items)
        if self._is_dense_row[first]:
            out = workspace.array("counts", (last - first) * items, accumulator)[
                : (last - first) * items
            ].reshape(last - first, items)
            _count_dense(
                first,
                last,
                groups.starts,
                groups.item_ranks,
                groups.occurrence_starts,
                groups.occurrence_groups,
                sums,
                out,
            )
            return Block(first, last, None, None, out.reshape(-1, 1), ascending=True)
        starts = np.zeros(last - first + 1, np.int64)
        capacity = int(np.minimum(groups.additions_per_row[first:last], items).sum()) + 1
        columns, values = workspace.columns(capacity), workspace.values(capacity)
        touched = workspace.touched(int(groups.additions_per_row[first:last].max(initial=0)) + 1)
        filled = _count_sparse(
            first,
            last,
            groups.starts,
            groups.item_ranks,
            groups.occurrence_starts,
            groups.occurrence_groups,
            sums,
            touched,
            starts,
            columns,
            values,
        )
        return Block(first, last, starts, columns[:filled], values[:filled, None])


@kernel
def _look_ahead(at, occurrence_groups, starts, items):
    """Prefetch the groups of the occurrences that follow soon after this one."""
    last = np.uint32(occurrence_groups.shape[0] - 1)
    prefetch(starts, occurrence_groups[min(at + np.uint32(FAR), last)])
    soon = starts[occurrence_groups[min(at + np.uint32(NEAR), last)]]
    prefetch(items, soon)
    prefetch(items, soon + np.uint32(LINE // items.itemsize))


@kernel
def _count_half_rows(
    first, last, starts, items, occurrence_starts, occurrence_groups, sums, triangle
):
    one = sums.dtype.type(1)
    # Each row counts only more common items: the other half of the table is its mirror image.
    for row in range(first, last):
        # All groups that hold the row's item; their lists are prefetched some jumps ahead.
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, occurrence_groups, starts, items)
            other = starts[occurrence_groups[at]]
            column = items[other]
            # A group's items ascend by rank, so the items before the row's own are more common, and
            # their cells are in the cache.
            while column != row:
                sums[column] += one
                other += np.uint32(1)
                column = items[other]
        base = row * (row - 1) // 2
        for column in range(row):
            triangle[base + column] = sums[column]
            sums[column] = 0


@kernel
def _mirror(first, last, triangle, out):
    """Complete rows from the triangle."""
    size = out.shape[1]
    # Left of the diagonal, a row is one run of the triangle.
    for row in range(first, last):
        base = row * (row - 1) // 2
        out[row - first, row] = 0
        for column in range(row):
            out[row - first, column] = triangle[base + column]
    # Right of the diagonal, one column at a time: its cells for neighbouring rows are adjacent in
    # the triangle, so one jump serves all rows of the block.
    for column in range(first + 1, size):
        soon = column + FAR
        prefetch(triangle, soon * (soon - 1) // 2 + first)
        base = column * (column - 1) // 2
        for row in range(first, min(last, column)):
            out[row - first, column] = triangle[base + row]


@kernel
def _count_dense(first, last, starts, items, occurrence_starts, occurrence_groups, sums, out):
    # Each row is summed in an accumulator over all columns and copied with its zeros: a row that
    # fills much of the catalogue needs no list of touched columns.
    for row in range(first, last):
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, occurrence_groups, starts, items)
            group = occurrence_groups[at]
            for other in range(starts[group], starts[group + 1]):
                sums[items[other]] += 1
        sums[row] = 0  # an item is no neighbour of itself
        for column in range(sums.shape[0]):
            out[row - first, column] = sums[column]
        sums[:] = 0


@kernel
def _count_sparse(
    first,
    last,
    starts,
    items,
    occurrence_starts,
    occurrence_groups,
    sums,
    touched,
    out_starts,
    columns,
    values,
):
    filled = np.uint64(0)
    # Each row is summed in the accumulator and its touched columns are listed, so that only these
    # are read and cleared.
    for row in range(first, last):
        found = np.uint64(0)
        # All groups that hold the row's item; their lists are prefetched some jumps ahead.
        for at in range(occurrence_starts[row], occurrence_starts[row + 1]):
            _look_ahead(at, occurrence_groups, starts, items)
            group = occurrence_groups[at]
            # All items of the group, the row's own too: skipping it would cost a branch in each
            # step.
            for other in range(starts[group], starts[group + 1]):
                column = items[other]
                count = sums[column]
                # Written each time and counted when new: a branch would often be mispredicted.
                touched[found] = column
                found += np.uint64(count == 0)
                sums[column] = count + 1
        sums[row] = 0
        # Copy the touched cells and clear them. The row's own cell is 0 by now, so the next one
        # overwrites it.
        for at in range(found):
            column = touched[at]
            count = sums[column]
            columns[filled] = column
            values[filled] = count
            filled += np.uint64(count != 0)
            sums[column] = 0
        out_starts[row - first + 1] = filled
    return filled
