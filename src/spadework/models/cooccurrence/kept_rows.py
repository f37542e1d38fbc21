"""Rows of pairs that are kept: which of them are the largest, and rows that take the place of
others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from spadework.arrays import Array, Codes
from spadework.kernels import parallel
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, Workspace, cut
from spadework.kernels.similarity.neighbour_table import Table, Weigh
from spadework.kernels.similarity.sparse_top_k import BUCKETS, keep_largest, scratch_cells
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.ragged import SparseRows, cells_of_rows, offsets_of


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
        left = self.left if self.left is None or codes is None else self.left[codes]
        blocks = cut(np.cumsum(np.diff(rows.starts)), BLOCK_CELLS)
        label = f"fit {self.model.label}"
        parts = parallel.share(partial(self._block, rows, left, Workspace()), blocks, label)
        lengths, columns, values = (
            np.concatenate([np.zeros(0, dtype), *(part[at] for part in parts)])
            for at, dtype in enumerate((np.int64, np.int32, np.float32))
        )
        return Table(offsets_of(lengths), columns, values)

    def _block(
        self, rows: SparseRows, left: Array | None, workspace: Workspace, block: tuple[int, int]
    ) -> tuple[Array, Codes, Array]:
        first, last = block
        cells = slice(int(rows.starts[first]), int(rows.starts[last]))
        starts = rows.starts[first : last + 1] - rows.starts[first]
        columns, joint = rows.columns[cells], rows.values[cells].astype(np.float32, copy=False)
        own = joint if left is None else np.repeat(left[first:last], np.diff(starts))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            weighed = self.weigh(joint, own, self.right[columns])
        values = np.ascontiguousarray(weighed, np.float32)
        longest = int(np.diff(starts).max(initial=0))
        kept_starts = np.zeros(len(starts), np.int64)
        kept_columns = workspace.array("kept columns", len(columns) + 1, np.int32)
        kept = workspace.array("kept values", len(columns) + 1, np.float32)
        filled = keep_largest(
            starts,
            self.rank_of_code[columns],
            values.view(np.uint32),
            min(self.model.keep, len(self.right)),
            self.code_of_rank,
            workspace.array("histogram", 2 * BUCKETS, np.int32),
            workspace.array("room", scratch_cells(longest), np.uint32)[: scratch_cells(longest)],
            workspace.array("packed", longest, np.int64),
            kept_starts,
            kept_columns,
            kept.view(np.uint32),
        )
        return np.diff(kept_starts), kept_columns[:filled].copy(), kept[:filled].copy()


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
