"""A search around the best settings, on the validation span: optuna's tree of Parzen estimators
proposes, the sweep judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spadework.evaluation.trial import Protocol
from spadework.kernels.similarity.pair_weights import pair_weights
from spadework.models.cooccurrence.operator import CoOccurrence

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTED = 4
"""Results that the estimators need before they are trusted; proposals are at random until then."""


class Search:
    """Proposals near good settings. Parameters that are not searched (filters, windows, groups) are
    those of the best setting so far.
    """

    def __init__(
        self, protocol: Protocol, seen: Sequence[tuple[CoOccurrence, float]], with_content: bool
    ) -> None:
        """`seen` are settings and their means, the best first; the estimators start from those
        that lie in the space.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(
            seed=protocol.seed, n_startup_trials=STARTED, constant_liar=True
        )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._base: dict[str, Any] = {} if not seen else dict(seen[0][0].params)
        self._space = (
            {}
            if not seen
            else space(
                [setting for setting, _ in seen],
                protocol.split.train.times is not None,
                with_content,
            )
        )
        self._waiting: dict[str, list[Any]] = {}
        for setting, mean in seen:
            params = {name: getattr(setting, name) for name in self._space}
            if all(_holds(self._space[name], value) for name, value in params.items()):
                self._study.add_trial(
                    optuna.trial.create_trial(params=params, distributions=self._space, value=mean)
                )

    def propose(self, count: int) -> list[CoOccurrence]:
        """Up to `count` settings to try; fewer where one is proposed twice."""
        if not self._base:
            return []
        found: dict[str, CoOccurrence] = {}
        for _ in range(count):
            trial = self._study.ask(self._space)
            settings = {
                name: round(value, 2) if isinstance(value, float) else value
                for name, value in trial.params.items()
            }
            # the filter llr needs whole counts
            setting = CoOccurrence(**(self._base | {"llr": 0.0} | settings))
            self._waiting.setdefault(setting.label, []).append(trial)
            found[setting.label] = setting
        return list(found.values())

    def learn(self, means: Mapping[str, float]) -> None:
        """Learn the means of the proposals; those without a number count as failed."""
        import optuna

        for label, trials in self._waiting.items():
            mean = means.get(label, float("-inf"))
            for trial in trials:
                if mean == float("-inf"):
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    self._study.tell(trial, mean)
        self._waiting.clear()


def space(
    seen: Sequence[CoOccurrence], timed: bool, with_content: bool
) -> dict[str, BaseDistribution]:
    """The search space: exponents, decays, shrinkage, neighbours, history weights; with the values
    of the settings in `seen`.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    best = seen[0]

    def choices(name: str, *values: Any) -> CategoricalDistribution:
        return CategoricalDistribution(
            list(dict.fromkeys([*values, *(getattr(setting, name) for setting in seen)]))
        )

    # a weight of whole counts cannot have decays
    own = [] if pair_weights[best.weight].counts_only else [best.weight]
    found: dict[str, BaseDistribution] = {
        "weight": CategoricalDistribution(list(dict.fromkeys(["power", *own]))),
        "left_power": FloatDistribution(0.0, 1.0),
        "right_power": FloatDistribution(0.0, 1.0),
        "group_power": choices("group_power", 0.0, 0.3, 0.5, 1.0),
        "shrink": choices("shrink", 0.0, 1.0, 10.0, 100.0),
        "keep": choices("keep", 50, 100, 200, 500),
    }
    if best.entry in ("bm25", "tfidf"):
        found["entry"] = CategoricalDistribution(["binary", best.entry])
    if timed:
        found["history"] = FloatDistribution(0.5, 1.0)
        found["age_half_life"] = choices("age_half_life", None, "7d", "30d", "90d", "365d")
        found["distance"] = choices("distance", "same", "inverse", "log")
        found["backward"] = choices("backward", 0.0, 0.3, 0.5, 1.0)
    if with_content:
        found["content_cold"] = choices("content_cold", 0.0, 2.0, 5.0, 10.0)
    return found


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return (
        isinstance(distribution, FloatDistribution)
        and distribution.low <= value <= distribution.high
    )
