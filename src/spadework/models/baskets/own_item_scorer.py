"""Items of the history by a score of their own, all others by one that is the same for all
users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import own_items, top_k
from spadework.kernels.ranking.candidate_union import located
from spadework.models.baskets.purchases import Baskets, Purchases
from spadework.models.checks import are_numbers
from spadework.models.common_list import SameForAll
from spadework.models.histories import Histories
from spadework.models.needs import Repeats
from spadework.models.parameters import Doc
from spadework.models.scorer import Contributions, Reader, Scorer
from spadework.ragged import SparseRows

NOTHING = np.float32(-np.inf)

Ties: TypeAlias = Annotated[
    Literal["popular", "recent", "first"],
    Doc(
        "Of own items with equal scores, first comes the more popular one, the one bought "
        "later, or the one bought first."
    ),
]


def number_of_baskets(purchases: Purchases) -> Array:
    """The baskets with each own item: float64 [entries]."""
    return np.diff(purchases.visits).astype(np.float64)


@dataclass(frozen=True, eq=False)
class OwnItems(Scorer):
    """Own items have the score that a function gives them, their popularity included; other items
    that of `others`, or none.
    """

    popularity: Array  # [items] events, which decide between equal scores
    own: Callable[[Purchases], Array]  # float64 [entries]
    others: SameForAll | None = None
    ties: Literal["popular", "recent", "first"] = "popular"
    adds: bool = False  # whether the score of `others` is part of the score of own items, too

    @property
    def reader(self) -> Reader:
        return Baskets()

    def scores(self, histories: Histories) -> Array:
        if self.others is None:
            scores = np.full((len(histories), len(self.popularity)), NOTHING)
        else:
            scores = self.others.scores(histories)
        rows = histories.owners
        scores[rows, histories.items] = self._without_ties(histories)
        return scores

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        if self.others is None:
            scores = np.full(len(targets.columns), NOTHING)
        else:
            scores = self.others.cells(histories, targets)
        if not len(histories.items):
            return scores
        position = located(targets.starts, targets.columns, histories.starts, histories.items)
        return np.where(position >= 0, self._without_ties(histories)[position], scores)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        own = top_k.nothing(len(histories), k)
        if repeats != "forbid":
            scores = self._without_ties(histories)
            own = own_items.best_own(histories.starts, histories.items, scores, k, allowed)
        if repeats == "only" or self.others is None:
            return own
        return top_k.merge(*own, *self.others.lists(histories, k, "forbid", allowed))

    def from_history(self, items: Codes, history: Codes) -> Mask:
        """Own items; the others are best sellers."""
        return np.isin(items, history)

    def row_cells(self, k: int) -> int:
        return 4 * k

    def derived(self) -> Sequence[Array]:
        return () if self.others is None else self.others.derived()

    def wrong(self, items: int) -> str | None:
        if not are_numbers(self.popularity, (items,)):
            return "the counts of items do not fit the items"
        return None if self.others is None else self.others.wrong(items)

    def contributions(self, histories: Histories, code: int) -> Contributions:
        """What the user's own purchases of the item add to its score, and what its popularity
        adds.
        """
        cell = SparseRows(np.asarray([0, 1]), np.asarray([code], np.int32), np.empty(0, np.float32))
        score = float(self.cells(histories, cell)[0])
        is_own = bool((histories.items == code).any())
        popular = 0.0
        if self.others is not None and (self.adds or not is_own):
            popular = max(float(self.others.common[code]), 0.0)
        entries = [(code, score - popular)] if is_own else []
        entries += [(-1, popular)] if popular else []
        items, values = zip(*entries, strict=True) if entries else ((), ())
        return Contributions(np.asarray(items, np.int32), np.asarray(values, np.float64))

    def _without_ties(self, histories: Histories) -> Array:
        """Scores of own items, no two of a user the same: float32 [entries]."""
        assert isinstance(histories, Purchases)
        popular, codes = self.popularity[histories.items], -histories.items
        last = -histories.baskets_ago[histories.visits[1:] - 1]
        keys = {
            "popular": (popular, codes),
            "recent": (last, -histories.firsts),
            "first": (-histories.firsts,),
        }[self.ties]
        return own_items.break_ties(histories.starts, self.own(histories), *keys)
