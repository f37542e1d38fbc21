"""After a dig: train the transformer that its diagnosis recommended, put it on the same board, and
check whether the advice was right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spadework import durations, events, files
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.ingredients import INGREDIENTS, read_recipe
from spadework.diagnosis.prediction import Checked, Prediction, check
from spadework.errors import BadRequest, OtherData
from spadework.evaluation.trial import Protocol, Score
from spadework.kernels import parallel
from spadework.models.neural.transformer import Transformer
from spadework.workbench.answers.service import recipe_here, source_of
from spadework.workbench.large.sample import sample_of
from spadework.workbench.report import report
from spadework.workbench.run import Run
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.sources import choose_split, read_again
from spadework.workbench.storage import folder as folders
from spadework.workbench.storage import lock, run_files
from spadework.workbench.training import judged, kept
from spadework.workbench.training.advice import (
    Tested,
    cut_short,
    tested,
    undecided_if_cut_short,
    untested,
)
from spadework.workbench.training.made_of import Pair, pairs, transformer_of
from spadework.workbench.training.seeds import by_seed, joined, values_of
from spadework.workbench.training.trainings import Trainings


@dataclass
class Excavation:
    """The training of one run's transformer, and its results."""

    run: Run
    # parameters of the model that differ from the recipe
    changes: Mapping[str, Any]
    seeds: int = 1

    def carry_out(
        self, source: Any = None, content: Any = None, *, ablate: bool = False
    ) -> dict[str, Any]:
        """Train, judge, compare; returns the content of `advice.json`. What was finished before a
        stop is not trained again.
        """
        from spadework.models.neural.checkpoints import kept_in

        folder = self.run.folder
        if not self.run.complete:
            raise BadRequest(
                f"{folder} is not a finished run.",
                "Finish it with the same `spadework dig` command, then train.",
            )
        log, items, split = self._read(source, content)
        ingredients = self._ingredients()
        model = transformer_of(ingredients, self.changes)
        assert split.valid is not None
        policy = self.run.board["protocol"]["repeats"]
        choosing, final = self._protocol(split.valid, policy), self._protocol(split, policy)
        if (finished := self._finished(model, ingredients, ablate)) is not None:
            return finished
        others = judged.scores_of(folder, self.run.board, final, without=model.name)
        self._remark_on(ingredients, policy)
        predictions = [
            Prediction.from_json(entry)
            for entry in run_files.read(folder, run_files.READINESS)["predictions"]
        ]
        versions, why = pairs(ingredients, self.changes, predictions, items, final.repeats)
        if not ablate:
            versions = []
            why = {
                prediction.about: "train its pair with --ablate." for prediction in predictions
            } | why
        ledger = Ledger(folder / "training", None if items is None else items.fingerprint)
        work = Trainings(self.run.recipe, ledger, items, self.seeds)
        work.announce(model, choosing, final, log, len(versions))
        with kept_in(folder / "training"):
            validated = work.scores(model, choosing, "validation")
            observed, checked = self._ablate(model, versions, validated, choosing, work, why)
            finals = work.scores(model, final, "test")
            score, chosen = joined(finals), joined(validated)
            cheap = judged.winner_of_dig(self.run.board)
            wins = score.state == "done" and judged.is_above_winner(
                self.run.board, chosen, choosing
            )
            # All models are fitted before anything is written: a stop leaves the run as it was, and
            # the same command resumes.
            winner = work.learn_from_all(model, log) if wins else None
        checked |= self._verdict(model, score, cheap, others, final, predictions, work, why)
        advice = self._advice(score, wins, predictions, checked, observed, why) | {
            "ingredients": ingredients,
            "ablated": ablate and all(pair["reason"] is None for pair in observed),
            "judged": {
                "predictions of ingredients, and pairs": choosing.heading,
                "verdict": final.heading,
            },
        }
        lock.check_held(folder)
        kept.write_board(
            self.run,
            advice,
            list(checked.values()),
            others,
            (score, final),
            (chosen, choosing),
            work.curves,
        )
        kept.serve(self.run, winner, log, items)
        kept.keep_network(folder, work.network)
        report.write(folder, with_ids=self.run.recipe.with_ids)
        folders.seal(folder)
        # the last step: as long as its folder exists, this training has not ended
        ledger.clear()
        return advice

    def _ablate(
        self,
        model: Transformer,
        versions: list[Pair],
        validated: list[Score],
        choosing: Protocol,
        work: Trainings,
        why: dict[str, str],
    ) -> tuple[list[dict[str, Any]], dict[str, Checked]]:
        """The result of each pair, and the checked predictions; `why` gets the reasons of pairs
        that could not be trained.
        """
        observed: list[dict[str, Any]] = []
        checked: dict[str, Checked] = {}
        base = values_of(validated, choosing)
        for pair in versions:
            events.note(f"ablation    {pair.ingredient} = {pair.other} instead of {pair.value}")
            trials = work.scores(pair.model, choosing, "validation")
            other = values_of(trials, choosing)
            if base is None or other is None:
                reason = joined(validated if base is None else trials).reason or "it has no score."
                why[pair.ingredient] = reason
                observed.append(
                    Tested(pair, pair.model.label, None, reason).as_json() | {"shares of seeds": []}
                )
                continue
            shares = by_seed(validated, trials, choosing)
            result, check_of_pair = tested(pair, base, other, shares, choosing.seed)
            observed.append(result.as_json() | {"shares of seeds": shares})
            if check_of_pair is not None:
                checked[pair.ingredient] = undecided_if_cut_short(
                    check_of_pair, network=work.cut_short([model, pair.model], "validation")
                )
        return observed, checked

    def _verdict(
        self,
        model: Transformer,
        score: Score,
        cheap: str | None,
        others: list[Score],
        final: Protocol,
        predictions: list[Prediction],
        work: Trainings,
        why: dict[str, str],
    ) -> dict[str, Checked]:
        """The checked prediction about the best cheap model; none where one of the two has no
        score, with the reason in `why`.

        There is none either where the verdict was left undecided.
        """
        expected = next(
            (prediction for prediction in predictions if prediction.about == "verdict"), None
        )
        if expected is None:
            return {}
        best_cheap = next(
            (other for other in others if other.label == cheap and other.state == "done"), None
        )
        if score.state != "done" or best_cheap is None:
            why["verdict"] = score.reason or "there is no cheap model with a score."
            return {}
        mine, theirs = (other.values[final.primary][final.judged] for other in (score, best_cheap))
        outcome = check(expected, theirs, mine, final.seed)
        return {
            "verdict": undecided_if_cut_short(
                outcome, board=cut_short(self.run.board), network=work.cut_short([model], "test")
            )
        }

    def _advice(
        self,
        score: Score,
        wins: bool,
        predictions: list[Prediction],
        checked: Mapping[str, Checked],
        observed: list[dict[str, Any]],
        why: Mapping[str, str],
    ) -> dict[str, Any]:
        """The results of the network and of each prediction, for `advice.json`."""
        return {
            "trained": score.label,
            "state": score.state,
            "reason": score.reason,
            "winner": score.label if wins else judged.winner_of_dig(self.run.board),
            "seeds": self.seeds,
            "changes": dict(self.changes),
            "version": version("spadework"),
            "predictions": [
                checked[prediction.about].as_json()
                if prediction.about in checked
                else untested(prediction, why.get(prediction.about, "nothing was trained for it."))
                for prediction in predictions
            ],
            "pairs": observed,
        }

    # ---- inputs

    def _read(self, source: Any, content: Any) -> tuple[Interactions, ItemContent | None, Split]:
        recipe = self.run.recipe
        data = self.run.data
        stored, elsewhere = data["fingerprint"], data.get("items path")
        if (
            content is None
            and recipe.items is not None
            and elsewhere is not None
            and not Path(recipe.items).exists()
        ):
            content = elsewhere  # the command runs in another folder than the dig
        again = read_again(
            recipe_here(self.run),
            source_of(self.run, "Give it again: spadework.train_transformer(run, source=log).")
            if source is None
            else source,
            content,
            data,
        )
        log, items = again.log, again.items
        if stored.get("items") is not None and items is None:
            raise BadRequest(
                f"{self.run.folder} was made with an item table.",
                "Give it again: spadework.train_transformer(run, source=log, content=items).",
            )
        if stored != {
            "log": log.fingerprint,
            "items": None if items is None else items.fingerprint,
        }:
            raise OtherData(
                f"{recipe.source} has changed since {self.run.folder} was made of it.",
                "Dig again, then train.",
            )
        sample = sample_of(log, recipe, data)
        split = choose_split(sample.log, recipe)
        if split is None:
            raise BadRequest(
                f"{self.run.folder} judged no users, so a transformer cannot be compared.",
                "Dig in a longer log.",
            )
        # a network reads its log whole, so of a large one it learns from what was dug
        return sample.log, items, split

    def _ingredients(self) -> dict[str, Any]:
        path = self.run.folder / "train.toml"
        if not path.exists():
            raise BadRequest(
                f"{self.run.folder} has no train.toml.",
                "Dig again with this version; it writes one.",
            )
        found = read_recipe(_text_of(path), str(path))
        for name in ("retrain", "training_window"):
            if found[name] != "all":
                durations.seconds(found[name], name)
        return found

    def _finished(
        self, model: Transformer, ingredients: Mapping[str, Any], ablate: bool
    ) -> dict[str, Any] | None:
        """The content of `advice.json` where it is of this same training, which has ended; else a
        note says that an earlier one is replaced.
        """
        if (self.run.folder / "training").exists():  # its advice may be half of a new training
            return None
        earlier = self.run.advice
        if earlier is None:
            return None
        wanted = {
            "trained": model.label,
            "state": "done",
            "ingredients": ingredients,
            "changes": dict(self.changes),
            "seeds": self.seeds,
        }
        if all(
            earlier.get(name) == value
            for name, value in (wanted | {"version": version("spadework")}).items()
        ) and (earlier.get("ablated") or not ablate):
            events.note(
                f"trained     {self.run.folder} has this training already; remove "
                f"{self.run.folder / run_files.ADVICE} to train once more"
            )
            return earlier
        events.note(
            f"replaces    {earlier['trained']} and its {len(earlier['pairs'])} pairs, trained "
            "before; copy the folder to keep both"
        )
        return None

    def _remark_on(self, ingredients: Mapping[str, Any], repeats: str) -> None:
        """Note what of train.toml is not read here, or is plain because it is missing."""
        text = _text_of(self.run.folder / "train.toml")
        absent = [name for name in INGREDIENTS if name not in tomllib.loads(text)]
        if absent:
            events.note(f"train.toml leaves out {', '.join(absent)}: plain values are used")
        if ingredients["repeats"] != ("allow" if repeats in ("allow", "only") else "forbid"):
            events.note(
                f"repeats = {ingredients['repeats']} in train.toml is for service; the run "
                f"judges with repeats {repeats}, and so does this"
            )

    def _protocol(self, split: Split, policy: str) -> Protocol:
        recipe = self.run.recipe
        return Protocol.of(
            split, metrics=recipe.metrics, dialect=recipe.dialect, repeats=policy, seed=recipe.seed
        )


