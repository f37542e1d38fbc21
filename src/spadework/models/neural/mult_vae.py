"""Mult-VAE: a variational autoencoder with a multinomial likelihood, trained as networks are and
served without PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.ranking import dot_products
from spadework.models.checks import ITEMS, Form, Forms
from spadework.models.factors.vector_scorer import ItemVectors, UserSide, VectorScorer
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryReader, Reading
from spadework.models.needs import Cost
from spadework.models.neural.device import require_torch
from spadework.models.neural.held_out import hold_out_for_validation
from spadework.models.neural.training_curve import COLUMNS, curve_frame, curve_rows, identity_of
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Contributions, Scorer


class MultVae(HistoryReader):
    """A history is encoded as a few numbers, with noise in training, and decoded into the
    probability of every item.

    The history is a set of length 1; half of it is hidden in training, so the network learns to
    complete it. Learning needs PyTorch, from the `neural` extra; answering does not. O(epochs ·
    users · (items · hidden + hidden · latent)) time, 8 · items · hidden bytes. Liang, Krishnan,
    Hoffman and Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018.
    """

    name = "mult-vae"
    neural = True
    latent: Annotated[
        int,
        Range(1, 4096, log=True),
        Search(choices=(64, 128, 200, 400)),
        Doc("Numbers that a history is encoded as."),
    ] = 200
    hidden: Annotated[
        int,
        Range(1, 8192, log=True),
        Search(choices=(256, 600, 1024)),
        Doc("Width of the layers before and after them."),
    ] = 600
    dropout: Annotated[
        float,
        Range(0.0, 0.95),
        Search(0.2, 0.8),
        Doc("Share of a history that is hidden in training."),
    ] = 0.5
    divergence: Annotated[
        float,
        Range(0.0, 10.0),
        Search(0.02, 1.0, log=True),
        Doc("β: weight of the divergence from a normal distribution."),
    ] = 0.2
    batch: Annotated[
        int,
        Range(1, 65_536, log=True),
        Search(choices=(100, 250, 500)),
        Doc("Users whose gradients make one step."),
    ] = 500
    epochs: Annotated[
        int,
        Range(1, 10_000),
        Search(20, 200, log=True),
        Doc("Passes over the users, at most."),
    ] = 100
    patience: Annotated[
        int, Range(1, 10_000), Doc("Epochs without a better one after which the training ends.")
    ] = 10
    learning_rate: Annotated[
        float,
        Range(1e-6, 1.0, log=True),
        Search(3e-4, 3e-3, log=True),
        Doc("Step of the optimiser (Adam)."),
    ] = 1e-3
    validation_users: Annotated[
        int,
        Range(0, 100_000),
        Doc(
            "Users, at most, whose latest timestamp is held out, so that the best epoch is "
            "chosen by it."
        ),
    ] = 1000

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"hidden": 256, "latent": 64, "epochs": 50}]

    def cost(self, train: Interactions) -> Cost:
        users, items, width = (
            float(len(train.active_users)),
            float(train.item_count),
            float(self.hidden),
        )
        work = 6 * self.epochs * users * width * (items + self.latent)
        held = 32 * items * width + 16 * min(self.batch, users) * items
        return Cost(
            bytes=int(held + 64 * width * self.latent + 24 * len(train)), seconds=0.5 + work / 1e11
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        require_torch()
        from spadework.models.neural.fitting_vae import fit

        seed = int(rng.integers(2**31))
        identity = identity_of(self.params, seed, train, None)
        held_out = hold_out_for_validation(
            train.times,
            train.starts[:-1],
            train.starts[1:],
            self.validation_users,
            np.random.default_rng(seed),
        )
        ends = held_out.before(0, train.starts[1:])
        is_held_out = np.arange(len(train)) >= ends[train.users]
        state, curve = fit(
            self,
            train.where(~is_held_out),
            train.where(is_held_out),
            held_out.users,
            seed,
            identity,
        )
        return {**state, "curve": curve_rows(curve)}

    @property
    def curve(self) -> pl.DataFrame:
        """One row an epoch: epoch, loss, ndcg, popularity and coverage of the lists of
        held-out users.
        """
        return curve_frame(self.state["curve"])

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        items = ItemVectors(state["vectors"])
        return VectorScorer(items, EncodedBags(items, self.reading, state))

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        lengths: dict[str, tuple[int | str, ...]] = {
            "vectors": (ITEMS, self.hidden + 1), "inner": (ITEMS, self.hidden),
            "inner_bias": (self.hidden,), "mean": (self.latent, self.hidden),
            "mean_bias": (self.latent,), "unfold": (self.hidden, self.latent),
            "unfold_bias": (self.hidden,),
        }  # fmt: skip
        layers = {name: Form("float32", shape) for name, shape in lengths.items()}
        return {**layers, "curve": Form("float64", ("epochs", len(COLUMNS)), finite=False)}


@dataclass(frozen=True, eq=False)
class EncodedBags(UserSide):
    """A history of length 1 goes through the layers; the last one holds a 1 for the biases of the
    items.
    """

    items: ItemVectors
    reading: Reading
    layers: Mapping[str, Array]

    def vectors(self, histories: Histories, weights: Array) -> Array:
        state, rows = self.layers, histories.owners
        lengths = np.sqrt(
            np.bincount(rows, weights=weights.astype(np.float64) ** 2, minlength=len(histories))
        )
        scaled = (weights / np.where(lengths > 0, lengths, 1.0)[rows]).astype(np.float32)
        inner = np.tanh(
            dot_products.gather(histories.starts, histories.items, scaled, state["inner"])
            + state["inner_bias"]
        )
        z = dot_products.score(inner, state["mean"]) + state["mean_bias"]
        unfolded = np.tanh(dot_products.score(z, state["unfold"]) + state["unfold_bias"])
        # the last column of the vectors is a bias
        return np.hstack([unfolded, np.ones((len(histories), 1), np.float32)]).astype(np.float32)

    def contributions(self, histories: Histories, code: int) -> Contributions:
        """By how much the score falls where one item of the history is left out; each fall depends
        on the other items.
        """
        recent, weights = self.reading.weighted(histories)
        full_score = self._score(recent.items, weights, code)
        falls = []
        for left in range(len(recent.items)):
            kept = np.arange(len(recent.items)) != left
            falls.append(full_score - self._score(recent.items[kept], weights[kept], code))
        return Contributions(recent.items, np.asarray(falls, np.float64))

    def _score(self, items: Codes, weights: Array, code: int) -> float:
        """The score of one item from one history."""
        vector = self.vectors(Histories.bag(items), weights)
        return float(dot_products.score(vector, self.items.vectors[code : code + 1])[0, 0])
