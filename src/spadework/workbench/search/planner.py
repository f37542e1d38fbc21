"""What is tried next, and for how long: breadth first, then halving among families, then more users
for fewer settings.

The rule (decision 0016). Every family that fits the log has one answer on a small sample of users
before any has its second. Then the families are halved, round by round, by the best that each has
reached; those that are left share the round's time evenly, and what one leaves goes to the next.
Nothing is begun that is foretold to end after its share, or that would leave too little to refit,
judge, fit on the whole log and save it, should it win. The best settings climb to larger samples,
and leave as soon as their paired interval to the leader lies below zero. What was decided depends
on values alone and never on seconds, so that a run with time enough repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from spadework import events
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search import model_families
from spadework.workbench.search.ending import Ending
from spadework.workbench.search.halving import FIRST_SHARE, best_mean, by_value, halved, survivors
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import best_of_each, contenders, mixtures, tell
from spadework.workbench.search.model_families import Family
from spadework.workbench.search.schedule import FINALISTS, Schedule
from spadework.workbench.search.sweep import Sweep
from spadework.workbench.search.together import ask_in_time
from spadework.workbench.search.tuning import Tuning

A_TRIAL = 0.35
"""Share of a stage's time that one trial may be foretold to take."""
QUICK = 0.5
"""The same of a model whose mixtures are tried before those of slower ones."""
ROUNDS, MOST_ROUNDS = 3, 8
"""Rounds that share their time; further ones after the sweep, where time is left and the best still
rises.
"""
SETTINGS = 8
"""Settings that a family may try in the first round; twice as many in each further one, among half
as many families.
"""
GAIN = 0.002
"""A round that raises the best by a smaller share has found nothing; two such that were not cut
short end the search.
"""
CLIMBING = 24
"""Settings that go up to a middle sample."""


