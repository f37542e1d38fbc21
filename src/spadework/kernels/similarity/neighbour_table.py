"""From counts to tables of neighbours: count a block, weigh its pairs with every requested weight,
keep the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from spadework.arrays import Array, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import Block, Counter, Workspace
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.similarity.pruning_bounds import Runs
from spadework.kernels.similarity.sparse_top_k import BUCKETS, keep_largest, scratch_cells
from spadework.ragged import SparseRows, offsets_of

Weigh: TypeAlias = Callable[[Array, Array, Array], Array]
"""(joint, left, right) → values, float32; flat [pairs], or dense [rows, items] with left [rows, 1]
and right [1, items].
"""


@dataclass(frozen=True, eq=False)
class Weighing:
    """One table to make: which channel's counts, how pairs are weighed, how many neighbours
    stay.
    """

    channel: int
    left: Array  # [items] float32, by rank: size of each item as the one in the history
    right: Array  # [items] float32, by rank: size of each item as the one to be recommended
    weigh: Weigh
    keep: int
    # whether values above 0 grow with the count of a pair and do not grow with the size of the
    # right item
    bounded: bool = False


Table: TypeAlias = SparseRows
"""Rows by item code; columns ascend in each row, values are float32, above zero."""


def tables(
    counter: Counter, groups: Groups, weighings: Sequence[Weighing], label: str
) -> list[Table]:
    """A table for each weighing, from one count.

    O(count + weighings · cells). Memory: the neighbours that stay, and one block of counts for each
    thread.
    """
    counter.prepare()
    workspace = Workspace()
    blocks = counter.blocks()
    parts = parallel.share(
        partial(_block, counter, groups, list(weighings), workspace), blocks, label
    )
    by_weighing = {number: [part[number] for part in parts] for number in range(len(weighings))}
    del parts

    def join(number: int) -> Table:
        # Popped, so that the parts are freed once they are copied.
        return _joined(by_weighing.pop(number), blocks, groups)

    return parallel.share(join, list(by_weighing), "join tables")


def most_cells(groups: Groups, keep: int) -> int:
    """The largest number of neighbours that a table can hold. O(items)."""
    return int(np.minimum(groups.additions_per_row, min(keep, groups.item_count)).sum())


def _block(
    counter: Counter,
    groups: Groups,
    weighings: list[Weighing],
    workspace: Workspace,
    rows: tuple[int, int],
) -> list[Table]:
    """The rows of one block for each weighing; columns are codes already, rows still ranks."""
    block = counter.count(rows, workspace)
    bounded = [weighing.keep for weighing in weighings if weighing.bounded]
    runs = Runs.of(block, max(bounded), groups.item_count) if bounded else None
    sizes: dict[tuple[int, int], tuple[Array, Array]] = {}  # weighings of a channel share its sizes
    found = []
    for weighing in weighings:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if runs is not None and weighing.bounded:
                starts, columns, joint = runs.candidates(
                    weighing.weigh, weighing.channel, weighing.left, weighing.right, weighing.keep
                )
                left = np.repeat(weighing.left[block.first : block.last], np.diff(starts))
                values = weighing.weigh(joint, left, weighing.right[columns])
            else:
                starts = block.cell_starts(groups.item_count)
                columns = np.zeros(0, np.uint32) if block.columns is None else block.columns
                values = _weigh_all(block, weighing, sizes)
        values = np.ascontiguousarray(np.asarray(values, np.float32)).reshape(-1)
        found.append(_kept(starts, columns, values, weighing.keep, groups, workspace))
    return found


def _weigh_all(
    block: Block, weighing: Weighing, sizes: dict[tuple[int, int], tuple[Array, Array]]
) -> Array:
    joint = np.ascontiguousarray(block.joint[:, weighing.channel], np.float32)
    key = (id(weighing.left), id(weighing.right))
    if key not in sizes:
        sizes[key] = _sizes(block, weighing.left, weighing.right)
    return weighing.weigh(
        joint.reshape(block.rows, -1) if block.columns is None else joint, *sizes[key]
    )


def _sizes(block: Block, left: Array, right: Array) -> tuple[Array, Array]:
    if block.columns is None or block.starts is None:
        return left[block.first : block.last, None], right[None, :]
    return np.repeat(left[block.first : block.last], np.diff(block.starts)), right[block.columns]


def _kept(
    starts: Offsets, columns: Array, values: Array, keep: int, groups: Groups, workspace: Workspace
) -> Table:
    """The `keep` largest of each row; dense rows have no columns."""
    lengths = np.diff(starts)
    capacity = int(np.minimum(lengths, keep).sum())
    kept_starts = np.zeros(len(starts), np.int64)
    kept_columns = workspace.array("kept columns", capacity + 1, np.int32)
    kept = workspace.array("kept values", capacity + 1, np.float32)
    longest = int(lengths.max(initial=0))
    filled = keep_largest(
        starts,
        columns,
        values.view(np.uint32),
        keep,
        groups.code_of_rank,
        workspace.array("histogram", 2 * BUCKETS, np.int32),
        workspace.array("room", scratch_cells(longest), np.uint32)[: scratch_cells(longest)],
        workspace.array("packed", longest, np.int64),
        kept_starts,
        kept_columns,
        kept.view(np.uint32),
    )
    return Table(kept_starts, kept_columns[:filled].copy(), kept[:filled].copy())


def _joined(parts: list[Table], blocks: list[tuple[int, int]], groups: Groups) -> Table:
    """Blocks of rows by rank become one table of rows by code."""
    lengths = np.zeros(groups.item_count, np.int64)
    for part, (first, last) in zip(parts, blocks, strict=True):
        lengths[groups.code_of_rank[first:last]] = np.diff(part.starts)
    starts = offsets_of(lengths)
    columns, values = np.empty(int(starts[-1]), np.int32), np.empty(int(starts[-1]), np.float32)
    for part, (first, last) in zip(parts, blocks, strict=True):
        _scatter(
            part.starts,
            part.columns,
            part.values,
            starts,
            groups.code_of_rank[first:last],
            columns,
            values,
        )
    return Table(starts, columns, values)


@kernel
def _scatter(part_starts, part_columns, part_values, starts, codes, columns, values):
    # Rows of a part are in order of rank; each is copied to the position of its code.
    for row in range(codes.shape[0]):
        to = starts[codes[row]]
        for at in range(part_starts[row], part_starts[row + 1]):
            columns[to] = part_columns[at]
            values[to] = part_values[at]
            to += 1