def _text_of(path: Path) -> str:
    try:
        return files.content_of(path, most=files.MOST_TOML).decode()
    except (OSError, ValueError) as error:
        says = getattr(error, "strerror", None) or error
        raise BadRequest(
            f"{path} cannot be read: {says}.",
            "Save it as UTF-8, or dig again: that writes it anew.",
        ) from None


def train_transformer(
    run: Run | str | Path,
    *,
    changes: Mapping[str, Any] | None = None,
    ablate: bool = False,
    seeds: int = 1,
    source: Any = None,
    content: Any = None,
) -> dict[str, Any]:
    """Train the transformer that a finished run's `train.toml` describes and put it on the run's
    board.

    `changes` are parameters of the model to set otherwise, such as {"epochs": 10}. With `ablate` a
    pair of models is trained for each piece of advice, all else equal, and judged on the validation
    span; `seeds` trains each model so often. A run made of a log in memory needs it again as
    `source`. The device is set with `models.neural.device.training_on`. Raises `BadRequest` for
    a run that is not finished, `OtherData` where the log has changed, and `MissingExtra` without
    PyTorch.
    """
    from spadework.models.neural.device import require_torch

    require_torch()
    opened = run if isinstance(run, Run) else Run(Path(run))
    if not (opened.folder / run_files.RECIPE).exists():
        raise BadRequest(
            f"{opened.folder} is no run folder: it has no {run_files.RECIPE}.",
            "Make a run with: spadework dig SOURCE",
        )
    if seeds < 1:
        raise BadRequest(f"{seeds} seeds are requested.", "Request one or more.")
    threads = opened.recipe.threads or parallel.threads()
    with (
        lock.held(opened.folder),
        events.listening(folders.JsonLog(opened.folder / "log.jsonl")),
        parallel.using(threads),
    ):
        return Excavation(opened, dict(changes or {}), seeds).carry_out(
            source, content, ablate=ablate
        )
