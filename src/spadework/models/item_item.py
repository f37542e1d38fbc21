"""A sparse table of similarities from history item to recommended item, and how a history is read
with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import sparse_scores
from spadework.kernels.ranking.sparse_rows import SparseRows, wrong_table
from spadework.models.histories import Histories
from spadework.models.history_reader import READING, HistoryReader
from spadework.models.needs import Repeats
from spadework.models.parameters import Doc, Range

ANSWERING = READING | {"aggregate"}


class ItemItem(HistoryReader):
    """A sparse table of similarities; the score of an item joins the contributions of the history's
    items.
    """

    aggregate: Annotated[
        Literal["sum", "max", "noisy-or"],
        Doc(
            "How contributions of history items join: their sum, the largest, or 1 − Π (1 − each)."
        ),
    ] = "sum"
    keep: Annotated[int, Range(1, 100_000), Doc("Similarities kept per history item.")] = 1000

    answering: ClassVar[frozenset[str]] = ANSWERING

    def _rows_and_table(self, histories: Histories) -> tuple[SparseRows, SparseRows]:
        """The weighted histories as rows [users, items], and the table of similarities."""
        histories, weights = self._weighted_histories(histories)
        table = self.state
        return SparseRows(histories.starts, histories.items, weights), SparseRows(
            table["starts"], table["columns"], table["values"]
        )

    def _score(self, histories: Histories) -> Array:
        rows, table = self._rows_and_table(histories)
        return sparse_scores.score_rows(rows, table, len(self.item_vocabulary), self.aggregate)

    def _score_cells(self, histories: Histories, targets: SparseRows) -> Array:
        rows, table = self._rows_and_table(histories)
        return sparse_scores.score_cells(
            rows, table, len(self.item_vocabulary), targets, self.aggregate
        )

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        rows, table = self._rows_and_table(block)
        seen = None if repeats == "allow" else (block.starts, block.items)
        return sparse_scores.recommend_rows(
            rows,
            table,
            len(self.item_vocabulary),
            k,
            aggregate=self.aggregate,
            seen=seen,
            only=repeats == "only",
            allowed=allowed,
        )

    def _row_cells(self, k: int) -> int:
        return k

    # ---- the table itself

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        return wrong_table(state["starts"], state["columns"], state["values"], items, items)

    def _row(self, code: int) -> Array:
        table = self.state
        row = slice(table["starts"][code], table["starts"][code + 1])
        scores = np.full(len(self.item_vocabulary), -np.inf, np.float32)
        scores[table["columns"][row]] = table["values"][row]
        return scores

    def _contributions(self, sources: Codes, weights: Array, code: int) -> Array:
        table = self.state
        contributions = np.zeros(len(sources))
        for position, (source, weight) in enumerate(zip(sources, weights, strict=True)):
            row = slice(table["starts"][source], table["starts"][source + 1])
            found = table["values"][row][table["columns"][row] == code]
            contributions[position] = float(found[0]) * float(weight) if len(found) else 0.0
        return contributions
