"""Mixtures whose score is a weighted sum of what their parts say, with weights that are given or
learned.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.ranking.candidate_union import best_of
from spadework.models.base import Recommender
from spadework.models.ensemble.inner_holdout import practise
from spadework.models.ensemble.mixture import Mixture
from spadework.models.ensemble.pool import Pool, PooledHistories, Proposals
from spadework.models.ensemble.stacking_weights import fit_weights
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats

LEARNERS = 10_000
"""Users that weights are learned from: a handful of numbers needs no more."""
NEAR = 20
"""Weights are learned on what stands so high in the list of a part: deeper down, what is popular is
likelier, and no list gets there.
"""
SILENT = 1e-3
"""Learned shares below this are none, so that a useless part proposes nothing."""


class Weighted(Mixture):
    """What sums have in common. The author of one writes `_weights`, and `_terms` where it is not
    scaled scores that are added up.
    """

    # the policy of repeats under which weights are learned; None: as the log suggests
    practised: ClassVar[Repeats | None] = None

    @property
    def scored(self) -> bool:
        """Whether parts are asked about what only others list."""
        return True

    @abstractmethod
    def _weights(self) -> Array:
        """Weight of each part, zero or more: float64 [parts]."""

    def _terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """What each of these parts adds to a score before it is weighted. Shape [parts, cells],
        float64.
        """
        return proposals.scaled()

    def _lesson_terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """The same at a mean square of about 1, where weights are looked for."""
        return np.asarray(self._terms(proposals, parts) * np.sqrt(self.candidates))

    # ---- learning

    def _learning_cost(self, train: Interactions, cost: Cost) -> Cost:
        """With weights that are learned: parts are fitted twice, and asked about some users."""
        cells = (
            min(len(train.active_users), LEARNERS)
            * len(self.models)
            * min(self.candidates, train.item_count)
        )
        return Cost(bytes=cost.bytes + 16 * cells, seconds=2 * cost.seconds + 2e-6 * cells)

    def _learned_weights(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Array:
        """Those under which held-out events are likeliest: float32 [parts], summing to 1; equal
        ones, with a note, where nothing is held out.
        """
        equal = np.full(len(self.models), 1 / len(self.models), np.float32)
        practice = practise(
            self.models,
            train,
            content,
            cut=self.cut,
            candidates=self.candidates,
            users=LEARNERS,
            seed=seed,
            label=self.label,
            repeats=self.practised,
        )
        if practice is None:
            return equal

        def lesson(
            _: PooledHistories, proposals: Proposals, taken: Array
        ) -> tuple[Array, Array, Array]:
            near = ((proposals.places >= 0) & (proposals.places < NEAR)).any(axis=0)
            sizes = np.bincount(proposals.rows[near], minlength=len(proposals.starts) - 1)
            return sizes, self._lesson_terms(proposals, practice.pool.parts)[:, near], taken[near]

        lessons = practice.each(lesson, f"weigh {self.label}")
        sizes, scores, taken = (
            np.concatenate([one[n] for one in lessons], axis=-1) for n in range(3)
        )
        weights = fit_weights(sizes, scores, taken)
        if weights is None:
            events.note(
                f"{self.label}: no held-out event was proposed by any part, so its parts "
                "weigh the same."
            )
            return equal
        weights = np.where(weights < SILENT, 0.0, weights)
        return np.asarray(weights / weights.sum(), np.float32)

    # ---- answering

    def _speaking(self) -> list[tuple[int, float]]:
        return [
            (place, float(weight)) for place, weight in enumerate(self._weights()) if weight > 0
        ]

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        heard, shown, weights = self._heard(block)
        proposals = heard.propose(shown, k, repeats, allowed, scored=self.scored)
        joined = _joined(self._terms(proposals, heard.parts), weights)
        return self._best(block, proposals, joined.astype(np.float32), k, repeats)

    def _best(
        self, block: Histories, proposals: Proposals, scores: Array, k: int, repeats: Repeats
    ) -> tuple[Codes, Array]:
        """The list of `k` among the proposals, by their scores [cells] float32."""
        return best_of(proposals.starts, proposals.items, scores, k)

    def _heard(self, block: Histories) -> tuple[Pool, PooledHistories, Array]:
        """The parts of a weight above zero alone, what they are shown, and their weights: a part
        without weight proposes nothing.
        """
        assert isinstance(block, PooledHistories)
        speaking = self._speaking()
        places = [place for place, _ in speaking]
        return *self.pool.among(block, places), np.asarray([weight for _, weight in speaking])

    # ---- what people ask

    def explain(
        self, history: Interactions, item: Any, user: Any = None, *, repeats: Repeats = "allow"
    ) -> pl.DataFrame:
        """What each item of the history adds to the score of `item` by each part: item_id,
        contribution, part; descending.

        A part that cannot be taken apart, such as popularity, has one line without an item. The
        contributions sum to the score that `recommend` gives with the same `repeats`, among all
        items, in lists no longer than the parts' own (`candidates`). Ranks, and votes that a part
        joins in another way than by their sum, are shared out in proportion to what the part says
        of each history item.
        """
        log, users, code = self._one_user(history, item, user)
        heard, shown, weights = self._heard(self._histories(log, users))
        proposals = heard.propose_one(shown, code, repeats)
        terms = self._terms(proposals, heard.parts)[:, 0] * weights
        frames = []
        for part, term in zip(heard.parts, terms.tolist(), strict=True):
            try:
                own = part.explain(history, item, user).select("item_id", "contribution")
            except Unsuitable:
                own = pl.DataFrame(
                    {
                        "item_id": self.item_vocabulary.ids.clear(),
                        "contribution": pl.Series([], dtype=pl.Float64),
                    }
                )
            total = float(own["contribution"].sum())
            if term and not (np.isfinite(total) and total):
                own = pl.DataFrame(
                    {
                        "item_id": pl.Series([None], dtype=self.item_vocabulary.ids.dtype),
                        "contribution": [term],
                    }
                )
            elif total:
                own = own.with_columns(pl.col("contribution") * (term / total))
            frames.append(own.with_columns(part=pl.lit(part.label)))
        return pl.concat(frames).sort("contribution", descending=True, maintain_order=True)


def _joined(terms: Array, weights: Array) -> Array:
    """Scores of proposals, added up part by part: float64 [cells]."""
    total = np.zeros(terms.shape[1])
    for weight, part in zip(weights, terms, strict=True):
        total += weight * part
    return total
