"""Mixtures whose score is a weighted sum of their parts' terms, with weights that are given or
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
from spadework.models.ensemble.inner_holdout import make_inner_holdout
from spadework.models.ensemble.mixture import Mixture
from spadework.models.ensemble.pool import Pool, PooledHistories, Proposals
from spadework.models.ensemble.stacking_weights import fit_weights
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats

MAX_USERS = 10_000
"""Users that weights are learned from, at most: a handful of numbers needs no more."""
TOP_RANKS = 20
"""Weights are learned on the first so many items of the parts' lists: deeper down popular items are
likelier, and no served list reaches there.
"""
LEAST_SHARE = 1e-3
"""Learned shares below this become zero, so that a useless part proposes nothing."""


class Weighted(Mixture):
    """Base of weighted sums. A subclass defines `_weights`, and `_terms` where the terms are not
    scaled scores.
    """

    # the policy of repeats under which weights are learned; None: as the log suggests
    inner_repeats: ClassVar[Repeats | None] = None

    @property
    def scored(self) -> bool:
        """Whether parts also score items that only other parts list."""
        return True

    @abstractmethod
    def _weights(self) -> Array:
        """Weight of each part, zero or more: float64 [parts]."""

    def _terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """What each of these parts adds to a score before it is weighted. Shape [parts, cells],
        float64.
        """
        return proposals.scaled()

    def _fitting_terms(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """The same with a mean square of about 1, for fitting the weights."""
        return np.asarray(self._terms(proposals, parts) * np.sqrt(self.candidates))

    # ---- learning

    def _learning_cost(self, train: Interactions, cost: Cost) -> Cost:
        """The cost with learned weights: parts are fitted twice, and score some users."""
        cells = (
            min(len(train.active_users), MAX_USERS)
            * len(self.models)
            * min(self.candidates, train.item_count)
        )
        return Cost(bytes=cost.bytes + 16 * cells, seconds=2 * cost.seconds + 2e-6 * cells)

    def _learned_weights(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Array:
        """The weights that make held-out events most likely: float32 [parts], summing to 1; equal
        ones, with a note, where nothing can be held out.
        """
        equal = np.full(len(self.models), 1 / len(self.models), np.float32)
        holdout = make_inner_holdout(
            self.models,
            train,
            content,
            cut=self.cut,
            candidates=self.candidates,
            users=MAX_USERS,
            seed=seed,
            label=self.label,
            repeats=self.inner_repeats,
        )
        if holdout is None:
            return equal

        def block_examples(
            _: PooledHistories, proposals: Proposals, is_positive: Array
        ) -> tuple[Array, Array, Array]:
            in_top = ((proposals.ranks >= 0) & (proposals.ranks < TOP_RANKS)).any(axis=0)
            sizes = np.bincount(proposals.rows[in_top], minlength=len(proposals.starts) - 1)
            return (
                sizes,
                self._fitting_terms(proposals, holdout.pool.parts)[:, in_top],
                is_positive[in_top],
            )

        examples = holdout.each(block_examples, f"weigh {self.label}")
        sizes, scores, is_positive = (
            np.concatenate([block[n] for block in examples], axis=-1) for n in range(3)
        )
        weights = fit_weights(sizes, scores, is_positive)
        if weights is None:
            events.note(
                f"{self.label}: no held-out event was proposed by any part, so its parts "
                "weigh the same."
            )
            return equal
        weights = np.where(weights < LEAST_SHARE, 0.0, weights)
        return np.asarray(weights / weights.sum(), np.float32)

    # ---- answering

    def _contributing(self) -> list[tuple[int, float]]:
        return [
            (number, float(weight)) for number, weight in enumerate(self._weights()) if weight > 0
        ]

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        pool, shown, weights = self._contributing_pool(block)
        proposals = pool.propose(shown, k, repeats, allowed, scored=self.scored)
        joined = _joined(self._terms(proposals, pool.parts), weights)
        return self._best(block, proposals, joined.astype(np.float32), k, repeats)

    def _best(
        self, block: Histories, proposals: Proposals, scores: Array, k: int, repeats: Repeats
    ) -> tuple[Codes, Array]:
        """The list of `k` among the proposals, by their scores [cells] float32."""
        return best_of(proposals.starts, proposals.items, scores, k)

    def _contributing_pool(self, block: Histories) -> tuple[Pool, PooledHistories, Array]:
        """The parts with a weight above zero, what they read, and their weights: a part without
        weight proposes nothing.
        """
        assert isinstance(block, PooledHistories)
        contributing = self._contributing()
        numbers = [number for number, _ in contributing]
        return *self.pool.among(block, numbers), np.asarray([weight for _, weight in contributing])

    # ---- explanations

    def explain(
        self, history: Interactions, item: Any, user: Any = None, *, repeats: Repeats = "allow"
    ) -> pl.DataFrame:
        """What each item of the history adds to the score of `item` by each part: item_id,
        contribution, part; descending.

        A part without contributions of items, such as popularity, has one row without an item. The
        contributions sum to the score that `recommend` gives with the same `repeats`, among all
        items, in lists no longer than the parts' own (`candidates`). Ranks, and contributions that
        a part joins in another way than by their sum, are shared out in proportion to the part's
        own contributions of the history items.
        """
        log, users, code = self._one_user(history, item, user)
        pool, shown, weights = self._contributing_pool(self._histories(log, users))
        proposals = pool.propose_one(shown, code, repeats)
        terms = self._terms(proposals, pool.parts)[:, 0] * weights
        frames = []
        for part, term in zip(pool.parts, terms.tolist(), strict=True):
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
