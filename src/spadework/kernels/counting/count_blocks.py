"""Blocks of counted rows, and the arrays that one thread works in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from spadework.arrays import Array, Offsets
from spadework.kernels.counting.instructions import aligned

BLOCK_CELLS = 1 << 18
"""Most cells of a block of several rows: the cells that one thread works on stay in its
second-level cache. A single row may have more.
"""


@dataclass(frozen=True, eq=False)
class Block:
    """Counts of the ranks `first` to `last`, for one or more channels; dense rows have neither
    starts nor columns.
    """

    first: int
    last: int
    starts: Array | None  # [rows + 1]
    columns: Array | None  # [cells] uint32: ranks, in any order within a row unless `ascending`
    joint: Array  # [cells, channels] float32, float64 of exact counts, or whole numbers
    ascending: bool = False

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.last - self.first

    def cell_starts(self, items: int) -> Offsets:
        """Where each row's cells begin. Shape [rows + 1]."""
        return np.arange(self.rows + 1) * items if self.starts is None else self.starts


class Counter(Protocol):
    """An object that counts pairs block by block."""

    def prepare(self) -> None:
        """Do the work that all blocks share."""

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of ranks to count one after the other."""

    def count(self, rows: tuple[int, int], workspace: Workspace) -> Block:
        """Counts of one range."""


@dataclass(eq=False)
class Workspace(threading.local):
    """Arrays that are reused from block to block, one set a thread; they grow when needed."""

    arrays: dict[str, Array] = field(default_factory=dict)

    def array(self, name: str, size: int, dtype: type, *, zeroed: bool = False) -> Array:
        """An array of at least this size. A `zeroed` array holds zeros, and the caller must leave
        it so.
        """
        found = self.arrays.get(name)
        if found is None or len(found) < size or found.dtype != dtype:
            found = np.zeros(size, dtype) if zeroed else np.empty(size, dtype)
            self.arrays[name] = found
        return found

    def accumulator(self, dtype: type, items: int) -> Array:
        """Zeros [items] that begin at a cache line."""
        name = f"accumulator {np.dtype(dtype).name}"
        found = self.arrays.get(name)
        if found is None or len(found) < items:
            found = self.arrays[name] = aligned(items, dtype)
        return found[:items]

    def touched(self, size: int) -> Array:
        """An array for the columns that a row touches."""
        return self.array("touched", size, np.uint32)

    def columns(self, size: int) -> Array:
        """An array for the columns of a block."""
        return self.array("columns", size, np.uint32)

    def values(self, size: int) -> Array:
        """An array for the counts of a block in one channel. Shape [size]."""
        return self.array("values", size, np.float32)[:size]


def cut(cumulated_cost: Array, most: float, tile: int = 1) -> list[tuple[int, int]]:
    """Ranges of rows that cost at most `most`, but hold at least `tile` rows whatever these cost;
    the last may hold fewer. `cumulated_cost` [rows] is the cost of each row and all before it.
    """
    edges, rows = [0], len(cumulated_cost)
    while edges[-1] < rows:
        done = cumulated_cost[edges[-1] - 1] if edges[-1] else 0
        edges.append(
            min(
                max(
                    int(np.searchsorted(cumulated_cost, done + most, side="right")),
                    edges[-1] + tile,
                ),
                rows,
            )
        )
    return list(zip(edges[:-1], edges[1:], strict=True))
