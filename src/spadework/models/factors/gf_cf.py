"""A graph filter over users and items (GF-CF): a neighbour table plus an ideal low-pass filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.ranking import dot_products
from spadework.kernels.solvers.svd import leading
from spadework.models.checks import ITEMS, TABLE, Form, Forms, are_numbers
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.factors.vector_scorer import ItemVectors, UserSide, VectorScorer
from spadework.models.histories import Histories
from spadework.models.history_reader import READING, HistoryReader, Reading
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Contributions, Scorer
from spadework.models.table_scorer import column_of
from spadework.ragged import SparseRows


class GraphFilter(HistoryReader):
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
    answering: ClassVar[frozenset[str]] = READING | {"ideal"}

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

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        size = Form("float32", (ITEMS,))
        vectors = Form("float32", (ITEMS, "width"))
        return {**TABLE, "vectors": vectors, "sizes": size, "own": size}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        table = SparseRows(state["starts"], state["columns"], state["values"])
        items = ItemVectors(state["vectors"], state["sizes"] > 0)
        users = FilteredUsers(items, self.reading, table, state["sizes"], state["own"], self.ideal)
        return VectorScorer(items, users, table)


@dataclass(frozen=True, eq=False)
class FilteredUsers(UserSide):
    """A user is what the ideal filter passes of the history: ideal · x D⁻¹ times the vectors. What
    an item adds to itself through the table, `own` [items], is marked apart: a table has no
    diagonal.
    """

    items: ItemVectors
    reading: Reading
    table: SparseRows
    sizes: Array  # [items] float32
    own: Array  # [items] float32
    ideal: float

    @cached_property
    def shares(self) -> Array:
        """The weight of the filter over the size of each item: float32 [items]."""
        share = np.float32(self.ideal) / np.maximum(self.sizes, 1)
        return np.where(self.sizes > 0, share, 0).astype(np.float32)

    def vectors(self, histories: Histories, weights: Array) -> Array:
        shares = weights * self.shares[histories.items]
        return dot_products.gather(histories.starts, histories.items, shares, self.items.vectors)

    def added(self, histories: Histories, weights: Array) -> SparseRows:
        return SparseRows(histories.starts, histories.items, weights * self.own[histories.items])

    def contributions(self, histories: Histories, code: int) -> Contributions:
        recent, weights = self.reading.weighted(histories)
        vectors, sources = self.items.vectors, recent.items
        similarities = vectors[sources].astype(np.float64) @ vectors[code].astype(np.float64)
        parts = self.shares[sources] * similarities
        parts = parts + np.where(sources == code, self.own[sources], 0)
        parts = parts + column_of(self.table, sources, code)
        return Contributions(sources, weights * parts)

    def wrong(self, items: int) -> str | None:
        fit = are_numbers(self.sizes, (items,)) and are_numbers(self.own, (items,))
        return None if fit else "the sizes of items do not fit the items"
