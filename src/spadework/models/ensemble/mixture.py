"""What blends and second stages share: parts that are named by a text, fitted together, stored
under numbered prefixes, and that propose items together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary, listed
from spadework.errors import BadRequest, Unsuitable
from spadework.kernels.ranking.candidate_union import best_of, union
from spadework.models.base import Recommender
from spadework.models.ensemble.pool import (
    Pool,
    Proposals,
    counts_of,
    fitted_parts,
    lengths_of,
    scores_in,
)
from spadework.models.histories import Histories
from spadework.models.labels import parse, text_of
from spadework.models.needs import Cost, Need, Repeats, check_k
from spadework.models.parameters import Doc, Range
from spadework.models.recommendations import Recommendations
from spadework.models.requests import requested_items, requested_user
from spadework.models.scorer import Reader, Scorer, at_cells
from spadework.models.similar_items import TARGET
from spadework.ragged import Ragged, SparseRows
from spadework.randomness import Seed

MOST_PARTS = 20


class Mixture(Recommender):
    """Several models that propose items together. Arrays of part n are stored under "n/…"; the
    counts of items are stored once.
    """

    family: ClassVar[str] = "mixture"
    composed: ClassVar[bool] = True

    parts: Annotated[
        str,
        Doc("The models, as their labels are written, joined by +: cosine + forward(history=0.6)."),
    ] = "cosine + forward"
    candidates: Annotated[
        int,
        Range(1, 10_000),
        Doc("Items that each part proposes for a user; more, where longer lists are requested."),
    ] = 200
    cut: Annotated[
        Literal["auto", "time", "last", "random"],
        Doc(
            "What is held out while the mixture learns: the last tenth of the log by time, each "
            "user's last timestamp, or a random fifth of each user's events; auto: by time where "
            "there are dates, else the last timestamp, else random."
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        models = parse(self.parts)
        labels = [part.label for part in models]
        for part in models:
            if isinstance(part, Mixture):
                raise BadRequest(
                    f"The parts of {self.name!r} hold {part.name!r}, which has parts itself.",
                    "Name its parts instead.",
                )
            if labels.count(part.label) > 1:
                raise BadRequest(
                    f"The part {part.label!r} of {self.name!r} is named twice.",
                    "Name each part once; a larger weight makes it count more.",
                )
        if len(models) > MOST_PARTS:
            raise BadRequest(
                f"{self.name!r} has {len(models)} parts.", f"Name at most {MOST_PARTS}."
            )
        object.__setattr__(self, "parts", text_of(models))  # equal parts, equal texts

    # ---- the parts

    @cached_property
    def named(self) -> tuple[Recommender, ...]:
        """The parts that are named, unfitted."""
        return tuple(parse(self.parts))

    @property
    def models(self) -> tuple[Recommender, ...]:
        """All parts, unfitted."""
        return self.named

    @property
    def mixed(self) -> MixtureScorer:
        """What answers."""
        assert isinstance(self.scorer, MixtureScorer)
        return self.scorer

    @property
    def pool(self) -> Pool:
        """The fitted parts."""
        return self.mixed.pool

    @property
    def instead(self) -> str:  # type: ignore[override]
        """What to do where it does not fit into memory: the advice of the first part that has its
        own.
        """
        return next(
            (part.instead for part in self.models if part.instead != Recommender.instead),
            Recommender.instead,
        )

    def required(self) -> frozenset[Need]:
        return self.needs.union(*(part.required() for part in self.models))

    def check_needs(self, train: Interactions, content: ItemContent | None) -> None:
        """Refuse data that lack what a part needs."""
        super().check_needs(train, content)
        for part in self.models:
            part.check_needs(train, content)

    def cost(self, train: Interactions) -> Cost:
        costs = [part.cost(train) for part in self.models]
        return Cost(
            bytes=sum(cost.bytes for cost in costs), seconds=sum(cost.seconds for cost in costs)
        )

    def fit_over(
        self,
        fitted: Sequence[Recommender],
        train: Interactions,
        content: ItemContent | None = None,
        *,
        rng: Seed = None,
    ) -> Self:
        """What `fit` makes, where some parts are already fitted on this very log: these are used
        as they are, the others are fitted.
        """
        object.__setattr__(self, "_fitted", {part.label: part for part in fitted})
        try:
            return self.fit(train, content, rng=rng)
        finally:
            object.__delattr__(self, "_fitted")

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        # the same seed for all parts, so that adding a part does not change the draws of others
        seed = int(rng.integers(2**32))
        learned = dict(self._learn(train, content, seed))
        ready: Mapping[str, Recommender] = self.__dict__.get("_fitted", {})
        for number, part in enumerate(self.models):
            state = (
                ready[part.label].state
                if part.label in ready
                else part.sharing().fit(train, content, rng=seed).state
            )
            learned |= {
                f"{number}/{key}": value for key, value in state.items() if key != "popularity"
            }
        return learned

    @abstractmethod
    def _learn(
        self, train: Interactions, content: ItemContent | None, seed: int
    ) -> Mapping[str, Array]:
        """What the mixture learns in addition to its parts, from an inner hold-out of the log."""

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        for number, part in enumerate(self.models):
            wrong = part.check_state(
                {**_arrays_of(state, number), "popularity": state["popularity"]}, items
            )
            if wrong is not None:
                return f"of the part {part.label!r}, {wrong}"
        return self._check_learned(state, items)

    def _check_learned(self, state: Mapping[str, Array], items: int) -> str | None:
        return None

    def _pool_of(self, state: Mapping[str, Array]) -> Pool:
        """The parts with their arrays. They need the items by id, so `_serve` of a mixture works
        once these are known: from `_restore` on.
        """
        arrays = [
            {**_arrays_of(state, number), "popularity": state["popularity"]}
            for number in range(len(self.models))
        ]
        return Pool(fitted_parts(self.models, arrays, self.item_vocabulary), self.candidates)

    # ---- answering

    def _in_own_codes(self, histories: Interactions) -> Interactions:
        known = super()._in_own_codes(histories)
        for part in self.pool.parts:
            part._in_own_codes(known)  # for what it refuses, and the notes that it may send
        return known

    # ---- similar items and explanations

    @property
    def has_similarities(self) -> bool:  # type: ignore[override]
        """Whether a part has a similarity: of a fitted mixture a part that contributes, before that
        any part.
        """
        numbers = (
            [number for number, _ in self.mixed.contributing]
            if self.is_fitted
            else range(len(self.models))
        )
        return any(self.models[number].has_similarities for number in numbers)

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` most similar items to each of these: the parts' similarities, each list scaled to
        length 1, weighted and added up.
        """
        fitted = self._as_it_is()
        check_k(k, len(fitted.item_vocabulary))
        item_ids = pl.Series(listed(items))
        size = max(k, fitted.candidates)
        found: list[tuple[float, Recommendations]] = []
        for number, weight in fitted.mixed.contributing:
            try:
                found.append((weight, fitted.pool.parts[number].similar_items(item_ids, size)))
            except Unsuitable:
                continue
        if not found:
            raise Unsuitable(
                f"No part of {fitted.label!r} has a similarity of items.",
                "Name one that has, such as 'cosine', among the parts.",
            )
        starts, codes, ranks = union(np.stack([lists.items for _, lists in found]))
        nothing = np.zeros(len(codes), np.int32)
        own = [
            scores_in(lists.scores, starts, at) for (_, lists), at in zip(found, ranks, strict=True)
        ]
        lengths, counts = (
            np.stack([of(lists.scores) for _, lists in found]) for of in (lengths_of, counts_of)
        )
        scaled = Proposals(starts, codes, nothing, np.stack(own), lengths, counts).scaled()
        total = sum(weight * part for (weight, _), part in zip(found, scaled, strict=True))
        best, scores = best_of(starts, codes, np.asarray(total, np.float32), k)
        vocabulary = fitted.item_vocabulary
        return Recommendations(
            vocabulary.codes(item_ids), best, scores, vocabulary, vocabulary, key=TARGET
        )

    def explain(
        self, history: Interactions, item: Any, user: Any = None, *, repeats: Repeats = "allow"
    ) -> pl.DataFrame:
        """What each item of the history adds to the score of `item`: item_id, contribution, part;
        descending.

        The contributions sum to the score that `recommend` gives with the same `repeats`, among all
        items, in lists no longer than the parts' own (`candidates`). A contribution that is of no
        item has no item_id.
        """
        fitted = self._as_it_is()
        code = int(requested_items(fitted.item_vocabulary, [item])[0])
        users = requested_user(history, user)
        log, scorer = fitted._in_own_codes(history), fitted.mixed
        if log.unwanted is not None:
            scorer = scorer.without(log.unwanted.of_users(log, users))
        return scorer.explained(log, users, code, repeats, fitted.item_vocabulary)


