"""Rows of pairs that are kept: which of them are the largest, and rows that take the place of
others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels import parallel
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, Workspace, cut
from spadework.kernels.similarity.ascending_rows import copy_largest, count_above, look_up
from spadework.kernels.similarity.neighbour_table import Table, Weigh
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.ragged import SparseRows, cells_of_rows, offsets_of, places_in_rows


@dataclass(frozen=True, eq=False)
class PairOrder:
    """How pairs are weighed and which are the largest, as in a full count: among equal ones the
    more common item.
    """

    model: CoOccurrence
    code_of_rank: Codes  # [items]
    rank_of_code: Array  # [items] uint32
    left: Array | None  # [items] float32 by code; None where it is not in the weight
    right: Array  # [items] float32 by code
    weigh: Weigh

    @classmethod
    def of(cls, model: CoOccurrence, entries: Array, sizes: Array, groups: float) -> PairOrder:
        """By the entries and the sizes of items [items], none of which is zero."""
        code_of_rank = np.argsort(-entries, kind="stable").astype(np.int32)
        rank_of_code = np.empty(len(code_of_rank), np.uint32)
        rank_of_code[code_of_rank] = np.arange(len(code_of_rank), dtype=np.uint32)
        weighing = model.weighing(0, sizes.astype(np.float32), groups)
        left = weighing.left if model.row_exponent is None else None
        return cls(model, code_of_rank, rank_of_code, left, weighing.right, weighing.weigh)

    def largest(self, rows: SparseRows, codes: Array | None) -> Table:
        """The largest of each row by weight, before rows are divided; `codes` are the items of the
        rows, None: all items.
        """
        keep = min(self.model.keep, len(self.right))
        begins = offsets_of(np.minimum(np.diff(rows.starts), keep))
        lengths = np.zeros(rows.rows, np.int64)
        columns = np.empty(int(begins[-1]), np.int32)
        values = np.empty(len(columns), np.float32)
        workspace = Workspace()

        def copy(block: tuple[int, int]) -> None:
            starts, own, weighed = self._weighed(rows, codes, workspace, block)
            longest = int(np.diff(starts).max(initial=0))
            copy_largest(
                starts,
                own,
                weighed.view(np.int32),
                keep,
                self.rank_of_code,
                *(
                    workspace.array(name, longest, np.int32)[:longest]
                    for name in ("own columns", "own bits")
                ),
                begins[slice(*block)],
                columns,
                values.view(np.int32),
                lengths[slice(*block)],
            )

        self._share(rows, copy)
        table = Table(begins, columns, values)
        if int(lengths.sum()) == len(columns):
            return table
        places = places_in_rows(lengths) + np.repeat(begins[:-1], lengths)
        return Table(offsets_of(lengths), columns[places], values[places])

    def above(self, rows: SparseRows, codes: Array | None, bounds: Array) -> Array:
        """How many pairs of each row weigh more than its bound, before rows are divided. Shape
        [rows].
        """
        found = np.zeros(rows.rows, np.int64)
        workspace = Workspace()

        def count(block: tuple[int, int]) -> None:
            starts, _, weighed = self._weighed(rows, codes, workspace, block)
            count_above(starts, weighed, bounds[slice(*block)], found[slice(*block)])

        self._share(rows, count)
        return found

    def _share(self, rows: SparseRows, work: Callable[[tuple[int, int]], None]) -> None:
        blocks = cut(np.cumsum(np.diff(rows.starts)), BLOCK_CELLS)
        parallel.share(work, blocks, f"fit {self.model.label}")

    def _weighed(
        self,
        rows: SparseRows,
        codes: Array | None,
        workspace: Workspace,
        block: tuple[int, int],
    ) -> tuple[Array, Codes, Array]:
        """Where rows of a block begin in it, their columns and their weights."""
        first, last = block
        cells = slice(int(rows.starts[first]), int(rows.starts[last]))
        starts = rows.starts[first : last + 1] - rows.starts[first]
        columns, joint = rows.columns[cells], rows.values[cells].astype(np.float32, copy=False)
        own = joint
        if self.left is not None:
            left = self.left[first:last] if codes is None else self.left[codes[first:last]]
            own = np.repeat(left, np.diff(starts))
        right = workspace.array("right", len(columns), np.float32)[: len(columns)]
        look_up(self.right, columns, right)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            weighed = self.weigh(joint, own, right)
        return starts, columns, np.ascontiguousarray(weighed, np.float32)


@dataclass(frozen=True, eq=False)
class Overlay:
    """Rows that take the place of others."""

    codes: Array  # ascending
    rows: SparseRows  # one after the other

    def under(self, newer: Overlay) -> Overlay:
        """These rows, and those of another overlay in their place where it has them."""
        codes = np.union1d(self.codes, newer.codes)
        pieces: list[tuple[Array, Array]] = []
        for code in codes.tolist():
            for one in (newer, self):
                at = int(np.searchsorted(one.codes, code))
                if at < len(one.codes) and one.codes[at] == code:
                    cells = slice(int(one.rows.starts[at]), int(one.rows.starts[at + 1]))
                    pieces.append((one.rows.columns[cells], one.rows.values[cells]))
                    break
        lengths = [len(columns) for columns, _ in pieces]
        columns, values = (np.concatenate([piece[at] for piece in pieces]) for at in (0, 1))
        return Overlay(codes, SparseRows(offsets_of(lengths), columns, values))

    def over(self, rows: SparseRows) -> SparseRows:
        """All rows, with these in their place. What lies between two of them is copied in one
        piece.
        """
        lengths = np.diff(rows.starts)
        lengths[self.codes] = np.diff(self.rows.starts)
        begins = np.concatenate([[0], rows.starts[self.codes + 1]]).tolist()
        ends = np.concatenate([rows.starts[self.codes], rows.starts[-1:]]).tolist()
        new = self.rows.starts.tolist()
        joined = []
        for part, more in ((rows.columns, self.rows.columns), (rows.values, self.rows.values)):
            pieces = [part[: ends[0]]]
            for at, (begin, end) in enumerate(zip(begins[1:], ends[1:], strict=True)):
                pieces += [more[new[at] : new[at + 1]], part[begin:end]]
            joined.append(np.concatenate(pieces))
        return SparseRows(offsets_of(lengths), *joined)


def rows_at(rows: SparseRows, chosen: Array) -> SparseRows:
    """The chosen rows, one after the other."""
    cells, starts = cells_of_rows(rows.starts, chosen)
    return SparseRows(starts, rows.columns[cells], rows.values[cells])
