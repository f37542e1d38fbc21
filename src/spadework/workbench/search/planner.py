"""The order and time of trials: breadth first, then halving among families, then more users for
fewer settings.

The rule (decision 0016). Every family that fits the log has one trial on a small sample of users
before any has its second. Then the families are halved, round by round, by the best mean of each;
the remaining ones share the round's time evenly, and time that one leaves goes to the next. No
trial starts that is estimated to end after its share, or to leave too little time to refit, judge,
fit on the whole log and save the setting, should it win. The best settings climb to larger samples,
and drop out as soon as their paired interval to the leader lies below zero. Decisions depend on
values alone and never on seconds, so a run with enough time repeats itself.
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
from spadework.workbench.search.leaders import best_of_each, contenders, mixtures, note_result
from spadework.workbench.search.model_families import Family
from spadework.workbench.search.schedule import FINALISTS, Schedule
from spadework.workbench.search.sweep import Sweep
from spadework.workbench.search.together import judge_in_time
from spadework.workbench.search.tuning import Tuning

A_TRIAL = 0.35
"""Share of a stage's time that one trial may be estimated to take."""
QUICK = 0.5
"""The same for a model whose mixtures are tried before those of slower ones."""
ROUNDS, MOST_ROUNDS = 3, 8
"""Rounds that share their time; further ones come after the sweep, while there is time and the best
mean still rises.
"""
SETTINGS = 8
"""Settings that a family may try in the first round; twice as many in each further one, among half
as many families.
"""
GAIN = 0.002
"""A round that raises the best mean by a smaller share has found nothing. Two such rounds that were
not cut short end the search.
"""
CLIMBING = 24
"""Settings that climb to a middle sample."""


