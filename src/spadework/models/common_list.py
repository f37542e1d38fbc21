"""A list that is the same for all users: ranked once, then completed row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import top_k
from spadework.models.histories import Histories
from spadework.models.needs import Repeats


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
