"""Models whose vector of a user is made from the weighted items of the history."""

from __future__ import annotations

from spadework.arrays import Array
from spadework.models.factors.vectors import Vectors
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryReader


class Factors(Vectors, HistoryReader):
    """The reading of a history (which items count, with what weight) joined with scores that are
    products of vectors.
    """

    def _weighted_histories(self, histories: Histories) -> tuple[Histories, Array]:
        return HistoryReader._weighted_histories(self, histories)
