"""A learned second stage: boosted trees re-rank what several models propose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import polars as pl

from spadework import events, formatting
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels import hashing
from spadework.kernels.ranking.candidate_union import best_of
from spadework.models.checks import Forms
from spadework.models.ensemble.candidate_features import (
    facts_of,
    features,
    forms_of_facts,
    total_of,
    width,
    wrong_facts,
)
from spadework.models.ensemble.grown_trees import (
    Growth,
    forms_of_trees,
    grow,
    grown_again,
    has_trees,
    log_odds,
    no_trees,
    wrong_trees,
)
from spadework.models.ensemble.inner_holdout import InnerHoldout, make_inner_holdout
from spadework.models.ensemble.mixture import Mixture, MixtureScorer
from spadework.models.ensemble.pool import PooledHistories, Proposals
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats
from spadework.models.once import Once
from spadework.models.parameters import Doc, Range
from spadework.models.scorer import Contributions, Scorer

MAX_USERS = 20_000
"""Users whose proposals the trees learn from, at most."""
ROWS = 500_000
NEGATIVES = 60
"""Negative proposals drawn at random for a user; fewer where all users together would have more
than `ROWS`.
"""
TIE = 1e-3
"""Factor of the mean of the scaled scores, which is added to the trees' output: it breaks ties
between proposals in the same leaves.
"""


class Boosted(Mixture):
    """A learned second stage: parts propose items, and gradient-boosted trees rank them by features
    of user and item.

    The features of a proposal: the scaled score and the inverse rank of every part, the mean of the
    scaled scores, how popular the item is, of all time and lately, how long ago its last event was,
    of all users and of this user, how often the user interacted with it, how long the history is,
    and the similarity of its content to the history's where an item table is given. The trees learn
    to tell positive proposals from others on an inner hold-out of the train log, where everything
    is computed from the inner train alone; then parts and item facts are learned from the full log.
    Where fewer than `positives` users have a positive proposal, the parts are added up with equal
    weights, and a note says so. The score is the log-odds of the trees plus 0.001 times the mean of
    the scaled scores. O(parts' lists + proposals · trees · depth) a user. Ke et al., "LightGBM: a
    highly efficient gradient boosting decision tree", NeurIPS 2017.
    """

    name = "boosted"

    candidates: Annotated[
        int,
        Range(1, 10_000),
        Doc("Items that each part proposes for a user; more, where longer lists are requested."),
    ] = 100
    trees: Annotated[int, Range(1, 2000, log=True), Doc("Number of trees.")] = 100
    leaves: Annotated[int, Range(2, 255, log=True), Doc("Leaves of a tree, at most.")] = 15
    learning_rate: Annotated[
        float,
        Range(0.001, 1.0, log=True),
        Doc("Share of the remaining error that each tree corrects."),
    ] = 0.1
    positives: Annotated[
        int,
        Range(1, 1_000_000),
        Doc("Least users with a positive proposal; with fewer, no trees are grown."),
    ] = 50

    def cost(self, train: Interactions) -> Cost:
        cost = super().cost(train)
        users = min(len(train.active_users), MAX_USERS)
        cells = users * len(self.models) * min(self.candidates, train.item_count)
        rows = min(users * NEGATIVES, ROWS, cells)
        grown = rows * width(len(self.models))
        return Cost(
            bytes=cost.bytes + 16 * grown + 400 * train.item_count,
            seconds=2 * cost.seconds + 3e-6 * cells + 4e-8 * grown * self.trees + 0.02,
        )

    # ---- learning

    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        facts = facts_of(train, content)
        holdout = make_inner_holdout(
            self.models,
            train,
            content,
            cut=self.cut,
            candidates=self.candidates,
            users=MAX_USERS,
            seed=seed,
            label=self.label,
        )
        if holdout is None:
            return facts | no_trees()
        rows, is_positive, users = self._examples(
            holdout, facts_of(holdout.split.train, content), seed
        )
        if users < self.positives:
            events.note(
                f"{self.label}: only {formatting.count(users, 'user')} interacted with a proposed "
                "item, so its parts weigh the same (positives)."
            )
            return facts | no_trees()
        growth = Growth(self.learning_rate, self.leaves, self.trees, seed)
        return facts | grow(rows, is_positive, growth, self.label)

    def _examples(
        self, holdout: InnerHoldout, facts: Mapping[str, Array], seed: int
    ) -> tuple[Array, Array, int]:
        """Features of proposals [rows, width], whether each is positive [rows], and the number of
        users with a positive one.
        """
        negatives = min(NEGATIVES, max(1, ROWS // max(1, len(holdout.users))))

        def block_examples(
            histories: PooledHistories, proposals: Proposals, is_positive: Array
        ) -> tuple[Array, Array, int]:
            sizes = np.diff(proposals.starts)
            hits = np.bincount(proposals.rows[is_positive], minlength=len(sizes))
            share = np.where(hits > 0, negatives / np.maximum(sizes - hits, 1), 0.0)[proposals.rows]
            kept = is_positive | (_drawn(histories, proposals, seed) < share)
            return (
                features(facts, histories, proposals)[kept],
                is_positive[kept],
                int((hits > 0).sum()),
            )

        examples = holdout.each(block_examples, f"practise {self.label}")
        rows, is_positive = (np.concatenate([block[n] for block in examples]) for n in range(2))
        return rows, is_positive, sum(block[2] for block in examples)

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return forms_of_facts(state) | forms_of_trees(state, width(len(self.models)))

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        return wrong_facts(state, items) or wrong_trees(state, width(len(self.models)))

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return BoostedScorer(self._pool_of(state), state, grown_again(state))

    def explain(
        self, history: Interactions, item: Any, user: Any = None, *, repeats: Repeats = "allow"
    ) -> pl.DataFrame:
        """How much lower the score of `item` is without each item of the history: item_id,
        contribution, part; descending.

        Trees are no sum over history items, so what each contributes depends on the others; the row
        without an item, "interaction", holds what remains of the score (including that of an empty
        history). So the rows sum to the score that `recommend` gives with the same `repeats`,
        among all items, in lists no longer than the parts' own (`candidates`). One scoring for each
        item of the history.
        """
        return super().explain(history, item, user, repeats=repeats)


@dataclass(frozen=True, eq=False)
class BoostedScorer(MixtureScorer):
    """Proposals by the trees' sum, from features of user and item."""

    learned: Mapping[str, Array]  # facts of the items, and the trees
    grower: Once[Any]  # asked where the trees are kept as examples

    def reusing(self, other: Scorer) -> Scorer:
        """This scorer with the parts and the grower of another one."""
        mine = super().reusing(other)
        if isinstance(mine, BoostedScorer) and isinstance(other, BoostedScorer):
            return replace(mine, grower=other.grower)
        return mine

    def row_cells(self, k: int) -> int:
        parts = len(self.pool.parts)
        return super().row_cells(k) + parts * max(k, self.pool.size) * width(parts)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        assert isinstance(histories, PooledHistories)
        proposals = self.pool.propose(histories, k, repeats, allowed)
        scores = self.judged(histories, proposals).astype(np.float32)
        return best_of(proposals.starts, proposals.items, scores, k)

    def judged(self, block: PooledHistories, proposals: Proposals) -> Array:
        """Scores of proposals: float64 [cells]."""
        mean = total_of(proposals.scaled()) / len(self.pool.parts)
        if not has_trees(self.learned):
            return mean
        rows = features(self.learned, block, proposals)
        return log_odds(self.learned, self.grower, rows) + TIE * mean

    def explained(
        self, log: Interactions, users: Codes, code: int, repeats: Repeats, items: Vocabulary
    ) -> pl.DataFrame:
        own = log.of_user_codes(users)

        def score(known: Interactions) -> float:
            block = self.pool.read(known, users)
            return float(self.judged(block, self.pool.propose_one(block, code, repeats))[0])

        full_score = score(own)
        history = np.unique(own.items).astype(np.int32)
        parts = [full_score - score(own.where(own.items != left_out)) for left_out in history]
        entries = Contributions(
            np.append(history, np.int32(-1)),
            np.asarray([*parts, full_score - sum(parts)], np.float64),
            {"part": pl.Series([*(["history"] * len(history)), "interaction"])},
        )
        return entries.frame(items).select("item_id", "contribution", "part")


def _drawn(histories: PooledHistories, proposals: Proposals, seed: int) -> Array:
    """A number from 0 to 1 for each proposal that depends on nothing but the history, the item and
    the seed: float64 [cells].
    """
    own = np.zeros(len(histories), np.uint64)
    rows = histories.owners
    np.bitwise_xor.at(own, rows, hashing.mixed(histories.items.astype(np.uint64) + np.uint64(seed)))
    drawn = hashing.mixed(
        own[proposals.rows]
        ^ hashing.mixed(proposals.items.astype(np.uint64) + np.uint64(2**40 + seed))
    )
    return (drawn >> np.uint64(11)).astype(np.float64) / 2**53
