"""One job, stage by stage: read, split, fit many models, judge, keep the best, report. A stopped
job resumes where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spadework import durations, events, files
from spadework.artifacts import roles
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.checking import diagnose
from spadework.diagnosis.finding import Finding
from spadework.errors import OtherData, Unsuitable
from spadework.evaluation.entries import Entry, read_all
from spadework.evaluation.trial import Protocol
from spadework.json_values import as_map
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.workbench.data_entry import data_entry
from spadework.workbench.large.room import check_limit, limit_of
from spadework.workbench.large.sample import Sample, sample_of
from spadework.workbench.recipe import Recipe
from spadework.workbench.recipe_texts import command_of
from spadework.workbench.report.next_line import line_for
from spadework.workbench.search import model_families
from spadework.workbench.search.board_parts import why_repeats
from spadework.workbench.search.choosing import Dig
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.finals import TEST
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.sources import ReadAgain, choose_split, read_again, target_of
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage import lock, run_files
from spadework.workbench.warming import Warming


class Job:
    """One run in progress."""

    def __init__(self, recipe: Recipe, folder: Path, begun: float) -> None:
        self.recipe, self.folder = recipe, folder
        self.clock = Clock(recipe.budget_seconds, begun)  # `begun` is of `time.monotonic`
        self.findings: Sequence[Finding] = ()

    def carry_out(self, source: Any, content: Any) -> None:
        """All stages, the manifest last; a folder that is complete for these data is left as it
        is.
        """
        warming = Warming.begin()  # at the same time as the reading
        try:
            self._stages(source, content, warming)
        finally:
            warming.close()

    def _stages(self, source: Any, content: Any, warming: Warming) -> None:
        check_limit(self.recipe, "before anything is read,")
        kept = as_map(run_files.contents(self.folder, run_files.DATA).value)
        data = read_again(self.recipe, source, content, kept)
        log, items = data.log, data.items
        fingerprint = {
            "log": log.fingerprint,
            "items": None if items is None else items.fingerprint,
        }
        if folders.is_complete(self.folder) and self._is_done(fingerprint):
            events.note("nothing to do: this run is complete")
            return
        self._refuse_other_data(fingerprint)
        finished = folders.is_complete(self.folder)
        sample = sample_of(log, self.recipe, kept, same_memory=self._same_memory())
        if not finished:
            self._begin(data, fingerprint, sample)
        split = choose_split(sample.log, self.recipe)
        if split is not None and sample.says:
            split = replace(split, remarks=(*split.remarks, sample.says))
        self.findings = diagnose(log, items, split)
        if finished:
            self._refuse_what_blocks()  # before anything of it is removed
            self._begin(data, fingerprint, sample)
        files.write_json(
            self.folder / "findings.json", [finding.as_json() for finding in self.findings]
        )
        self._refuse_what_blocks()
        if split is None:
            self._without_judgement(log, items)
        else:
            # the budget does not pay for compiling
            self.clock.begun += warming.wait()
            self.clock.tell()
            self._compare(split, items, sample)
        lock.check_held(self.folder)
        self._report()
        folders.seal(self.folder)
        self._forget_trials()

    def _begin(self, data: ReadAgain, fingerprint: dict[str, Any], sample: Sample) -> None:
        folders.clear(self.folder)
        self._keep_recipe()
        self._keep_data(data, fingerprint, sample)

    def _same_memory(self) -> bool:
        """Whether the folder's dig, if there is one, had this limit of memory."""
        stored = as_map(
            as_map(run_files.contents(self.folder, run_files.RECIPE).value).get("recipe")
        )
        return stored.get("memory") == self.recipe.memory

    def _refuse_what_blocks(self) -> None:
        """End the dig where nothing can be learned: a model of such a log must not be served."""
        for finding in self.findings:
            if finding.level == "blocker":
                line = line_for(finding, self.recipe.model_dump(mode="json"), str(self.folder))
                raise Unsuitable(
                    f"{finding.code}: {finding.says} No model is kept.",
                    f"{finding.advice}\n{line}".strip(),
                )

    def _forget_trials(self) -> None:
        """Remove the trials; those of the validation span stay where a larger budget would resume
        from them. Their models and lists are not stored.
        """
        ledger = Ledger(self.folder / "trials")
        if run_files.read(self.folder, run_files.SCORES).get("budget", {}).get("ended") in (
            "budget",
            "asked",
        ):
            ledger.forget(TEST)
            ledger.forget_kills()
        else:
            ledger.clear()

    def _is_done(self, fingerprint: dict[str, Any]) -> bool:
        """Whether the finished run in the folder is of these data, and the new limits would not
        allow more trials.
        """
        if run_files.read(self.folder, run_files.DATA)["fingerprint"] != fingerprint:
            return False
        stored = run_files.read(self.folder, run_files.RECIPE)["recipe"]
        board = run_files.read(self.folder, run_files.SCORES)
        states = {entry.state for entry in read_all([*board["scores"], *board["validation"]])}
        ended = board.get("budget", {}).get("ended")  # earlier versions do not say
        late = ended == "budget" if ended else not states.isdisjoint(("timed out", "no time"))
        large = "out of memory" in states or board.get("sample") is not None
        more_time = self.recipe.budget_seconds > durations.seconds(stored["budget"], "budget")
        more = (late and more_time) or ended == "asked"
        return not more and not (large and self.recipe.memory != stored["memory"])

    def _refuse_other_data(self, fingerprint: dict[str, Any]) -> None:
        """Refuse to replace a finished run silently because its data have changed."""
        if (
            folders.is_complete(self.folder)
            and run_files.read(self.folder, run_files.DATA)["fingerprint"] != fingerprint
        ):
            raise OtherData(
                f"{self.folder} holds a finished run of other data.",
                "Choose another folder, or replace it with --force.",
            )

    # ---- stages

    def _keep_recipe(self) -> None:
        entry = {
            "command": command_of(self.recipe, self.folder),
            "recipe": self.recipe.model_dump(mode="json"),
        }
        files.write_json(self.folder / "recipe.json", entry)

    def _keep_data(self, data: ReadAgain, fingerprint: dict[str, Any], sample: Sample) -> None:
        log, items, account = data.log, data.items, data.log.account
        entry = data_entry(self.recipe, log, items) | {
            "fingerprint": fingerprint,
            "read_at": data.read_at,
        }
        if not sample.is_whole:
            entry["sample"] = sample.as_json()
        files.write_json(self.folder / "data.json", entry)
        if (
            account is not None
            and account.rows_set_aside is not None
            and len(account.rows_set_aside)
        ):
            files.write_parquet(self.folder / "set_aside.parquet", account.rows_set_aside)

    def _compare(self, split: Split, items: ItemContent | None, sample: Sample) -> None:
        recipe = self.recipe
        check_limit(self.recipe, "with the log,")
        assert split.valid is not None
        validation = self._protocol(split.valid, recipe.repeats)
        policy = why_repeats(validation, chosen=recipe.repeats == "auto")
        events.note(f"repeats     {policy}")
        test = self._protocol(split, validation.policy)  # the policy is chosen on validation, too
        ledger = Ledger(self.folder / "trials", None if items is None else items.fingerprint)
        dig = Dig(
            recipe,
            self.folder,
            sample,
            items,
            validation,
            test,
            ledger,
            self.clock,
            limit_of(recipe),
            policy,
            target_of(sample.log, recipe),
        )
        self.clock.asked = (self.folder / folders.FINISH).exists
        self.clock.reserved = lambda: dig.ending.reserved(
            next((result.setting for result in dig.judging.ranked(1)), None)
        )
        try:
            dig.carry_out(list(self.findings))
        except KeyboardInterrupt:
            dig.keep_what_is_finished()
            self._report()
            raise

    def _protocol(self, split: Split, repeats: str) -> Protocol:
        recipe = self.recipe
        return Protocol.of(
            split, metrics=recipe.metrics, dialect=recipe.dialect, repeats=repeats, seed=recipe.seed
        )

    def _without_judgement(self, log: Interactions, items: ItemContent | None) -> None:
        """Write a board without judged users, and keep the popular list, which still answers."""
        reason = "No way to cut the log leaves users with a history and held-out items."
        members: list[Recommender] = [
            *model_families.baselines(),
            *(model(name) for name in model_families.wanted(self.recipe.models)),
        ]
        distinct = {setting.label: setting for setting in members}.values()
        entries = [
            Entry(
                model=setting.name,
                label=setting.label,
                params=setting.params,
                state="skipped",
                reason=reason,
            ).as_json()
            for setting in distinct
        ]
        popular = model("popular").fit(log, items, rng=self.recipe.seed)
        reason_chosen = (
            f"{popular.label} is chosen: no user could be judged, so nothing is known of any "
            "model. A longer log is needed."
        )
        choice = {
            "winner": popular.label,
            "best": popular.label,
            "says": reason_chosen,
            "tied": [],
            "windows": [],
        }
        board = {
            "protocol": {"split": reason},
            "scores": entries,
            "validation": [],
            "winner": popular.label,
            "choice": choice,
        }
        files.write_json(self.folder / "scores.json", board)
        files.write_json(
            self.folder / "faces.json",
            {"seed": self.recipe.seed, "ids_replaced": True, "users": []},
        )
        about = {
            "source": self.recipe.source,
            "log": log.fingerprint,
            "rows": len(log),
            "fitted on": "the whole log",
        }
        roles.keep(self.folder / "models", {"winner": popular}, facts=about, content=items)

    def _report(self) -> None:
        from spadework.workbench.report.report import write

        write(self.folder, with_ids=self.recipe.with_ids)