@dataclass
class Planner:
    """One dig's search for the best model."""

    judging: Judging
    ending: Ending
    names: Sequence[str] | None  # models of the recipe
    # asks the questions that decide the verdict, until a moment
    ask_questions: Callable[[float], None]
    families: list[Family] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # model → what it lacks
    tunings: dict[str, Tuning] = field(default_factory=dict)
    sweep: Sweep | None = None
    cut: bool = False  # whether time, and not a lack of gain, ended the search
    _turn: int = 0  # rounds so far
    _idle: int = 0  # of the last of these, how many found nothing and were not cut short
    reached: int = 0  # the largest sample of users that the leader was judged on

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.judging, self.ending)

    def run(self) -> None:
        """Try, halve, climb; what was found stands in `judging`."""
        protocol, content = self.judging.protocol, self.judging.content
        found, self.refused = model_families.families(self.names, protocol.split.train, content)
        self.families = model_families.breadth_order(
            found, protocol.split.train, repeats=protocol.repeats != "forbid"
        )
        for result in self.judging.ask(model_families.floor(), 0, float("inf"), novel=True):
            self._take(
                next((one for one in self.families if one.is_of(result.one)), None), [result]
            )
        if any(one.name == CoOccurrence.name for family in self.families for one in family.members):
            self.sweep = Sweep(self.judging)
        self._breadth(self.schedule.until("breadth"))
        self.ask_questions(self.schedule.until("questions"))
        self._members(self.schedule.until("members"))
        self._mix(self.schedule.until("mixtures"))
        self._search(self.schedule.until("rounds"), ROUNDS)
        before = best_mean(self.judging)
        self._read_on(self.schedule.until("sweep"))
        self._catch_up(self.schedule.until("late"))
        # something new to search around
        self._idle = 0 if best_mean(self.judging) > before * (1 + GAIN) else self._idle
        self._search(self.schedule.until("further"), MOST_ROUNDS)
        self._tell_end()
        self._read_on(self.schedule.until("further"))
        self._climb()

    # ---- stages

    def _breadth(self, until: float) -> None:
        """The opening mixture, then one member of each family."""
        first = model_families.opening(self.names, self.judging.protocol.split.train)
        if first is not None and self.schedule.affordable(first, 0, until, share=A_TRIAL / 2):
            self._judge(None, [first], until)
        for done, family in enumerate(self.families):
            events.step("families", done, len(self.families))
            self._first_of(family, until)
        events.step("families", len(self.families), len(self.families))

    def _first_of(self, family: Family, until: float) -> None:
        for one in family.members:
            if not self.judging.settled(one) and self.schedule.affordable(
                one, 0, until, share=A_TRIAL
            ):
                self._judge(family, [one], until)
                if family.judged:
                    return

    def _members(self, until: float) -> None:
        """The other models of each family at their defaults, the best families first; co-occurrence
        models are counted together.
        """
        waiting = [
            family
            for family in by_value(self.families, self.judging)
            if len(family.members) > 1 or family.counts_together
        ]
        for place, family in enumerate(waiting):
            end = self.schedule.share(until, len(waiting) - place)
            rest = [one for one in family.members if not self.judging.settled(one)]
            if family.counts_together:
                self._counted(family, rest, end)
                self._counted(
                    family, [] if self.sweep else model_families.variants(family), end, novel=False
                )
                self._take(family, self.sweep.run(0, end) if self.sweep else [])
                continue
            for one in rest:
                if self.schedule.affordable(one, 0, end):
                    self._judge(family, [one], end)
        for family in self.families:  # those that the breadth had no time for
            if not family.judged:
                self._first_of(family, until)

    def _mix(self, until: float) -> int:
        """Mixtures of the best of the best families, the quick and the cheap first; returns how
        many more have a number.
        """
        asked, made = model_families.wanted(self.names), 0
        for one in mixtures(self.judging, QUICK * (until - self.judging.clock.now)):
            if one.name not in asked or one.label in self.judging.judged:
                continue
            if self.schedule.affordable(one, 0, until):
                made += sum(result.reason is None for result in self._judge(None, [one], until))
            else:
                self.cut = True
        return made

    def _search(self, until: float, rounds: int) -> None:
        """Rounds of halving, so many in all: half as many families, twice as many settings of each;
        then mixtures of what was found.
        """
        alive = survivors(self.families, self.judging)
        for _ in range(min(self._turn, ROUNDS)):
            alive = halved(alive, self.judging)
        while self._turn < rounds and self._idle < 2:
            turn = self._turn
            self.cut, before, end = (
                False,
                best_mean(self.judging),
                self.schedule.share(until, max(ROUNDS - turn, 1)),
            )
            names, most = (
                ", ".join(family.name for family in alive),
                SETTINGS * 2 ** min(turn, ROUNDS),
            )
            events.note(f"round {turn + 1}     {names}: up to {most} settings each")
            read = (
                turn < 2
                and self.sweep is not None
                and any(family.counts_together for family in alive)
            )
            parts = len(alive) + 1 + read  # the mixtures have a share, too
            tried = sum(
                self._explore(family, turn, self.schedule.share(end, parts - place))
                for place, family in enumerate(alive)
            )
            tried += (self._read(turn + 1, self.schedule.share(end, 2)) if read else 0) + self._mix(
                end
            )
            self._idle = (
                0
                if best_mean(self.judging) > before * (1 + GAIN)
                else self._idle + (tried > 0 and not self.cut)
            )
            self._turn += 1
            alive = halved(alive, self.judging)
            if not tried and turn >= ROUNDS - 1:
                break

    def _tell_end(self) -> None:
        """Say why there are no more rounds."""
        rounds = (
            "nothing is left to try"
            if self._turn < MOST_ROUNDS
            else f"{MOST_ROUNDS} rounds are done"
        )
        why = (
            "what is left takes longer than there is time"
            if self.cut
            else "nothing better was found"
            if self._idle == 2
            else rounds
        )
        events.note(f"search ends: {why}")

    def _explore(self, family: Family, turn: int, until: float) -> int:
        """So many settings of a family's best model, or of the sweep; returns how many more have a
        number.
        """
        before = len(family.judged)
        if family.counts_together and self.sweep is not None:
            self._read(0, until)  # the search begins at the best of it
            while self.judging.clock.now < until and (results := self.sweep.search(until)):
                self._take(family, results)
                self.cut = self.cut or any(result.score.late for result in results)
            self.cut = self.cut or not self.sweep.searched
            return len(family.judged) - before
        tuning = self._tuning(family)
        tried = 0
        while (
            tuning is not None
            and tried < SETTINGS * 2 ** min(turn, ROUNDS)
            and (settings := tuning.propose())
        ):
            if not self.schedule.affordable(settings[0], 0, until):
                self.cut = True
                break
            results = self._judge(family, settings, until)
            tuning.learn(results)
            tried += len(settings)
            if any(result.score.late for result in results):
                self.cut = True
                break
        return len(family.judged) - before

    def _read(self, stage: int, until: float) -> int:
        """A stage of the sweep: it says what helps, and what it finds may lead; returns how many
        more have a number.
        """
        family = next(family for family in self.families if family.counts_together)
        before = len(family.judged)
        results = self.sweep.run(stage, until) if self.sweep else []
        self._take(family, results)
        self.cut = self.cut or any(result.score.late for result in results)
        return len(family.judged) - before

    def _read_on(self, until: float) -> None:
        """What is left of the sweep, also where co-occurrence does not lead: effects of choices are
        read from it.
        """
        for stage in range(3 if self.sweep else 0):
            self._read(stage, until)

    def _catch_up(self, until: float) -> None:
        """Models that had no time yet: those that are counted together, then those foretold to be
        quickest first.
        """
        waiting = [
            (self.schedule.late[one.name], one.name, family, one)
            for family in self.families
            for one in family.members
            if one.name in self.schedule.late
        ]
        for family in self.families:
            if family.counts_together:
                self._counted(
                    family,
                    [one for _, _, _, one in waiting if isinstance(one, CoOccurrence)],
                    self.schedule.share(until, 2),
                )
        for _, _, family, one in sorted(waiting, key=lambda row: row[:2]):
            if (
                not family.counts_together
                and not self.judging.settled(one)
                and self.schedule.affordable(one, 0, until)
            ):
                self._judge(family, [one], until)

    def _climb(self) -> None:
        """The best settings judged on more users, until all have judged a few; what is surely worse
        than the leader leaves on the way.
        """
        everything = [
            result
            for result in best(list(self.judging.judged.values()))
            if not model_families.is_floor(result.one)
        ]
        found = list(
            {
                result.one.label: result
                for result in [
                    *everything[:CLIMBING],
                    *best_of_each(by_value(self.families, self.judging), everything),
                ]
            }.values()
        )
        for rung in range(1, len(self.judging.rungs)):
            climbing = contenders(found, self.judging.protocol.seed)[
                : FINALISTS if rung == len(self.judging.rungs) - 1 else CLIMBING
            ]
            until = self.judging.clock.moment(self.schedule.left)
            if (
                not climbing
                or not self.schedule.could_end(climbing[0].one, rung)
                or not self.schedule.affordable(climbing[0].one, rung, until)
            ):
                break  # the smaller sample decides: it holds thousands of users
            climbing = [result for result in climbing if self.schedule.could_end(result.one, rung)]
            events.note(
                f"climb       {len(climbing)} settings to "
                f"{len(self.judging.rungs[rung].rows):,} users"
            )
            reached: list[Judgement] = []
            for result in climbing:
                if self.schedule.affordable(result.one, rung, until):
                    reached += [
                        one
                        for one in self._judge(None, [result.one], until, rung=rung)
                        if one.reason is None and one.rung == rung
                    ]
                if not reached:
                    break  # where the leader does not get there, the smaller sample decides
            if not reached:
                break
            self.judging.ask(model_families.floor(), rung, float("inf"))
            found, self.reached = reached, rung
        self.judging.held.let_go()

    # ---- small steps

    def _judge(
        self, family: Family | None, settings: Sequence[Recommender], until: float, rung: int = 0
    ) -> list[Judgement]:
        """Judge settings and tell each in a line."""
        # Of new items defaults alone are asked: it costs as much again.
        novel = family is not None and any(one.label == one.name for one in settings)
        results = self.judging.ask(settings, rung, until, novel=novel)
        for result in results:
            tell(result)
        self._take(family, results)
        return results

    def _counted(
        self, family: Family, settings: Sequence[Recommender], until: float, *, novel: bool = True
    ) -> None:
        """Judge co-occurrence settings together, as many as there is time for."""
        counted = [one for one in settings if isinstance(one, CoOccurrence)]
        self._take(family, ask_in_time(self.judging, counted, until, novel=novel))

    def _take(self, family: Family | None, results: Sequence[Judgement]) -> None:
        for result in results:
            if result.score.late and result.one.label == result.one.name:
                seconds = self.judging.costs.trial(
                    result.one, self.judging.protocol.split.train, len(self.judging.rungs[0].rows)
                )
                self.schedule.late.setdefault(result.one.name, seconds)
        if family is not None:
            known = set(family.judged)
            family.judged += [
                result.one.label
                for result in results
                if result.reason is None and result.one.label not in known
            ]

    def _tuning(self, family: Family) -> Tuning | None:
        """The search of a family's best model; one that says where to search goes before one that
        does not, where it comes near it.
        """
        found = best(
            [self.judging.first[label] for label in family.judged if label in self.judging.first]
        )
        train, seed = self.judging.protocol.split.train, self.judging.protocol.seed
        for result in found:
            if result.one.name not in self.tunings:
                self.tunings[result.one.name] = Tuning(
                    type(result.one)(), train, self.judging.content, seed
                )
        near = [
            result
            for result in found
            if result.mean >= (1 - FIRST_SHARE) * found[0].mean
            and self.tunings[result.one.name].searches
        ]
        leader = next(iter(near or found), None)
        return None if leader is None else self.tunings[leader.one.name]
