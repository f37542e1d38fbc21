"""Models that score few items of each user: sparse rows of scores, and the answers made of them."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.repeats import told_apart
from spadework.kernels.scoring import Rows
from spadework.kernels.union import best_of, located
from spadework.models.base import Histories, Recommender, Repeats

NOTHING = np.float32(-np.inf)


class FewItems(Recommender):
    """The author of a model writes `_rows`: items with evidence alone, so a list costs as much as what is in them."""

    def _lists(self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None) -> tuple[Codes, Array]:
        rows = self._told_apart(block)
        scores = rows.values
        if repeats != "allow":
            own = located(rows.starts, rows.columns, block.starts, block.items) >= 0
            scores = np.where(own == (repeats == "only"), scores, NOTHING)
        if allowed is not None:
            scores = np.where(allowed[rows.columns], scores, NOTHING)
        return best_of(rows.starts, rows.columns, scores, k)

    def _score(self, histories: Histories) -> Array:
        rows = self._told_apart(histories)
        scores = np.full((len(histories), len(self.item_vocabulary)), NOTHING)
        scores[np.repeat(np.arange(len(histories)), np.diff(rows.starts)), rows.columns] = rows.values
        return scores

    def _score_cells(self, histories: Histories, asked: Rows) -> Array:
        rows = self._told_apart(histories)
        place = located(asked.starts, asked.columns, rows.starts, rows.columns)
        return np.where(place >= 0, np.append(rows.values, NOTHING)[place], NOTHING)

    def _told_apart(self, histories: Histories) -> Rows:
        """Rows of scores in float32 that keep the order of those in float64: a faint vote decides where own purchases tie."""
        rows = self._rows(histories)
        return Rows(rows.starts, rows.columns, told_apart(rows.starts, rows.values, -rows.columns))

    @abstractmethod
    def _rows(self, histories: Histories) -> Rows:
        """Scores of the items with evidence: rows [users] of distinct items, ascending; values above zero, float64."""