@dataclass(frozen=True, eq=False)
class MixtureScorer(Scorer):
    """Lists of what the parts propose, joined as the mixture does it."""

    pool: Pool

    @property
    def contributing(self) -> list[tuple[int, float]]:
        """Numbers of the parts that contribute, and their weights."""
        return [(number, 1.0) for number in range(len(self.pool.parts))]

    @property
    def reader(self) -> Reader:
        return self.pool

    def scores(self, histories: Histories) -> Array:
        """Scores [users, items]; −∞ for what no part proposes. Every part lists all items here, so
        scales differ from those of short lists.
        """
        items = len(self.pool.parts[0].item_vocabulary)
        lists, best = self.lists(histories, items, "allow", None)
        scores = np.full((len(histories), items), -np.inf, np.float32)
        rows, slots = np.nonzero(lists >= 0)
        scores[rows, lists[rows, slots]] = best[rows, slots]
        return scores

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return at_cells(self.scores(histories), targets)

    def row_cells(self, k: int) -> int:
        return self.pool.row_cells(k)

    def reusing(self, other: Scorer) -> Scorer:
        """This scorer with the parts of another one, which have learned the same."""
        if not isinstance(other, MixtureScorer):
            return self
        return replace(self, pool=replace(other.pool, size=self.pool.size))

    def without(self, unwanted: Ragged) -> Self:
        """This scorer with parts that do not list such items: they weigh in no scale and no rank,
        as if they were excluded for these users.
        """
        return replace(self, pool=replace(self.pool, unwanted=unwanted))

    def derived(self) -> Sequence[Array]:
        return [array for part in self.pool.parts for array in part.scorer.derived()]

    def while_answering(self) -> AbstractContextManager[object]:
        """What the parts need once around all blocks of a request."""
        return self.pool.while_answering()

    def wrong(self, items: int) -> str | None:
        faults = (part.scorer.wrong(items) for part in self.pool.parts)
        return next((fault for fault in faults if fault is not None), None)

    @abstractmethod
    def explained(
        self, log: Interactions, users: Codes, code: int, repeats: Repeats, items: Vocabulary
    ) -> pl.DataFrame:
        """What contributes to the score of one item for the only user: item_id, contribution,
        part; descending.
        """


def _arrays_of(state: Mapping[str, Array], number: int) -> dict[str, Array]:
    """The arrays of one part under its own names."""
    return {
        key.removeprefix(f"{number}/"): value
        for key, value in state.items()
        if key.startswith(f"{number}/")
    }
