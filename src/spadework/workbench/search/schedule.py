"""The time of a search: when each stage ends, and whether one more trial fits before the end, which
is reserved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.models.base import Recommender
from spadework.workbench.search.ending import Ending
from spadework.workbench.search.judgement import best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import companions

FINALISTS = 10
"""Settings that are judged on all users."""
STAGES = {
    "breadth": 34,
    "questions": 11,
    "members": 14,
    "mixtures": 7,
    "rounds": 20,
    "sweep": 16,
    "late": 4,
    "further": 4,
}
"""The time left for trying is shared by a stage and those after it in these proportions; what a
stage leaves goes to those after it.
"""
CLIMB_SHARE = 0.35
"""Share of the time left that the climb may be foretold to take at most; fewer settings go up where
it takes more.
"""


@dataclass
class Schedule:
    """The seconds of a budget that are left for choosing, and who they are for."""

    judging: Judging
    ending: Ending
    # model → seconds that a trial of it is foretold to take, of those that had no time
    late: dict[str, float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds left for choosing: those of the budget, less what the end takes with the best so
        far, and its company.
        """
        room = self.judging.clock.left - self.ending.company
        ends = (
            self.ending.seconds(result.one)
            for result in best(list(self.judging.judged.values()), FINALISTS)
        )
        return room - next(
            (seconds for seconds in ends if seconds <= room), self.ending.seconds(None)
        )

    def until(self, stage: str) -> float:
        """The moment at which a stage ends: its part of the time that is left for choosing."""
        self.ending.companions = list(companions(self.judging, self.ending.log).values())
        names = list(STAGES)
        waiting = sum(STAGES[name] for name in names[names.index(stage) :])
        return self.judging.clock.moment((self.left - self.climbing()) * STAGES[stage] / waiting)

    def climbing(self) -> float:
        """Seconds that the climb and an older window are foretold to take with what is best so far;
        a share of the time left at most.
        """
        train, rungs = self.judging.protocol.split.train, self.judging.rungs
        leaders = [result.one for result in best(list(self.judging.judged.values()), FINALISTS)]
        climbs = [
            (rung.place, leaders if rung is not rungs[-1] else leaders[:3]) for rung in rungs[1:]
        ]
        foretold = sum(
            self.judging.seconds(one, rung) for rung, climbing in climbs for one in climbing
        )
        if self.judging.protocol.split.name == "by_time":
            foretold += sum(
                self.judging.costs.trial(one, train, len(rungs[0].rows)) for one in leaders[:6]
            )
        return min(foretold, CLIMB_SHARE * max(self.left, 0.0))

    def affordable(self, one: Recommender, rung: int, until: float, *, share: float = 1.0) -> bool:
        """Whether a trial is foretold to end in time, and the end could still be reached should it
        win.
        """
        seconds = self.judging.seconds(one, rung)
        room = share * (until - self.judging.clock.now)
        beyond = self.judging.clock.left - self.ending.seconds(one)
        if seconds <= min(room, beyond) or not self.judging.fits(one):
            return True  # what does not fit into memory says so at once
        self.late.setdefault(
            one.name, seconds + max(self.ending.seconds(one) - self.ending.seconds(None), 0.0)
        )
        return False

    def could_end(self, one: Recommender, rung: int) -> bool:
        """Whether there is time to judge it on a rung and, should it win, to reach the end."""
        return self.judging.seconds(one, rung) + self.ending.seconds(one) <= self.judging.clock.left

    def share(self, until: float, parts: int) -> float:
        """The moment at which one of so many equal parts of the time until then is over."""
        now = self.judging.clock.now
        return now + max(until - now, 0.0) / max(parts, 1)
