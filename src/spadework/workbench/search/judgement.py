"""What one setting reached on one sample of users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array
from spadework.errors import SpadeworkError
from spadework.evaluation.trial import Score
from spadework.models.base import Recommender

NOVEL = "new items: "
"""How the values are named, beside those of the metric that decides, that lists without the history
reach of what users had not had before.
"""


@dataclass(frozen=True, eq=False)
class Judgement:
    """A setting on a rung."""

    one: Recommender  # has learned nothing
    rung: int
    rows: Array  # rows of the truth
    score: Score
    primary: str
    seconds: float = 0.0  # of fitting it, alone or its part among others, and of answering

    @property
    def reason(self) -> str | None:
        """Why it has no number; None where it has one."""
        return None if self.score.state == "done" else self.score.reason or self.score.state

    @property
    def values(self) -> Array:
        """The deciding metric of each user [rows]; empty without a number."""
        return (
            self.score.values[self.primary]
            if self.score.state == "done"
            else np.zeros(0, np.float32)
        )

    @property
    def mean(self) -> float:
        """What it is ranked by."""
        return (
            float(np.nanmean(self.values))
            if self.reason is None and len(self.values)
            else float("-inf")
        )

    @property
    def novel_mean(self) -> float:
        """What its lists without the history reach of new items; −∞ where that was not asked."""
        found = self.score.values.get(NOVEL + self.primary)
        return float("-inf") if found is None or np.isnan(found).all() else float(np.nanmean(found))


def why(error: Exception) -> str:
    """What is told of a setting that has no number."""
    if isinstance(error, SpadeworkError):
        return error.message
    return (
        "The system had no memory left."
        if isinstance(error, MemoryError)
        else f"{type(error).__name__}: {error}"
    )


def bare(one: Recommender) -> Recommender:
    """A copy that learned nothing, so that what was learned can go."""
    return type(one)(**one.params)


def best(found: Sequence[Judgement], count: int | None = None) -> list[Judgement]:
    """The best of those that have a number; ties go by label."""
    return sorted(
        (result for result in found if result.reason is None),
        key=lambda result: (-result.mean, result.one.label),
    )[:count]
