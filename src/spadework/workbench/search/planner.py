"""The order and time of trials: breadth first, then halving among families, then more users for
fewer settings.

The rule (decision 0016). Every family that fits the log has one trial on a small sample of users
before any has its second. Then the families are halved, round by round, by the best mean of each;
the remaining ones share the round's time evenly, and time that one leaves goes to the next. No
trial starts that is estimated to end after its share, or to leave too little time to refit, judge,
fit on the whole log and save the setting, should it win. The best settings climb to larger samples,
and drop out as soon as their paired interval to the leader lies below zero.

Values alone decide which setting leads; estimated seconds decide what is tried, and in which order.
A run with enough time repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from spadework import events, formatting
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search import model_families
from spadework.workbench.search.ending import Ending
from spadework.workbench.search.halving import best_mean, by_value, climbers, halved, survivors
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import mixtures, note_result
from spadework.workbench.search.model_families import Family
from spadework.workbench.search.schedule import CLIMBING, Schedule
from spadework.workbench.search.sweep import Sweep, SweepStage
from spadework.workbench.search.together import judge_in_time
from spadework.workbench.search.tuning import Tuning, tuning_of

MOST_OF_STAGE = 0.35
"""Share of a stage's time that one trial may be estimated to take."""
QUICK = 0.5
"""Models estimated at less than this share of the stage are mixed first, so that one slow model
does not block all mixtures.
"""
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
    tunings: dict[str, Tuning] = field(default_factory=dict)  # model → its search
    sweep: Sweep | None = None
    cut_short: bool = False  # whether time, and not a lack of gain, ended the search
    _rounds: int = 0  # rounds so far
    _rounds_without_gain: int = 0  # the latest rounds that found nothing and were not cut short
    reached_rung: int = 0  # the largest sample of users that the leader was judged on

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.judging, self.ending)

    def run(self) -> None:
        """Try, halve, climb; the results are in `judging`. The stages:

        1. the baselines, whatever time they take
        2. breadth: the opening mixture, then one member of each family
        3. the questions that decide the verdict
        4. the other members of each family, and the plain part of the sweep
        5. mixtures of the best
        6. rounds of halving among families
        7. the rest of the sweep
        8. models that had no time yet
        9. the search again: 7 and 8 may have found something new to search around
        10. the sweep again: with what the further rounds left of the time
        11. the climb to more users
        """
        protocol, content = self.judging.protocol, self.judging.content
        found, self.refused = model_families.families(self.names, protocol.split.train, content)
        self.families = model_families.breadth_order(
            found, protocol.split.train, repeats=protocol.repeats != "forbid"
        )
        for result in self.judging.judge(
            model_families.baselines(), 0, float("inf"), judge_novel=True
        ):
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
        self._catch_up(self.schedule.until("catch_up"))
        if best_mean(self.judging) > before * (1 + GAIN):
            self._rounds_without_gain = 0
        self._search(self.schedule.until("further"), MOST_ROUNDS)
        self._note_end()
        self._finish_sweep(self.schedule.until("further"))
        self._climb()

    # ---- stages

    def _breadth(self, until: float) -> None:
        """The opening mixture, then one member of each family."""
        first = model_families.opening(self.names, self.judging.protocol.split.train)
        if first is not None and self.schedule.affordable(first, 0, until, share=MOST_OF_STAGE / 2):
            self._judge(None, [first], until)
        for done, family in enumerate(self.families):
            events.step("families", done, len(self.families))
            self._first_of(family, until)
        events.step("families", len(self.families), len(self.families))

    def _first_of(self, family: Family, until: float, share: float = MOST_OF_STAGE) -> None:
        for setting in family.members:
            if not self.judging.settled(setting) and self.schedule.affordable(
                setting, 0, until, share=share
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
                    family,
                    [] if self.sweep else model_families.variants(family),
                    end,
                    judge_novel=False,
                )
                self._record(family, self.sweep.run(SweepStage.PLAIN, end) if self.sweep else [])
                continue
            for setting in rest:
                if self.schedule.affordable(setting, 0, end):
                    self._judge(family, [setting], end)
        # A family for which the breadth had no time comes before the second settings of others: its
        # first answer may take all the time of the rounds.
        before_rounds = self.schedule.until("rounds")
        for family in self.families:
            if not family.judged:
                self._first_of(family, before_rounds, share=1.0)

    def _mix(self, until: float) -> int:
        """Try mixtures of the best of the best families, the quick ones first; returns how many
        new settings were scored.
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
        while alive and self._rounds < rounds and self._rounds_without_gain < 2:
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
            if with_sweep:
                tried += self._sweep_stage(SweepStage(turn + 1), self.schedule.share(end, 2))
            tried += self._mix(end)
            self._rounds_without_gain = (
                0
                if best_mean(self.judging) > before * (1 + GAIN)
                else self._rounds_without_gain + (tried > 0 and not self.cut_short)
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
            if self._rounds_without_gain == 2
            else rounds
        )
        events.note(f"search ends: {why}")

    def _search_family(self, family: Family, turn: int, until: float) -> int:
        """Try settings of a family's best model, or of the sweep; returns how many new settings
        were scored.
        """
        before = len(family.judged)
        if family.counts_together and self.sweep is not None:
            self._sweep_stage(SweepStage.PLAIN, until)  # the search begins at the best of it
            while self.judging.clock.now < until and (results := self.sweep.search(until)):
                self._record(family, results)
                self.cut_short = self.cut_short or any(result.score.late for result in results)
            self.cut_short = self.cut_short or not self.sweep.searched
            return len(family.judged) - before
        tuning = tuning_of(family, self.judging, self.tunings)
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

    def _sweep_stage(self, stage: SweepStage, until: float) -> int:
        """Run a stage of the sweep: it measures effects, and its settings may lead; returns how
        many new settings were scored.
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
        for stage in SweepStage if self.sweep else ():
            self._sweep_stage(stage, until)

    def _catch_up(self, until: float) -> None:
        """Try models that had no time yet: those that are counted together, then those estimated
        to be quickest.
        """
        waiting = [
            (self.schedule.no_time[setting.name], setting.name, family, setting)
            for family in self.families
            for setting in family.members
            if setting.name in self.schedule.no_time
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
        found = climbers(self.families, self.judging, CLIMBING)
        for rung in range(1, len(self.judging.rungs)):
            climbing, until = self.schedule.climb(found, rung)
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
                f"{formatting.count(len(self.judging.rungs[rung].rows), 'user')}"
            )
            judged_here: list[Judgement] = []
            for result in climbing:
                if self.schedule.affordable(result.setting, rung, until):
                    judged_here += [
                        judged
                        for judged in self._judge(None, [result.setting], until, rung=rung)
                        if judged.reason is None and judged.rung == rung
                    ]
                if not judged_here:
                    break  # where the leader has no time for it, the smaller sample decides
            if not judged_here:
                break
            self.judging.judge(model_families.baselines(), rung, float("inf"))
            found, self.reached_rung = judged_here, rung
        self.judging.held.let_go()

    # ---- small steps

    def _judge(
        self, family: Family | None, settings: Sequence[Recommender], until: float, rung: int = 0
    ) -> list[Judgement]:
        """Judge settings; each gives one line of output."""
        # Lists of items new to the user are judged for default settings only: they cost a second
        # answer.
        judge_novel = family is not None and any(setting.is_default for setting in settings)
        stopped_at = self.schedule.stopped_at(settings, rung, until)
        results = self.judging.judge(settings, rung, stopped_at, judge_novel=judge_novel)
        for result in results:
            note_result(result)
        self._record(family, results)
        return results

    def _judge_together(
        self,
        family: Family,
        settings: Sequence[Recommender],
        until: float,
        *,
        judge_novel: bool = True,
    ) -> None:
        """Judge co-occurrence settings together, as many as time allows."""
        together = [setting for setting in settings if isinstance(setting, CoOccurrence)]
        self._record(family, judge_in_time(self.judging, together, until, judge_novel=judge_novel))

    def _record(self, family: Family | None, results: Sequence[Judgement]) -> None:
        for result in results:
            if result.score.late and result.setting.is_default:
                seconds = self.judging.costs.trial(
                    result.setting,
                    self.judging.protocol.split.train,
                    len(self.judging.rungs[0].rows),
                )
                self.schedule.no_time.setdefault(result.setting.name, seconds)
        if family is not None:
            known = set(family.judged)
            family.judged += [
                result.setting.label
                for result in results
                if result.reason is None and result.setting.label not in known
            ]
