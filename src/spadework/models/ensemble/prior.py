"""Personal popularity as a prior: any model's scores plus the logarithm of how often the user
bought each item before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.models.baskets.personal import OwnItems
from spadework.models.baskets.purchases import Purchases
from spadework.models.ensemble.pool import Proposals
from spadework.models.ensemble.weighted_mixture import Weighted
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range


class _OwnLog(OwnItems):
    """ln((n + ε) / ε) of own items, n their purchases, each decay^(baskets ago); not a model
    itself.
    """

    decay: Annotated[
        float, Range(0.01, 1.0), Doc("Weight of a purchase n baskets ago: decay^n.")
    ] = 0.9
    epsilon: Annotated[float, Range(1e-6, 100.0), Doc("ε, in purchases.")] = 0.01

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {}

    def _own(self, purchases: Purchases) -> Array:
        return np.log1p(purchases.summed(self.decay**purchases.baskets_ago) / self.epsilon)


_OwnLog.name = "own purchases"  # set from outside, so that it is not registered as a model


class Prior(Weighted):
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
    inner_repeats = "allow"  # own purchases are what the weight is for

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
        if len(self.models) != 1:
            raise BadRequest(
                (
                    f"{self.name!r} is added to one model, and {self.parts!r} names "
                    f"{len(self.models)}."
                ),
                "Name one, or use a blend.",
            )
        object.__setattr__(
            self, "_models", (*self.models, _OwnLog(decay=self.decay, epsilon=self.epsilon))
        )

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"weight": 0.5}, {"decay": 1.0}]

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        return self._learning_cost(train, cost) if self.weight is None else cost

    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        return (
            {}
            if self.weight is not None
            else {"weights": self._learned_weights(train, content, seed)}
        )

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        if self.weight is not None:
            return None
        weights = state["weights"]
        sane = (
            weights.shape == (2,)
            and bool(np.isfinite(weights).all())
            and bool((weights >= 0).all())
        )
        return None if sane and weights.any() else "the weights do not fit the parts"

    def _weights(self) -> Array:
        return (
            np.asarray([1.0, self.weight])
            if self.weight is not None
            else self.state["weights"].astype(np.float64)
        )

    def _terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        terms = np.asarray(
            super()._terms(proposals, parts)
            * np.sqrt(np.maximum(proposals.listed, 1))[:, proposals.rows]
        )
        for number, part in enumerate(parts):
            if isinstance(part, _OwnLog):
                terms[number] = np.where(
                    np.isneginf(proposals.scores[number]), 0.0, proposals.scores[number]
                )
        return terms

    def _fitting_terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        return self._terms(proposals, parts)
