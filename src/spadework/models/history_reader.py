"""How a history is read: which of its items count, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np

from spadework import durations
from spadework.arrays import Array
from spadework.models.base import Recommender
from spadework.models.histories import DistinctItems, Histories
from spadework.models.needs import Need
from spadework.models.parameters import Doc, Duration, Range, Search
from spadework.models.scorer import Reader

READING = frozenset({"history", "history_half_life", "last", "repeated"})
"""Parameters of reading a history: they change the answers and nothing that is learned."""


class Reading(Protocol):
    """How a scorer reads: what of a user's events, and with which weights."""

    @property
    def reader(self) -> Reader:
        """What is read of a user."""

    def weighted(self, histories: Histories) -> tuple[Histories, Array]:
        """The history items that count, and the weight of each: float32 [entries]."""


@dataclass(frozen=True)
class HistoryWeights:
    """The weight of a history item: history^steps · 2^(−seconds / half_life), steps and seconds
    before the user's last event, times what `repeated` says; the newest `last` items alone count.
    """

    history: float = 1.0
    half_life: float | None = None  # seconds
    last: int | None = None
    repeated: Literal["once", "count", "value"] = "once"

    @property
    def reader(self) -> DistinctItems:
        """Distinct items; values decay event by event."""
        return DistinctItems(self.half_life if self.repeated == "value" else None)

    def weighted(self, histories: Histories) -> tuple[Histories, Array]:
        """The history items that count, and the weight of each: float32 [entries]."""
        recent = histories if self.last is None else histories.latest(self.last)
        weights: Array = np.float32(self.history) ** recent.ages.astype(np.float32)
        if self.repeated == "count":
            weights = weights * recent.counts
        elif self.repeated == "value":
            weights = weights * recent.values
        # values are decayed event by event already
        if self.half_life is not None and self.repeated != "value":
            weights = weights * np.exp2(-(recent.seconds / self.half_life)).astype(np.float32)
        return recent, np.asarray(weights, np.float32)


class HistoryReader(Recommender):
    """The parameters of reading a history, for models whose score is a sum over history items.
    Their scorers also know which items are similar, and what each history item contributes.
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
    has_similarities: ClassVar[bool] = True

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        default = cls.parameters()["history"].default
        return [{}, *({"history": value} for value in (1.0, 0.9, 0.7, 0.5) if value != default)]

    def required(self) -> frozenset[Need]:
        timed = self.history < 1 or self.history_half_life is not None or self.last is not None
        return self.needs | ({"times"} if timed else frozenset())

    @property
    def reading(self) -> HistoryWeights:
        """The parameters as a value that scorers read with."""
        half_life = (
            None
            if self.history_half_life is None
            else durations.seconds(self.history_half_life, "history_half_life")
        )
        return HistoryWeights(self.history, half_life, self.last, self.repeated)
