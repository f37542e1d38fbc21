"""Blends: any recommenders combined into one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.models.base import Recommender
from spadework.models.checks import Form, Forms
from spadework.models.ensemble.mixture import Mixture
from spadework.models.ensemble.pool import Proposals
from spadework.models.ensemble.weighted_mixture import (
    WeightedScorer,
    learned_weights,
    learning_cost,
    scaled_scores,
    wrong_weights,
)
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range
from spadework.models.scorer import Scorer


class Blend(Mixture):
    """Any models combined into one: their scores scaled and added up, their ranks, or with weights
    learned on a cut of the train log.

    Each part proposes its best `candidates` items. With "scores", S(j) = Σ over parts of weight ·
    score(j) / length, where length is the root of the sum of squares of the part's proposed scores,
    so that parts weigh the same for each user whatever their units; an item that a part has no
    evidence for gets nothing from it. With "ranks", S(j) = Σ weight / (smoothing + rank), from rank
    1. With "learned", scaled scores with weights of zero or more. They make the held-out events
    most likely under a softmax over the items high in the parts' lists; the parts are then fitted
    on the full log. Dividing by the length was better than by the largest score or by the standard
    deviation on two logs. Cormack et al., "Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods", SIGIR 2009. O(Σ over parts of their lists + parts ·
    candidates) a user.
    """

    name = "blend"
    answering: ClassVar[frozenset[str]] = frozenset({"weights", "smoothing", "quota"})

    how: Annotated[
        Literal["scores", "ranks", "learned"],
        Doc(
            "What is added up: scaled scores, reciprocal ranks, or scaled scores with "
            "learned weights."
        ),
    ] = "scores"
    weights: Annotated[
        str | None,
        Doc("Weights of the parts, in their order, such as 0.7, 0.3; none: equal, or learned."),
    ] = None
    smoothing: Annotated[
        float,
        Range(0.0, 10_000.0),
        Doc(
            "Added to ranks before they are inverted: the larger, the less the first ranks matter."
        ),
    ] = 60.0
    quota: Annotated[
        int | None,
        Range(0, 10_000),
        Doc(
            "Most items of the history in a list, where they may be recommended again; none: no "
            "limit."
        ),
    ] = None

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"how": "ranks"}, {"quota": 3}, {"how": "learned"}]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None and self.how == "learned":
            raise BadRequest(
                f"The weights of {self.name!r} are given and are to be learned.",
                "Leave them out, or choose how=scores.",
            )
        self._given()  # refuses weights that do not fit

    def _given(self) -> Array:
        """Weights as they are given, or equal ones: float64 [parts]."""
        if self.weights is None:
            return np.ones(len(self.models))
        return _numbers(self.weights, len(self.models))

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        return learning_cost(self, train, cost) if self.how == "learned" else cost

    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        if self.how != "learned":
            return {}
        scale = float(np.sqrt(self.candidates))
        return {"weights": learned_weights(self, train, content, seed, scale=scale)}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        learned = self.how == "learned"
        return {"weights": Form("float32", (len(self.models),))} if learned else {}

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        if self.how != "learned":
            return None
        return wrong_weights(state["weights"], len(self.models))

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return WeightedScorer(
            self._pool_of(state),
            state["weights"].astype(np.float64) if self.how == "learned" else self._given(),
            Ranks(self.smoothing) if self.how == "ranks" else scaled_scores,
            scored=self.how != "ranks",
            quota=self.quota,
        )


@dataclass(frozen=True)
class Ranks:
    """Reciprocal ranks, from rank 1; 0 for an item that the part does not list."""

    smoothing: float

    def __call__(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """Terms of the parts. Shape [parts, cells], float64."""
        ranks = np.maximum(proposals.ranks, 0)
        return np.where(proposals.ranks >= 0, 1 / (self.smoothing + 1.0 + ranks), 0.0)


def _numbers(text: str, parts: int) -> Array:
    """Weights from a text such as "0.7, 0.3", zero or more, one a part. Shape [parts]."""
    try:
        numbers = np.asarray([float(word) for word in text.split(",")])
    except ValueError:
        numbers = np.full(1, np.nan)
    if (
        len(numbers) != parts
        or not np.isfinite(numbers).all()
        or (numbers < 0).any()
        or not numbers.any()
    ):
        raise BadRequest(
            f"The weights {text!r} do not fit {parts} parts.",
            "Give one number of zero or more for each part, not all zero: 0.7, 0.3.",
        )
    return numbers
