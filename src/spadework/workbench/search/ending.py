"""Time reserved for the end of a dig: to refit and judge the winner and the baselines, to fit the
kept models on the whole log, and to write.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.evaluation.statistics import GROUPS
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.workbench.search import growing
from spadework.workbench.search.costs import LEAST_USER, Costs
from spadework.workbench.search.everything import Everything

WRITING, A_USER, A_VALUE = 2.5, 8e-6, 8e-6
"""Seconds of board, examples, report and manifest: on any log, per user of the test span, and per
group of users that is resampled and model.
"""
BASELINES_USER = 1.5e-5
"""Seconds of the baselines per user: popular items are ranked once, and random ones are drawn."""
MODELS = 8
"""Models that the test span's board has, about, at least."""
OTHERS, COMPANIONS = 0.06, 0.1
"""Shares of the budget reserved for other models than the winner on the test span, and, at most,
for models that are kept in addition to it.
"""
LITTLE_LATE, LATE = 0.1, 0.2
"""Shares of the budget that a winner may cost beyond the time left: when it is chosen, and where
without it nothing but what is popular could be served.
"""
SLACK = 1.2
"""Estimates are off by so much at times; the reserved time must suffice."""


@dataclass
class Ending:
    """Estimated seconds of the end of a dig."""

    costs: Costs
    test: Protocol  # of the test span
    everything: Everything
    budget: float
    # models that are kept in addition to the winner
    companions: list[Recommender] = field(default_factory=list)
    question_seconds: float = 0.0  # seconds for questions that do not decide the verdict
    # users that the winner is judged on once more, learned from smaller samples (SIZE-1); 0: none
    curve_users: int = 0

    def seconds(self, winner: Recommender | None, *, least: bool = False) -> float:
        """Seconds from the choice of a winner, without companions, to the manifest; without the
        winner's part where none was chosen yet. With `least` the winner is not fitted on more than
        was dug, and SIZE-1 is not asked.
        """
        users = len(self.test.truth.users)
        seconds = self.writing() + BASELINES_USER * users
        if winner is None:
            return seconds
        # A rate that was not measured must not keep a model from its first trial: on a sample it
        # costs next to nothing to measure it.
        judged = self.costs.fit(winner, self.test.split.train) + self.costs.answer(
            winner, users, unknown=LEAST_USER
        )
        seconds += SLACK * judged
        if least:
            return seconds + SLACK * self.costs.fit(winner, self.everything.sample.log)
        return seconds + self.curve(winner) + self.keeping(winner)

    def reserved(self, winner: Recommender | None) -> float:
        """Seconds that are kept free for the end while the search goes on."""
        return self.seconds(winner) + self.company_seconds

    def curve(self, winner: Recommender) -> float:
        """Seconds to learn the winner from an eighth, a quarter and half of its sample."""
        if not self.curve_users:
            return 0.0
        fits = self.costs.fit(winner, self.test.split.train)
        lists = self.costs.answer(winner, self.curve_users, unknown=LEAST_USER)
        return SLACK * (fits + growing.HALVINGS * lists)

    def possible(self, winner: Recommender, left: float, late: float) -> bool:
        """Whether the dig can end with this winner in the time left, or so little later that it is
        no reason to serve another model, whatever writing alone takes. `late` is a share of the
        budget.
        """
        seconds = self.seconds(winner, least=True)
        return seconds - max(left, self.seconds(None)) <= late * self.budget

    def keeping(self, model: Recommender) -> float:
        """Seconds to fit a model on everything and to save it."""
        return SLACK * self.everything.seconds(model)

    @property
    def company_seconds(self) -> float:
        """Seconds reserved for more than the winner: companions, other models on the test span, and
        questions.

        A model that might win is never given up for it.
        """
        companions = sum(
            self.keeping(model)
            for model in {model.label: model for model in self.companions}.values()
        )
        return (
            OTHERS * self.budget + min(companions, COMPANIONS * self.budget) + self.question_seconds
        )

    def writing(self, models: int = MODELS) -> float:
        """Seconds to write board and report with so many models on the test span."""
        users = len(self.test.truth.users)
        seconds = WRITING + A_USER * users + A_VALUE * min(users, GROUPS) * models
        return seconds * min(max(self.costs.machine, 1.0), 2.0)

    def serving(self, kept: list[Recommender], models: int) -> float:
        """Seconds to fit the kept models on the whole log and to write a board of that many."""
        return self.writing(models) + sum(
            self.keeping(model) for model in {model.label: model for model in kept}.values()
        )
