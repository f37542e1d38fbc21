"""From a split to what is served: try, ask, choose, meet the test span once, keep the models and
write the board.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spadework import durations, events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.diagnosis.evidence import Evidence
from spadework.diagnosis.finding import Finding, by_weight
from spadework.diagnosis.probe import Unanswered, all_probes, ask_all, cheapest_first, seconds_for
from spadework.diagnosis.readiness import readiness
from spadework.diagnosis.rules import DECIDING
from spadework.errors import BadData
from spadework.evaluation.repetition import repetition
from spadework.evaluation.scoreboard import Scoreboard
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.models.popular import Popular, Random
from spadework.workbench import formatting
from spadework.workbench.recipe import Recipe
from spadework.workbench.search.boardfile import Board, full_score, write_board, write_interrupted
from spadework.workbench.search.budgeting import account_of
from spadework.workbench.search.choice import Choice, choose, finalists
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import calibrate
from spadework.workbench.search.ending import Ending
from spadework.workbench.search.finals import Finals
from spadework.workbench.search.judgement import Judgement, best, why
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import companions, contenders
from spadework.workbench.search.model_families import floor
from spadework.workbench.search.planner import Planner
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.search.windows import Windows
from spadework.workbench.storage import files, roles

REST = 0.15
"""Share of the budget that questions may take which do not decide the verdict."""
QUESTIONS, WINNERS_OWN = 0.12, 60.0
"""Share of the budget beyond its first minute that is reserved for these questions: that minute is
the winner's.
"""
ALL_OF_THEM = 0.1
"""Share of the budget that all of these questions may be foretold to take where they are reserved
at any budget.
"""


@dataclass
class Dig:
    """One log's models under one budget."""

    recipe: Recipe
    folder: Path
    log: Interactions
    items: ItemContent | None
    choosing: Protocol  # of the validation span
    final: Protocol  # of the test span
    ledger: Ledger
    clock: Clock
    memory: int
    policy: str  # what is done about repeats, and why
    target: str | None
    judging: Judging = field(init=False)
    ending: Ending = field(init=False)
    planner: Planner = field(init=False)
    evidence: Evidence = field(init=False)
    answers: list[Finding] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)

    def __post_init__(self) -> None:
        costs = calibrate()
        self.judging = Judging(
            self.choosing, self.items, self.ledger, self.clock, costs, self.memory
        )
        self.evidence = Evidence(
            self.choosing, self.items, self.judging.rungs[0].rows, memory=self.memory
        )
        asking = QUESTIONS * max(self.clock.budget - WINNERS_OWN, 0.0)
        self.ending = Ending(costs, self.final, self.log, self.clock.budget, asking=asking)
        self.planner = Planner(self.judging, self.ending, self.recipe.models, self._ask_deciding)

    def carry_out(self, findings: list[Finding]) -> None:
        """All of it; `findings` are those of the log and the cut."""
        self.planner.run()
        chosen, windows = self._choose()
        kept = self._kept(chosen)
        self.ending.companions = [one for role, one in kept.items() if role != "winner"]
        self.ending.asking = 0.0  # from here on the questions may have it
        self._ask_rest(None if chosen is None else chosen.winner)
        finals = Finals(self.judging, self.ending, self.final)
        needed = floor() if chosen is None else [*floor(), chosen.winner]
        scores = finals.judge(needed, list(kept.values()), self._others(chosen))
        if chosen is not None:
            chosen, scores = self._standing(chosen, scores, finals)
            chosen, kept = self._keep_models(chosen, kept | {"winner": chosen.winner})
        account = account_of(self)
        self._keep_findings(findings, self._repeat_hits(chosen, finals.lists), account["would_do"])
        write_board(Board(self, scores, finals.lists, chosen, kept, account, windows.why_one))

    # ---- choosing

    def _choose(self) -> tuple[Choice | None, Windows]:
        """The winner among those that reached the largest sample of users; the floor stands beside
        them.
        """
        windows = Windows(self.judging, self.target)
        able = self._able()
        if not able:
            return None, windows
        level = finalists(
            contenders(able, self.choosing.seed), self.choosing.split.train, self.choosing.seed
        )
        known = {result.one.label for result in level}
        asked = self.judging.ask(floor(), level[0].rung, float("inf"))
        beside = [
            one
            for one in asked
            if one.reason is None and one.one.label not in known and not isinstance(one.one, Random)
        ]
        left = self.clock.left - self.ending.seconds(level[0].one) - self.ending.company
        spans = windows.of([*level, *beside], left)
        chosen = choose(
            [result.one for result in [*level, *beside]],
            spans,
            self.choosing.split.train,
            self.choosing.seed,
            self.recipe.prefer,
        )
        if chosen is not None:
            chosen = chosen.judged_by(len(level[0].rows), int(self.choosing.judged.sum()))
            labels = (one.one.label for one in [*level, *beside])
            events.note(f"choice      {formatting.with_labels(chosen.says, labels)}")
        return chosen, windows

    def _able(self) -> list[Judgement]:
        """What can still be judged on the test span and be fitted on the whole log, on the largest
        sample of users that has any such.
        """
        room = max(self.clock.left, 0.0)
        able: list[Judgement] = []
        for rung in range(self.planner.reached, -1, -1):
            able = [
                result
                for result in self._on(rung)
                if isinstance(result.one, Popular) or self.ending.seconds(result.one) <= room
            ]
            if any(not isinstance(result.one, Popular) for result in able):
                break
        return able

    def _on(self, rung: int) -> list[Judgement]:
        """What has a number on a sample of users, chance aside, the best first; on the first one
        all that were ever judged there.
        """
        found = self.judging.first if rung == 0 else self.judging.judged
        return best(
            [
                result
                for result in found.values()
                if result.rung == rung and not isinstance(result.one, Random)
            ]
        )

    def _kept(self, chosen: Choice | None) -> dict[str, Recommender]:
        """Role → model that is kept: the winner, the best by value, and the best for new items, for
        own items and for similar items.
        """
        if chosen is None:
            return {}
        kept = {"winner": chosen.winner}
        beside = {} if chosen.best.label == chosen.winner.label else {"best": chosen.best}
        beside |= companions(self.judging, self.log)
        if chosen.winner.has_similarities:
            beside["similar"] = chosen.winner
        left = self.clock.left - self.ending.seconds(chosen.winner)
        for role, one in beside.items():  # what there is no time for is not kept
            known = any(one.label == other.label for other in kept.values())
            if known or self.ending.keeping(one) <= left:
                left -= 0.0 if known else self.ending.keeping(one)
                kept[role] = one
        return kept

    def _others(self, chosen: Choice | None) -> list[Recommender]:
        """The best by value, then the best of each family, then the best of each model, the best
        first.
        """
        everything = self.judging.best()
        order = {result.one.label: place for place, result in enumerate(everything)}
        families = [
            min((order[label] for label in family.judged if label in order), default=None)
            for family in self.planner.families
        ]
        first = [
            everything[place] for place in sorted(place for place in families if place is not None)
        ]
        by_model: dict[str, Judgement] = {}
        for result in everything:
            by_model.setdefault(result.one.name, result)
        leaders = [] if chosen is None else [chosen.best]
        return [*leaders, *(result.one for result in [*first, *by_model.values()])]

    # ---- questions

    def _ask_deciding(self, until: float) -> None:
        self._ask(list(DECIDING), until)
        foretold = seconds_for(self._others_asked(), self.evidence)  # fits are measured now
        if foretold <= ALL_OF_THEM * self.clock.budget:
            self.ending.asking = max(self.ending.asking, foretold)

    def _others_asked(self) -> list[str]:
        """The questions that do not decide the verdict, the cheapest first."""
        return cheapest_first([code for code in all_probes() if code not in DECIDING])

    def _ask_rest(self, winner: Recommender | None) -> None:
        """What was not asked yet: first what decides the verdict, as long as the end is not
        touched, then the others, the cheapest first.
        """
        done = {one.code for one in self.answers} | {
            one.code for one in self.unanswered if one.kind == "cannot be asked"
        }
        for codes, share in (([*DECIDING], 1.0), (self._others_asked(), REST)):
            waiting = [code for code in codes if code not in done]
            room = min(
                share * self.clock.budget,
                self.clock.left - self.ending.seconds(winner) - self.ending.company,
            )
            if waiting:
                self._ask(waiting, self.clock.moment(room))

    def _ask(self, codes: list[str], until: float) -> None:
        """Ask questions of the users of the first sample, until a moment; what the sweep judged of
        them is not fitted again.
        """
        begun = time.monotonic()
        if self.planner.sweep is not None:
            self.evidence.known |= {
                label: found.values
                for label, found in self.planner.sweep.first.items()
                if found.reason is None
            }
        self.evidence.clock.until = self.clock.deadline(until)
        with events.aside():
            answers, unanswered = ask_all(self.evidence, codes)
        self.answers += answers
        self.unanswered = [one for one in self.unanswered if one.code not in codes] + list(
            unanswered
        )
        late = sum(one.kind == "not asked" for one in unanswered)
        told = f", {late} had no time" if late else ""
        events.note(
            f"questions   {len(answers)} answered{told}, "
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
            self.log,
            self.choosing.split.repeat_share,
            described,
            unanswered=self.unanswered,
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
        told = sorted(
            [*findings, *map(verdict.agreeing, self.answers), verdict.finding()], key=by_weight
        )
        files.write_json(self.folder / "findings.json", [finding.as_json() for finding in told])

    def _repeat_hits(self, chosen: Choice | None, lists: Mapping[str, Array]) -> float | None:
        """Share of the winner's hits that users had before; None where lists may not hold these, or
        nothing is hit.
        """
        if chosen is None or self.final.repeats != "allow" or chosen.winner.label not in lists:
            return None
        share = repetition(
            lists[chosen.winner.label], self.final.truth, self.final.dialect, self.final.k
        ).hits_repeated
        return share if np.isfinite(share) else None

    # ---- keeping

    def _standing(
        self, chosen: Choice, scores: list[Score], finals: Finals
    ) -> tuple[Choice, list[Score]]:
        """The choice, or the next one that cannot be told from it where the winner has no number on
        the test span; then what is popular.
        """
        done = {score.label for score in scores if score.state == "done"}
        waiting = [model(label) for label in chosen.tied if label != chosen.winner.label]
        for one in [
            chosen.winner,
            *waiting,
            *(other for other in floor() if not isinstance(other, Random)),
        ]:
            if one.label not in done:
                scores = [
                    *(score for score in scores if score.label != one.label),
                    *finals.judge([one], [], []),
                ]
                done |= {score.label for score in scores if score.state == "done"}
            if one.label in done:
                return (
                    chosen
                    if one.label == chosen.winner.label
                    else chosen.instead(one, "could not be judged on the test span")
                ), scores
        return chosen, scores

    def _keep_models(
        self, chosen: Choice, kept: dict[str, Recommender]
    ) -> tuple[Choice, dict[str, Recommender]]:
        """Fit what is kept on the whole log and save it; where that fails the winner alone, and
        where it fails, too, what is popular.
        """
        about = {
            "source": self.recipe.source,
            "log": self.log.fingerprint,
            "rows": len(self.log),
            "fitted on": "the whole log",
        }
        popular = model("popular")
        for wanted in (kept, {"winner": kept["winner"]}, {"winner": popular}):
            try:
                roles.keep(
                    self.folder / "models",
                    wanted,
                    facts=about,
                    content=self.items,
                    fit=self._learned_from_all,
                )
            except Exception as error:  # a run without a model is of no use to anybody
                events.note(f"not every model could be fitted on the whole log: {why(error)}")
                continue
            served = wanted["winner"]
            return (
                chosen
                if served.label == chosen.winner.label
                else chosen.instead(served, "could not be fitted on the whole log")
            ), dict(wanted)
        raise BadData(
            "No model could be fitted on the whole log.", "See the remarks in log.jsonl of the run."
        )

    def _learned_from_all(self, one: Recommender) -> Recommender:
        events.note(f"fitting {one.label} on the whole log, for service")
        with events.within(one.label):
            return one.sharing().fit(self.log, self.items, rng=self.recipe.seed)

    def keep_what_is_finished(self) -> None:
        """After an interruption: the board of what was judged on the first sample, so that all are
        of the same users.
        """
        done = [
            full_score(result, self.choosing) for _, result in sorted(self.judging.first.items())
        ]
        write_interrupted(self.folder, Scoreboard(self.choosing, tuple(done)), self.clock)
