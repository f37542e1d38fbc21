"""Mixtures whose score is a weighted sum of their parts' terms, with weights that are given or
learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.candidate_union import best_of, located
from spadework.models.base import Recommender
from spadework.models.ensemble.inner_holdout import make_inner_holdout
from spadework.models.ensemble.mixture import Mixture, MixtureScorer
from spadework.models.ensemble.pool import Pool, PooledHistories, Proposals
from spadework.models.ensemble.stacking_weights import fit_weights
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats
from spadework.models.scorer import Contributions, HasContributions

MAX_USERS = 10_000
"""Users that weights are learned from, at most: a handful of numbers needs no more."""
TOP_RANKS = 20
"""Weights are learned on the first so many items of the parts' lists: deeper down popular items are
likelier, and no served list reaches there.
"""
LEAST_SHARE = 1e-3
"""Learned shares below this become zero, so that a useless part proposes nothing."""


class Terms(Protocol):
    """What each part adds to a score before it is weighted."""

    def __call__(self, proposals: Proposals, parts: Sequence[Recommender]) -> Array:
        """Terms of these parts. Shape [parts, cells], float64."""


def scaled_scores(proposals: Proposals, parts: Sequence[Recommender]) -> Array:
    """The scores of each part over the length of its list. Shape [parts, cells], float64."""
    return proposals.scaled()


@dataclass(frozen=True, eq=False)
class WeightedScorer(MixtureScorer):
    """The score of an item is the weighted sum of its terms of the parts."""

    weights: Array  # [parts] float64, zero or more
    terms: Terms = scaled_scores
    # whether parts also score items that only other parts list
    scored: bool = True
    # most items of the history in a list, where they may be recommended again
    quota: int | None = None

    @property
    def contributing(self) -> list[tuple[int, float]]:
        return [(number, float(weight)) for number, weight in enumerate(self.weights) if weight > 0]

    def filling(self, repeats: Repeats) -> Repeats:
        """Popular items of the history count towards the quota, so none are filled in."""
        return "forbid" if repeats == "allow" and self.quota is not None else repeats

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        pool, shown, weights = self._contributing_pool(histories)
        proposals = pool.propose(shown, k, repeats, allowed, scored=self.scored)
        scores = _joined(self.terms(proposals, pool.parts), weights).astype(np.float32)
        if self.quota is None or repeats != "allow":
            return best_of(proposals.starts, proposals.items, scores, k)
        own = located(proposals.starts, proposals.items, histories.starts, histories.items) >= 0
        new_items, own_items = (
            best_of(proposals.starts, proposals.items, np.where(own == is_own, scores, -np.inf), k)
            for is_own in (False, True)
        )
        own_items[0][:, self.quota :], own_items[1][:, self.quota :] = -1, -np.inf
        return top_k.merge(*own_items, *new_items)

    def _contributing_pool(self, block: Histories) -> tuple[Pool, PooledHistories, Array]:
        """The parts with a weight above zero, what they read, and their weights: a part without
        weight proposes nothing.
        """
        assert isinstance(block, PooledHistories)
        numbers = [number for number, _ in self.contributing]
        weights = np.asarray([weight for _, weight in self.contributing])
        return *self.pool.among(block, numbers), weights

    def explained(
        self, log: Interactions, users: Codes, code: int, repeats: Repeats, items: Vocabulary
    ) -> pl.DataFrame:
        """A part without contributions of items, such as popularity, has one row without an item.
        Ranks, and contributions that a part joins in another way than by their sum, are shared out
        in proportion to the part's own contributions of the history items.
        """
        pool, shown, weights = self._contributing_pool(self.pool.read(log, users))
        proposals = pool.propose_one(shown, code, repeats)
        terms = self.terms(proposals, pool.parts)[:, 0] * weights
        none = Contributions(np.zeros(0, np.int32), np.zeros(0))
        frames = []
        for part, read, term in zip(pool.parts, shown.shown, terms.tolist(), strict=True):
            scorer = part.scorer
            found = (
                scorer.contributions(read, code) if isinstance(scorer, HasContributions) else none
            )
            own = found.frame(items).select("item_id", "contribution")
            total = float(own["contribution"].sum())
            if term and not (np.isfinite(total) and total):
                alone = Contributions(np.asarray([-1], np.int32), np.asarray([term]))
                own = alone.frame(items)
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


# ---- learned weights


def learning_cost(mixture: Mixture, train: Interactions, cost: Cost) -> Cost:
    """The cost with learned weights: parts are fitted twice, and score some users."""
    users = min(len(train.active_users), MAX_USERS)
    cells = users * len(mixture.models) * min(mixture.candidates, train.item_count)
    return Cost(bytes=cost.bytes + 16 * cells, seconds=2 * cost.seconds + 2e-6 * cells)


def learned_weights(
    mixture: Mixture,
    train: Interactions,
    content: ItemContent | None,
    seed: int,
    *,
    terms: Terms = scaled_scores,
    scale: float,
    repeats: Repeats | None = None,
) -> Array:
    """The weights that make held-out events most likely: float32 [parts], summing to 1; equal ones,
    with a note, where nothing can be held out.

    `terms` times `scale` have a mean square of about 1. `repeats` is the policy of repeats under
    which weights are learned; None: as the log suggests.
    """
    label, parts = mixture.label, len(mixture.models)
    equal = np.full(parts, 1 / parts, np.float32)
    holdout = make_inner_holdout(
        mixture.models,
        train,
        content,
        cut=mixture.cut,
        candidates=mixture.candidates,
        users=MAX_USERS,
        seed=seed,
        label=label,
        repeats=repeats,
    )
    if holdout is None:
        return equal

    def block_examples(
        _: PooledHistories, proposals: Proposals, is_positive: Array
    ) -> tuple[Array, Array, Array]:
        in_top = ((proposals.ranks >= 0) & (proposals.ranks < TOP_RANKS)).any(axis=0)
        sizes = np.bincount(proposals.rows[in_top], minlength=len(proposals.starts) - 1)
        scores = np.asarray(terms(proposals, holdout.pool.parts) * scale)
        return sizes, scores[:, in_top], is_positive[in_top]

    examples = holdout.each(block_examples, f"weigh {label}")
    sizes, scores, is_positive = (
        np.concatenate([block[n] for block in examples], axis=-1) for n in range(3)
    )
    weights = fit_weights(sizes, scores, is_positive)
    if weights is None:
        events.note(
            f"{label}: no held-out event was proposed by any part, so its parts weigh the same."
        )
        return equal
    weights = np.where(weights < LEAST_SHARE, 0.0, weights)
    return np.asarray(weights / weights.sum(), np.float32)


LARGEST = 1e30
"""No weight is learned beyond this; sums of scores would no longer be finite."""


def wrong_weights(weights: Array, parts: int) -> str | None:
    """What is wrong with weights from a file; None when they fit."""
    sane = weights.shape == (parts,) and bool(((weights >= 0) & (weights < LARGEST)).all())
    return None if sane and weights.any() else "the weights do not fit the parts"
