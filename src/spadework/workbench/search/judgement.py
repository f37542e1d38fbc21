"""What one setting reached on one sample of users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spadework.arrays import Array
from spadework.errors import SpadeworkError
from spadework.evaluation.trial import Score
from spadework.models.base import Recommender

NOVEL = "new items: "
"""Prefix of the values of lists without the history, judged on items that users had not had before.
The values of the deciding metric have no prefix.
"""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a setting reached on a rung."""

    setting: Recommender  # not fitted
    rung: int
    rows: Array  # rows of the truth
    score: Score
    primary: str
    seconds: float = 0.0  # of fitting (its share where fitted with others) and of answering

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
        """The mean over users, which ranks it; −∞ without a number."""
        return (
            float(np.nanmean(self.values))
            if self.reason is None and len(self.values)
            else float("-inf")
        )

    @property
    def novel_mean(self) -> float:
        """The mean of lists without the history on new items; −∞ where these were not judged."""
        found = self.score.values.get(NOVEL + self.primary)
        return float("-inf") if found is None or np.isnan(found).all() else float(np.nanmean(found))


def why(error: Exception) -> str:
    """The reason that is shown for a setting without a number."""
    if isinstance(error, SpadeworkError):
        return error.message
    return (
        "The system had no memory left."
        if isinstance(error, MemoryError)
        else f"{type(error).__name__}: {error}"
    )


def row_of(result: Judgement) -> dict[str, Any]:
    """A judgement for those who watch."""
    done = result.reason is None and len(result.values) > 0
    return {
        "label": result.score.label,
        "model": result.score.model,
        "state": result.score.state,
        "reason": result.reason or "",
        "metric": result.primary,
        "value": round(result.mean, 6) if done else None,
        "users": len(result.rows),
        "seconds": round(result.seconds, 3),
    }


def bare(setting: Recommender) -> Recommender:
    """An unfitted copy, so that the fitted arrays can be freed."""
    return type(setting)(**setting.params)


def best(found: Sequence[Judgement], count: int | None = None) -> list[Judgement]:
    """Judgements that have a number, the best first; ties go by label."""
    return sorted(
        (result for result in found if result.reason is None),
        key=lambda result: (-result.mean, result.setting.label),
    )[:count]
