"""A dense matrix of weights from history item to recommended item, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels import parallel
from spadework.kernels.ranking import dense_scores
from spadework.kernels.ranking.row_choice import Choice
from spadework.models.histories import Histories
from spadework.models.history_reader import Reading
from spadework.models.needs import Repeats
from spadework.models.scorer import Contributions, Reader, Scorer
from spadework.ragged import SparseRows

COLUMNS_AT_ONCE = 256
"""Columns whose largest weights are searched together."""


@dataclass(frozen=True, eq=False)
class MatrixScorer(Scorer):
    """The score of item j is Σ over history items i of weight[i] · left[i] · matrix[i, j] ·
    right[j].

    The scales are apart from the matrix, so parameters that only scale can change without a new fit
    and without a copy of the matrix.
    """

    matrix: Array  # [items, items] float32, rows are history items
    left: Array  # [items] float32
    right: Array  # [items] float32
    reading: Reading

    @property
    def reader(self) -> Reader:
        return self.reading.reader

    def scores(self, histories: Histories) -> Array:
        return dense_scores.score_dense(self._rows(histories), self.matrix, self.right)

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return dense_scores.score_cells(self._rows(histories), self.matrix, self.right, targets)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        choice = Choice.of(histories.starts, histories.items, repeats, allowed)
        return dense_scores.recommend_dense(
            self._rows(histories), self.matrix, self.right, choice, k
        )

    def row_cells(self, k: int) -> int:
        return k

    def row(self, code: int) -> Array:
        row = self.matrix[code] * self.left[code] * self.right
        row[code] = 0.0
        return np.where(row == 0, np.float32(-np.inf), row)

    def contributions(self, histories: Histories, code: int) -> Contributions:
        recent, weights = self.reading.weighted(histories)
        column = self.matrix[recent.items, code].astype(np.float64)
        values = weights * self.left[recent.items] * column * self.right[code]
        return Contributions(recent.items, values)

    def wrong(self, items: int) -> str | None:
        fits = self.matrix.shape == (items, items) and self.matrix.dtype == np.float32
        if not fits or self.left.shape != (items,) or self.right.shape != (items,):
            return "the matrix does not fit the items"
        finite = np.isfinite(self.left).all() and np.isfinite(self.right).all()
        return None if finite else "a scale of the matrix is not finite"

    def _rows(self, histories: Histories) -> SparseRows:
        """The weighted histories as rows [users, items], scaled as the rows of the matrix."""
        recent, weights = self.reading.weighted(histories)
        return SparseRows(recent.starts, recent.items, weights * self.left[recent.items])

    def pruned(self, keep: int, label: str) -> dict[str, Array]:
        """The `keep` largest weights of each column by size, as a sparse table of rows: `starts`,
        `columns` and `values`. O(items²).
        """
        from scipy.sparse import csr_array

        items, keep = len(self.matrix), min(keep, len(self.matrix))

        def largest(first: int) -> tuple[Array, Array]:
            columns = slice(first, min(first + COLUMNS_AT_ONCE, items))
            weights = np.ascontiguousarray(self.matrix[:, columns].T)
            weights = weights * self.left * self.right[columns, None]
            positions = np.sort(
                np.argpartition(-np.abs(weights), keep - 1, axis=1)[:, :keep], axis=1
            )
            return positions.astype(np.int32), np.take_along_axis(weights, positions, axis=1)

        parts = parallel.share(largest, range(0, items, COLUMNS_AT_ONCE), label)
        sources = np.concatenate([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts])
        by_column = csr_array(
            (values.ravel(), sources.ravel(), np.arange(0, items * keep + 1, keep)),
            shape=(items, items),
        )
        by_column.eliminate_zeros()
        table = csr_array(by_column.T)
        return {
            "starts": table.indptr.astype(np.int64),
            "columns": table.indices.astype(np.int32),
            "values": table.data,
        }
