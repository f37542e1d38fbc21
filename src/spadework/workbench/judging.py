"""One setting judged on a sample of users: what the sweep and the tuning have in common."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from spadework.arrays import Array
from spadework.errors import OutOfTime, SpadeworkError
from spadework.evaluation.trial import Protocol, Score, judge
from spadework.models.base import Recommender
from spadework.randomness import generator
from spadework.workbench.ledger import Ledger

FIRST_USERS = 600
"""Users of the first rung, at least; a quarter of all up to `MOST_USERS`."""
MOST_USERS = 2000
M = TypeVar("M", bound=Recommender)


@dataclass(frozen=True, eq=False)
class Judged(Generic[M]):
    """A setting, and the deciding metric of each user it was judged on."""

    one: M
    rows: Array  # rows of the truth
    values: Array  # [rows]
    seconds: float  # of fitting it among others, and of answering
    reason: str | None = None

    @property
    def mean(self) -> float:
        """What it is ranked by."""
        return float(np.nanmean(self.values)) if self.reason is None and len(self.values) else float("-inf")


@dataclass
class Sample:
    """A sample of the protocol's users, and what of it stands in the ledger."""

    protocol: Protocol  # among the rows
    rows: Array  # rows of the whole truth
    ledger: Ledger
    stage: str
    spent: float = 0.0  # seconds of what was judged, those of an earlier start included

    def known(self, one: M) -> Judged[M] | None:
        """What the ledger holds of a setting."""
        found = self.ledger.find(self._key(one))
        if found is None:
            return None
        self.spent += found[2]
        return Judged(one, self.rows, found[0].values[self.protocol.primary], found[2])

    def judge(self, one: M, fit_seconds: float) -> Judged[M]:
        """A fitted setting judged, and kept. Whatever goes wrong but time becomes a reason."""
        begun, part = time.monotonic(), self.protocol
        try:
            lists = one.recommend(part.split.given, part.k, repeats=part.repeats, users=part.truth.users)
            values, _ = judge(lists.items, part)
        except OutOfTime:
            raise
        except Exception as error:  # a model that breaks must not take the others with it
            return self.without(one, why(error))
        seconds = fit_seconds + time.monotonic() - begun
        self.spent += seconds
        score = Score(model=one.name, label=one.label, params=one.params, values={part.primary: values[part.primary]})
        self.ledger.keep(self._key(one), score, None, seconds, durable=False)
        return Judged(bare(one), self.rows, values[part.primary], seconds)

    def without(self, one: M, reason: str) -> Judged[M]:
        """A setting that has no number, and why."""
        return Judged(bare(one), self.rows, np.zeros(0, np.float32), 0.0, reason)

    def _key(self, one: Recommender) -> str:
        return self.ledger.key(one, self.protocol, f"{self.stage}{len(self.rows)}")


def why(error: Exception) -> str:
    """What is told of a setting that has no number."""
    if isinstance(error, SpadeworkError):
        return error.message
    return "The system had no memory left." if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"


def bare(one: M) -> M:
    """A copy that learned nothing, so that what was learned can go."""
    return type(one)(**one.params)


def best(found: Sequence[Judged[M]], count: int) -> list[Judged[M]]:
    """The best of those that have a number."""
    return sorted((result for result in found if result.reason is None), key=lambda result: (-result.mean, result.one.label))[:count]


def rungs_of(rows: Array, seed: int) -> list[Array]:
    """Nested samples of users, the second four times the first, ascending within each; one of all where there are few."""
    drawn = generator(seed, "sweep users").permutation(rows)
    size = int(np.clip(len(rows) // 4, FIRST_USERS, MOST_USERS))
    if len(rows) <= 2 * size:
        return [np.sort(drawn)]
    sizes = [size, min(4 * size, len(rows))]
    return [np.sort(drawn[:count]) for count in sizes]
