"""Models that learn a sparse table of similarities from history item to recommended item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from spadework.arrays import Array
from spadework.models.checks import TABLE, Forms
from spadework.models.history_reader import READING, HistoryReader
from spadework.models.parameters import Doc, Range
from spadework.models.scorer import Scorer
from spadework.models.table_scorer import TableScorer

ANSWERING = READING | {"aggregate"}


class ItemItem(HistoryReader):
    """The parameters of models that learn `starts`, `columns` and `values` of a table, whose rows
    are history items; a `TableScorer` answers with it.
    """

    aggregate: Annotated[
        Literal["sum", "max", "noisy-or"],
        Doc(
            "How contributions of history items join: their sum, the largest, or 1 − Π (1 − each)."
        ),
    ] = "sum"
    keep: Annotated[int, Range(1, 100_000), Doc("Similarities kept per history item.")] = 1000

    answering: ClassVar[frozenset[str]] = ANSWERING

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return TABLE

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return TableScorer.of(state, self.reading, self.aggregate)
