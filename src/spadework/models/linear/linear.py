"""Weights from every item to every item, dense or pruned: what the linear models learn, and how
they answer with it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels import parallel
from spadework.kernels.ranking import dense_scores, sparse_scores
from spadework.kernels.ranking.sparse_rows import SparseRows, wrong_table
from spadework.kernels.solvers import dense_inverse
from spadework.kernels.solvers.dense_gram import gram
from spadework.models.cooccurrence.channel import Channel
from spadework.models.cooccurrence.grouped_rows import GroupedRows
from spadework.models.histories import Histories
from spadework.models.history_reader import READING, HistoryReader
from spadework.models.needs import Cost, Repeats
from spadework.models.parameters import Doc, Range, Search

RATE = 8e10
"""Operations a second of one processor in float32, for the estimate of the cost of fitting."""
COLUMNS_AT_ONCE = 256
"""Columns whose largest weights are searched together."""


class Linear(HistoryReader):
    """The score of an item is the sum over history items of weight[history item, item].

    What is learned is a dense matrix, whose rows and columns are scaled when it answers: parameters
    that only scale can change without a new fit. With `keep`, the largest weights of each column
    become a sparse table, and the matrix is freed.
    """

    instead: ClassVar[str] = (
        "It grows with the square of the items. Take 'mrf' or 'sansa', whose weights are "
        "sparse, or 'elsa', which has a short vector an item."
    )
    answering: ClassVar[frozenset[str]] = READING | {"keep", "item_power"}

    item_power: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.5),
        Doc(
            "Weights are times (users of the history item / users of the target)^item_power: "
            "above 0, rare items rise."
        ),
    ] = 0.0
    keep: Annotated[
        int | None,
        Range(1, 100_000),
        Doc("Largest weights kept to each item; none: all, which takes 4 · items² bytes."),
    ] = None

    def cost(self, train: Interactions) -> Cost:
        items, matrices = train.item_count, self._matrices()
        lengths = np.diff(train.starts).astype(np.float64)
        pairs = float((lengths**2).sum())
        kept = 0 if self.keep is None else 12 * items * min(self.keep, items)
        seconds = (
            4e-10 * pairs
            + 1e-8 * items**2
            + self._operations(items) / (RATE * parallel.threads())
            + 1e-7 * len(train)
            + 1e-3
        )
        needed = (
            4 * matrices * items**2 + dense_inverse.room(items) + kept + 60 * len(train) + 2**20
        )
        return Cost(bytes=int(needed), seconds=seconds)

    def _operations(self, items: int) -> float:
        """Operations that fitting takes in addition to counting."""
        return float(items) ** 3

    def _matrices(self) -> int:
        """Dense matrices of items × items held at once while fitting."""
        return 1

    # ---- learning

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        state = {**self._learn(train, content), "users": users_of(train)}
        return state if self.keep is None else self._pruned(state)

    def sharing(self, **params: Any) -> Self:
        """A model with other answering parameters and the same learned arrays; a pruned table
        cannot answer with other scales.
        """
        other = type(self)(**{**self.params, **params})
        if not set(params) <= self.answering or "_state" not in self.__dict__:
            return other
        if "matrix" in self.state:
            state = (
                self.state
                if other.keep is None
                else {**other._pruned(self.state), "popularity": self.state["popularity"]}
            )
            other._restore(state, self.item_vocabulary)
        elif all(getattr(self, name) == getattr(other, name) for name in self.answering - READING):
            other._restore(self.state, self.item_vocabulary)
        return other

    @abstractmethod
    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        """The dense `matrix` [items, items] float32, whose rows are history items, and what
        `_column_factors` needs in addition.
        """

    @abstractmethod
    def _column_factors(self, state: Mapping[str, Array]) -> Array:
        """The factor of each column of the matrix, without `item_power`: float64 [items]; zero
        where nothing is known.
        """

    def _row_and_column_factors(self, state: Mapping[str, Array]) -> tuple[Array, Array]:
        """Factors of rows and of columns: float32 [items] each."""
        popularity = np.maximum(state["users"], 1).astype(np.float64) ** self.item_power
        columns = self._column_factors(state) / popularity
        return popularity.astype(np.float32), columns.astype(np.float32)

    def _pruned(self, state: Mapping[str, Array]) -> dict[str, Array]:
        """The `keep` largest weights of each column by size, as a sparse table of rows.
        O(items²).
        """
        assert self.keep is not None
        matrix, (left, right) = state["matrix"], self._row_and_column_factors(state)
        items, keep = len(matrix), min(self.keep, len(matrix))

        def largest(first: int) -> tuple[Array, Array]:
            columns = slice(first, min(first + COLUMNS_AT_ONCE, items))
            weights = np.ascontiguousarray(matrix[:, columns].T) * left * right[columns, None]
            positions = np.sort(
                np.argpartition(-np.abs(weights), keep - 1, axis=1)[:, :keep], axis=1
            )
            return positions.astype(np.int32), np.take_along_axis(weights, positions, axis=1)

        parts = parallel.share(largest, range(0, items, COLUMNS_AT_ONCE), f"prune {self.label}")
        sources, values = (
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
        )
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

    # ---- answering

    def _scaled_rows(self, histories: Histories) -> tuple[SparseRows, Array]:
        """The weighted histories as rows [users, items], scaled as the rows of the dense matrix,
        and the scale of its columns.
        """
        histories, weights = self._weighted_histories(histories)
        left, right = self._row_and_column_factors(self.state)
        return SparseRows(histories.starts, histories.items, weights * left[histories.items]), right

    def _rows_and_table(self, histories: Histories) -> tuple[SparseRows, SparseRows]:
        """The weighted histories as rows [users, items], and the pruned table."""
        histories, weights = self._weighted_histories(histories)
        state = self.state
        return SparseRows(histories.starts, histories.items, weights), SparseRows(
            state["starts"], state["columns"], state["values"]
        )

    def _score(self, histories: Histories) -> Array:
        if "matrix" in self.state:
            rows, scale = self._scaled_rows(histories)
            return dense_scores.score_dense(rows, self.state["matrix"], scale)
        return sparse_scores.score_rows(*self._rows_and_table(histories), len(self.item_vocabulary))

    def _score_cells(self, histories: Histories, targets: SparseRows) -> Array:
        if "matrix" in self.state:
            rows, scale = self._scaled_rows(histories)
            return dense_scores.score_cells(rows, self.state["matrix"], scale, targets)
        return sparse_scores.score_cells(
            *self._rows_and_table(histories), len(self.item_vocabulary), targets
        )

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        seen = None if repeats == "allow" else (block.starts, block.items)
        if "matrix" in self.state:
            rows, scale = self._scaled_rows(block)
            return dense_scores.recommend_dense(
                rows,
                self.state["matrix"],
                scale,
                k,
                seen=seen,
                only=repeats == "only",
                allowed=allowed,
            )
        rows, table = self._rows_and_table(block)
        return sparse_scores.recommend_rows(
            rows,
            table,
            len(self.item_vocabulary),
            k,
            seen=seen,
            only=repeats == "only",
            allowed=allowed,
        )

    def _row_cells(self, k: int) -> int:
        return k

    def _row(self, code: int) -> Array:
        state = self.state
        row = np.zeros(len(self.item_vocabulary), np.float32)
        if "matrix" in state:
            left, right = self._row_and_column_factors(state)
            row = state["matrix"][code] * left[code] * right
        else:
            row_cells = slice(state["starts"][code], state["starts"][code + 1])
            row[state["columns"][row_cells]] = state["values"][row_cells]
        row[code] = 0.0
        return np.where(row == 0, np.float32(-np.inf), row)

    def _contributions(self, sources: Codes, weights: Array, code: int) -> Array:
        state = self.state
        if "matrix" in state:
            left, right = self._row_and_column_factors(state)
            return np.asarray(
                weights
                * left[sources]
                * state["matrix"][sources, code].astype(np.float64)
                * right[code]
            )
        contributions = np.zeros(len(sources))
        for position, source in enumerate(sources):
            row_cells = slice(state["starts"][source], state["starts"][source + 1])
            at = np.searchsorted(state["columns"][row_cells], code)
            if at < row_cells.stop - row_cells.start and state["columns"][row_cells][at] == code:
                contributions[position] = float(state["values"][row_cells][at]) * float(
                    weights[position]
                )
        return contributions

    # ---- arrays from a file

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        if "matrix" in state:
            self._row_and_column_factors(state)  # an error names a missing array
            vectors = [
                name
                for name, array in state.items()
                if name != "matrix" and array.shape != (items,)
            ]
            return (
                f"{vectors[0]} does not fit the items"
                if vectors
                else _wrong_matrix(state["matrix"], items)
            )
        return wrong_table(state["starts"], state["columns"], state["values"], items, items)


def _wrong_matrix(matrix: Array, items: int) -> str | None:
    return (
        None
        if matrix.shape == (items, items) and matrix.dtype == np.float32
        else "the matrix does not fit the items"
    )


def counted_gram(train: Interactions, channel: Channel, label: str) -> Array:
    """The Gram matrix of the log's groups, with the entry weights of the channel: [items, items]
    float32.

    An entry of age a weighs 2^(−a / 2h), so that a pair of equally old entries counts half after
    the half-life h.
    """
    rows = GroupedRows.of(train, (channel,), None)
    values = (
        rows.entry_weights(channel) * rows.group_damping(channel) * np.sqrt(rows.age_decay(channel))
    )
    entries = csr_array(
        (values, rows.items, rows.starts), shape=(len(rows.starts) - 1, train.item_count)
    )
    entries.sort_indices()
    return gram(entries.indptr, entries.indices, entries.data, train.item_count, label)


def ridge_of(sizes: Array, l2: float, dropout: float) -> Array:
    """Λ = l2 + dropout / (1 − dropout) · sizes, float64 [items]; refused where it leaves a zero on
    the diagonal, for an item of size zero.
    """
    if l2 == 0 and (sizes <= 0).any():
        raise Unsuitable(
            (
                f"{int((sizes <= 0).sum()):,} items have no events that count, so with l2=0 the "
                "matrix of the items cannot be inverted."
            ),
            "Give an l2 above zero.",
        )
    return np.asarray(l2 + dropout / (1 - dropout) * sizes)


def users_of(train: Interactions) -> Array:
    """Distinct users of each item: int64 [items]."""
    rows = GroupedRows.of(train, (Channel(),), None)
    return np.bincount(rows.items, minlength=train.item_count)
