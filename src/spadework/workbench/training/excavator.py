"""After a dig: train the transformer that its diagnosis asked for, put it on the same board, and say whether the advice was right."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spadework import durations, events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.ingredients import INGREDIENTS, read_recipe
from spadework.diagnosis.prediction import Checked, Prediction, check
from spadework.errors import BadRequest, OtherData
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.kernels import parallel
from spadework.limits import Limits, available_bytes, resident_bytes
from spadework.models.base import Recommender
from spadework.models.neural.transformer import Transformer
from spadework.workbench.report import report
from spadework.workbench.run import Run
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.serving.service import source_of
from spadework.workbench.sources import choose_split, read_for
from spadework.workbench.storage import artifact, files
from spadework.workbench.storage import folder as folders
from spadework.workbench.training import judged, kept, training_curves
from spadework.workbench.training.advice import Tested, starved, tested, untested, with_its_chance
from spadework.workbench.training.made_of import Pair, pairs, transformer_of
from spadework.workbench.training.seeds import by_seed, joined, values_of


@dataclass
class Excavation:
    """The training of one run's transformer, and what came of it."""

    run: Run
    changes: Mapping[str, Any]  # parameters of the model that somebody set otherwise than the recipe
    seeds: int = 1
    curves: list[Path] = field(default_factory=list)  # of the models that this training has met
    network: Path | None = None  # the one that stands on the board, as it was judged

    def carry_out(self, source: Any = None, content: Any = None, *, ablate: bool = False) -> dict[str, Any]:
        """Train, judge, compare; returns what `advice.json` then holds. What was finished before a stop is not trained again."""
        from spadework.models.neural.checkpoints import kept_in

        folder = self.run.folder
        if not self.run.complete:
            raise BadRequest(f"{folder} is not a finished run.", "Finish it with the same `spadework dig` command, then train.")
        log, items, split = self._read(source, content)
        ingredients = self._ingredients()
        one = transformer_of(ingredients, self.changes)
        assert split.valid is not None
        policy = self.run.board["protocol"]["repeats"]
        choosing, final = self._protocol(split.valid, policy), self._protocol(split, policy)
        if (known := self._finished(one, ingredients, ablate)) is not None:
            return known
        others = judged.scores_of(folder, self.run.board, final, without=one.name)
        self._remark_on(ingredients, policy)
        predictions = [Prediction.from_json(told) for told in files.read_json(folder / "readiness.json")["predictions"]]
        versions, why = pairs(ingredients, self.changes, predictions, items, final.repeats)
        if not ablate:
            versions, why = [], {one.about: "train its pair with --ablate." for one in predictions} | why
        self._foretell(one, choosing, final, log, items, len(versions))
        ledger = Ledger(folder / "training", None if items is None else items.fingerprint)
        with kept_in(folder / "training"):
            validated = self._trials(one, choosing, "validation", ledger, items)
            observed, checked = self._ablate(one, versions, validated, choosing, ledger, items, why)
            finals = self._trials(one, final, "test", ledger, items)
            score, chosen = joined(finals), joined(validated)
            cheap = judged.winner_of_dig(self.run.board)
            wins = score.state == "done" and judged.is_above_winner(self.run.board, chosen, choosing)
            # Everything is learned before anything is written: a stop leaves the run as it was, and the same command goes on.
            winner = self._learned_from_all(one, log, items) if wins else None
        checked |= self._verdict(one, score, cheap, others, final, predictions, why)
        advice = {
            "trained": score.label,
            "state": score.state,
            "reason": score.reason,
            "winner": score.label if wins else cheap,
            "seeds": self.seeds,
            "ingredients": ingredients,
            "changes": dict(self.changes),
            "version": version("spadework"),
            "ablated": ablate and all(pair["reason"] is None for pair in observed),
            "predictions": [
                checked[one.about].as_json() if one.about in checked else untested(one, why.get(one.about, "nothing was trained for it."))
                for one in predictions
            ],
            "pairs": observed,
            "judged": {"predictions of ingredients, and pairs": choosing.heading, "verdict": final.heading},
        }
        kept.write_board(self.run, advice, list(checked.values()), others, (score, final), (chosen, choosing), self.curves)
        kept.serve(self.run, winner, log, items)
        kept.keep_network(folder, self.network)
        report.write(folder, with_ids=self.run.recipe.with_ids)
        folders.seal(folder)
        ledger.clear()  # the very last act: as long as its folder is there, this training has not ended
        return advice

    def _ablate(
        self,
        one: Transformer,
        versions: list[Pair],
        validated: list[Score],
        choosing: Protocol,
        ledger: Ledger,
        items: ItemContent | None,
        why: dict[str, str],
    ) -> tuple[list[dict[str, Any]], dict[str, Checked]]:
        """What each pair came to, and the predictions held against them; `why` learns of pairs that could not be trained."""
        observed: list[dict[str, Any]] = []
        checked: dict[str, Checked] = {}
        base = values_of(validated, choosing)
        for pair in versions:
            events.note(f"ablation    {pair.ingredient} = {pair.other} instead of {pair.value}")
            trials = self._trials(pair.model, choosing, "validation", ledger, items)
            other = values_of(trials, choosing)
            if base is None or other is None:
                reason = joined(validated if base is None else trials).reason or "it has no score."
                why[pair.ingredient] = reason
                observed.append(Tested(pair, pair.model.label, None, reason).as_json() | {"shares of seeds": []})
                continue
            shares = by_seed(validated, trials, choosing)
            said, held = tested(pair, base, other, shares, choosing.seed)
            observed.append(said.as_json() | {"shares of seeds": shares})
            if held is not None:
                checked[pair.ingredient] = with_its_chance(held, network=self._cut_short([one, pair.model], "validation"))
        return observed, checked

    def _verdict(
        self,
        one: Transformer,
        score: Score,
        cheap: str | None,
        others: list[Score],
        final: Protocol,
        predictions: list[Prediction],
        why: dict[str, str],
    ) -> dict[str, Checked]:
        """The prediction about the best cheap model held against what came out; none where one of the two has no score, and `why` says so.

        There is none either where the verdict was left undecided.
        """
        expected = next((told for told in predictions if told.about == "verdict"), None)
        if expected is None:
            return {}
        beside = next((other for other in others if other.label == cheap and other.state == "done"), None)
        if score.state != "done" or beside is None:
            why["verdict"] = score.reason or "there is no cheap model with a score."
            return {}
        mine, theirs = (other.values[final.primary][final.judged] for other in (score, beside))
        held = check(expected, theirs, mine, final.seed)
        return {"verdict": with_its_chance(held, board=starved(self.run.board), network=self._cut_short([one], "test"))}

    def _cut_short(self, models: list[Transformer], stage: str) -> str:
        """How a network of these was cut short in this stage, any seed; nothing where none was."""
        labels = {one.label for one in models}
        met = [curve for curve in training_curves.gathered(self.curves) if curve["label"] in labels and curve["stage"] == stage]
        return training_curves.cut_short(met, models[0].epochs, Transformer.parameters()["epochs"].default)

    # ---- what it starts from

    def _read(self, source: Any, content: Any) -> tuple[Interactions, ItemContent | None, Split]:
        recipe = self.run.recipe
        data = files.read_json(self.run.folder / "data.json")
        stored, elsewhere = data["fingerprint"], data.get("items path")
        if content is None and recipe.items is not None and elsewhere is not None and not Path(recipe.items).exists():
            content = elsewhere  # the command is given in another folder than the dig was
        log, items = read_for(
            recipe, source_of(self.run, "Give it again: spadework.train(run, source=log).") if source is None else source, content
        )
        if stored["items"] is not None and items is None:
            raise BadRequest(
                f"{self.run.folder} was made with an item table.", "Give it again: spadework.train(run, source=log, content=items)."
            )
        if stored != {"log": log.fingerprint, "items": None if items is None else items.fingerprint}:
            raise OtherData(f"{recipe.source} has changed since {self.run.folder} was made of it.", "Dig again, then train.")
        split = choose_split(log, recipe)
        if split is None:
            raise BadRequest(f"{self.run.folder} judged nobody, so a transformer cannot be compared.", "Dig in a longer log.")
        return log, items, split

    def _ingredients(self) -> dict[str, Any]:
        path = self.run.folder / "train.toml"
        if not path.exists():
            raise BadRequest(f"{self.run.folder} has no train.toml.", "Dig again with this version; it writes one.")
        found = read_recipe(path.read_text(encoding="utf-8"), str(path))
        for name in ("retrain", "training_window"):
            if found[name] != "all":
                durations.seconds(found[name], name)
        return found

    def _finished(self, one: Transformer, ingredients: Mapping[str, Any], ablate: bool) -> dict[str, Any] | None:
        """What `advice.json` holds where it is of this very training, which has ended; else says that an earlier one will make room."""
        path = self.run.folder / "advice.json"
        if not path.exists() or (self.run.folder / "training").exists():
            return None
        told: dict[str, Any] = files.read_json(path)
        wanted = {"trained": one.label, "state": "done", "ingredients": ingredients, "changes": dict(self.changes), "seeds": self.seeds}
        if all(told.get(name) == value for name, value in (wanted | {"version": version("spadework")}).items()) and (
            told.get("ablated") or not ablate
        ):
            events.note(f"trained     {self.run.folder} has this training already; remove {path} to train once more")
            return told
        events.note(f"replaces    {told['trained']} and its {len(told['pairs'])} pairs, trained before; copy the folder to keep both")
        return None

    def _remark_on(self, ingredients: Mapping[str, Any], repeats: str) -> None:
        """Say what of train.toml is not read here, or is plain because it was left out."""
        text = (self.run.folder / "train.toml").read_text(encoding="utf-8")
        absent = [name for name in INGREDIENTS if name not in tomllib.loads(text)]
        if absent:
            events.note(f"train.toml leaves out {', '.join(absent)}: plain values are taken")
        if ingredients["repeats"] != ("allow" if repeats in ("allow", "only") else "forbid"):
            events.note(
                f"repeats = {ingredients['repeats']} in train.toml is for service; the run judges with repeats {repeats}, and so does this"
            )

    def _protocol(self, split: Split, policy: str) -> Protocol:
        recipe = self.run.recipe
        return Protocol.of(split, metrics=recipe.metrics, dialect=recipe.dialect, repeats=policy, seed=recipe.seed)

    def _foretell(
        self, one: Transformer, choosing: Protocol, final: Protocol, log: Interactions, items: ItemContent | None, versions: int
    ) -> None:
        """Say what is trained and how long it will take, measured on a few steps."""
        from spadework.models.neural.fitting import seconds_of

        each = {name: seconds_of(one, part, items) for name, part in (("valid", choosing.split.train), ("test", final.split.train))}
        whole = each["test"] * len(log) / max(len(final.split.train), 1)
        total = self.seeds * (each["valid"] * (1 + versions) + each["test"])
        events.note(f"training    {one.label}")
        events.note(
            f"expected    about {durations.words(total)} if no epoch is spared: once for validation, once for the test span"
            f"{f', {versions} pairs' if versions else ''}{f', {self.seeds} seeds each' if self.seeds > 1 else ''}; "
            f"{durations.words(whole)} more should it win. Early stopping usually ends sooner."
        )

    # ---- training and judging

    def _learned_from_all(self, one: Transformer, log: Interactions, items: ItemContent | None) -> Recommender:
        """The transformer, learned from the whole log."""
        events.note(f"fitting {one.label} on the whole log, for service")
        return one.sharing().fit(log, items, rng=self.run.recipe.seed)

    def _trials(self, one: Recommender, protocol: Protocol, stage: str, ledger: Ledger, items: ItemContent | None) -> list[Score]:
        """The model's scores, one a seed; from the ledger where they are there."""
        made = []
        for seed in range(protocol.seed, protocol.seed + self.seeds):
            key = ledger.key(one, protocol, f"{stage}-seed{seed}")
            if stage == "test" and seed == protocol.seed:
                self.network = ledger.folder / f"{folders.TRAINED}-{key}"
            self.curves.append(ledger.folder / f"{key}.curve.json")
            known = ledger.find(key)
            if known is not None:
                made.append(known[0])
                continue
            learner = one.sharing()
            memory = int(self.run.recipe.memory * 2**30) if self.run.recipe.memory else resident_bytes() + int(0.8 * available_bytes())
            begun = time.monotonic()
            score = trial(learner, protocol, items, rng=seed, limits=Limits(memory=memory))
            if score.state == "done" and not len(learner.state["curve"]):
                score = replace(score, state="skipped", reason="No history of two events is left to learn from.", values={}, totals={})
            if score.state == "done":
                if stage == "test" and self.network is not None and seed == protocol.seed:
                    artifact.replace(learner, self.network, facts={"fitted on": "the train span"}, content=items)
                training_curves.keep(self.curves[-1], learner, stage, seed, score.fit_seconds or 0.0)
                value, took = score.means(protocol.judged)[protocol.primary], durations.words(score.fit_seconds or 0)
                which = f", seed {seed}" if self.seeds > 1 else ""
                events.note(f"{stage:<10}  {score.label}{which}: {protocol.primary} {value:.4f}, fitted in {took}")
            else:
                events.note(f"{stage:<10}  {score.label}: {score.state}. {score.reason}")
            ledger.keep(key, score, None, time.monotonic() - begun)
            made.append(score)
        return made


