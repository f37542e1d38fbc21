"""Popularity: the same list for all users; and random lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from spadework import durations
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels import hashing
from spadework.kernels.ranking import random_orders
from spadework.kernels.ranking.row_choice import Choice
from spadework.models.base import Recommender
from spadework.models.checks import ITEMS, Form, Forms, are_codes, are_numbers
from spadework.models.common_list import SameForAll
from spadework.models.histories import Histories
from spadework.models.needs import Need, Repeats
from spadework.models.parameters import Doc, Duration
from spadework.models.scorer import AllScores, Scorer
from spadework.ragged import SparseRows

_PART = 1 << 20
"""Rows that are weighed at once: of a mapped log no more comes into memory."""


class Popular(Recommender):
    """Items by their number of events: of all time, in a last window, or decayed by half-life.

    Decay and window end where the training log does; a few stray rows far behind all others do
    not move its end. O(rows).
    """

    name = "popular"
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 7d; none: all of it."),
    ] = None
    half_life: Annotated[
        str | None, Duration(), Doc("An event this much older counts half, such as 30d.")
    ] = None

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        windows = [{"window": span} for span in ("7d", "1d", "30d", "90d")]
        return [{}, *windows, *({"half_life": span} for span in ("7d", "30d", "90d"))]

    def required(self) -> frozenset[Need]:
        return frozenset({"times"}) if self.window or self.half_life else frozenset()

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {"scores": event_weights_by_item(train, self.window, self.half_life)}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {"scores": Form("float64", (ITEMS,))}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        scores = state["scores"]
        return SameForAll(np.where(scores > 0, scores, -np.inf).astype(np.float32))


class PopularByCategory(Recommender):
    """Popular items of the categories in the history, each category by its share of the history.

    The category is the first category column of the item table. O(rows).
    """

    name = "popular_by_category"
    needs: ClassVar[frozenset[Need]] = frozenset({"categories"})
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 7d; none: all of it."),
    ] = None
    half_life: Annotated[
        str | None, Duration(), Doc("An event this much older counts half, such as 30d.")
    ] = None

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"window": "7d"}, {"half_life": "30d"}]

    def required(self) -> frozenset[Need]:
        return self.needs | {"times"} if self.window or self.half_life else self.needs

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        assert content is not None
        return self.state_of(event_weights_by_item(train, self.window, self.half_life), content)

    def state_of(self, scores: Array, content: ItemContent) -> Mapping[str, Array]:
        """What a fit learns, from the events of items [items], and the table of these items."""
        codes, names = content.category_codes()
        totals = np.bincount(codes[codes >= 0], weights=scores[codes >= 0], minlength=len(names))
        share = np.where(codes >= 0, scores / np.maximum(totals, 1e-12)[codes], 0.0)
        return {"category": codes, "share": share, "categories": np.asarray([len(names)])}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {
            "category": Form("int32", (ITEMS,)),
            "share": Form("float64", (ITEMS,)),
            "categories": Form("int64", (1,)),
        }

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return CategoryScorer(state["category"], state["share"], state["categories"])


@dataclass(frozen=True, eq=False)
class CategoryScorer(AllScores):
    """The share of an item in its category, times the events of the history in that category."""

    category: Codes  # [items] −1: none
    share: Array  # [items] float64
    categories: Array  # [1] number of categories

    @property
    def items(self) -> int:
        return len(self.category)

    def scores(self, histories: Histories) -> Array:
        rows = histories.owners
        own = self.category[histories.items]
        known = own >= 0
        taste = np.zeros((len(histories), int(self.categories[0]) + 1))
        np.add.at(taste, (rows[known], own[known]), histories.counts[known])
        # category −1 reads the spare last column, which is zero
        scores = taste[:, self.category] * self.share
        return np.where(scores > 0, scores, -np.inf).astype(np.float32)

    def wrong(self, items: int) -> str | None:
        if self.categories.shape != (1,) or self.categories.dtype.kind != "i":
            return "there is no number of categories"
        if not 0 <= self.categories[0] <= items:
            return "there are more categories than items"
        fit = are_codes(self.category, int(self.categories[0]), least=-1)
        if not fit or len(self.category) != items or not are_numbers(self.share, (items,)):
            return "the categories do not fit the items"
        shares = bool(((self.share >= 0) & (self.share <= 1.001)).all())
        return None if shares else "a share of a category is not between 0 and 1"


class Random(Recommender):
    """Random lists: the floor that every model has to beat. The draw depends on the user's history,
    not on the order of users.

    Each history has an order of all items of its own, of which only the head is computed:
    O(history + k) a user, however large the catalogue is; where few items are allowed, more.
    """

    name = "random"

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {"salt": rng.integers(0, 2**63, train.item_count, dtype=np.uint64)}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {"salt": Form("uint64", (ITEMS,))}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return RandomScorer(state["salt"])


@dataclass(frozen=True, eq=False)
class RandomScorer(Scorer):
    """An order of all items for each history, drawn from `salt` [items] and the history."""

    salt: Array

    def scores(self, histories: Histories) -> Array:
        rows, items = np.arange(len(histories))[:, None], np.arange(len(self.salt))[None, :]
        return random_orders.scores_of(self._walks(histories), rows, items)

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        rows = targets.owners
        return random_orders.scores_of(self._walks(histories), rows, targets.columns)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        choice = Choice.of(histories.starts, histories.items, repeats, allowed)
        return random_orders.draw(self._walks(histories), len(self.salt), choice, k)

    def row_cells(self, k: int) -> int:
        return k

    def wrong(self, items: int) -> str | None:
        fits = self.salt.shape == (items,) and self.salt.dtype == np.uint64
        return None if fits else "the random numbers do not fit the items"

    def _walks(self, histories: Histories) -> random_orders.Walks:
        # so that users without a history, too, get lists that depend on the seed
        own = np.full(len(histories), np.bitwise_xor.reduce(self.salt), np.uint64)
        rows = histories.owners
        counts = histories.counts.astype(np.uint64)
        np.bitwise_xor.at(own, rows, hashing.mixed(self.salt[histories.items] + counts))
        return random_orders.walks(own, random_orders.prime_from(len(self.salt)))


def event_weights_by_item(train: Interactions, window: str | None, half_life: str | None) -> Array:
    """Number of events of each item, within the window, each halved per half-life of age. Shape
    [items], float64.
    """
    if train.times is None:
        return train.item_counts.astype(np.float64)
    scores = np.zeros(train.item_count)
    for begin in range(0, len(train), _PART):
        part = slice(begin, begin + _PART)
        ages = np.maximum(train.end - train.times[part], 0).astype(np.float64)  # stray rows are new
        weights = np.ones(len(ages)) if half_life is None else _halved(ages, half_life)
        if window is not None:
            weights *= ages < durations.seconds(window, "window")
        # one row after the other, so that the parts do not change the last bit of a sum
        np.add.at(scores, train.items[part], weights)
    return scores


def _halved(ages: Array, half_life: str) -> Array:
    return np.asarray(0.5 ** (ages / durations.seconds(half_life, "half_life")))
