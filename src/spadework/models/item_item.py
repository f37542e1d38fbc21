"""A sparse table of similarities from history item to recommended item, and how a history is read with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl

from spadework import durations
from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels import ranking, scoring
from spadework.models.base import Histories, Need, Recommender, Repeats
from spadework.models.needs import check_k, listed
from spadework.models.parameters import Doc, Duration, Range
from spadework.models.recommendations import Recommendations

ANSWERING = frozenset({"history", "history_half_life", "last", "repeated", "aggregate"})


class ItemItem(Recommender):
    """A sparse table of similarities; the score of an item is what the history's items say of it together."""

    history: Annotated[
        float, Range(0.01, 1.0), Doc("Weight of an item taken n moments before the last one: history^n; 1 treats all alike.")
    ] = 1.0
    history_half_life: Annotated[
        str | None, Duration(), Doc("Time before the user's last event after which a history item counts half; none treats all alike.")
    ] = None
    last: Annotated[int | None, Range(1, 100_000), Doc("Only so many of the newest distinct items of the history speak; none: all.")] = None
    repeated: Annotated[
        Literal["once", "count", "value"], Doc("A history item counts once, as often as it was taken, or the sum of its weights.")
    ] = "once"
    aggregate: Annotated[
        Literal["sum", "max", "noisy-or"], Doc("How the votes of history items join: their sum, the largest, or 1 − Π (1 − vote).")
    ] = "sum"
    keep: Annotated[int, Range(1, 100_000), Doc("Similarities kept per history item.")] = 1000

    answering: ClassVar[frozenset[str]] = ANSWERING

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        default = cls.parameters()["history"].default
        return [{}, *({"history": value} for value in (1.0, 0.9, 0.7, 0.5) if value != default)]

    def required(self) -> frozenset[Need]:
        timed = self.history < 1 or self.history_half_life is not None or self.last is not None
        return self.needs | ({"times"} if timed else frozenset())

    # ---- reading a history

    def _histories(self, log: Interactions, users: Codes) -> Histories:
        half_life = None if self.history_half_life is None else durations.seconds(self.history_half_life, "history_half_life")
        return Histories.of(log, users, half_life=half_life if self.repeated == "value" else None)

    def _votes(self, histories: Histories) -> tuple[Histories, Array]:
        """The history items that speak, and the weight of each."""
        told = histories if self.last is None else histories.newest(self.last)
        weights: Array = np.float32(self.history) ** told.ages.astype(np.float32)
        if self.repeated == "count":
            weights = weights * told.counts
        elif self.repeated == "value":
            weights = weights * told.values
        if self.history_half_life is not None and self.repeated != "value":  # values are decayed event by event already
            seconds = durations.seconds(self.history_half_life, "history_half_life")
            weights = weights * np.exp2(-(told.seconds / seconds)).astype(np.float32)
        return told, np.asarray(weights, np.float32)

    def _rows(self, histories: Histories) -> tuple[scoring.Rows, scoring.Rows]:
        told, weights = self._votes(histories)
        table = self.state
        return scoring.Rows(told.starts, told.items, weights), scoring.Rows(table["starts"], table["columns"], table["values"])

    def _score(self, histories: Histories) -> Array:
        lists, table = self._rows(histories)
        return scoring.score_rows(lists, table, len(self.item_vocabulary), self.aggregate)

    def _lists(self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None) -> tuple[Codes, Array]:
        lists, table = self._rows(block)
        seen = None if repeats == "allow" else (block.starts, block.items)
        return scoring.recommend_rows(
            lists, table, len(self.item_vocabulary), k, aggregate=self.aggregate, seen=seen, only=repeats == "only", allowed=allowed
        )

    def _row_cells(self, k: int) -> int:
        return k

    # ---- the table itself

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        starts, columns, values = state["starts"], state["columns"], state["values"]
        if len(starts) != items + 1 or starts[0] != 0 or starts[-1] != len(columns) or (np.diff(starts) < 0).any():
            return "row starts do not fit the table"
        if len(columns) != len(values) or (len(columns) and (columns.min() < 0 or columns.max() >= items)):
            return "the table names items that are not there"
        return None

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` most similar items to each of these; padding where fewer are known."""
        check_k(k)
        asked = pl.Series(listed(items))
        codes = self.item_vocabulary.codes(asked)
        if (codes < 0).any():
            missing = asked[int(np.flatnonzero(codes < 0)[0])]
            raise BadRequest(f"Item {missing!r} is not in the log that the model learned from.", "Check the id; numbers and text differ.")
        found, best = ranking.nothing(len(codes), k)
        table, row_scores = self.state, np.empty((1, len(self.item_vocabulary)), np.float32)
        for row, code in enumerate(codes):
            cells = slice(table["starts"][code], table["starts"][code + 1])
            row_scores.fill(-np.inf)
            row_scores[0, table["columns"][cells]] = table["values"][cells]
            found[row], best[row] = (part[0] for part in ranking.top_k(row_scores, k))
        return Recommendations(
            users=codes, items=found, scores=best, user_vocabulary=self.item_vocabulary, item_vocabulary=self.item_vocabulary
        )

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """What each item of the user's history adds to the score of `item`: item_id, contribution, descending.

        `user` is an id; it may be left out where the history is of one user. With another aggregate than the sum, the contribution is the
        vote of each item before they join.
        """
        code = int(self.item_vocabulary.codes([item])[0])
        if code < 0:
            raise BadRequest(f"Item {item!r} is not in the log that the model learned from.", "Check the id; numbers and text differ.")
        users = history.active_users if user is None else history.user_vocabulary.codes([user])
        if len(users) != 1 or users[0] < 0:
            told = f"There is no user {user!r} in the history." if user is not None else f"The history is of {len(users)} users."
            raise BadRequest(told, "Name one with user=.")
        own, weights = self._votes(self._histories(self._in_own_codes(history), users))
        table = self.state
        parts = []
        for source, weight in zip(own.items, weights, strict=True):
            cells = slice(table["starts"][source], table["starts"][source + 1])
            found = table["values"][cells][table["columns"][cells] == code]
            parts.append(float(found[0]) * float(weight) if len(found) else 0.0)
        frame = pl.DataFrame({**self._named(own.items), "contribution": pl.Series(parts, dtype=pl.Float64)})
        return frame.sort("contribution", descending=True, maintain_order=True)

    def _named(self, sources: Codes) -> dict[str, pl.Series]:
        """What the rows of the table stand for, in columns."""
        return {"item_id": self.item_vocabulary.take(sources)}