def train(
    run: Run | str | Path, *, changes: Mapping[str, Any] | None = None, ablate: bool = False, seeds: int = 1, source: Any = None,
    content: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """Train the transformer that a finished run's `train.toml` describes and put it on the run's board.

    `changes` are parameters of the model to set otherwise, such as {"epochs": 10}. With `ablate` a pair of
    models is trained for each piece of advice, all else equal, and judged on the validation span; `seeds` trains each model so often. A run
    made of a log in memory needs it again as `source`. Where it runs is said with `models.neural.device.training_on`. Raises `BadRequest` for a run
    that is not finished, `OtherData` where the log has changed, and `MissingExtra` without PyTorch.
    """
    from spadework.models.neural.device import require_torch

    require_torch()
    told = run if isinstance(run, Run) else Run(Path(run))
    if not (told.folder / "recipe.json").exists():
        raise BadRequest(f"{told.folder} is no run folder.", "Make a run with: spadework dig SOURCE")
    if seeds < 1:
        raise BadRequest(f"{seeds} seeds are asked for.", "Ask for one or more.")
    threads = told.recipe.threads or parallel.threads()
    with folders.held(told.folder), events.listening(folders.JsonLog(told.folder / "log.jsonl")), parallel.using(threads):
        return Excavation(told, dict(changes or {}), seeds).carry_out(source, content, ablate=ablate)
