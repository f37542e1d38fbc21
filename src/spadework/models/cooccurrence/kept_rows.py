"""Rows of pairs that are kept: which of them are the largest, and rows that take the place of
others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels import parallel
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, Workspace, cut
from spadework.kernels.similarity.ascending_rows import copy_largest, least_kept, look_up
from spadework.kernels.similarity.neighbour_table import Table, Weigh
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.ragged import SparseRows, offsets_of, places_in_rows

NONE = np.zeros(0, np.float32)
_Weighed: TypeAlias = tuple[Array, Codes, Array, Array]
"""Where rows begin, columns, values, and what these are over by column: `NONE` where they are
weights already.
"""


@dataclass(frozen=True, eq=False)
class PairOrder:
    """How pairs are weighed and which are the largest, as in a full count: among equal ones the
    more common item.
    """

    model: CoOccurrence
    rank_of_code: Array  # [items] uint32
    left: Array  # [items] float32 by code; where rows are divided, what they are divided by
    right: Array  # [items] float32 by code
    weigh: Weigh

    @classmethod
    def of(cls, model: CoOccurrence, entries: Array, sizes: Array, groups: float) -> PairOrder:
        """By the entries and the sizes of items [items], none of which is zero."""
        rank_of_code = np.empty(len(entries), np.uint32)
        rank_of_code[np.argsort(-entries, kind="stable")] = np.arange(len(entries), dtype=np.uint32)
        weighing = model.weighing(0, sizes.astype(np.float32), groups)
        return cls(model, rank_of_code, weighing.left, weighing.right, weighing.weigh)

    def largest(self, rows: SparseRows, codes: Array | None) -> tuple[Table, Array]:
        """The largest of each row, divided where the model divides rows, and the least weight
        [rows] that is listed before that; 0 where fewer than `keep` are. `codes` are the items of
        the rows, None: all items.
        """
        begins = offsets_of(np.minimum(np.diff(rows.starts), self.model.keep))
        lengths, least = np.zeros(rows.rows, np.int64), np.zeros(rows.rows, np.float32)
        columns = np.empty(int(begins[-1]), np.int32)
        values = np.empty(len(columns), np.float32)
        by = self._of_rows(codes) if self.model.row_exponent else NONE
        tiny = np.finfo(np.float32).tiny

        def copy(block: tuple[int, int], weighed: _Weighed, room: tuple[Array, Array]) -> None:
            copy_largest(
                *weighed,
                by[slice(*block)],
                tiny,
                self.model.keep,
                self.rank_of_code,
                *room,
                begins[slice(*block)],
                columns,
                values,
                lengths[slice(*block)],
                least[slice(*block)],
            )

        self._share(rows, codes, copy)
        table = Table(begins, columns, values)
        if int(lengths.sum()) == len(columns):
            return table, least
        places = places_in_rows(lengths) + np.repeat(begins[:-1], lengths)
        return Table(offsets_of(lengths), columns[places], values[places]), least

    def least(self, rows: SparseRows, codes: Array) -> Array:
        """The least weight [rows] that `largest` lists, without a table."""
        least = np.zeros(rows.rows, np.float32)

        def find(block: tuple[int, int], weighed: _Weighed, room: tuple[Array, Array]) -> None:
            least_kept(*weighed, self.model.keep, *room, least[slice(*block)])

        self._share(rows, codes, find)
        return least

    def _share(
        self,
        rows: SparseRows,
        codes: Array | None,
        work: Callable[[tuple[int, int], _Weighed, tuple[Array, Array]], None],
    ) -> None:
        """Call `work` for blocks of rows, with what weighs them and room for the longest row."""
        lengths, workspace = np.diff(rows.starts), Workspace()
        longest = int(lengths.max(initial=0))

        def with_room(block: tuple[int, int]) -> None:
            columns = workspace.array("own columns", longest, np.int32)
            values = workspace.array("own values", longest, np.float32)
            work(block, self._weighed(rows, codes, workspace, block), (columns, values))

        parallel.share(with_room, cut(np.cumsum(lengths), BLOCK_CELLS), f"fit {self.model.label}")

    def _weighed(
        self,
        rows: SparseRows,
        codes: Array | None,
        workspace: Workspace,
        block: tuple[int, int],
    ) -> _Weighed:
        """What the kernels need to weigh a block."""
        first, last = block
        cells = slice(int(rows.starts[first]), int(rows.starts[last]))
        starts = rows.starts[first : last + 1] - rows.starts[first]
        columns, joint = rows.columns[cells], rows.values[cells].astype(np.float32, copy=False)
        if self.model.row_exponent is not None:  # a count over the right size
            return starts, columns, joint, self.right
        left = np.repeat(self._of_rows(codes)[first:last], np.diff(starts))
        right = workspace.array("right", len(columns), np.float32)[: len(columns)]
        look_up(self.right, columns, right)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            weighed = self.weigh(joint, left, right)
        return starts, columns, np.ascontiguousarray(weighed, np.float32), NONE

    def _of_rows(self, codes: Array | None) -> Array:
        return self.left if codes is None else self.left[codes]


@dataclass(frozen=True, eq=False)
class Overlay:
    """Rows that take the place of others."""

    codes: Array  # ascending
    rows: SparseRows  # one after the other

    def over(self, rows: SparseRows) -> SparseRows:
        """All rows, with these in their place. What lies between two of them is copied in one
        piece.
        """
        lengths = np.diff(rows.starts)
        lengths[self.codes] = np.diff(self.rows.starts)
        begins = np.concatenate([[0], rows.starts[self.codes + 1]]).tolist()
        ends = np.concatenate([rows.starts[self.codes], rows.starts[-1:]]).tolist()
        new = self.rows.starts.tolist()

        def joined(parts: tuple[Array, Array]) -> Array:
            part, more = parts
            pieces = [part[: ends[0]]]
            for at, (begin, end) in enumerate(zip(begins[1:], ends[1:], strict=True)):
                pieces += [more[new[at] : new[at + 1]], part[begin:end]]
            return np.concatenate(pieces)

        both = (rows.columns, self.rows.columns), (rows.values, self.rows.values)
        with parallel.Crew() as crew:  # memory is moved by all processors
            return SparseRows(offsets_of(lengths), *crew.map(joined, both))


def rows_at(rows: SparseRows, chosen: Array) -> SparseRows:
    """The chosen rows, one after the other."""
    starts = offsets_of(np.diff(rows.starts)[chosen])
    begins, ends = rows.starts[chosen].tolist(), rows.starts[chosen + 1].tolist()
    columns, values = (
        np.concatenate([part[:0], *map(part.__getitem__, map(slice, begins, ends))])
        for part in (rows.columns, rows.values)
    )
    return SparseRows(starts, columns, values)
