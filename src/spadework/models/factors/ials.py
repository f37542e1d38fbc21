"""Matrix factorisation by alternating least squares on observed and unobserved pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.solvers import als
from spadework.models.checks import ITEMS, Form, Forms, are_numbers
from spadework.models.factors.vector_scorer import ItemVectors, UserSide, VectorScorer
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryReader, Reading
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Contributions, Scorer


class ImplicitAls(HistoryReader):
    """Vectors of users and items whose product is near 1 for observed pairs, and near 0 elsewhere
    (iALS).

    Minimises Σ over observed pairs of (ŷ − 1)² + unobserved · Σ over all pairs of ŷ² + l2 · Σ (size
    + unobserved · others)^frequency · |v|², where size is the users of an item or the items of a
    user, and others the number of rows of the other side. A user's vector is solved for from the
    history at hand when lists are made, each of its items with its weight, so that no vector of a
    user is kept. An item without interactions has no vector. Weights below zero count as zero.
    O(epochs · (events · dimensions · block_size + (users + items) · dimensions · (dimensions +
    block_size²))) time; a list takes items · dimensions.

    Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008;
    Rendle, Krichene, Zhang & Koren, "Revisiting the Performance of iALS on Item Recommendation
    Benchmarks", RecSys 2022; Rendle et al., "iALS++", 2021 (block_size).
    """

    name = "ials"
    dimensions: Annotated[
        int,
        Range(1, 2048, log=True),
        Search(choices=(32, 64, 128, 256)),
        Doc("Length of the vectors of users and items."),
    ] = 128
    unobserved: Annotated[
        float,
        Range(1e-6, 10.0, log=True),
        Search(0.003, 1.0, log=True),
        Doc(
            "α₀: weight of every pair, next to 1 for observed ones; larger shrinks popular "
            "items less."
        ),
    ] = 0.1
    l2: Annotated[
        float,
        Range(1e-7, 10.0, log=True),
        Search(1e-4, 0.03, log=True),
        Doc("λ: penalty on the length of vectors."),
    ] = 0.0005
    frequency: Annotated[
        float,
        Range(0.0, 1.0),
        Doc(
            "ν: the penalty grows with size^frequency; at 1 as the loss does, at 0 it is "
            "the same for all."
        ),
    ] = 1.0
    epochs: Annotated[
        int,
        Range(1, 200),
        Search(4, 24, log=True),
        Doc("How often both users and items are solved for."),
    ] = 12
    block_size: Annotated[
        int,
        Range(1, 512),
        Doc(
            "Dimensions that are solved for at once; all of them is exact, fewer are "
            "quicker where there are many."
        ),
    ] = 64
    spread: Annotated[
        float,
        Range(1e-4, 10.0, log=True),
        Doc("Standard deviation of the initial vectors, times √dimensions."),
    ] = 0.1

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"unobserved": 0.3},
            {"unobserved": 0.03},
            {"l2": 0.003},
            {"dimensions": 64},
            {"history": 0.9, "dimensions": 32, "block_size": 16},
        ]

    def cost(self, train: Interactions) -> Cost:
        width, block = float(self.dimensions), float(min(self.block_size, self.dimensions))
        rows, entries = float(len(train.active_users) + train.item_count), float(len(train))
        work = 2 * entries * width * (block + 8) + rows * width * (width + block**2 / 3)
        seconds = self.epochs * work * 2.5e-10 / parallel.threads() + 1e-3
        return Cost(
            bytes=int(
                4 * width * (rows + 2 * train.item_count) + 24 * entries + 16 * width**2 + 2**20
            ),
            seconds=seconds,
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        histories = Histories.of(train, train.active_users)
        learned = np.unique(histories.items).astype(np.int32)
        positives = csr_array(
            (
                np.ones(len(histories.items), np.float32),
                np.searchsorted(learned, histories.items),
                histories.starts,
            ),
            (len(histories), len(learned)),
        )
        positives.sort_indices()
        by_item = csr_array(positives.T)
        users = np.zeros((len(histories), self.dimensions), np.float32)
        items = rng.standard_normal((len(learned), self.dimensions), np.float32) * np.float32(
            self.spread / np.sqrt(self.dimensions)
        )
        of_users = (positives.indptr.astype(np.int64), positives.indices.astype(np.int32))
        of_items = (by_item.indptr.astype(np.int64), by_item.indices.astype(np.int32))
        user_ridge, item_ridge = (
            self._ridge(np.diff(of_users[0]), len(items)),
            self._ridge(np.diff(of_items[0]), len(users)),
        )
        step = partial(als.update, everywhere=self.unobserved, block=self.block_size)
        for epoch in range(self.epochs):
            label = f"fit {self.label}, epoch {epoch + 1}"
            step(users, items, *of_users, ridge=user_ridge, label=label)
            step(items, users, *of_items, ridge=item_ridge, label=label)
        return self._along_axes(items, learned, train.item_count)

    def _along_axes(self, items: Array, learned: Codes, count: int) -> Mapping[str, Array]:
        """Vectors rotated so that their Gram matrix is diagonal, which changes no product and makes
        a user's system small.
        """
        with parallel.lone_blas():
            values, axes = np.linalg.eigh(als.gram(items))
            rotated = np.concatenate(
                [
                    items[low : low + als.CHUNK] @ axes.astype(np.float32)
                    for low in range(0, len(items), als.CHUNK)
                ]
            )
        vectors = np.zeros((count, self.dimensions), np.float32)
        vectors[learned] = rotated
        return {"vectors": vectors, "spectrum": np.maximum(values, 0).astype(np.float32)}

    def _ridge(self, sizes: Array, others: int) -> Array:
        return ridge_of_size(sizes, others, self.l2, self.unobserved, self.frequency)

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {
            "vectors": Form("float32", (ITEMS, self.dimensions)),
            "spectrum": Form("float32", (self.dimensions,)),
        }

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        items = ItemVectors(state["vectors"])
        users = SolvedUsers(
            items, self.reading, state["spectrum"], self.l2, self.unobserved, self.frequency
        )
        return VectorScorer(items, users)


def ridge_of_size(
    sizes: Array, others: int, l2: float, unobserved: float, frequency: float
) -> Array:
    """The penalty on the length of a vector, by the size of its row: float64 [rows]."""
    return np.asarray(l2 * (sizes + unobserved * others) ** frequency)


@dataclass(frozen=True, eq=False)
class SolvedUsers(UserSide):
    """The vector of a user solves the same least squares as in learning, from the history at hand.
    `spectrum` [width] is the diagonal Gram matrix of the items.
    """

    items: ItemVectors
    reading: Reading
    spectrum: Array
    l2: float
    unobserved: float
    frequency: float

    def vectors(self, histories: Histories, weights: Array) -> Array:
        known_weights = self._known_weights(histories.items, weights)
        rows = histories.owners
        sums = np.bincount(rows, weights=known_weights, minlength=len(histories))
        return als.fold(
            histories.starts,
            histories.items,
            known_weights,
            self.items.vectors,
            self._floor(),
            self._ridge(sums),
        )

    def contributions(self, histories: Histories, code: int) -> Contributions:
        """Σ w_i h_jᵀ M⁻¹ h_i, with M the matrix of the user's system."""
        recent, weights = self.reading.weighted(histories)
        known_weights = self._known_weights(recent.items, weights).astype(np.float64)
        vectors = self.items.vectors[recent.items].astype(np.float64)
        ridge = self._ridge(np.asarray([known_weights.sum()]))[0]
        system = (vectors.T * known_weights) @ vectors + np.diag(self._floor() + ridge)
        try:
            solved = np.linalg.solve(system, self.items.vectors[code].astype(np.float64))
        except np.linalg.LinAlgError:  # no item of the history has a vector
            solved = np.zeros(len(system))
        return Contributions(recent.items, known_weights * (vectors @ solved))

    def wrong(self, items: int) -> str | None:
        fits = are_numbers(self.spectrum, self.items.vectors.shape[1:])
        if not fits or (self.spectrum < 0).any():
            return "the spectrum does not fit the vectors of items"
        return None

    def _known_weights(self, items: Codes, weights: Array) -> Array:
        """Weights of items with a vector, not below zero; 0 for others. Shape [entries]."""
        return np.where(self.items.known[items], np.maximum(weights, 0), np.float32(0)).astype(
            np.float32
        )

    def _floor(self) -> Array:
        return np.asarray(self.unobserved * self.spectrum.astype(np.float64))

    def _ridge(self, sizes: Array) -> Array:
        others = len(self.items.codes)
        return ridge_of_size(sizes, others, self.l2, self.unobserved, self.frequency)
