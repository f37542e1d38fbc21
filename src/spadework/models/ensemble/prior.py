"""Personal popularity as a prior: any model's scores plus the logarithm of how often the user
bought each item before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.models.baskets.own_item_scorer import OwnItems
from spadework.models.baskets.purchases import Purchases
from spadework.models.checks import Form, Forms
from spadework.models.ensemble.mixture import Mixture
from spadework.models.ensemble.pool import Proposals
from spadework.models.ensemble.weighted_mixture import (
    WeightedScorer,
    learned_weights,
    learning_cost,
    wrong_weights,
)
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range
from spadework.models.scorer import Scorer


class OwnPurchases(Recommender):
    """ln((n + ε) / ε) of own items, n their purchases, each decay^(baskets ago). A part of `prior`
    alone: it has no entry in the registry.
    """

    family: ClassVar[str] = "personal"

    decay: Annotated[
        float, Range(0.01, 1.0), Doc("Weight of a purchase n baskets ago: decay^n.")
    ] = 0.9
    epsilon: Annotated[float, Range(1e-6, 100.0), Doc("ε, in purchases.")] = 0.01

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return OwnItems(state["popularity"], LogCounts(self.decay, self.epsilon))


OwnPurchases.name = "own purchases"  # set from outside, so that it is not registered as a model


@dataclass(frozen=True)
class LogCounts:
    """ln((n + ε) / ε) of own items."""

    decay: float
    epsilon: float

    def __call__(self, purchases: Purchases) -> Array:
        """Scores of own items: float64 [entries]."""
        return np.log1p(purchases.summed(self.decay**purchases.baskets_ago) / self.epsilon)


class Prior(Mixture):
    """Another model with personal popularity as its prior: S(j) = scaled score(j) + weight ·
    ln((n_j + ε) / ε).

    n_j are the user's own purchases of j, each weighing decay^(baskets ago), so the second term is
    ln p̂(j | user) up to a constant, and zero for items that the user never bought. The model's
    scores are divided by the root mean square of its list, so that one weight suits all users.
    Without a `weight` it is learned: parts are fitted on an inner train, and the weight is the one
    that makes the held-out events most likely. Own items are proposed in addition to the model's
    list. Only events of the history are counted. O(the model's lists + events of the history) a
    user.

    After Abbattista et al., "Enhancing Sequential Music Recommendation with Personalized Popularity
    Awareness", RecSys 2024, who add it to the logits of transformers.
    """

    name = "prior"
    answering: ClassVar[frozenset[str]] = frozenset()

    parts: Annotated[str, Doc("The model, as its label is written, such as ease(l2=20).")] = (
        "cosine"
    )
    weight: Annotated[
        float | None,
        Range(0.0, 1000.0),
        Doc("Weight of the logarithm next to the scaled scores; none: learned."),
    ] = None
    decay: Annotated[
        float, Range(0.01, 1.0), Doc("Weight of a purchase n baskets ago: decay^n.")
    ] = 0.9
    epsilon: Annotated[
        float,
        Range(1e-6, 100.0),
        Doc("ε: added to the purchases of an item, 1 for one in the latest basket."),
    ] = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.named) != 1:
            raise BadRequest(
                (
                    f"{self.name!r} is added to one model, and {self.parts!r} names "
                    f"{len(self.named)}."
                ),
                "Name one, or use a blend.",
            )

    @cached_property
    def models(self) -> tuple[Recommender, ...]:
        """The model, and the user's own purchases."""
        return (*self.named, OwnPurchases(decay=self.decay, epsilon=self.epsilon))

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"weight": 0.5}, {"decay": 1.0}]

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        return learning_cost(self, train, cost) if self.weight is None else cost

    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        if self.weight is not None:
            return {}
        # own purchases are what the weight is for, so they may be recommended while it is learned
        weights = learned_weights(
            self, train, content, seed, terms=with_own_purchases, scale=1.0, repeats="allow"
        )
        return {"weights": weights}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {} if self.weight is not None else {"weights": Form("float32", (2,))}

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        return None if self.weight is not None else wrong_weights(state["weights"], 2)

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        weights = (
            np.asarray([1.0, self.weight])
            if self.weight is not None
            else state["weights"].astype(np.float64)
        )
        return WeightedScorer(self._pool_of(state), weights, with_own_purchases)


def with_own_purchases(proposals: Proposals, parts: Sequence[Recommender]) -> Array:
    """The scores of the model over the root mean square of its list, and the logarithms as they
    are. Shape [parts, cells], float64.
    """
    terms = np.asarray(
        proposals.scaled() * np.sqrt(np.maximum(proposals.listed, 1))[:, proposals.rows]
    )
    for number, part in enumerate(parts):
        if isinstance(part, OwnPurchases):
            terms[number] = np.where(
                np.isneginf(proposals.scores[number]), 0.0, proposals.scores[number]
            )
    return terms
