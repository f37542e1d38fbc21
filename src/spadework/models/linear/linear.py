"""What models share that learn a dense matrix of weights from every item to every item: what they
count, what they cost, and whether they answer with the matrix or with its largest weights.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels import parallel
from spadework.kernels.counting.postings import distinct_items
from spadework.kernels.solvers import dense_inverse
from spadework.kernels.solvers.dense_gram import gram
from spadework.models.checks import ITEMS, TABLE, Form, Forms
from spadework.models.counting.channel import Channel
from spadework.models.counting.grouped_rows import GroupedRows
from spadework.models.history_reader import READING, HistoryReader
from spadework.models.linear.matrix_scorer import MatrixScorer
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Scorer
from spadework.models.table_scorer import TableScorer

RATE = 8e10
"""Operations a second of one processor in float32, for the estimate of the cost of fitting."""


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
    # dense matrices of items × items that are held at once while fitting
    matrices: ClassVar[int] = 1
    # operations that fitting takes in addition to counting, in items³
    cubes: ClassVar[float] = 1.0
    # arrays beside the matrix that `_column_factors` needs
    factors: ClassVar[tuple[str, ...]] = ()

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
        items = train.item_count
        lengths = np.diff(train.starts).astype(np.float64)
        pairs = float((lengths**2).sum())
        seconds = (
            4e-10 * pairs
            + 1e-8 * items**2
            + self.cubes * float(items) ** 3 / (RATE * parallel.threads())
            + 1e-7 * len(train)
            + 1e-3
        )
        return Cost(bytes=self._room(items) + 60 * len(train), seconds=seconds)

    def _room(self, items: int) -> int:
        """Bytes that fitting takes beside the log, at most."""
        kept = 0 if self.keep is None else 12 * items * min(self.keep, items)
        needed = 4 * self.matrices * items**2 + dense_inverse.room(items) + kept + 2**20
        return int(needed)

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return self._kept({**self._learn(train, content), "users": users_of(train)})

    def _kept(self, learned: Mapping[str, Array]) -> Mapping[str, Array]:
        """What was learned, as the model keeps it: the matrix, or its largest weights."""
        return learned if self.keep is None else self._pruned(learned)

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        if "matrix" not in state:
            return TABLE
        beside = {name: Form("float64", (ITEMS,)) for name in self.factors}
        return {
            "matrix": Form("float32", (ITEMS, ITEMS)),
            "users": Form("int64", (ITEMS,)),
            **beside,
        }

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        if "matrix" in state:
            return self._weights(state)
        return TableScorer.of(state, self.reading)

    def sharing(self, **params: Any) -> Self:
        """A model with other answering parameters and the same learned arrays; a pruned table
        cannot answer with other scales.
        """
        other = type(self)(**{**self.params, **params})
        if not set(params) <= self.answering or not self.is_fitted:
            return other
        if isinstance(self.scorer, MatrixScorer):
            state = self.state
            if other.keep is not None:
                state = {**other._pruned(state), "popularity": state["popularity"]}
            other._restore(state, self.item_vocabulary)
        elif all(getattr(self, name) == getattr(other, name) for name in self.answering - READING):
            other._restore(self.state, self.item_vocabulary)
        return other

    def _weights(self, state: Mapping[str, Array]) -> MatrixScorer:
        """The matrix with its scales: popularity^item_power on the left, and the factors of columns
        over it on the right.
        """
        popularity = np.maximum(state["users"], 1).astype(np.float64) ** self.item_power
        columns = self._column_factors(state) / popularity
        return MatrixScorer(
            state["matrix"],
            popularity.astype(np.float32),
            columns.astype(np.float32),
            self.reading,
        )

    def _pruned(self, state: Mapping[str, Array]) -> dict[str, Array]:
        assert self.keep is not None
        return self._weights(state).pruned(self.keep, f"prune {self.label}")

    # ---- what the author of a model writes

    @abstractmethod
    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        """The dense `matrix` [items, items] float32, whose rows are history items, and what
        `_column_factors` needs in addition.
        """

    def _column_factors(self, state: Mapping[str, Array]) -> Array:
        """The factor of each column of the matrix, without `item_power`: float64 [items]; zero
        where nothing is known. By default columns are answered with as they were learned.
        """
        return np.ones(len(state["matrix"]))


def counted_gram(train: Interactions, channel: Channel, label: str) -> Array:
    """The Gram matrix of the log's groups, with the entry weights of the channel: [items, items]
    float32.

    An entry of age a weighs 2^(−a / 2h), so that a pair of equally old entries counts half after
    the half-life h.
    """
    from scipy.sparse import csr_array

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
                f"{formatting.count(int((sizes <= 0).sum()), 'item')} without events that count, "
                "so with l2=0 the matrix of the items cannot be inverted."
            ),
            "Give an l2 above zero.",
        )
    return np.asarray(l2 + dropout / (1 - dropout) * sizes)


def users_of(train: Interactions) -> Array:
    """Distinct users of each item, by all of their events: int64 [items]."""
    return distinct_items(train.starts, train.items, train.item_count, None).item_sizes
