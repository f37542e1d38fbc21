"""Hundreds of co-occurrence settings for the cost of a few, stage by stage.

Stages: the plainest part of the factorial core, the rest of the core, settings outside it, then a
search around the best.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from spadework.arrays import Array
from spadework.evaluation.trial import Protocol
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.design import Design, design
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.together import judge_in_time
from spadework.workbench.search.tpe_search import Search

FIRST_LEVEL_ONLY = ("time", "users")
"""Factors that stay at their first level in the stage PLAIN."""
ROUNDS, ROUND_SETTINGS = 4, 6
"""Rounds of the search, and settings of each: fitted together."""
STARTING_POINTS = 32
"""Settings that the search starts from: the best so far."""


class SweepStage(IntEnum):
    """A part of the design, in the order of trials."""

    PLAIN = 0  # of the core: settings with `FIRST_LEVEL_ONLY` at their first level
    REST = 1  # of the core
    OTHERS = 2  # outside the core


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
        """The protocol that judges settings."""
        return self.judging.protocol

    @property
    def rungs(self) -> list[Array]:
        """Rows of the truth of each sample of users."""
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

    def stage(self, stage: SweepStage) -> list[Recommender]:
        """The settings of a stage."""
        combinations = zip(self.design.combinations(), self.design.core(), strict=True)
        names = [factor.name for factor in self.design.factors]
        fixed = [names.index(name) for name in FIRST_LEVEL_ONLY if name in names]
        core = [(all(levels[at] == 0 for at in fixed), setting) for levels, setting in combinations]
        if stage is SweepStage.OTHERS:
            return self.design.others()
        return [setting for plain, setting in core if plain == (stage is SweepStage.PLAIN)]

    def run(self, stage: SweepStage, until: float) -> list[Judgement]:
        """Judge the settings of a stage on the first sample, as many as time allows; what has a
        number is not judged again.
        """
        settings = [
            setting
            for setting in self.stage(stage)
            if isinstance(setting, CoOccurrence) and not self.judging.settled(setting)
        ]
        self.seen |= {setting.label for setting in settings}
        return judge_in_time(self.judging, settings, until)

    @property
    def unfinished(self) -> bool:
        """Whether a setting of the design had no time."""
        return any(
            not self.judging.settled(setting)
            for stage in SweepStage
            for setting in self.stage(stage)
        )

    @property
    def searched(self) -> bool:
        """Whether all rounds of the search near the best are done."""
        return self._rounds >= ROUNDS

    def search(self, until: float) -> list[Judgement]:
        """One round of the search near the best; empty once all rounds are done."""
        if self.searched:
            return []
        self._rounds += 1
        found = list(self.first.values())
        if self._search is None:
            start = [
                (result.setting, result.mean)
                for result in best(found, STARTING_POINTS)
                if isinstance(result.setting, CoOccurrence)
            ]
            self._search = Search(self.protocol, start, self.judging.content is not None)
        proposed = [
            setting
            for setting in self._search.propose(ROUND_SETTINGS)
            if not self.judging.settled(setting)
        ]
        self.seen |= {setting.label for setting in proposed}
        results = self.judging.judge(proposed, 0, until)
        self._search.learn({label: result.mean for label, result in self.first.items()})
        return results
