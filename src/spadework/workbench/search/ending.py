"""The end of a dig is reserved: seconds to refit and judge the winner and the floor, to fit what is
kept on the whole log, and to write.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.workbench.search.costs import LEAST_USER, Costs

WRITING, A_USER, A_VALUE = 2.5, 3e-5, 4e-6
"""Seconds that board, examples, report and manifest take on any log, for each user of the test
span, and for each user and model: bootstraps.
"""
FLOOR_USER = 3e-5
"""Seconds that the floor takes for each user: what is popular is ranked once, and chance is
drawn.
"""
RESAMPLED = 20_000
"""Users from which on fewer resamples are drawn, so that more users take no longer."""
MODELS = 8
"""Models that are on the test span's board at least, more or less."""
BESIDE, COMPANIONS = 0.06, 0.1
"""Shares of the budget that are reserved for others than the winner on the test span, and, at most,
for models that are kept beside it.
"""
SLACK = 1.2
"""Forecasts are off by so much at times; what is reserved must suffice."""


@dataclass
class Ending:
    """What the end will take."""

    costs: Costs
    final: Protocol  # of the test span
    log: Interactions
    budget: float
    # models that are kept beside the winner
    companions: list[Recommender] = field(default_factory=list)
    asking: float = 0.0  # seconds for questions that do not decide the verdict

    def seconds(self, winner: Recommender | None) -> float:
        """Seconds from the choice of a winner, who stands alone, to the manifest; of the rest where
        nothing was chosen yet.
        """
        users = len(self.final.truth.users)
        seconds = self.writing() + FLOOR_USER * users
        if winner is None:
            return seconds
        # A rate that nobody measured must not keep a model from its first trial: on a sample it
        # costs next to nothing to learn it.
        judged = self.costs.fit(winner, self.final.split.train) + self.costs.answer(
            winner, users, unknown=LEAST_USER
        )
        return seconds + SLACK * judged + self.keeping(winner)

    def keeping(self, one: Recommender) -> float:
        """Seconds to fit a model on the whole log, and to save it."""
        return SLACK * self.costs.fit(one, self.log)

    @property
    def company(self) -> float:
        """Seconds that are reserved for what stands beside the winner: models that are kept, others
        on the test span, and questions.

        Nothing that might win is given up for it.
        """
        beside = sum(
            self.keeping(one) for one in {one.label: one for one in self.companions}.values()
        )
        return BESIDE * self.budget + min(beside, COMPANIONS * self.budget) + self.asking

    def writing(self, models: int = MODELS) -> float:
        """Seconds to write board and report with so many models on the test span."""
        users = len(self.final.truth.users)
        seconds = WRITING + A_USER * users + A_VALUE * min(users, RESAMPLED) * models
        return seconds * min(max(self.costs.machine, 1.0), 2.0)

    def serving(self, kept: list[Recommender], models: int) -> float:
        """Seconds to fit what is kept on the whole log, and to write a board of so many models."""
        return self.writing(models) + sum(
            self.keeping(one) for one in {one.label: one for one in kept}.values()
        )
