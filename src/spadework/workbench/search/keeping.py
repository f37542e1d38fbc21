"""The models that a dig leaves: fitted on the whole log, looked at once more, and saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from spadework import events
from spadework.artifacts import roles
from spadework.data.content import ItemContent
from spadework.diagnosis import served
from spadework.diagnosis.finding import Finding
from spadework.errors import BadData
from spadework.evaluation.trial import Protocol, Score
from spadework.models.base import Recommender
from spadework.models.labels import model
from spadework.workbench.recipe import Recipe
from spadework.workbench.search.choice import Choice
from spadework.workbench.search.everything import Everything, fitted_on
from spadework.workbench.search.judgement import why


@dataclass
class Keeping:
    """What is fitted and saved at the end of a dig."""

    folder: Path
    recipe: Recipe
    everything: Everything
    items: ItemContent | None
    test: Protocol  # of the test span
    scores: Sequence[Score]  # of the test span
    left: Callable[[], float]  # seconds that are left for fitting
    findings: list[Finding] = field(default_factory=list)  # of what is served

    def keep(
        self, chosen: Choice, kept: Mapping[str, Recommender]
    ) -> tuple[Choice, dict[str, Recommender]]:
        """Fit these models on everything and save them; where that fails the winner alone, and
        where that fails, too, the popular list.
        """
        popular = model("popular")
        for wanted in (kept, {"winner": kept["winner"]}, {"winner": popular}):
            self.findings.clear()
            self.everything.fitted_rows.clear()
            try:
                roles.keep(
                    self.folder / "models",
                    wanted,
                    facts=self._about,
                    content=self.items,
                    fit=partial(self._fitted, wanted["winner"].label),
                )
            except Exception as error:  # a run without a model is of no use
                events.note(f"not every model could be fitted on the whole log: {why(error)}")
                continue
            winner = wanted["winner"]
            return (
                chosen
                if winner.label == chosen.winner.label
                else chosen.instead(winner, "could not be fitted on the whole log")
            ), dict(wanted)
        raise BadData(
            "No model could be fitted on the whole log.", "See the remarks in log.jsonl of the run."
        )

    def _about(self, fitted: Recommender) -> dict[str, object]:
        whole = self.everything.sample.whole
        rows = self.everything.fitted_rows[fitted.label]
        return {
            "source": self.recipe.source,
            "log": whole.fingerprint,
            "rows": rows,
            "fitted on": fitted_on(len(whole), rows),
        }

    def _fitted(self, winner: str, setting: Recommender) -> Recommender:
        events.note(f"fitting {setting.label} on the whole log")
        with events.within(setting.label):
            fitted = self.everything.fit(setting, self.items, self.recipe.seed, self.left())
        if setting.label == winner:
            self._look_at(fitted)
        return fitted

    def _look_at(self, fitted: Recommender) -> None:
        """Hold the served model against its score."""
        score = next(
            (one for one in self.scores if one.label == fitted.label and one.state == "done"), None
        )
        found = None if score is None else served.finding_of(fitted, score, self.test)
        if found is not None:
            events.note(found.says)
            self.findings.append(found)
