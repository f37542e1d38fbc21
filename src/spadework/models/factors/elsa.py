"""ELSA: a linear autoencoder of low rank, whose vectors of items serve both lists and
neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from spadework import events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.ranking import dot_products
from spadework.kernels.solvers import elsa_gradient
from spadework.models.checks import ITEMS, Form, Forms
from spadework.models.factors.vector_scorer import ItemVectors, UserSide, VectorScorer
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryReader, Reading
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Contributions, Scorer
from spadework.ragged import Ragged, SparseRows


class Elsa(HistoryReader):
    """A linear autoencoder x → x(AAᵀ − I), where the rows of A are unit vectors of items, trained
    so that the output has the direction of the history x.

    The loss of a user is 2 − 2·cos(x, x(AAᵀ − I)). Users of a single item are not trained on, and
    items that only they interacted with have no vector. The −I removes an item's contribution to
    its own score, so repeats are not favoured by construction. O(epochs · (events · dimensions +
    users / batch · items · dimensions²)) time, 20 · items · dimensions bytes. Vančura, Alves,
    Kasalický & Kordík, "Scalable Linear Shallow Autoencoder for Collaborative Filtering", RecSys
    2022.
    """

    name = "elsa"
    dimensions: Annotated[
        int,
        Range(8, 2048, log=True),
        Search(choices=(64, 128, 256, 512)),
        Doc("Length of the vectors of items."),
    ] = 256
    epochs: Annotated[
        int, Range(1, 200), Search(2, 30, log=True), Doc("Passes over all users.")
    ] = 10
    learning_rate: Annotated[
        float,
        Range(1e-4, 1.0, log=True),
        Search(0.005, 0.2, log=True),
        Doc("Step of the optimiser (NAdam)."),
    ] = 0.02
    batch: Annotated[
        int,
        Range(16, 65_536, log=True),
        Search(choices=(256, 1024, 4096)),
        Doc("Users whose gradients make one step."),
    ] = 1024

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"epochs": 20}, {"dimensions": 128}, {"dimensions": 512}, {"history": 0.9}]

    def cost(self, train: Interactions) -> Cost:
        items, width = float(train.item_count), float(self.dimensions)
        steps = self.epochs * np.ceil(len(train.active_users) / self.batch)
        seconds = self.epochs * len(train) * width * 1e-9 + steps * (
            items * width * (3e-11 * width + 2e-9) + 1e-3
        )
        return Cost(
            bytes=int(20 * items * width + 24 * len(train) + 2**20), seconds=1e-3 + float(seconds)
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        histories = Histories.of(train, train.active_users)
        long_enough = np.flatnonzero(np.diff(histories.starts) >= 2)
        histories = histories.take(long_enough)
        learned = np.unique(histories.items).astype(np.int32)
        vectors = np.zeros((train.item_count, self.dimensions), np.float32)
        if len(learned):
            recoded = Ragged(
                histories.starts, np.searchsorted(learned, histories.items).astype(np.int32)
            )
            vectors[learned] = self._train(recoded, len(learned), rng)
        return {"vectors": vectors}

    def _train(self, histories: Ragged, items: int, rng: np.random.Generator) -> Array:
        initial = rng.standard_normal((items, self.dimensions), np.float32) * np.float32(
            np.sqrt(2 / (items + self.dimensions))
        )
        users = len(histories.starts) - 1
        with parallel.lone_blas(), parallel.Crew() as crew:
            weights = elsa_gradient.Weights.start(initial)
            batch_starts = range(0, users, self.batch)
            for step in events.track(range(self.epochs * len(batch_starts)), f"fit {self.label}"):
                first = batch_starts[step % len(batch_starts)]
                if first == 0:  # an epoch begins
                    order = rng.permutation(users).astype(np.int32)
                elsa_gradient.step(
                    weights, histories, order[first : first + self.batch], self.learning_rate, crew
                )
        return weights.unit()

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {"vectors": Form("float32", (ITEMS, "width"))}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        items = ItemVectors(state["vectors"])
        return VectorScorer(items, ElsaUsers(items, self.reading))


@dataclass(frozen=True, eq=False)
class ElsaUsers(UserSide):
    """A user is the weighted sum of the vectors of the history: x A. What an item adds to itself,
    its weight times a length of 1, is taken off.
    """

    items: ItemVectors
    reading: Reading

    def vectors(self, histories: Histories, weights: Array) -> Array:
        return dot_products.gather(histories.starts, histories.items, weights, self.items.vectors)

    def added(self, histories: Histories, weights: Array) -> SparseRows:
        return SparseRows(histories.starts, histories.items, -weights)

    def contributions(self, histories: Histories, code: int) -> Contributions:
        recent, weights = self.reading.weighted(histories)
        vectors = self.items.vectors
        similarities = vectors[recent.items].astype(np.float64) @ vectors[code].astype(np.float64)
        return Contributions(recent.items, weights * (similarities - (recent.items == code)))
