"""The end of a dig is reserved: seconds to refit and judge the winner and the floor, to fit what is kept on the whole log, and to write."""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.workbench.costs import LEAST_USER, Costs

WRITING, A_USER, A_VALUE = 2.5, 3e-5, 4e-6
"""Seconds that board, examples, report and manifest take on any log, for each user of the test span, and for each user and model: bootstraps."""
FLOOR_USER = 3e-5
"""Seconds that the floor takes for each user: what is popular is ranked once, and chance is drawn."""
RESAMPLED = 20_000
"""Users from which on fewer resamples are drawn, so that more users take no longer."""
MODELS = 8
"""Models that are on the test span's board at least, more or less."""
SLACK = 1.2
"""Forecasts are off by so much at times; what is reserved must suffice."""


@dataclass
class Ending:
    """What the end will take."""

    costs: Costs
    final: Protocol  # of the test span
    log: Interactions
    companions: list[Recommender] = field(default_factory=list)  # models that are kept beside the winner
    others: float = 0.0  # seconds for models on the test span that nobody takes, so that the winner does not stand there alone

    def seconds(self, winner: Recommender | None) -> float:
        """Seconds from the choice of a winner to the manifest; of the rest alone where nothing was chosen yet."""
        users = len(self.final.truth.users)
        judged = [winner] if winner is not None else []
        # A rate that nobody measured must not keep a model from its first trial: on a sample it costs next to nothing to learn it.
        kept = {one.label: one for one in [*self.companions, *([winner] if winner is not None else [])]}
        train = self.final.split.train
        seconds = sum(self.costs.fit(one, train) + self.costs.answer(one, users, unknown=LEAST_USER) for one in judged)
        return (
            self.others
            + self.writing()
            + FLOOR_USER * users
            + SLACK * (seconds + sum(self.costs.fit(one, self.log) for one in kept.values()))
        )

    def writing(self, models: int = MODELS) -> float:
        """Seconds to write board and report with so many models on the test span."""
        users = len(self.final.truth.users)
        seconds = WRITING + A_USER * users + A_VALUE * min(users, RESAMPLED) * models
        return seconds * min(max(self.costs.machine, 1.0), 2.0)

    def serving(self, kept: list[Recommender], models: int) -> float:
        """Seconds to fit what is kept on the whole log, and to write a board of so many models."""
        distinct = {one.label: one for one in kept}
        return self.writing(models) + SLACK * sum(self.costs.fit(one, self.log) for one in distinct.values())
