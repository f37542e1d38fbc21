"""Which cells of a row can be among its largest, by bounds on groups of neighbouring columns: only
these need to be weighed.

Neighbours in rank are about equally common. Take a weight that grows with the count of a pair and
falls with the size of the right item. In a group of neighbours it is at most the weight of the
group's largest count with its smallest size (the ceiling); and one cell of the group has at least
the weight of that count with the largest size (the floor). The `keep`-th largest floor is reached
by `keep` cells of the row, so a group whose ceiling is below it is left out. Of a row of 27
thousand cells some two thousand are left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from spadework.arrays import Array, Offsets
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import Block
from spadework.kernels.counting.instructions import raise_to
from spadework.kernels.similarity.sparse_top_k import BUCKETS, INFINITY, bucket_of
from spadework.ragged import offsets_of

LONG = 12
"""Bounds are used for blocks whose rows are on average at least this many times as long as `keep`.
"""
SMALLEST, LARGEST = 4, 32
"""Fewest and most cells of a group."""
CLOSE = np.int32(1 << 17)
"""How far below the edge of the row before the edge of a row is guessed, in bits of float32: about
a hundredth of it.
"""
SLACK = np.float32(1e-3)
"""Bounds on counts and sizes are widened by this share, so that no rounding inside a weight can
drop a cell.
"""


@dataclass(frozen=True, eq=False)
class Runs:
    """A block's cells in groups of `size` neighbours; the last group of a row may be smaller.
    Columns ascend.
    """

    block: Block
    size: int
    starts: Offsets  # [rows + 1] groups of each row
    peaks: Array  # [groups, channels] the largest count
    # channel → lower and upper bound on the count of each group
    counts: dict[int, tuple[Array, Array]] = field(default_factory=dict)
    # id of an array of sizes, which lives as long → least and most of each group
    sides: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    @classmethod
    def of(cls, block: Block, keep: int, items: int) -> Runs | None:
        """Groups of the size that saves most for the `keep` largest of a row; None where rows are
        too short or their columns do not ascend.
        """
        cells, channels = block.joint.shape
        length = cells / max(block.rows, 1)
        if not block.ascending or length < LONG * keep:
            return None
        size = int(np.clip(2 ** round(np.log2((length / keep) ** 0.5)), SMALLEST, LARGEST))
        lengths = np.diff(block.cell_starts(items))
        starts = offsets_of(-(-lengths // size))
        joint = block.joint.reshape(-1)
        if channels == 1:
            comparable = joint.view(np.int32) if joint.dtype == np.float32 else joint
            largest = np.empty(int(starts[-1]), comparable.dtype)
            _peaks_of_one(block.cell_starts(items), starts, size, comparable, largest)
            peaks = (
                largest.view(np.float32)
                if joint.dtype == np.float32
                else largest.astype(np.float32)
            )[:, None]
        else:
            peaks = np.zeros((int(starts[-1]), channels), np.float32)
            _peaks(
                block.cell_starts(items), starts, size, (0,) * channels, joint, peaks.reshape(-1)
            )
        return cls(block, size, starts, peaks)

    def candidates(
        self,
        weigh: Callable[[Array, Array, Array], Array],
        channel: int,
        left: Array,
        right: Array,
        keep: int,
    ) -> tuple[Offsets, Array, Array]:
        """The cells that can be among the `keep` largest of their row in a channel: starts [rows +
        1], columns, counts.

        `weigh` takes flat counts, left and right sizes, float32; where above zero it grows with the
        count and does not grow with the right size. It is called for corners of groups, too, where
        the count may exceed the size. `left` and `right` are sizes [items] by rank.
        """
        least, most = self._sides(right)
        lower, upper = self._counts(channel)
        own = np.repeat(left[self.block.first : self.block.last], np.diff(self.starts))
        ceilings, floors = weigh(upper, own, least), weigh(lower, own, most)
        cells = self.block.cell_starts(len(right))
        starts, chosen = np.zeros(self.block.rows + 1, np.int64), np.empty(len(own) + 1, np.int32)
        found = _choose(
            cells,
            self.starts,
            self.size,
            _floats(ceilings),
            _floats(floors).view(np.int32),
            keep,
            chosen,
            starts,
        )
        columns, joint = np.empty(int(starts[-1]), np.uint32), np.empty(int(starts[-1]), np.float32)
        counts = self.block.joint.reshape(-1)[channel:]
        if self.block.columns is None:
            assert self.peaks.shape[1] == 1, "dense blocks are of one channel"
            _copy_dense(
                cells, self.starts, self.size, chosen[:found], starts, counts, columns, joint
            )
        else:
            width = self.block.joint.shape[1]
            _copy_sparse(
                cells,
                self.starts,
                self.size,
                chosen[:found],
                starts,
                self.block.columns,
                counts,
                width,
                columns,
                joint,
            )
        return starts, columns, joint

    def _counts(self, channel: int) -> tuple[Array, Array]:
        """A bit less and a bit more than the largest count of each group. Shape [groups] both."""
        if channel not in self.counts:
            peaks = self.peaks[:, channel]
            self.counts[channel] = (peaks * (1 - SLACK), peaks * (1 + SLACK))
        return self.counts[channel]

    def _sides(self, right: Array) -> tuple[Array, Array]:
        """A bit less than the smallest and a bit more than the largest size of the right items of
        each group. Shape [groups] both.
        """
        if id(right) not in self.sides:
            least, most = (
                np.empty(len(self.peaks), np.float32),
                np.empty(len(self.peaks), np.float32),
            )
            if self.block.columns is None:
                edges = np.arange(0, len(right), self.size)
                for of, into in ((np.minimum, least), (np.maximum, most)):
                    into[:] = np.tile(of.reduceat(right, edges), self.block.rows)
            else:
                _sides(
                    self.block.cell_starts(len(right)),
                    self.starts,
                    self.size,
                    self.block.columns,
                    right,
                    least,
                    most,
                )
            self.sides[id(right)] = (least * (1 - SLACK), most * (1 + SLACK))
        return self.sides[id(right)]


def _floats(values: Array) -> Array:
    return np.ascontiguousarray(values, np.float32)


@kernel
def _peaks_of_one(cells, starts, size, joint, peaks):
    """The largest count of each group, for blocks of one channel. Counts are not below zero, so
    their bits as integers are in the same order, and integers are compared many at a time.
    """
    # Groups are cut row by row, so none crosses the end of a row.
    for row in range(cells.shape[0] - 1):
        # A maximum of integers becomes vector instructions.
        for run in range(starts[row], starts[row + 1]):
            begin = cells[row] + (run - starts[row]) * size
            largest = joint[begin]
            for at in range(begin, min(begin + size, cells[row + 1])):
                largest = max(largest, joint[at])
            peaks[run] = largest


@kernel
def _peaks(cells, starts, size, lanes, joint, peaks):
    width = len(lanes)
    # Groups are cut row by row, so none crosses the end of a row.
    for row in range(cells.shape[0] - 1):
        for run in range(starts[row], starts[row + 1]):
            begin = cells[row] + (run - starts[row]) * size
            for at in range(begin, min(begin + size, cells[row + 1])):
                raise_to(lanes, peaks, run * width, joint, at * width)


@kernel
def _sides(cells, starts, size, columns, right, least, most):
    # Groups are cut row by row, so none crosses the end of a row.
    for row in range(cells.shape[0] - 1):
        # The smallest and the largest size of the right items of each group.
        for run in range(starts[row], starts[row + 1]):
            begin = cells[row] + (run - starts[row]) * size
            low = high = right[columns[begin]]
            for at in range(begin, min(begin + size, cells[row + 1])):
                low, high = min(low, right[columns[at]]), max(high, right[columns[at]])
            least[run], most[run] = low, high


@kernel
def _choose(cells, starts, size, ceilings, floors, keep, chosen, out_starts):
    """List the groups that may hold one of the `keep` largest of their row in `chosen`.
    `out_starts` gets the offsets of the rows' cells.

    `floors` are float32 read as int32. Returns the number of groups.
    """
    histogram = np.zeros(2 * BUCKETS, np.int32)
    positive, edge = np.empty(np.max(np.diff(starts)) + 1, np.int32), np.zeros(1, np.int32)
    listed, room, guess = np.uint64(0), np.int64(0), np.int32(0)
    # The edge of the row before, lowered by CLOSE, is tried first. It must be reached by `keep` to
    # 2 · `keep` floors; otherwise the exact edge is computed.
    for row in range(cells.shape[0] - 1):
        first, last = starts[row], starts[row + 1]
        reached = 0
        if guess > 0:
            for run in range(first, last):
                # NaN is no floor.
                reached += (floors[run] >= guess) & (floors[run] <= INFINITY)
        if not keep <= reached <= 2 * keep:
            found = 0
            for run in range(first, last):
                positive[found] = floors[run]
                found += (floors[run] > 0) & (floors[run] <= INFINITY)
            guess = _at_rank(positive, found, keep, histogram) if found >= keep else np.int32(0)
        edge[0] = guess
        least = edge.view(np.float32)[0]
        guess = np.int32(guess - min(guess, CLOSE))
        before = listed
        for run in range(first, last):
            chosen[listed] = run
            listed += np.uint64(not ceilings[run] < least)  # a NaN ceiling keeps its group
        room += np.int64(listed - before) * size
        # The last group of a row may be smaller.
        if listed > before and chosen[listed - np.uint64(1)] == last - 1:
            room -= (last - first) * size - (cells[row + 1] - cells[row])
        out_starts[row + 1] = room
    return np.int64(listed)


@kernel
def _at_rank(positive, size, keep, histogram):
    """The `keep`-th largest of at least `keep` positive values, whose order is changed."""
    bucket, above = bucket_of(positive, size, keep, histogram)
    tied = 0
    # Move the values of its bucket to the front.
    for at in range(size):
        value = positive[at]
        positive[tied] = value
        tied += value >> 20 == bucket
    return np.partition(positive[:tied], tied - (keep - above))[tied - (keep - above)]


@kernel
def _copy_dense(cells, starts, size, chosen, out_starts, joint, out_columns, out_joint):
    listed = 0
    # Cells of the chosen groups, row by row.
    for row in range(cells.shape[0] - 1):
        to = out_starts[row]
        # A dense row names no columns: a cell's column is its index in the row.
        while to < out_starts[row + 1]:
            column = (chosen[listed] - starts[row]) * size
            here = min(size, cells[row + 1] - cells[row] - column)
            part_joint, joint_source = (
                out_joint[to : to + here],
                joint[cells[row] + column : cells[row] + column + here],
            )
            part_columns = out_columns[to : to + here]
            for at in range(here):
                part_joint[at] = joint_source[at]
                part_columns[at] = column + at
            to += here
            listed += 1


@kernel
def _copy_sparse(
    cells, starts, size, chosen, out_starts, columns, joint, width, out_columns, out_joint
):
    listed = 0
    # Cells of the chosen groups, row by row.
    for row in range(cells.shape[0] - 1):
        to = out_starts[row]
        # `joint` has `width` channels a cell and begins at the wanted one.
        while to < out_starts[row + 1]:
            begin = cells[row] + (chosen[listed] - starts[row]) * size
            for at in range(begin, min(begin + size, cells[row + 1])):
                out_columns[to] = columns[at]
                out_joint[to] = joint[at * width]
                to += 1
            listed += 1
