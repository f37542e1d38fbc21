"""A pair of shovels: any recommenders combined into one ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest, Unsuitable
from spadework.kernels.union import best_of
from spadework.models.base import Cost, Histories, Repeats
from spadework.models.likelihood import fit_weights
from spadework.models.mixture import Mixture
from spadework.models.parameters import Doc, Range
from spadework.models.pool import Pool, PooledHistories, Proposals
from spadework.models.practice import practise

LEARNERS = 10_000
"""Users that weights are learned from: a handful of numbers needs no more."""
NEAR = 20
"""Weights are learned on what stands so high in the list of a part: deeper down, what is popular is likelier, and no list gets there."""
SILENT = 1e-3
"""Learned shares below this are none, so that a useless part proposes nothing."""


class Blend(Mixture):
    """Any models combined into one: their scores scaled and added up, their ranks, or with weights learned on a cut of the train log.

    Each part proposes its best `candidates` items. With "scores", S(j) = Σ over parts of weight · score(j) / length, where length is the
    root of the sum of squares of the part's proposed scores, so that parts weigh the same for each user whatever their units; an item
    that a part has no evidence for gets nothing of it. With "ranks", S(j) = Σ weight / (smoothing + rank), from rank 1. With "learned", scores
    with weights of zero or more, those under which a softmax over what stands high in the parts' lists makes the held-out events most likely;
    the parts are then fitted on the whole log. Dividing by the length was better than by the largest score or by the standard deviation on two logs.
    Cormack et al., "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
    O(Σ over parts of their lists + parts · candidates) a user.
    """

    name = "blend"
    answering: ClassVar[frozenset[str]] = frozenset({"weights", "smoothing"})

    how: Annotated[
        Literal["scores", "ranks", "learned"],
        Doc("What is added up: scaled scores, reciprocal ranks, or scaled scores with learned weights."),
    ] = "scores"
    weights: Annotated[str | None, Doc("Weights of the parts, in their order, such as 0.7, 0.3; none: all alike, or learned.")] = None
    smoothing: Annotated[
        float, Range(0.0, 10_000.0), Doc("Added to ranks before they are inverted: large, the first places matter less.")
    ] = 60.0

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"how": "ranks"}, {"how": "learned"}]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None and self.how == "learned":
            raise BadRequest(f"The weights of {self.name!r} are given and are to be learned.", "Leave them out, or choose how=scores.")
        object.__setattr__(self, "_given", None if self.weights is None else _numbers(self.weights, len(self.models)))

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        if self.how != "learned":
            return cost
        cells = min(len(train.active_users), LEARNERS) * len(self.models) * min(self.candidates, train.item_count)
        return Cost(bytes=cost.bytes + 16 * cells, seconds=2 * cost.seconds + 2e-6 * cells)

    # ---- learning

    def _learn(self, train: Interactions, content: ItemContent | None, seed: int) -> Mapping[str, Array]:
        if self.how != "learned":
            return {}
        equal = np.full(len(self.models), 1 / len(self.models), np.float32)
        practice = practise(
            self.models, train, content, cut=self.cut, candidates=self.candidates, users=LEARNERS, seed=seed, label=self.label
        )
        if practice is None:
            return {"weights": equal}

        def lesson(_: PooledHistories, proposals: Proposals, taken: Array) -> tuple[Array, Array, Array]:
            near = ((proposals.places >= 0) & (proposals.places < NEAR)).any(axis=0)
            sizes = np.bincount(proposals.rows[near], minlength=len(proposals.starts) - 1)
            return sizes, proposals.scaled()[:, near] * np.sqrt(self.candidates), taken[near]

        lessons = practice.each(lesson, f"weigh {self.label}")
        sizes, scores, taken = (np.concatenate([one[n] for one in lessons], axis=-1) for n in range(3))
        weights = fit_weights(sizes, scores, taken)
        if weights is None:
            events.note(f"{self.label}: no held-out event was proposed by any part, so its parts weigh the same.")
            return {"weights": equal}
        weights = np.where(weights < SILENT, 0.0, weights)
        return {"weights": (weights / weights.sum()).astype(np.float32)}

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        if self.how != "learned":
            return None
        weights = state["weights"]
        sane = weights.shape == (len(self.models),) and bool(np.isfinite(weights).all()) and bool((weights >= 0).all())
        return None if sane and weights.any() else "the weights do not fit the parts"

    # ---- answering

    def _speaking(self) -> list[tuple[int, float]]:
        given: Array | None = self.state["weights"] if self.how == "learned" else self.__dict__["_given"]
        weights = np.ones(len(self.models)) if given is None else given.astype(np.float64)
        return [(place, float(weight)) for place, weight in enumerate(weights) if weight > 0]

    def _lists(self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None) -> tuple[Codes, Array]:
        heard, shown, weights = self._heard(block)
        proposals = heard.propose(shown, k, repeats, allowed, scored=self.how != "ranks")
        return best_of(proposals.starts, proposals.items, self._joined(proposals, weights).astype(np.float32), k)

    def _heard(self, block: Histories) -> tuple[Pool, PooledHistories, Array]:
        """The parts of a weight above zero alone, what they are shown, and their weights: a part without weight proposes nothing."""
        assert isinstance(block, PooledHistories)
        speaking = self._speaking()
        places = [place for place, _ in speaking]
        return *self.pool.among(block, places), np.asarray([weight for _, weight in speaking])

    def _terms(self, proposals: Proposals) -> Array:
        """What each part adds to a score before it is weighted. Shape [parts, cells], float64."""
        if self.how == "ranks":
            return np.where(proposals.places >= 0, 1 / (self.smoothing + 1.0 + np.maximum(proposals.places, 0)), 0.0)
        return proposals.scaled()

    def _joined(self, proposals: Proposals, weights: Array) -> Array:
        """Scores of proposals, added up part by part: float64 [cells]."""
        total = np.zeros(len(proposals.items))
        for weight, part in zip(weights, self._terms(proposals), strict=True):
            total += weight * part
        return total

    # ---- what people ask

    def explain(self, history: Interactions, item: Any, user: Any = None, *, repeats: Repeats = "allow") -> pl.DataFrame:
        """What each item of the history adds to the score of `item` by each part: item_id, contribution, part; descending.

        A part that cannot be taken apart, such as popularity, has one line without an item. The contributions sum to the score that
        `recommend` gives with the same `repeats`, among all items, in lists no longer than the parts' own (`candidates`). Ranks, and votes
        that a part joins in another way than by their sum, are shared out in proportion to what the part says of each history item.
        """
        log, users, code = self._one_user(history, item, user)
        heard, shown, weights = self._heard(self._histories(log, users))
        proposals = heard.propose_one(shown, code, repeats)
        terms = self._terms(proposals)[:, 0] * weights
        frames = []
        for part, term in zip(heard.parts, terms.tolist(), strict=True):
            try:
                own = part.explain(history, item, user).select("item_id", "contribution")
            except Unsuitable:
                own = pl.DataFrame({"item_id": self.item_vocabulary.ids.clear(), "contribution": pl.Series([], dtype=pl.Float64)})
            total = float(own["contribution"].sum())
            if term and not (np.isfinite(total) and total):
                own = pl.DataFrame({"item_id": pl.Series([None], dtype=self.item_vocabulary.ids.dtype), "contribution": [term]})
            elif total:
                own = own.with_columns(pl.col("contribution") * (term / total))
            frames.append(own.with_columns(part=pl.lit(part.label)))
        return pl.concat(frames).sort("contribution", descending=True, maintain_order=True)


def _numbers(text: str, parts: int) -> Array:
    """Weights of a text such as "0.7, 0.3", zero or more, one each. Shape [parts]."""
    try:
        numbers = np.asarray([float(word) for word in text.split(",")])
    except ValueError:
        numbers = np.full(1, np.nan)
    if len(numbers) != parts or not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise BadRequest(
            f"The weights {text!r} do not fit {parts} parts.", "Give one number of zero or more for each part, not all zero: 0.7, 0.3."
        )
    return numbers
