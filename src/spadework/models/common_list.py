"""A list that is the same for all users: ranked once, then completed row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.sparse_rows import SparseRows
from spadework.models.histories import Histories
from spadework.models.needs import Repeats
from spadework.models.scorer import Scorer


@dataclass(frozen=True, eq=False)
class CommonList:
    """Scores that are the same for all users, ranked once."""

    scores: Array  # [items]
    order: Codes  # items by descending score

    @classmethod
    def of(cls, scores: Array, allowed: Mask | None) -> CommonList:
        """Rank scores [items], of the allowed items only."""
        masked = (
            scores if allowed is None else np.where(allowed, scores, -np.inf).astype(np.float32)
        )
        return cls(masked, top_k.order_of(masked))

    def complete(
        self, items: Codes, best: Array, histories: Histories, repeats: Repeats, *, below: bool
    ) -> None:
        """Fill the free slots of lists in place; `below` puts the scores of the filled slots below
        the list's own.
        """
        policy = {"forbid": repeats == "forbid", "only": repeats == "only"}
        top_k.complete(
            items,
            best,
            self.scores,
            self.order,
            histories.starts,
            histories.items,
            **policy,
            below=below,
        )


@dataclass(frozen=True, eq=False)
class SameForAll(Scorer):
    """Every user has the same scores [items] float32, −∞ where there is no evidence. They are
    ranked once for all blocks of a request.
    """

    common: Array
    _ranked: list[tuple[Mask | None, CommonList]] = field(default_factory=list, repr=False)

    def ranked(self, allowed: Mask | None) -> CommonList:
        """The list of the allowed items, which is kept until others are allowed."""
        for known, ranking in self._ranked:
            if known is allowed:
                return ranking
        ranking = CommonList.of(self.common, allowed)
        self._ranked[:] = [(allowed, ranking)]
        return ranking

    def scores(self, histories: Histories) -> Array:
        return np.tile(self.common, (len(histories), 1))

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return np.asarray(self.common[targets.columns])

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        items, best = top_k.nothing(len(histories), k)
        self.ranked(allowed).complete(items, best, histories, repeats, below=False)
        return items, best

    def row_cells(self, k: int) -> int:
        return k