@dataclass
class Planner:
    """One dig's search for the best model."""

    judging: Judging
    ending: Ending
    names: Sequence[str] | None  # models of the recipe
    # asks the questions that decide the verdict, until a deadline
    ask_questions: Callable[[float], None]
    families: list[Family] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # model → what it lacks
    tunings: dict[str, Tuning] = field(default_factory=dict)
    sweep: Sweep | None = None
    cut_short: bool = False  # whether time, and not a lack of gain, ended the search
    _rounds: int = 0  # rounds so far
    _idle: int = 0  # how many of the last of these found nothing and were not cut short
    reached: int = 0  # the largest sample of users that the leader was judged on

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.judging, self.ending)

    def run(self) -> None:
        """Try, halve, climb; the results are in `judging`."""
        protocol, content = self.judging.protocol, self.judging.content
        found, self.refused = model_families.families(self.names, protocol.split.train, content)
        self.families = model_families.breadth_order(
            found, protocol.split.train, repeats=protocol.repeats != "forbid"
        )
        for result in self.judging.judge(model_families.floor(), 0, float("inf"), novel=True):
            self._record(
                next((family for family in self.families if family.is_of(result.setting)), None),
                [result],
            )
        models = [model for family in self.families for model in family.members]
        if any(model.name == CoOccurrence.name for model in models):
            self.sweep = Sweep(self.judging)
        self._breadth(self.schedule.until("breadth"))
        self.ask_questions(self.schedule.until("questions"))
        self._members(self.schedule.until("members"))
        self._mix(self.schedule.until("mixtures"))
        self._search(self.schedule.until("rounds"), ROUNDS)
        before = best_mean(self.judging)
        self._finish_sweep(self.schedule.until("sweep"))
        self._catch_up(self.schedule.until("late"))
        # there is something new to search around
        self._idle = 0 if best_mean(self.judging) > before * (1 + GAIN) else self._idle
        self._search(self.schedule.until("further"), MOST_ROUNDS)
        self._note_end()
        self._finish_sweep(self.schedule.until("further"))
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
        for setting in family.members:
            if not self.judging.settled(setting) and self.schedule.affordable(
                setting, 0, until, share=A_TRIAL
            ):
                self._judge(family, [setting], until)
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
        for done, family in enumerate(waiting):
            end = self.schedule.share(until, len(waiting) - done)
            rest = [setting for setting in family.members if not self.judging.settled(setting)]
            if family.counts_together:
                self._judge_together(family, rest, end)
                self._judge_together(
                    family, [] if self.sweep else model_families.variants(family), end, novel=False
                )
                self._record(family, self.sweep.run(0, end) if self.sweep else [])
                continue
            for setting in rest:
                if self.schedule.affordable(setting, 0, end):
                    self._judge(family, [setting], end)
        for family in self.families:  # those for which the breadth had no time
            if not family.judged:
                self._first_of(family, until)

    def _mix(self, until: float) -> int:
        """Try mixtures of the best of the best families, the quick ones first; returns how many
        more have a number.
        """
        allowed, made = model_families.wanted(self.names), 0
        for setting in mixtures(self.judging, QUICK * (until - self.judging.clock.now)):
            if setting.name not in allowed or setting.label in self.judging.judged:
                continue
            if self.schedule.affordable(setting, 0, until):
                made += sum(result.reason is None for result in self._judge(None, [setting], until))
            else:
                self.cut_short = True
        return made

    def _search(self, until: float, rounds: int) -> None:
        """Rounds of halving, up to `rounds` in all: half as many families, twice as many settings
        of each; then mixtures of the results.
        """
        alive = survivors(self.families, self.judging)
        for _ in range(min(self._rounds, ROUNDS)):
            alive = halved(alive, self.judging)
        while self._rounds < rounds and self._idle < 2:
            turn, self.cut_short, before = self._rounds, False, best_mean(self.judging)
            end = self.schedule.share(until, max(ROUNDS - turn, 1))
            names = ", ".join(family.name for family in alive)
            most = SETTINGS * 2 ** min(turn, ROUNDS)
            events.note(f"round {turn + 1}     {names}: up to {most} settings each")
            with_sweep = (
                turn < 2
                and self.sweep is not None
                and any(family.counts_together for family in alive)
            )
            parts = len(alive) + 1 + with_sweep  # the mixtures have a share, too
            tried = sum(
                self._search_family(family, turn, self.schedule.share(end, parts - done))
                for done, family in enumerate(alive)
            )
            tried += self._sweep_stage(turn + 1, self.schedule.share(end, 2)) if with_sweep else 0
            tried += self._mix(end)
            self._idle = (
                0
                if best_mean(self.judging) > before * (1 + GAIN)
                else self._idle + (tried > 0 and not self.cut_short)
            )
            self._rounds += 1
            alive = halved(alive, self.judging)
            if not tried and turn >= ROUNDS - 1:
                break

    def _note_end(self) -> None:
        """Note why there are no more rounds."""
        rounds = (
            "nothing is left to try"
            if self._rounds < MOST_ROUNDS
            else f"{MOST_ROUNDS} rounds are done"
        )
        why = (
            "the remaining trials take longer than the time left"
            if self.cut_short
            else "nothing better was found"
            if self._idle == 2
            else rounds
        )
        events.note(f"search ends: {why}")

    def _search_family(self, family: Family, turn: int, until: float) -> int:
        """Try settings of a family's best model, or of the sweep; returns how many more have a
        number.
        """
        before = len(family.judged)
        if family.counts_together and self.sweep is not None:
            self._sweep_stage(0, until)  # the search begins at the best of it
            while self.judging.clock.now < until and (results := self.sweep.search(until)):
                self._record(family, results)
                self.cut_short = self.cut_short or any(result.score.late for result in results)
            self.cut_short = self.cut_short or not self.sweep.searched
            return len(family.judged) - before
        tuning = self._tuning(family)
        tried = 0
        while (
            tuning is not None
            and tried < SETTINGS * 2 ** min(turn, ROUNDS)
            and (settings := tuning.propose())
        ):
            if not self.schedule.affordable(settings[0], 0, until):
                self.cut_short = True
                break
            results = self._judge(family, settings, until)
            tuning.learn(results)
            tried += len(settings)
            if any(result.score.late for result in results):
                self.cut_short = True
                break
        return len(family.judged) - before

    def _sweep_stage(self, stage: int, until: float) -> int:
        """Run a stage of the sweep: it measures effects, and its settings may lead; returns how
        many more have a number.
        """
        family = next(family for family in self.families if family.counts_together)
        before = len(family.judged)
        results = self.sweep.run(stage, until) if self.sweep else []
        self._record(family, results)
        self.cut_short = self.cut_short or any(result.score.late for result in results)
        return len(family.judged) - before

    def _finish_sweep(self, until: float) -> None:
        """Run the rest of the sweep, also where co-occurrence does not lead: the effects of choices
        are measured by it.
        """
        for stage in range(3 if self.sweep else 0):
            self._sweep_stage(stage, until)

    def _catch_up(self, until: float) -> None:
        """Try models that had no time yet: those that are counted together, then those estimated
        to be quickest.
        """
        waiting = [
            (self.schedule.late[setting.name], setting.name, family, setting)
            for family in self.families
            for setting in family.members
            if setting.name in self.schedule.late
        ]
        for family in self.families:
            if family.counts_together:
                self._judge_together(
                    family,
                    [setting for _, _, _, setting in waiting if isinstance(setting, CoOccurrence)],
                    self.schedule.share(until, 2),
                )
        for _, _, family, setting in sorted(waiting, key=lambda row: row[:2]):
            if (
                not family.counts_together
                and not self.judging.settled(setting)
                and self.schedule.affordable(setting, 0, until)
            ):
                self._judge(family, [setting], until)

    def _climb(self) -> None:
        """Judge the best settings on more users, up to all users; settings that are surely worse
        than the leader drop out on the way.
        """
        everything = [
            result
            for result in best(list(self.judging.judged.values()))
            if not model_families.is_floor(result.setting)
        ]
        found = list(
            {
                result.setting.label: result
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
            until = self.judging.clock.deadline_in(self.schedule.left)
            if (
                not climbing
                or not self.schedule.could_end(climbing[0].setting, rung)
                or not self.schedule.affordable(climbing[0].setting, rung, until)
            ):
                break  # the smaller sample decides: it holds thousands of users
            climbing = [
                result for result in climbing if self.schedule.could_end(result.setting, rung)
            ]
            events.note(
                f"climb       {len(climbing)} settings to "
                f"{len(self.judging.rungs[rung].rows):,} users"
            )
            reached: list[Judgement] = []
            for result in climbing:
                if self.schedule.affordable(result.setting, rung, until):
                    reached += [
                        judged
                        for judged in self._judge(None, [result.setting], until, rung=rung)
                        if judged.reason is None and judged.rung == rung
                    ]
                if not reached:
                    break  # where the leader has no time for it, the smaller sample decides
            if not reached:
                break
            self.judging.judge(model_families.floor(), rung, float("inf"))
            found, self.reached = reached, rung
        self.judging.held.let_go()

    # ---- small steps

    def _judge(
        self, family: Family | None, settings: Sequence[Recommender], until: float, rung: int = 0
    ) -> list[Judgement]:
        """Judge settings; each gives one line of output."""
        # New items are judged for defaults only: it costs as much again.
        novel = family is not None and any(setting.label == setting.name for setting in settings)
        results = self.judging.judge(settings, rung, until, novel=novel)
        for result in results:
            note_result(result)
        self._record(family, results)
        return results

    def _judge_together(
        self, family: Family, settings: Sequence[Recommender], until: float, *, novel: bool = True
    ) -> None:
        """Judge co-occurrence settings together, as many as time allows."""
        together = [setting for setting in settings if isinstance(setting, CoOccurrence)]
        self._record(family, judge_in_time(self.judging, together, until, novel=novel))

    def _record(self, family: Family | None, results: Sequence[Judgement]) -> None:
        for result in results:
            if result.score.late and result.setting.label == result.setting.name:
                seconds = self.judging.costs.trial(
                    result.setting,
                    self.judging.protocol.split.train,
                    len(self.judging.rungs[0].rows),
                )
                self.schedule.late.setdefault(result.setting.name, seconds)
        if family is not None:
            known = set(family.judged)
            family.judged += [
                result.setting.label
                for result in results
                if result.reason is None and result.setting.label not in known
            ]

    def _tuning(self, family: Family) -> Tuning | None:
        """The search of a family's best model. A model with search ranges goes before a better one
        without, where it comes near it.
        """
        found = best(
            [self.judging.first[label] for label in family.judged if label in self.judging.first]
        )
        train, seed = self.judging.protocol.split.train, self.judging.protocol.seed
        for result in found:
            if result.setting.name not in self.tunings:
                self.tunings[result.setting.name] = Tuning(
                    type(result.setting)(), train, self.judging.content, seed
                )
        near = [
            result
            for result in found
            if result.mean >= (1 - FIRST_SHARE) * found[0].mean
            and self.tunings[result.setting.name].searches
        ]
        leader = next(iter(near or found), None)
        return None if leader is None else self.tunings[leader.setting.name]
