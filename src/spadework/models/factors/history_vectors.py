"""Vectors of items, and a history whose items are weighed before they make the vector of a user."""

from __future__ import annotations

from spadework.arrays import Array
from spadework.models.factors.vectors import Vectors
from spadework.models.histories import Histories
from spadework.models.history_reader import HistoryReader


class Factors(Vectors, HistoryReader):
    """The reading of a history (which items speak, how loudly) joined to answers that are products
    of vectors.
    """

    def _votes(self, histories: Histories) -> tuple[Histories, Array]:
        return HistoryReader._votes(self, histories)
