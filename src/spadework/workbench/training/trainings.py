"""Training and judging of networks, each with some seeds; what was trained before a stop is read
from the ledger.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from spadework import durations, events
from spadework.artifacts import artifact
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.limits import Limits
from spadework.models.base import Recommender
from spadework.models.neural.transformer import Transformer
from spadework.workbench.large.room import limit_of
from spadework.workbench.recipe import Recipe
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.storage import folder as folders
from spadework.workbench.training import training_curves


@dataclass
class Trainings:
    """The networks that one command trains."""

    recipe: Recipe
    ledger: Ledger
    items: ItemContent | None
    seeds: int = 1
    curves: list[Path] = field(default_factory=list)  # of all models so far
    network: Path | None = None  # the one on the board, as it was judged

    def announce(
        self,
        model: Transformer,
        choosing: Protocol,
        final: Protocol,
        log: Interactions,
        versions: int,
    ) -> None:
        """Note what is trained and the expected time, measured on a few steps."""
        from spadework.models.neural.fitting import seconds_of

        stage_seconds = {
            name: seconds_of(model, part, self.items)
            for name, part in (("valid", choosing.split.train), ("test", final.split.train))
        }
        full_seconds = stage_seconds["test"] * len(log) / max(len(final.split.train), 1)
        total = self.seeds * (stage_seconds["valid"] * (1 + versions) + stage_seconds["test"])
        events.note(f"training    {model.label}")
        pairs = f", {versions} pairs" if versions else ""
        seeds = f", {self.seeds} seeds each" if self.seeds > 1 else ""
        events.note(
            f"expected    about {durations.words(total)} if all epochs run: once for "
            f"validation, once for the test span{pairs}{seeds}; {durations.words(full_seconds)} "
            "more should it win. Early stopping usually ends sooner."
        )

    def learn_from_all(self, model: Transformer, log: Interactions) -> Recommender:
        """The transformer, fitted on the full log."""
        events.note(f"fitting {model.label} on the whole log, for service")
        return model.sharing().fit(log, self.items, rng=self.recipe.seed)

    def scores(self, model: Recommender, protocol: Protocol, stage: str) -> list[Score]:
        """The model's scores, one a seed; from the ledger where it has them."""
        scores = []
        for seed in range(protocol.seed, protocol.seed + self.seeds):
            key = self.ledger.key(model, protocol, f"{stage}-seed{seed}")
            if stage == "test" and seed == protocol.seed:
                self.network = self.ledger.folder / f"{folders.TRAINED}-{key}"
            self.curves.append(self.ledger.folder / f"{key}.curve.json")
            known = self.ledger.find(key)
            if known is not None:
                scores.append(known[0])
                continue
            copy = model.sharing()
            limits = Limits(memory=limit_of(self.recipe))
            begun = time.monotonic()
            score = trial(copy, protocol, self.items, rng=seed, limits=limits)
            if score.state == "done" and not len(copy.state["curve"]):
                score = replace(
                    score,
                    state="skipped",
                    reason="No history of two events is left to learn from.",
                    values={},
                    totals={},
                )
            if score.state == "done":
                if stage == "test" and self.network is not None and seed == protocol.seed:
                    facts = {"fitted on": "the train span"}
                    artifact.replace(copy, self.network, facts=facts, content=self.items)
                training_curves.keep(self.curves[-1], copy, stage, seed, score.fit_seconds or 0.0)
                value = score.means(protocol.judged)[protocol.primary]
                took = durations.words(score.fit_seconds or 0)
                which = f", seed {seed}" if self.seeds > 1 else ""
                events.note(
                    f"{stage:<10}  {score.label}{which}: {protocol.primary} {value:.4f}, "
                    f"fitted in {took}"
                )
            else:
                events.note(f"{stage:<10}  {score.label}: {score.state}. {score.reason}")
            self.ledger.keep(key, score, None, time.monotonic() - begun)
            scores.append(score)
        return scores

    def cut_short(self, models: list[Transformer], stage: str) -> str:
        """How a network of these was cut short in this stage, any seed; empty where none was."""
        labels = {model.label for model in models}
        curves = [
            curve
            for curve in training_curves.gathered(self.curves)
            if curve["label"] in labels and curve["stage"] == stage
        ]
        return training_curves.cut_short(
            curves, models[0].epochs, Transformer.parameters()["epochs"].default
        )
