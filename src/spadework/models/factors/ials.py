"""Matrix factorisation by alternating least squares on everything that was and was not taken."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.solvers import als
from spadework.models.factors.history_vectors import Factors
from spadework.models.histories import Histories
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search


class ImplicitAls(Factors):
    """Vectors of users and items whose product is near 1 where an item was taken, and near 0
    elsewhere (iALS).

    Minimises Σ over what was taken of (ŷ − 1)² + unobserved · Σ over all pairs of ŷ² + l2 · Σ (size
    + unobserved · others)^frequency · |v|², where size is the users of an item or the items of a
    user, and others how many there are on the other side. A user's vector is solved for from the
    history at hand when lists are made, each of its items with its weight, so that no vector of a
    user is kept. An item that nobody took has no vector. Votes below zero count as none. O(epochs ·
    (events · dimensions · block + (users + items) · dimensions · (dimensions + block²))) time; a
    list takes items · dimensions.

    Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008;
    Rendle, Krichene, Zhang & Koren, "Revisiting the Performance of iALS on Item Recommendation
    Benchmarks", RecSys 2022; Rendle et al., "iALS++", 2021 (block).
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
            "α₀: weight of every pair, next to 1 for what was taken; larger holds back what "
            "is popular less."
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
        int, Range(1, 200), Search(4, 24, log=True), Doc("How often both sides are solved for.")
    ] = 12
    block: Annotated[
        int,
        Range(1, 512),
        Doc(
            "Dimensions that are solved for at once; as many as there are: exact, fewer: "
            "quicker where they are many."
        ),
    ] = 64
    spread: Annotated[
        float,
        Range(1e-4, 10.0, log=True),
        Doc("Standard deviation of the first vectors, times √dimensions."),
    ] = 0.1

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"unobserved": 0.3},
            {"unobserved": 0.03},
            {"l2": 0.003},
            {"dimensions": 64},
            {"history": 0.9, "dimensions": 32, "block": 16},
        ]

    def cost(self, train: Interactions) -> Cost:
        width, block = float(self.dimensions), float(min(self.block, self.dimensions))
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
        told = Histories.of(train, train.active_users)
        learned = np.unique(told.items).astype(np.int32)
        taken = csr_array(
            (
                np.ones(len(told.items), np.float32),
                np.searchsorted(learned, told.items),
                told.starts,
            ),
            (len(told), len(learned)),
        )
        taken.sort_indices()
        by_item = csr_array(taken.T)
        users = np.zeros((len(told), self.dimensions), np.float32)
        items = rng.standard_normal((len(learned), self.dimensions), np.float32) * np.float32(
            self.spread / np.sqrt(self.dimensions)
        )
        of_users = (taken.indptr.astype(np.int64), taken.indices.astype(np.int32))
        of_items = (by_item.indptr.astype(np.int64), by_item.indices.astype(np.int32))
        user_ridge, item_ridge = (
            self._ridge(np.diff(of_users[0]), len(items)),
            self._ridge(np.diff(of_items[0]), len(users)),
        )
        step = partial(als.update, everywhere=self.unobserved, block=self.block)
        for epoch in range(self.epochs):
            label = f"fit {self.label}, epoch {epoch + 1}"
            step(users, items, *of_users, ridge=user_ridge, label=label)
            step(items, users, *of_items, ridge=item_ridge, label=label)
        return self._along_axes(items, learned, train.item_count)

    def _along_axes(self, items: Array, learned: Codes, count: int) -> Mapping[str, Array]:
        """Vectors turned so that their Gram matrix is a diagonal, which changes no product and
        makes a user's system small.
        """
        with parallel.lone_blas():
            values, axes = np.linalg.eigh(als.gram(items))
            turned = np.concatenate(
                [
                    items[low : low + als.CHUNK] @ axes.astype(np.float32)
                    for low in range(0, len(items), als.CHUNK)
                ]
            )
        vectors = np.zeros((count, self.dimensions), np.float32)
        vectors[learned] = turned
        return {"vectors": vectors, "spectrum": np.maximum(values, 0).astype(np.float32)}

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        if (wrong := super()._check_state(state, items)) is not None:
            return wrong
        spectrum = state.get("spectrum")
        if (
            spectrum is None
            or spectrum.shape != state["vectors"].shape[1:]
            or not (np.isfinite(spectrum) & (spectrum >= 0)).all()
        ):
            return "the spectrum does not fit the vectors of items"
        return None

    # ---- answering

    def _ridge(self, sizes: Array, others: int) -> Array:
        return np.asarray(self.l2 * (sizes + self.unobserved * others) ** self.frequency)

    def _floor(self) -> Array:
        return np.asarray(self.unobserved * self.state["spectrum"].astype(np.float64))

    def _heard(self, items: Codes, weights: Array) -> Array:
        """Votes of items with a vector; others are silent. Shape [entries]."""
        return np.where(self._known[items], np.maximum(weights, 0), np.float32(0)).astype(
            np.float32
        )

    def _user_vectors(self, told: Histories, weights: Array) -> Array:
        heard = self._heard(told.items, weights)
        rows = np.repeat(np.arange(len(told)), np.diff(told.starts))
        sums = np.bincount(rows, weights=heard, minlength=len(told))
        ridge = self._ridge(sums, int(self._known.sum()))
        return als.fold(told.starts, told.items, heard, self.state["vectors"], self._floor(), ridge)

    def _contributions(self, sources: Codes, weights: Array, code: int) -> Array:
        """Σ w_i h_jᵀ M⁻¹ h_i, with M = everything that the user's system holds."""
        heard = self._heard(sources, weights).astype(np.float64)
        near = self.state["vectors"][sources].astype(np.float64)
        ridge = self._ridge(np.asarray([heard.sum()]), int(self._known.sum()))[0]
        system = (near.T * heard) @ near + np.diag(self._floor() + ridge)
        return np.asarray(
            heard * (near @ np.linalg.solve(system, self.state["vectors"][code].astype(np.float64)))
        )
