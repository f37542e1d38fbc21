"""One job, stage by stage: read, split, fit many, judge, keep the best, report. A stopped job goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spadework import durations, events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.evidence import KEEP, Evidence
from spadework.diagnosis.finding import LEVELS, Finding, diagnose
from spadework.diagnosis.portrait import facts, portrait
from spadework.diagnosis.probe import Unanswered, ask_all
from spadework.diagnosis.readiness import readiness
from spadework.errors import OtherData
from spadework.evaluation.scoreboard import Scoreboard, bare
from spadework.evaluation.trial import NOVEL_RECALL, Protocol, Score
from spadework.limits import available_bytes, resident_bytes
from spadework.models.base import Recommender, catalogue, model
from spadework.models.cooccurrence import CoOccurrence
from spadework.workbench import artifact, effects, files, lessons, plan
from spadework.workbench import folder as folders
from spadework.workbench.blending import mixtures
from spadework.workbench.contest import OUT_OF_BUDGET, Contest
from spadework.workbench.faces import faces
from spadework.workbench.judging import rungs_of
from spadework.workbench.ledger import Ledger
from spadework.workbench.recipe import Recipe, command_of
from spadework.workbench.sources import choose_split, read_for
from spadework.workbench.sweep import Sweep
from spadework.workbench.telling import not_tried, repetition_of, slices_of, told_protocol, why_repeats, with_lists
from spadework.workbench.tuning import OUT_OF_SHARE, Tuning

SHOWN = 4
"""Models side by side in slices and faces."""
PROBE_SHARE = 0.25
"""Share of the budget after which no further setting is fitted for a probe."""
SWEEP_SHARE, TUNING_SHARE = 0.6, 0.4
"""Shares of what is left of the validation half that the sweep may take, and then the tuning; the rest judges their best in full."""


QUICK = 0.07
"""Models whose fit is foretold to take longer than this share of the budget wait until the others, the sweep and the tuning are done."""


class Job:
    """One run on its way."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.begun = time.monotonic()
        self.validation: list[Score] = []
        self.test: list[Score] = []
        self.sweep: Sweep | None = None
        self.tuning: Tuning | None = None
        self.findings: Sequence[Finding] = ()
        self.unanswered: Sequence[Unanswered] = ()
        self.policy = ""  # what is done about repeats, and why

    def carry_out(self, source: Any, content: Any) -> None:
        """All stages, the manifest last; a folder that is complete for these data is left as it is."""
        log, items = read_for(self.recipe, source, content)
        fingerprint = {"log": log.fingerprint, "items": None if items is None else items.fingerprint}
        if folders.is_complete(self.folder) and self._is_done(fingerprint):
            events.note("nothing to do: this run is complete")
            return
        self._refuse_other_data(fingerprint)
        folders.clear(self.folder)
        self._keep_recipe()
        self._keep_data(log, items, fingerprint)
        split = choose_split(log, self.recipe)
        self.findings = diagnose(log, items, split)
        files.write_json(self.folder / "findings.json", [finding.as_json() for finding in self.findings])
        if split is None:
            self._without_judgement(log, items)
        else:
            self._compare(split, items, log)
        self._report()
        folders.seal(self.folder)
        Ledger(self.folder / "trials").clear()

    def _is_done(self, fingerprint: dict[str, Any]) -> bool:
        """Whether the finished run in the folder is of these data, and other limits would not try more."""
        if files.read_json(self.folder / "data.json")["fingerprint"] != fingerprint:
            return False
        stored = files.read_json(self.folder / "recipe.json")["recipe"]
        board = files.read_json(self.folder / "scores.json")
        entries = [*board["scores"], *board["validation"]]
        late = any(entry["state"] == "timed out" or (entry["reason"] or "").startswith(OUT_OF_BUDGET) for entry in entries)
        large = any(entry["state"] == "out of memory" for entry in entries)
        more_time = self.recipe.budget_seconds > durations.seconds(stored["budget"], "budget")
        return not (late and more_time) and not (large and self.recipe.memory != stored["memory"])

    def _refuse_other_data(self, fingerprint: dict[str, Any]) -> None:
        """A finished run is not replaced in silence because its file has changed."""
        if folders.is_complete(self.folder) and files.read_json(self.folder / "data.json")["fingerprint"] != fingerprint:
            raise OtherData(f"{self.folder} holds a finished run of other data.", "Choose another folder, or replace it with --force.")

    # ---- stages

    def _keep_recipe(self) -> None:
        told = {"command": command_of(self.recipe, self.folder), "recipe": self.recipe.model_dump(mode="json")}
        files.write_json(self.folder / "recipe.json", told)

    def _keep_data(self, log: Interactions, items: ItemContent | None, fingerprint: dict[str, Any]) -> None:
        account = log.account
        told: dict[str, Any] = {"source": self.recipe.source, "columns": {}, "rows": {"read": len(log), "used": len(log), "set_aside": {}},
                                "remarks": [], "counts": {}} if account is None else account.as_json()  # fmt: skip
        told |= {"name": Path(self.recipe.source).name, "fingerprint": fingerprint, "facts": facts(log), "portrait": portrait(log)}
        for name, given in (("path", self.recipe.source), ("items path", self.recipe.items)):
            told[name] = str(Path(given).resolve()) if given is not None and Path(given).exists() else None
        told["items"] = None if items is None else {"without_row": items.items_without_row, "unmatched_rows": items.unmatched_rows}
        files.write_json(self.folder / "data.json", told)
        if account is not None and account.rows_set_aside is not None and len(account.rows_set_aside):
            files.write_parquet(self.folder / "set_aside.parquet", account.rows_set_aside)

    def _compare(self, split: Split, items: ItemContent | None, log: Interactions) -> None:
        recipe = self.recipe
        assert split.valid is not None
        choosing = self._protocol(split.valid, recipe.repeats)
        self.policy = why_repeats(choosing, chosen=recipe.repeats == "auto")
        events.note(f"repeats     {self.policy}")
        final = self._protocol(split, choosing.policy)  # the policy is chosen on validation, too
        memory = int(recipe.memory * 2**30) if recipe.memory else resident_bytes() + int(0.8 * available_bytes())
        ledger = Ledger(self.folder / "trials", None if items is None else items.fingerprint)
        contest = Contest(ledger, items, recipe.budget_seconds, memory, recipe.seed)
        first, rest = plan.defaults_and_variants(recipe.models)
        sweeping = recipe.models is None or CoOccurrence.name in recipe.models
        if sweeping:
            first, rest = plan.without_variants(first, CoOccurrence), plan.without_variants(rest, CoOccurrence)
        first = plan.cheap_first(first, choosing.split.train, repeats=choosing.repeats != "forbid")
        first, slow = plan.quick_and_slow(first, choosing.split.train, QUICK * recipe.budget_seconds)
        groups = [*first, *slow, *rest]
        try:
            self.validation = contest.validate(first, choosing)
            best = self._sweep(contest, choosing) if sweeping else []
            best += self._tune(contest, choosing, [member for group in first for member in group.members])
            groups += best
            self.validation += contest.validate(best, choosing)
            groups += self._mix(contest, choosing)
            self.validation += contest.validate([*slow, *rest], choosing)
            self._probe(contest, choosing, log)
            self.test = contest.judge(self.validation, groups, choosing, final)
        except KeyboardInterrupt:
            self._keep_what_is_finished(choosing, groups, ledger)
            raise
        # The test scores come in the order of validation, so the choice is made before the test span is looked at.
        chosen = next((score for score in self.test if score.state == "done"), None)
        label = None if chosen is None else chosen.label
        self._keep_board(Scoreboard(final, tuple(self.test)), Scoreboard(choosing, tuple(self.validation)), contest, items, label)
        if chosen is not None:
            self._keep_model(model(chosen.model, **chosen.params), log, items)

    def _sweep(self, contest: Contest, protocol: Protocol) -> list[plan.Group]:
        """Try the co-occurrence settings on samples of users; the best are then judged as all other models are."""
        share = SWEEP_SHARE * max(contest.budget / 2 - contest.spent, 0.0)
        self.sweep = Sweep(protocol, contest.content, contest.ledger, time.monotonic() + share, contest.memory)
        best = self.sweep.run()
        contest.spent += self.sweep.spent
        known = {score.label for score in self.validation}
        return [plan.Group((one,)) for one in best if one.label not in known]

    def _probe(self, contest: Contest, protocol: Protocol, log: Interactions) -> None:
        """Ask what the data are like, of the users of the sweep's first rung; what the sweep judged already is not fitted again."""
        rows = self.sweep.rungs[0] if self.sweep is not None else rungs_of(np.flatnonzero(protocol.judged), protocol.seed)[0]
        known: dict[str, Array] = {}
        common: dict[str, Any] = {"keep": KEEP}
        if self.sweep is not None:
            known = {label: result.values for label, result in self.sweep.first.items() if result.reason is None}
            common = self.sweep.design.common
        begun = time.monotonic()
        until = begun + PROBE_SHARE * contest.budget
        evidence = Evidence(protocol, contest.content, rows, known, common, until, contest.memory)
        answers, self.unanswered = ask_all(evidence)
        spent, asked = time.monotonic() - begun, len(answers)
        contest.spent += spent
        items = contest.content
        described = 0.0 if items is None or not items.roles else 1 - items.items_without_row / max(len(items), 1)
        verdict = readiness(answers, log, protocol.split.repeat_share, described)
        answers.append(verdict.finding())
        files.write_json(self.folder / "readiness.json", verdict.as_json())
        heading = (
            f"What a sequence model for {Path(self.recipe.source).name} should be made of, read from what helped.\n{verdict.sentences[0]}"
        )
        files.write_bytes(self.folder / "train.toml", verdict.recipe(heading).encode())
        self.findings = sorted([*self.findings, *answers], key=lambda finding: (LEVELS.index(finding.level), finding.code))
        files.write_json(self.folder / "findings.json", [finding.as_json() for finding in self.findings])
        events.note(f"probes      {asked} answered, {len(self.unanswered)} cannot be asked here, {durations.words(spent)}")

    def _tune(self, contest: Contest, protocol: Protocol, models: Sequence[Recommender]) -> list[plan.Group]:
        """Tune what the sweep does not, each model with the same budget; the best of each is then judged as all other models are."""
        took = {score.label: (score.fit_seconds or 0.0) for score in self.validation if score.state == "done"}
        # defaults alone: from them a search knows what a fit takes
        able = [
            (one, took[one.label]) for one in models if one.label == one.name and one.name in took and not isinstance(one, CoOccurrence)
        ]
        share = TUNING_SHARE * max(contest.budget / 2 - contest.spent, 0.0)
        self.tuning = Tuning(protocol, contest.content, contest.ledger, time.monotonic() + share, contest.memory)
        best = self.tuning.run(able)
        contest.spent += self.tuning.spent
        known = {score.label for score in self.validation}
        return [plan.Group((one,)) for one in best if one.label not in known]

    def _mix(self, contest: Contest, protocol: Protocol) -> list[plan.Group]:
        """Try mixtures of the best; where there is nothing to mix, each kind of mixture has a line that says so."""
        asked = [name for name, cls in catalogue().items() if cls.composed and (self.recipe.models is None or name in self.recipe.models)]
        groups = [plan.Group((one,)) for one in mixtures(self.validation, protocol) if one.name in asked]
        self.validation += contest.validate(groups, protocol)
        tried = {score.model for score in self.validation}
        reason = "A mixture needs two families of models with a score."
        self.validation += [Score(model=name, label=name, state="skipped", reason=reason) for name in asked if name not in tried]
        return groups

    def _protocol(self, split: Split, repeats: str) -> Protocol:
        recipe = self.recipe
        return Protocol.of(split, metrics=recipe.metrics, dialect=recipe.dialect, repeats=repeats, seed=recipe.seed)

    def _keep_board(self, board: Scoreboard, choosing: Scoreboard, contest: Contest, items: ItemContent | None, winner: str | None) -> None:
        final = board.protocol
        entries = [with_lists(entry) | {"stage": "test"} for entry in board.entries]
        tried, helped = choosing.entries, lessons.helped(self.validation, choosing.protocol)
        heat = lessons.heat(self.validation, choosing.protocol)
        swept: list[dict[str, Any]] = []
        if self.sweep is not None:
            swept = effects.entries(self.sweep.judged, choosing.protocol, {entry["label"] for entry in tried})
            tried = [*tried, *swept]
            designed = effects.effects(self.sweep)
            kinds = {row["kind"] for row in designed}  # one change among many pairs of settings says more than two named models
            helped, heat = [*designed, *(row for row in helped if row["kind"] not in kinds)], effects.heat(self.sweep) or heat
        leaders = [entry["label"] for entry in entries if entry["label"] in contest.lists][:SHOWN]
        if self.tuning is not None:
            tuned = effects.entries(self.tuning.judged, choosing.protocol, {entry["label"] for entry in tried})
            tried, swept = [*tried, *tuned], [*swept, *tuned]
        shown = list(dict.fromkeys([*leaders, *(label for label in ("popular", "popular(window=7d)") if label in contest.lists)]))
        files.write_json(
            self.folder / "scores.json",
            {
                "protocol": told_protocol(board, time.monotonic() - self.begun),
                "scores": entries,
                "validation": [entry | {"stage": "validation"} for entry in tried],
                "winner": winner,
                "helped": sorted(helped, key=lambda row: -abs(row["effect"])),
                "heat": heat,
                "repetition": repetition_of(
                    final,
                    {label: contest.lists[label] for label in shown},
                    {score.label: score.totals.get(NOVEL_RECALL) for score in self.test},
                    self.policy,
                ),
                "slices": slices_of(final, {label: contest.lists[label] for label in shown}),
                "not_tried": not_tried(
                    self.validation, swept, {} if self.tuning is None else dict.fromkeys(self.tuning.passed_over, OUT_OF_SHARE)
                )
                + [{"what": f"probe {one.code}", "why": one.why} for one in self.unanswered],
            },
        )
        arrays = {"users": final.truth.users, "has_history": final.truth.has_history}
        for score in board.done:
            arrays |= {f"{score.label}/{name}": values for name, values in score.values.items()}
        files.write_arrays(self.folder / "scores.npz", arrays)
        told = faces(final, {label: contest.lists[label] for label in leaders[:SHOWN]}, items,
                     count=self.recipe.faces, seed=self.recipe.seed, with_ids=self.recipe.with_ids)  # fmt: skip
        files.write_json(self.folder / "faces.json", told)

    def _keep_model(self, best: Recommender, log: Interactions, items: ItemContent | None) -> None:
        events.note(f"fitting {best.label} on the whole log, for service")
        best.fit(log, items, rng=self.recipe.seed)
        about = {"source": self.recipe.source, "log": log.fingerprint, "rows": len(log), "fitted on": "the whole log"}
        artifact.replace(best, self.folder / "models", facts=about, content=items)

    def _without_judgement(self, log: Interactions, items: ItemContent | None) -> None:
        """Nobody can be judged, but the popular list still answers."""
        reason = "No way to cut the log leaves users with history and something expected of them."
        members = [member for group in plan.candidates(self.recipe.models) for member in group.members]
        entries = [bare(Score(model=one.name, label=one.label, params=one.params, state="skipped", reason=reason)) for one in members]
        files.write_json(self.folder / "scores.json", {"protocol": {"split": reason}, "scores": entries, "validation": [], "winner": None})
        self._keep_model(model("popular"), log, items)

    def _keep_what_is_finished(self, protocol: Protocol, groups: list[plan.Group], ledger: Ledger) -> None:
        """After an interruption: the validation board of whatever is in the ledger."""
        found = [ledger.find(ledger.key(member, protocol, "validation")) for group in groups for member in group.members]
        board = Scoreboard(protocol, tuple(known[0] for known in found if known is not None))
        files.write_json(
            self.folder / "scores.json",
            {
                "protocol": told_protocol(board, time.monotonic() - self.begun) | {"interrupted": True},
                "scores": [entry | {"stage": "validation"} for entry in board.entries],
                "validation": [],
                "winner": board.winner,
            },
        )
        self._report()

    def _report(self) -> None:
        from spadework.workbench.report import write

        write(self.folder, with_ids=self.recipe.with_ids)
