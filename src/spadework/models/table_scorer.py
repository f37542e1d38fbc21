"""A sparse table from history item to recommended item, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import sparse_scores
from spadework.kernels.ranking.row_choice import Choice
from spadework.kernels.ranking.sparse_scores import Aggregate
from spadework.models.checks import wrong_rows
from spadework.models.histories import Histories
from spadework.models.history_reader import Reading
from spadework.models.needs import Repeats
from spadework.models.scorer import Contributions, Reader, Scorer
from spadework.ragged import SparseRows


@dataclass(frozen=True, eq=False)
class TableScorer(Scorer):
    """The score of an item joins the cells of its column in the rows of the history's items, each
    times the item's weight.
    """

    table: SparseRows  # [history items, items]
    items: int
    reading: Reading
    aggregate: Aggregate = "sum"

    @classmethod
    def of(cls, state: Mapping[str, Array], reading: Reading, aggregate: Aggregate = "sum") -> Self:
        """From the arrays `starts`, `columns` and `values`."""
        table = SparseRows(state["starts"], state["columns"], state["values"])
        return cls(table, len(state["popularity"]), reading, aggregate)

    @property
    def reader(self) -> Reader:
        return self.reading.reader

    def scores(self, histories: Histories) -> Array:
        return sparse_scores.score_rows(
            self._rows(histories), self.table, self.items, self.aggregate
        )

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return sparse_scores.score_cells(
            self._rows(histories), self.table, self.items, targets, self.aggregate
        )

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        choice = Choice.of(histories.starts, histories.items, repeats, allowed)
        return sparse_scores.recommend_rows(
            self._rows(histories), self.table, self.items, choice, k, self.aggregate
        )

    def row_cells(self, k: int) -> int:
        return k

    def row(self, code: int) -> Array:
        cells = slice(self.table.starts[code], self.table.starts[code + 1])
        row = np.full(self.items, -np.inf, np.float32)
        row[self.table.columns[cells]] = self.table.values[cells]
        row[code] = -np.inf
        return row

    def contributions(self, histories: Histories, code: int) -> Contributions:
        recent, weights = self.reading.weighted(histories)
        return Contributions(recent.items, weights * column_of(self.table, recent.items, code))

    def wrong(self, items: int) -> str | None:
        return wrong_rows(self.table, items, items)

    def _rows(self, histories: Histories) -> SparseRows:
        """The weighted histories as rows [users, history items]."""
        recent, weights = self.reading.weighted(histories)
        return SparseRows(recent.starts, recent.items, weights)


def column_of(table: SparseRows, sources: Codes, code: int) -> Array:
    """The cells of some rows in one column, 0 where there is none: float64 [rows]."""
    found = np.zeros(len(sources))
    for position, source in enumerate(sources):
        cells = slice(table.starts[source], table.starts[source + 1])
        at = np.flatnonzero(table.columns[cells] == code)
        found[position] = table.values[cells][at[0]] if len(at) else 0.0
    return found
