"""Networks are trained, each with so many seeds, and judged; what was trained before a stop is read
from the ledger.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from spadework import durations, events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.limits import Limits, available_bytes, resident_bytes
from spadework.models.base import Recommender
from spadework.models.neural.transformer import Transformer
from spadework.workbench.recipe import Recipe
from spadework.workbench.search.trial_cache import Ledger
from spadework.workbench.storage import artifact
from spadework.workbench.storage import folder as folders
from spadework.workbench.training import training_curves


@dataclass
class Trainings:
    """The networks that one command trains."""

    recipe: Recipe
    ledger: Ledger
    items: ItemContent | None
    seeds: int = 1
    curves: list[Path] = field(default_factory=list)  # of the models that were met
    network: Path | None = None  # the one that stands on the board, as it was judged

    def foretell(
        self,
        one: Transformer,
        choosing: Protocol,
        final: Protocol,
        log: Interactions,
        versions: int,
    ) -> None:
        """Say what is trained and how long it will take, measured on a few steps."""
        from spadework.models.neural.fitting import seconds_of

        each = {
            name: seconds_of(one, part, self.items)
            for name, part in (("valid", choosing.split.train), ("test", final.split.train))
        }
        whole = each["test"] * len(log) / max(len(final.split.train), 1)
        total = self.seeds * (each["valid"] * (1 + versions) + each["test"])
        events.note(f"training    {one.label}")
        pairs = f", {versions} pairs" if versions else ""
        seeds = f", {self.seeds} seeds each" if self.seeds > 1 else ""
        events.note(
            f"expected    about {durations.words(total)} if no epoch is spared: once for "
            f"validation, once for the test span{pairs}{seeds}; {durations.words(whole)} more "
            "should it win. Early stopping usually ends sooner."
        )

    def learn_from_all(self, one: Transformer, log: Interactions) -> Recommender:
        """The transformer, learned from the whole log."""
        events.note(f"fitting {one.label} on the whole log, for service")
        return one.sharing().fit(log, self.items, rng=self.recipe.seed)

    def scores(self, one: Recommender, protocol: Protocol, stage: str) -> list[Score]:
        """The model's scores, one a seed; from the ledger where they are there."""
        made = []
        for seed in range(protocol.seed, protocol.seed + self.seeds):
            key = self.ledger.key(one, protocol, f"{stage}-seed{seed}")
            if stage == "test" and seed == protocol.seed:
                self.network = self.ledger.folder / f"{folders.TRAINED}-{key}"
            self.curves.append(self.ledger.folder / f"{key}.curve.json")
            known = self.ledger.find(key)
            if known is not None:
                made.append(known[0])
                continue
            learner = one.sharing()
            memory = (
                int(self.recipe.memory * 2**30)
                if self.recipe.memory
                else resident_bytes() + int(0.8 * available_bytes())
            )
            begun = time.monotonic()
            score = trial(learner, protocol, self.items, rng=seed, limits=Limits(memory=memory))
            if score.state == "done" and not len(learner.state["curve"]):
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
                    artifact.replace(learner, self.network, facts=facts, content=self.items)
                training_curves.keep(
                    self.curves[-1], learner, stage, seed, score.fit_seconds or 0.0
                )
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
            made.append(score)
        return made

    def cut_short(self, models: list[Transformer], stage: str) -> str:
        """How a network of these was cut short in this stage, any seed; nothing where none was."""
        labels = {one.label for one in models}
        met = [
            curve
            for curve in training_curves.gathered(self.curves)
            if curve["label"] in labels and curve["stage"] == stage
        ]
        return training_curves.cut_short(
            met, models[0].epochs, Transformer.parameters()["epochs"].default
        )
