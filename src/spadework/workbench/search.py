"""A search around the best settings, on the validation span: optuna's tree of Parzen estimators proposes, the sweep judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spadework.evaluation.trial import Protocol
from spadework.models.cooccurrence import CoOccurrence

_SEARCHED = ("weight", "left_power", "right_power", "unit_power", "shrink", "keep", "history", "age_half_life", "distance", "backward")
KNOWN = 4
"""Settings of the sweep that the estimators learn first; they need not be judged again."""
STARTED = 4
"""Settings proposed at random before the estimators are trusted; what the sweep found comes first anyway."""


class Search:
    """Proposals near what did well. Settings that are not searched (weights, filters) are those of the best setting so far."""

    def __init__(self, protocol: Protocol, seen: Sequence[tuple[CoOccurrence, float]], with_content: bool) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=protocol.seed, n_startup_trials=STARTED, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._timed = protocol.split.train.times is not None
        self._with_content = with_content
        self._base: dict[str, Any] = {} if not seen else dict(seen[0][0].params)
        self._waiting: dict[str, list[Any]] = {}
        for one, _ in [pair for pair in seen if pair[0].weight == "power"][:KNOWN]:
            self._study.enqueue_trial({name: getattr(one, name) for name in _SEARCHED}, skip_if_exists=True)

    def propose(self, count: int) -> list[CoOccurrence]:
        """So many settings to try; fewer where one is proposed twice."""
        if not self._base:
            return []
        found: dict[str, CoOccurrence] = {}
        for _ in range(count):
            trial = self._study.ask()
            one = CoOccurrence(**(self._base | self._settings(trial)))
            self._waiting.setdefault(one.label, []).append(trial)
            found[one.label] = one
        return list(found.values())

    def learn(self, means: Mapping[str, float]) -> None:
        """Tell what the proposals reached; those without a number count as failed."""
        import optuna

        for label, trials in self._waiting.items():
            mean = means.get(label, float("-inf"))
            for trial in trials:
                if mean == float("-inf"):
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    self._study.tell(trial, mean)
        self._waiting.clear()

    def _settings(self, trial: Any) -> dict[str, Any]:
        """One point of the space: exponents, decays, shrinkage, neighbours, and how the history is read."""
        base = self._base
        settings: dict[str, Any] = {
            "weight": trial.suggest_categorical("weight", list(dict.fromkeys(["power", base["weight"]]))),
            "left_power": round(trial.suggest_float("left_power", 0.2, 1.0), 2),
            "right_power": round(trial.suggest_float("right_power", 0.0, 0.8), 2),
            "unit_power": trial.suggest_categorical("unit_power", [0.0, 0.3, 0.5, 1.0]),
            "shrink": trial.suggest_categorical("shrink", [0.0, 1.0, 10.0, 100.0]),
            "keep": trial.suggest_categorical("keep", [50, 100, 200, 500]),
            "llr": 0.0,  # speaks of whole counts only
        }
        if base["entry"] in ("bm25", "tfidf") and not self._ordered(base):
            settings["entry"] = trial.suggest_categorical("entry", ["binary", base["entry"]])
        if self._timed:
            settings["history"] = round(trial.suggest_float("history", 0.5, 1.0), 2)
            settings["age_half_life"] = trial.suggest_categorical("age_half_life", [None, "7d", "30d", "90d", "365d"])
            settings["distance"] = trial.suggest_categorical("distance", ["same", "inverse", "log"])
            settings["backward"] = trial.suggest_categorical("backward", [0.0, 0.3, 0.5, 1.0])
        if self._with_content:
            settings["content_cold"] = trial.suggest_categorical("content_cold", [0.0, 2.0, 5.0, 10.0])
        return settings

    @staticmethod
    def _ordered(base: Mapping[str, Any]) -> bool:
        return bool(base["distance"] != "same" or base["backward"] != 1.0)
