"""Blends: any recommenders combined into one ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.candidate_union import best_of, located
from spadework.models.base import Recommender
from spadework.models.ensemble.pool import Proposals
from spadework.models.ensemble.weighted_mixture import Weighted
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats
from spadework.models.parameters import Doc, Range


class Blend(Weighted):
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
        object.__setattr__(
            self,
            "_given",
            None if self.weights is None else _numbers(self.weights, len(self.models)),
        )

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        return self._learning_cost(train, cost) if self.how == "learned" else cost

    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        return (
            {"weights": self._learned_weights(train, content, seed)}
            if self.how == "learned"
            else {}
        )

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        if self.how != "learned":
            return None
        weights = state["weights"]
        sane = (
            weights.shape == (len(self.models),)
            and bool(np.isfinite(weights).all())
            and bool((weights >= 0).all())
        )
        return None if sane and weights.any() else "the weights do not fit the parts"

    # ---- answering

    def _best(
        self, block: Histories, proposals: Proposals, scores: Array, k: int, repeats: Repeats
    ) -> tuple[Codes, Array]:
        if self.quota is None or repeats != "allow":
            return super()._best(block, proposals, scores, k, repeats)
        own = located(proposals.starts, proposals.items, block.starts, block.items) >= 0
        new_items, own_items = (
            best_of(proposals.starts, proposals.items, np.where(own == is_own, scores, -np.inf), k)
            for is_own in (False, True)
        )
        own_items[0][:, self.quota :], own_items[1][:, self.quota :] = -1, -np.inf
        return top_k.merge(*own_items, *new_items)

    def _filling(self, repeats: Repeats) -> Repeats:
        # popular items of the history count towards the quota, so none are filled in
        return "forbid" if repeats == "allow" and self.quota is not None else repeats

    @property
    def scored(self) -> bool:
        """Whether parts also score items that only others list: not with ranks."""
        return self.how != "ranks"

    def _weights(self) -> Array:
        given: Array | None = (
            self.state["weights"] if self.how == "learned" else self.__dict__["_given"]
        )
        return np.ones(len(self.models)) if given is None else given.astype(np.float64)

    def _terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        if self.how == "ranks":
            return np.where(
                proposals.ranks >= 0,
                1 / (self.smoothing + 1.0 + np.maximum(proposals.ranks, 0)),
                0.0,
            )
        return super()._terms(proposals, parts)


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
