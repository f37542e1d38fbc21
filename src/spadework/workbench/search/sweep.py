"""Hundreds of co-occurrence settings for the cost of a few: what is tried, stage by stage, and what
it says of each choice.

Stages: the plainest part of the factorial core, the rest of the core, single changes beside it,
then a search around the best.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.design import Design, design
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.together import ask_in_time
from spadework.workbench.search.tpe_search import Search

PLAIN = ("time", "users")
"""Factors that stay at their first level in the first stage."""
ROUNDS, A_ROUND = 4, 6
"""Rounds of the search, and settings of each: fitted together."""
SEEN = 32
"""Settings that the search starts from: the best so far."""


@dataclass
class Sweep:
    """The sweep of one dig."""

    judging: Judging
    design: Design = field(init=False)
    seen: set[str] = field(default_factory=set)  # labels of what was proposed
    _search: Search | None = None
    _rounds: int = 0

    def __post_init__(self) -> None:
        self.design = design(self.judging.protocol.split.train, self.judging.content)

    @property
    def protocol(self) -> Protocol:
        """The question that settings are judged by."""
        return self.judging.protocol

    @property
    def rungs(self) -> list[Array]:
        """Rows of the samples of users."""
        return [rung.rows for rung in self.judging.rungs]

    @property
    def first(self) -> dict[str, Judgement]:
        """Label → judgement on the first sample, of all settings of the sweep."""
        return {
            label: result
            for label, result in sorted(self.judging.first.items())
            if label in self.seen
        }

    @property
    def judged(self) -> dict[str, Judgement]:
        """Label → judgement on the largest sample it reached."""
        return {
            label: result
            for label, result in sorted(self.judging.judged.items())
            if label in self.seen
        }

    def stage(self, number: int) -> list[Recommender]:
        """Settings of a stage: 0 the plain core, 1 its rest, 2 what stands beside it."""
        places = zip(self.design.places(), self.design.core(), strict=True)
        names = [factor.name for factor in self.design.factors]
        fixed = [names.index(name) for name in PLAIN if name in names]
        core = [(all(place[at] == 0 for at in fixed), one) for place, one in places]
        if number == 2:
            return self.design.others()
        return [one for plain, one in core if plain == (number == 0)]

    def run(self, number: int, until: float) -> list[Judgement]:
        """Judge what there is time for of a stage, on the first sample; what has a number is not
        judged again.
        """
        settings = [
            one
            for one in self.stage(number)
            if isinstance(one, CoOccurrence) and not self.judging.settled(one)
        ]
        self.seen |= {one.label for one in settings}
        return ask_in_time(self.judging, settings, until)

    @property
    def unread(self) -> bool:
        """Whether a setting of the design has had no time."""
        return any(
            not self.judging.settled(one) for number in range(3) for one in self.stage(number)
        )

    @property
    def searched(self) -> bool:
        """Whether the search near the best has had its rounds."""
        return self._rounds >= ROUNDS

    def search(self, until: float) -> list[Judgement]:
        """A round of the search near the best; nothing once it has had its rounds."""
        if self.searched:
            return []
        self._rounds += 1
        found = list(self.first.values())
        if self._search is None:
            started = [
                (result.one, result.mean)
                for result in best(found, SEEN)
                if isinstance(result.one, CoOccurrence)
            ]
            self._search = Search(self.protocol, started, self.judging.content is not None)
        proposed = [one for one in self._search.propose(A_ROUND) if not self.judging.settled(one)]
        self.seen |= {one.label for one in proposed}
        results = self.judging.ask(proposed, 0, until)
        self._search.learn({label: result.mean for label, result in self.first.items()})
        return results
