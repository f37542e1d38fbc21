"""From a split to the served models: search, ask questions, choose, judge once on the test span,
save the models and write the board.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spadework import durations, events, files, formatting
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.diagnosis import floor, growth
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding, by_weight
from spadework.diagnosis.probe import Unanswered, all_probes, ask_all, cheapest_first, seconds_for
from spadework.diagnosis.readiness import readiness
from spadework.diagnosis.rules import DECIDING
from spadework.evaluation.repetition import repetition
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.popular import Popular, PopularByCategory, Random
from spadework.workbench.large.sample import Sample
from spadework.workbench.recipe import Recipe
from spadework.workbench.search import growing
from spadework.workbench.search.boardfile import Board, full_score, write_board, write_interrupted
from spadework.workbench.search.budgeting import account_of
from spadework.workbench.search.choice import Choice, choose, finalists
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import calibrate
from spadework.workbench.search.ending import LATE, LITTLE_LATE, Ending
from spadework.workbench.search.everything import Everything
from spadework.workbench.search.finals import Finals
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.keeping import Keeping
from spadework.workbench.search.leaders import companions, contenders
from spadework.workbench.search.model_families import baselines
from spadework.workbench.search.planner import Planner
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.search.windows import Windows
from spadework.workbench.storage import lock

POPULAR = (Popular, PopularByCategory)
OTHER_QUESTIONS = 0.15
"""Share of the budget that questions which do not decide the verdict may take."""
GROWTH = 0.05
"""Share of the budget that SIZE-1 of a sample has in any case."""
QUESTIONS, WINNERS_MINUTE = 0.12, 60.0
"""Share of the budget beyond its first minute that is reserved for these questions; that minute is
for the winner.
"""
QUICK_QUESTIONS = 0.1
"""If all of these questions are estimated to take at most this share, their time is reserved at any
budget.
"""


@dataclass
class Dig:
    """One log's models under one budget."""

    recipe: Recipe
    folder: Path
    sample: Sample
    items: ItemContent | None
    validation: Protocol  # of the validation span
    test: Protocol  # of the test span
    ledger: Ledger
    clock: Clock
    memory: int
    policy: str  # how repeats are treated, and why
    target: str | None
    judging: Judging = field(init=False)
    everything: Everything = field(init=False)
    ending: Ending = field(init=False)
    planner: Planner = field(init=False)
    evidence: Evidence = field(init=False)
    answers: list[Finding] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)

    def __post_init__(self) -> None:
        costs = calibrate()
        self.judging = Judging(
            self.validation, self.items, self.ledger, self.clock, costs, self.memory
        )
        self.evidence = Evidence(
            self.validation, self.items, self.judging.rungs[0].rows, memory=self.memory
        )
        reserved = QUESTIONS * max(self.clock.budget - WINNERS_MINUTE, 0.0)
        # of the time that reading and checking a large log has left
        left = max(self.clock.left, 0.1 * self.clock.budget)
        self.everything = Everything(self.sample, costs, self.memory, left)
        self.ending = Ending(
            costs, self.test, self.everything, self.clock.budget, question_seconds=reserved
        )
        if not self.sample.is_whole:
            self.ending.curve_users = len(self.judging.rungs[0].rows)
        self.planner = Planner(self.judging, self.ending, self.recipe.models, self._ask_deciding)

    def carry_out(self, findings: list[Finding]) -> None:
        """Run the whole dig; `findings` are those of the log and the cut."""
        self.planner.run()
        chosen, windows = self._choose()
        kept = self._kept(chosen)
        self.ending.companions = [other for role, other in kept.items() if role != "winner"]
        self.ending.question_seconds = 0.0  # from here on the questions may use it
        self._ask_growth(None if chosen is None else chosen.winner)
        self._ask_rest(None if chosen is None else chosen.winner)
        self.judging.held.let_go()  # what is fitted from here on needs the memory
        finals = Finals(self.judging, self.ending, self.test)
        needed = baselines() if chosen is None else [*baselines(), chosen.winner]
        scores = finals.judge(needed, list(kept.values()), self._others(chosen))
        if chosen is not None:
            chosen, scores = self._judged_choice(chosen, scores, finals)
            lock.check_held(self.folder)
            keeping = Keeping(
                self.folder,
                self.recipe,
                self.everything,
                self.items,
                self.test,
                scores,
                lambda: self.clock.left - self.ending.writing(len(scores)),
            )
            chosen, kept = keeping.keep(chosen, kept | {"winner": chosen.winner})
            findings = [*findings, *keeping.findings]
        account = account_of(self)
        winner = "" if chosen is None else chosen.winner.label
        below = floor.finding_of(
            scores, winner, self.test.primary, self.test.seed, self.test.judged
        )
        lock.check_held(self.folder)
        self._keep_findings(
            [*findings, *([] if below is None else [below])],
            self._repeat_hits(chosen, finals.lists),
            account["would_do"],
        )
        write_board(Board(self, scores, finals.lists, chosen, kept, account, windows.why_none))

    # ---- choosing

    def _choose(self) -> tuple[Choice | None, Windows]:
        """Choose the winner among those on the largest sample of users and the baselines."""
        windows = Windows(self.judging, self.target)
        able = self._able()
        if not able:
            return None, windows
        level = finalists(contenders(able, self.validation.seed), self.validation.split.train)
        known = {result.setting.label for result in level}
        judged = self.judging.judge(baselines(), level[0].rung, float("inf"))
        others = [
            result
            for result in judged
            if result.reason is None
            and result.setting.label not in known
            and not isinstance(result.setting, Random)
        ]
        # which model is served matters more than companions and further questions
        left = self.clock.left - self.ending.seconds(level[0].setting)
        spans = windows.of([*level, *others], left)
        chosen = choose(
            [result.setting for result in [*level, *others]],
            spans,
            self.validation.split.train,
            self.validation.seed,
            self.recipe.prefer,
        )
        if chosen is not None:
            chosen = chosen.judged_by(len(level[0].rows), int(self.validation.judged.sum()))
            labels = (result.setting.label for result in [*level, *others])
            events.note(f"choice      {formatting.with_labels(chosen.reason, labels)}")
        return chosen, windows

    def _able(self) -> list[Judgement]:
        """Settings that can still be judged on the test span and fitted on the whole log, on the
        largest sample of users that has any such; where there are none but what is popular, also
        those for which the dig would end late.
        """
        able: list[Judgement] = []
        for late in (LITTLE_LATE, LATE):
            for rung in range(self.planner.reached_rung, -1, -1):
                able = [
                    result
                    for result in self._on(rung)
                    if isinstance(result.setting, Popular)
                    or self.ending.possible(result.setting, self.clock.left, late)
                ]
                if any(not isinstance(result.setting, POPULAR) for result in able):
                    return able
        return able

    def _on(self, rung: int) -> list[Judgement]:
        """Judgements with a number on a sample of users, the best first, without random lists; on
        the first sample all that were ever judged there.
        """
        found = self.judging.first if rung == 0 else self.judging.judged
        return best(
            [
                result
                for result in found.values()
                if result.rung == rung and not isinstance(result.setting, Random)
            ]
        )

    def _kept(self, chosen: Choice | None) -> dict[str, Recommender]:
        """Role → model to keep: the winner, the best by value, and the best for new items, for own
        items and for similar items.
        """
        if chosen is None:
            return {}
        kept = {"winner": chosen.winner}
        others = {} if chosen.best.label == chosen.winner.label else {"best": chosen.best}
        others |= companions(self.judging, self.sample.log)
        if chosen.winner.has_similarities:
            others["similar"] = chosen.winner
        left = self.clock.left - self.ending.seconds(chosen.winner)
        for role, setting in others.items():  # without time for it a model is not kept
            known = any(setting.label == other.label for other in kept.values())
            if known or self.ending.keeping(setting) <= left:
                left -= 0.0 if known else self.ending.keeping(setting)
                kept[role] = setting
        return kept

    def _others(self, chosen: Choice | None) -> list[Recommender]:
        """The best by value, then the best of each family, then the best of each model, the best
        first.
        """
        everything = self.judging.ranked()
        ranks = {result.setting.label: rank for rank, result in enumerate(everything)}
        family_ranks = [
            min((ranks[label] for label in family.judged if label in ranks), default=None)
            for family in self.planner.families
        ]
        first = [
            everything[rank] for rank in sorted(rank for rank in family_ranks if rank is not None)
        ]
        by_model: dict[str, Judgement] = {}
        for result in everything:
            by_model.setdefault(result.setting.name, result)
        leaders = [] if chosen is None else [chosen.best]
        return [*leaders, *(result.setting for result in [*first, *by_model.values()])]

    # ---- questions

    def _ask_deciding(self, until: float) -> None:
        self._ask(list(DECIDING), until)
        estimated = seconds_for(self._other_questions(), self.evidence)  # fits are measured now
        if estimated <= QUICK_QUESTIONS * self.clock.budget:
            self.ending.question_seconds = max(self.ending.question_seconds, estimated)

    def _other_questions(self) -> list[str]:
        """The questions that do not decide the verdict, the cheapest first; on a sample of the
        users SIZE-1 is asked of the winner instead.
        """
        apart = DECIDING if self.sample.is_whole else (*DECIDING, growth.CODE)
        return cheapest_first([code for code in all_probes() if code not in apart])

    def _ask_growth(self, winner: Recommender | None) -> None:
        """Where a sample of the users was dug: how the winner's advantage grows with the users."""
        if winner is None or self.sample.is_whole:
            return
        self.ending.curve_users = 0  # its time may be used now
        left = self.clock.left - self.ending.seconds(winner)
        left = max(left, GROWTH * self.clock.budget)
        found = growing.ask(self.sample, self.evidence, self.judging, winner, left)
        if isinstance(found, Finding):
            events.note(f"{found.code}      {found.says}")
            self.answers.append(found)
        else:
            self.unanswered.append(found)

    def _ask_rest(self, winner: Recommender | None) -> None:
        """Ask the remaining questions: first those that decide the verdict, as long as the end
        keeps its time, then the others, the cheapest first.
        """
        done = {answer.code for answer in self.answers} | {
            question.code for question in self.unanswered if question.status == "cannot be asked"
        }
        for codes, share in (([*DECIDING], 1.0), (self._other_questions(), OTHER_QUESTIONS)):
            waiting = [code for code in codes if code not in done]
            room = min(
                share * self.clock.budget,
                self.clock.left - self.ending.seconds(winner) - self.ending.company_seconds,
            )
            if waiting:
                self._ask(waiting, self.clock.deadline_in(room))

    def _ask(self, codes: list[str], until: float) -> None:
        """Ask questions of the users of the first sample, until a deadline; settings that the sweep
        judged are not fitted again.
        """
        begun = time.monotonic()
        if self.planner.sweep is not None:
            self.evidence.known |= {
                label: found.values
                for label, found in self.planner.sweep.first.items()
                if found.reason is None
            }
        self.evidence.clock.until = self.clock.on_monotonic(until)
        with events.aside():
            answers, unanswered = ask_all(self.evidence, codes)
        self.answers += answers
        earlier = [question for question in self.unanswered if question.code not in codes]
        self.unanswered = earlier + list(unanswered)
        late = sum(question.status == "not asked" for question in unanswered)
        rest = f", {late} had no time" if late else ""
        events.note(
            f"questions   {len(answers)} answered{rest}, "
            f"{durations.words(time.monotonic() - begun)}"
        )

    def _keep_findings(
        self, findings: list[Finding], repeat_hits: float | None, larger: str | None
    ) -> None:
        items = self.items
        described = (
            0.0
            if items is None or not items.roles
            else 1 - items.items_without_row / max(len(items), 1)
        )
        verdict = readiness(
            self.answers,
            self.sample.whole,
            self.validation.split.repeat_share,
            described,
            unanswered=self.unanswered,
            floor=floor.under(findings),
            repeat_hits=repeat_hits,
            larger=larger,
        )
        files.write_json(self.folder / "readiness.json", verdict.as_json())
        name = Path(self.recipe.source).name
        heading = (
            f"What a sequence model for {name} should be made of, read from what "
            f"helped.\n{verdict.sentences[0]}"
        )
        files.write_bytes(self.folder / "train.toml", verdict.recipe(heading).encode())
        ordered = sorted(
            [*findings, *map(verdict.agreeing, self.answers), verdict.finding()], key=by_weight
        )
        files.write_json(self.folder / "findings.json", [finding.as_json() for finding in ordered])

    def _repeat_hits(self, chosen: Choice | None, lists: Mapping[str, Array]) -> float | None:
        """Share of the winner's hits that are items the user had before; None where lists may not
        hold these, or there is no hit.
        """
        if chosen is None or self.test.repeats != "allow" or chosen.winner.label not in lists:
            return None
        share = repetition(
            lists[chosen.winner.label], self.test.truth, self.test.dialect, self.test.k
        ).hits_repeated
        return share if np.isfinite(share) else None

    # ---- keeping

    def _judged_choice(
        self, chosen: Choice, scores: list[Score], finals: Finals
    ) -> tuple[Choice, list[Score]]:
        """The choice; where its winner has no number on the test span, the next setting that cannot
        be told from it, then the best of each model, then the popular list.
        """
        done = {score.label for score in scores if score.state == "done"}
        waiting = [model(label) for label in chosen.tied if label != chosen.winner.label]
        if chosen.winner.label not in done:
            others = [one for one in self._others(None) if not isinstance(one, (*POPULAR, Random))]
            waiting += [other for other in others if other.label != chosen.winner.label]
        for setting in [
            chosen.winner,
            *waiting,
            *(other for other in baselines() if not isinstance(other, Random)),
        ]:
            if setting.label not in done:
                scores = [
                    *(score for score in scores if score.label != setting.label),
                    *finals.judge([setting], [], []),
                ]
                done |= {score.label for score in scores if score.state == "done"}
            if setting.label in done:
                return (
                    chosen
                    if setting.label == chosen.winner.label
                    else chosen.instead(setting, "could not be judged on the test span")
                ), scores
        return chosen, scores

    def keep_what_is_finished(self) -> None:
        """After an interruption: write the board of the settings judged on the first sample, so
        that all scores are of the same users.
        """
        done = [
            full_score(result, self.validation) for _, result in sorted(self.judging.first.items())
        ]
        write_interrupted(self.folder, Scoreboard(self.validation, tuple(done)), self.clock)
