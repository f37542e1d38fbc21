"""The time of a search: when each stage ends, and whether one more trial fits before the reserved
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spadework.models.base import Recommender
from spadework.workbench.search.choice import finalists
from spadework.workbench.search.ending import LITTLE_LATE, Ending
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import companions, contenders

LEADERS = 10
"""So many of the best settings are looked at to estimate the end and the climb."""
STAGES = {
    "breadth": 34,
    "questions": 11,
    "members": 14,
    "mixtures": 7,
    "rounds": 26,
    "sweep": 10,
    "catch_up": 4,
    "further": 4,
}
"""A stage and those after it share the time left in these proportions; unused time of a stage
goes to those after it.
"""
CLIMB_SHARE = 0.35
"""Share of the time left that the climb may be estimated to take; fewer settings climb where it
would take more.
"""


GRACE = 1.5
"""What began in time is stopped at the end of its stage, or when it takes so many times as long as
estimated, whichever comes later.
"""
CLIMBING = 24
"""Settings that climb to a middle sample of users."""


@dataclass
class Schedule:
    """The seconds of a budget that are left for the search, and how stages share them."""

    judging: Judging
    ending: Ending
    # model → estimated seconds of its trial, for models that had no time
    no_time: dict[str, float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds left for the search: those of the budget, less what the end takes with the best
        so far that can still win, and with its companions, which get half of the rest at most.
        """
        left = self.judging.clock.left
        leaders = (result.setting for result in best(list(self.judging.judged.values()), LEADERS))
        # Once nothing is left beyond the end of the best, the search is over: with more of it the
        # best could no longer win.
        winner = next(
            (one for one in leaders if self.ending.possible(one, left, LITTLE_LATE)), None
        )
        room = left - self.ending.seconds(winner)
        return room - min(self.ending.company_seconds, max(room, 0.0) / 2)

    def until(self, stage: str) -> float:
        """The deadline of a stage: its part of the time that is left for the search."""
        self.ending.companions = list(
            companions(self.judging, self.ending.everything.sample.log).values()
        )
        names = list(STAGES)
        waiting = sum(STAGES[name] for name in names[names.index(stage) :])
        return self.judging.clock.deadline_in(
            (self.left - self.climbing()) * STAGES[stage] / waiting
        )

    def climbing(self) -> float:
        """Estimated seconds of the climb and of an older window with the best so far; a share of
        the time left at most.
        """
        rungs = self.judging.rungs
        leaders = [result.setting for result in best(list(self.judging.judged.values()), LEADERS)]
        climbs = [
            (rung.index, leaders if rung is not rungs[-1] else leaders[:3]) for rung in rungs[1:]
        ]
        estimated = sum(
            self.judging.seconds(model, rung) for rung, climbing in climbs for model in climbing
        )
        estimated += self._older_window(leaders[:6])
        return min(estimated, CLIMB_SHARE * max(self.left, 0.0))

    def _older_window(self, models: Sequence[Recommender]) -> float:
        """Estimated seconds to judge models on an older window, where a log can be cut by time."""
        split, users = self.judging.protocol.split, len(self.judging.rungs[0].rows)
        if split.name != "by_time":
            return 0.0
        return sum(self.judging.costs.trial(model, split.train, users) for model in models)

    def climb(self, found: Sequence[Judgement], rung: int) -> tuple[list[Judgement], float]:
        """Settings to judge on a larger sample of users, the best first, and the deadline.

        On all users these are the finalists of the choice, and the time may be used that is
        reserved for other models than the winner and for questions, but not that of an older
        window: which model is served matters more than they do.
        """
        protocol, clock = self.judging.protocol, self.judging.clock
        climbing = contenders(found, protocol.seed)
        if not climbing or rung < len(self.judging.rungs) - 1:
            return climbing[:CLIMBING], clock.deadline_in(self.left)
        found = finalists(climbing, protocol.split.train)
        room = clock.left - self.ending.seconds(climbing[0].setting)
        older = self._older_window([result.setting for result in found])
        return found, clock.deadline_in(max(room - older, self.left))

    def affordable(
        self, model: Recommender, rung: int, until: float, *, share: float = 1.0
    ) -> bool:
        """Whether a trial is estimated to end in time, and the dig could still end in time should
        the model win.
        """
        seconds = self.judging.seconds(model, rung)
        room = share * (until - self.judging.clock.now)
        beyond = self.judging.clock.left - self.ending.seconds(model)
        if seconds <= min(room, beyond) or not self.judging.fits(model):
            return True  # a trial that does not fit into memory fails at once
        self.no_time.setdefault(
            model.name, seconds + max(self.ending.seconds(model) - self.ending.seconds(None), 0.0)
        )
        return False

    def stopped_at(self, settings: Sequence[Recommender], rung: int, until: float) -> float:
        """The deadline at which settings that share a fit and began in time are stopped: what is
        stopped is lost, so they may take longer than estimated as long as the end keeps its time.
        """
        users = len(self.judging.rungs[rung].rows)
        estimated = self.judging.seconds(settings[0], rung) + sum(
            self.judging.costs.answer(setting, users) for setting in settings[1:]
        )
        return max(until, self.judging.clock.deadline_in(min(GRACE * estimated, self.left)))

    def could_end(self, model: Recommender, rung: int) -> bool:
        """Whether there is time to judge a model on a rung and, should it win, to end the dig."""
        return (
            self.judging.seconds(model, rung) + self.ending.seconds(model)
            <= self.judging.clock.left
        )

    def share(self, until: float, parts: int) -> float:
        """The deadline of the first of `parts` equal parts of the time until then."""
        now = self.judging.clock.now
        return now + max(until - now, 0.0) / max(parts, 1)
