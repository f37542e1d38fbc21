"""How a history is read: which of its items count, and with what weight; shared by every model
whose score is a sum over history items.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl

from spadework import durations
from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.histories import Histories
from spadework.models.needs import Need
from spadework.models.parameters import Doc, Duration, Range, Search
from spadework.models.recommendations import Recommendations
from spadework.models.requests import requested_items, requested_user
from spadework.models.similar_items import similar

READING = frozenset({"history", "history_half_life", "last", "repeated"})
"""Parameters of reading a history: they change the answers and nothing that is learned."""


class HistoryReader(Recommender):
    """Each item of the history counts with a weight; what it contributes to the score of an item is
    up to the model.

    The author of a model writes `_row` (what one history item contributes to all items) and
    `_contributions` (what each history item contributes to one item).
    """

    history: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.2, 1.0),
        Doc(
            "Weight of a history item n steps before the last one: history^n; 1 weighs all equally."
        ),
    ] = 1.0
    history_half_life: Annotated[
        str | None,
        Duration(),
        Doc(
            "Time before the user's last event after which a history item counts half; none "
            "weighs all equally."
        ),
    ] = None
    last: Annotated[
        int | None,
        Range(1, 100_000),
        Doc("Only so many of the newest distinct items of the history count; none: all."),
    ] = None
    repeated: Annotated[
        Literal["once", "count", "value"],
        Doc("A history item counts once, once an event, or the sum of its events' weights."),
    ] = "once"

    answering: ClassVar[frozenset[str]] = READING

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        default = cls.parameters()["history"].default
        return [{}, *({"history": value} for value in (1.0, 0.9, 0.7, 0.5) if value != default)]

    def required(self) -> frozenset[Need]:
        timed = self.history < 1 or self.history_half_life is not None or self.last is not None
        return self.needs | ({"times"} if timed else frozenset())

    def _histories(self, log: Interactions, users: Codes) -> Histories:
        half_life = (
            None
            if self.history_half_life is None
            else durations.seconds(self.history_half_life, "history_half_life")
        )
        return Histories.of(log, users, half_life=half_life if self.repeated == "value" else None)

    def _weighted_histories(self, histories: Histories) -> tuple[Histories, Array]:
        """The history items that count, and the weight of each: float32 [entries]."""
        recent = histories if self.last is None else histories.latest(self.last)
        weights: Array = np.float32(self.history) ** recent.ages.astype(np.float32)
        if self.repeated == "count":
            weights = weights * recent.counts
        elif self.repeated == "value":
            weights = weights * recent.values
        # values are decayed event by event already
        if self.history_half_life is not None and self.repeated != "value":
            seconds = durations.seconds(self.history_half_life, "history_half_life")
            weights = weights * np.exp2(-(recent.seconds / seconds)).astype(np.float32)
        return recent, np.asarray(weights, np.float32)

    # ---- questions of callers

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` most similar items to each of these; padding where fewer are known."""
        return similar(self._row, self.item_vocabulary, items, k)

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """What each item of the user's history adds to the score of `item`: item_id, contribution,
        descending.

        `user` is an id; it may be left out where the history is of one user. The contributions sum
        to the score, unless they are joined in another way than by their sum: then each is shown
        as it is before they join.
        """
        code, users = (
            int(requested_items(self.item_vocabulary, [item])[0]),
            requested_user(history, user),
        )
        recent, weights = self._weighted_histories(
            self._histories(self._in_own_codes(history), users)
        )
        parts = np.asarray(self._contributions(recent.items, weights, code), np.float64)
        frame = pl.DataFrame(
            {**self._named(recent.items), "contribution": pl.Series(parts, dtype=pl.Float64)}
        )
        return frame.sort("contribution", descending=True, maintain_order=True)

    def _named(self, sources: Codes) -> dict[str, pl.Series]:
        """The ids of the history items, as columns."""
        return {"item_id": self.item_vocabulary.take(sources)}

    # ---- what the author of a model writes

    @abstractmethod
    def _row(self, code: int) -> Array:
        """How similar every item is to this one, or its score from a history of this one alone:
        float32 [items]; −∞ where nothing is known.
        """

    @abstractmethod
    def _contributions(self, sources: Codes, weights: Array, code: int) -> Array:
        """What each history item adds to the score of item `code`: [sources], zero where it adds
        nothing.
        """
