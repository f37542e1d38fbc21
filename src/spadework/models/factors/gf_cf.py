"""A graph filter over users and items (GF-CF): a neighbour table plus an ideal low-pass filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.ranking import dot_products, sparse_scores
from spadework.kernels.ranking.dot_products import Marks
from spadework.kernels.ranking.sparse_rows import SparseRows, wrong_table
from spadework.kernels.solvers.svd import leading
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.factors.history_vectors import Factors
from spadework.models.histories import Histories
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search


class GraphFilter(Factors):
    """Scores x RᵀR + ideal · x D^(−½) V Vᵀ D^½ of a history x: no training, and few parameters
    (GF-CF).

    R = D_u^(−½) X D^(−½) are the histories of all users, divided by the roots of the sizes of users
    and items; V are its leading right singular vectors, and D the sizes of items. The first part is
    a sparse table of pairs, of which the largest of each item are kept; the contribution of an item
    to itself is kept, too. The second part passes only what varies slowly over the graph. O(Σ
    length² + dimensions · (events + items · dimensions) · rounds) time, 4 · items · dimensions + 8
    · items · keep bytes. Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM
    2021.
    """

    name = "gf-cf"
    answering: ClassVar[frozenset[str]] = Factors.answering | {"ideal"}

    dimensions: Annotated[
        int,
        Range(1, 2048, log=True),
        Search(choices=(32, 64, 128, 256)),
        Doc("Singular vectors that the ideal filter passes."),
    ] = 256
    ideal: Annotated[
        float,
        Range(0.0, 10.0),
        Search(0.0, 1.0),
        Doc("Weight of the ideal filter; at 0 only the neighbours count."),
    ] = 0.3
    keep: Annotated[
        int,
        Range(1, 100_000),
        Doc("Pairs kept of each item, the largest ones; the paper keeps all."),
    ] = 2000

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"ideal": 0.0},
            {"ideal": 1.0},
            {"dimensions": 64},
            {"dimensions": 8, "history": 0.9},
        ]

    def cost(self, train: Interactions) -> Cost:
        items, width = float(train.item_count), float(min(self.dimensions, train.item_count))
        table = self._table().cost(train)
        work = 5 * width * (4 * len(train) + 8 * width * items)
        return Cost(
            bytes=table.bytes + int(4 * items * width + 20 * items * width + 32 * len(train)),
            seconds=table.seconds + 5e-10 * work,
        )

    def _table(self) -> CoOccurrence:
        return CoOccurrence(
            weight="power",
            left_power=0.5,
            right_power=0.5,
            group_power=1.0,
            keep=self.keep,
            max_length=None,
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        histories = Histories.of(train, train.active_users)
        lengths = np.diff(histories.starts)
        sizes = np.bincount(histories.items, minlength=train.item_count).astype(np.float64)
        with_users = np.flatnonzero(sizes)
        values = 1 / np.sqrt(np.repeat(lengths, lengths) * sizes[histories.items])
        table = self._table()._fit(train, None, rng)
        normalised = csr_array(
            (values, np.searchsorted(with_users, histories.items), histories.starts),
            (len(histories), len(with_users)),
        )
        vectors = np.zeros((train.item_count, min(self.dimensions, *normalised.shape)), np.float32)
        vectors[with_users] = (
            leading(normalised, vectors.shape[1], f"fit {self.label}")
            * np.sqrt(sizes[with_users])[:, None]
        )
        own = np.bincount(histories.items, weights=values**2, minlength=train.item_count)
        return {
            **table,
            "vectors": vectors,
            "sizes": sizes.astype(np.float32),
            "own": own.astype(np.float32),
        }

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        if (wrong := super()._check_state(state, items)) is not None:
            return wrong
        if any(
            len(state[key]) != items or not np.isfinite(state[key]).all()
            for key in ("sizes", "own")
        ):
            return "the sizes of items do not fit the items"
        return wrong_table(state["starts"], state["columns"], state["values"], items, items)

    def _with_vector(self) -> Mask:
        return np.asarray(self.state["sizes"] > 0)

    def _row_cells(self, k: int) -> int:
        return 2 * len(self.item_vocabulary)

    # ---- answering

    def _shares(self) -> Array:
        """The weight of the filter over the size of each item: float32 [items]."""
        sizes = self.state["sizes"]
        return np.where(sizes > 0, np.float32(self.ideal) / np.maximum(sizes, 1), 0).astype(
            np.float32
        )

    def _user_vectors(self, histories: Histories, weights: Array) -> Array:
        return dot_products.gather(
            histories.starts,
            histories.items,
            weights * self._shares()[histories.items],
            self.state["vectors"],
        )

    def _added(self, histories: Histories, weights: Array) -> Marks:
        return Marks(
            histories.starts, histories.items, weights * self.state["own"][histories.items]
        )

    def _base(self, histories: Histories, weights: Array) -> Array:
        scores = sparse_scores.score_rows(
            *self._rows_and_table(histories, weights), len(self.item_vocabulary)
        )
        np.copyto(scores, 0, where=np.isneginf(scores))
        return scores

    def _base_cells(self, histories: Histories, weights: Array, targets: SparseRows) -> Array:
        scores = sparse_scores.score_cells(
            *self._rows_and_table(histories, weights), len(self.item_vocabulary), targets
        )
        np.copyto(scores, 0, where=np.isneginf(scores))
        return scores

    def _rows_and_table(
        self, histories: Histories, weights: Array
    ) -> tuple[SparseRows, SparseRows]:
        """The weighted histories as rows [users, items], and the table of pairs."""
        state = self.state
        return SparseRows(histories.starts, histories.items, weights), SparseRows(
            state["starts"], state["columns"], state["values"]
        )

    def _row(self, code: int) -> Array:
        """Scores from a history of this item alone: float32 [items]; −∞ for itself and items
        without interactions.
        """
        alone = Histories(
            np.asarray([0, 1]),
            np.asarray([code], np.int32),
            np.zeros(1, np.int32),
            np.ones(1, np.float32),
            np.zeros(1, np.int64),
            np.ones(1, np.float32),
        )
        weights = np.ones(1, np.float32)
        scores = dot_products.score(
            self._user_vectors(alone, weights),
            self.state["vectors"],
            None,
            self._base(alone, weights),
        )[0]
        scores[~self._known] = -np.inf
        scores[code] = -np.inf
        return scores if self._known[code] else np.full_like(scores, -np.inf)

    def _contributions(self, sources: Codes, weights: Array, code: int) -> Array:
        state = self.state
        similarities = state["vectors"][sources].astype(np.float64) @ state["vectors"][code].astype(
            np.float64
        )
        parts = self._shares()[sources] * similarities + np.where(
            sources == code, state["own"][sources], 0
        )
        for position, source in enumerate(sources):
            row = slice(state["starts"][source], state["starts"][source + 1])
            found = state["values"][row][state["columns"][row] == code]
            parts[position] += float(found[0]) if len(found) else 0.0
        return np.asarray(weights * parts)
