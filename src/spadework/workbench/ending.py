"""The end of a dig is reserved: seconds to refit and judge the winner and the floor, to fit what is kept on the whole log, and to write."""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.workbench import plan
from spadework.workbench.costs import Costs

WRITING, A_USER = 3.0, 6e-5
"""Seconds that board, examples, report and manifest take on any log, and for each user of the test span: bootstraps, slices, values."""
SLACK = 1.2
"""Forecasts are off by so much at times; what is reserved must suffice."""


@dataclass
class Ending:
    """What the end will take."""

    costs: Costs
    final: Protocol  # of the test span
    log: Interactions
    companions: list[Recommender] = field(default_factory=list)  # models that are kept beside the winner

    def seconds(self, winner: Recommender | None) -> float:
        """Seconds from the choice of a winner to the manifest; of the rest alone where nothing was chosen yet."""
        users = len(self.final.truth.users)
        judged = [*plan.floor(), *([winner] if winner is not None else [])]
        kept = {one.label: one for one in [*self.companions, *([winner] if winner is not None else [])]}
        seconds = sum(self.costs.trial(one, self.final.split.train, users) for one in judged)
        return self.writing + SLACK * (seconds + sum(self.costs.fit(one, self.log) for one in kept.values()))

    @property
    def writing(self) -> float:
        """Seconds to write board and report."""
        return (WRITING + A_USER * len(self.final.truth.users)) * max(self.costs.machine, 1.0)

    def serving(self, kept: list[Recommender]) -> float:
        """Seconds to fit what is kept on the whole log, and to write."""
        distinct = {one.label: one for one in kept}
        return self.writing + SLACK * sum(self.costs.fit(one, self.log) for one in distinct.values())
