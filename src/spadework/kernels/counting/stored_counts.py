"""Stored counts, read block by block as if they were counted now."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.counting.count_blocks import BLOCK_CELLS, Block, Workspace, cut
from spadework.kernels.counting.grouped_events import Groups
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class StoredCounter:
    """Sparse rows of counts by item code. `groups` hold no events; they only give the order of the
    items.
    """

    groups: Groups
    starts: Offsets  # [items + 1]
    columns: Codes  # [cells]
    joint: Array  # [cells] float64

    @classmethod
    def build(cls, starts: Offsets, columns: Codes, joint: Array, entries: Array) -> StoredCounter:
        """Order items by their number of `entries` [items], the same order as when they were
        counted. O(items · log items).
        """
        items = len(entries)
        bare = Groups.build(np.zeros(1, np.int64), np.zeros(0, np.int32), items)
        code_of_rank = np.argsort(-entries, kind="stable").astype(np.int32)
        rank_of_code = np.empty(items, np.uint32)
        rank_of_code[code_of_rank] = np.arange(items, dtype=np.uint32)
        return cls(
            replace(bare, code_of_rank=code_of_rank, rank_of_code=rank_of_code),
            starts,
            columns,
            joint,
        )

    def prepare(self) -> None:
        """Do nothing: blocks share nothing."""

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of ranks that fill at most `BLOCK_CELLS` cells, but hold at least one row."""
        return cut(np.cumsum(np.diff(self.starts)[self.groups.code_of_rank]), BLOCK_CELLS)

    def count(self, rows: tuple[int, int], workspace: Workspace) -> Block:
        """The stored counts of a range of ranks with all others."""
        first, last = rows
        codes = self.groups.code_of_rank[first:last]
        lengths = np.diff(self.starts)[codes]
        starts = offsets_of(lengths)
        cells = np.arange(int(starts[-1])) + np.repeat(self.starts[codes] - starts[:-1], lengths)
        return Block(
            first,
            last,
            starts,
            self.groups.rank_of_code[self.columns[cells]],
            self.joint[cells].astype(np.float32)[:, None],
        )
