"""The search of a model's settings: optuna's tree of Parzen estimators proposes from the ranges in
the model's own fields.

Settings that learn the same share one fit, so parameters that only change the answers cost almost
nothing. A model whose fields have no search range is tried in its own variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError
from spadework.models.base import Recommender
from spadework.models.parameters import Parameter
from spadework.workbench.search.halving import FIRST_SHARE
from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.model_families import Family

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

ANSWERS = 4
"""Settings that share one fit, where the model has parameters that only change its answers."""
STARTED = 6
"""Results that the estimators need before they are trusted; proposals are at random until then."""


class Tuning:
    """The search of one model's settings. Its proposals depend only on the seed and on the results
    that it learned.
    """

    def __init__(
        self, start: Recommender, train: Interactions, content: ItemContent | None, seed: int
    ) -> None:
        """`start` is the first setting."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.start = start
        self._space = _space(start, train, content)
        self._variants = [] if self._space else _variants(start, train, content)
        self._learned = [name for name in self._space if name not in start.answering]
        self._waiting: dict[str, list[Any]] = {}
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTED),
        )
        if self._space and all(
            _holds(self._space[name], start.params[name]) for name in self._space
        ):
            self._study.enqueue_trial({name: start.params[name] for name in self._space})

    @property
    def searches(self) -> bool:
        """Whether the model has search ranges; else it has variants only."""
        return bool(self._space)

    def propose(self) -> list[Recommender]:
        """The next settings, all with the same fit. Empty when none is left; variants are proposed
        until they were tried.
        """
        if not self._space:
            return self._variants[:ANSWERS]
        batch = [self._study.ask(self._space)]
        for _ in range(ANSWERS - 1 if len(self._learned) < len(self._space) else 0):
            self._study.enqueue_trial({name: batch[0].params[name] for name in self._learned})
            batch.append(self._study.ask(self._space))
        made = [
            type(self.start)(**{**self.start.params, **_rounded(trial.params)}) for trial in batch
        ]
        for setting, trial in zip(made, batch, strict=True):
            self._waiting.setdefault(setting.label, []).append(trial)
        return made

    def learn(self, results: Sequence[Judgement]) -> None:
        """Learn the means of the proposals; those without a number count as failed."""
        import optuna

        tried = {result.setting.label for result in results if not result.score.late}
        self._variants = [setting for setting in self._variants if setting.label not in tried]
        for result in results:
            for trial in self._waiting.pop(result.setting.label, ()):
                if result.reason is None:
                    self._study.tell(trial, result.mean)
                else:
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)


def tuning_of(family: Family, judging: Judging, tunings: dict[str, Tuning]) -> Tuning | None:
    """The search of a family's best model, from `tunings` (model → its search), to which those of
    its other models are added. A model with search ranges goes before a better one without, where
    it comes near it.
    """
    found = best([judging.first[label] for label in family.judged if label in judging.first])
    train, seed = judging.protocol.split.train, judging.protocol.seed
    for result in found:
        if result.setting.name not in tunings:
            tunings[result.setting.name] = Tuning(
                type(result.setting)(), train, judging.content, seed
            )
    near = [
        result
        for result in found
        if result.mean >= (1 - FIRST_SHARE) * found[0].mean
        and tunings[result.setting.name].searches
    ]
    leader = next(iter(near or found), None)
    return None if leader is None else tunings[leader.setting.name]


def _space(
    setting: Recommender, train: Interactions, content: ItemContent | None
) -> dict[str, BaseDistribution]:
    """The search space of a model: its fields with a range that need only what the data have."""
    found = {}
    for name, parameter in setting.parameters().items():
        if parameter.search is not None and _able(
            type(setting), {**setting.params, name: _sample(parameter)}, train, content
        ):
            found[name] = _distribution(parameter)
    return found


def _variants(
    setting: Recommender, train: Interactions, content: ItemContent | None
) -> list[Recommender]:
    """The variants that a model names and the data allow, without the setting itself."""
    made = [
        type(setting)(**params)
        for params in setting.variants()
        if _able(type(setting), params, train, content)
    ]
    return [other for other in made if other.label != setting.label]


def _able(
    cls: type[Recommender],
    params: Mapping[str, Any],
    train: Interactions,
    content: ItemContent | None,
) -> bool:
    try:
        cls(**params).check_needs(train, content)
    except SpadeworkError:
        return False
    return True


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    search = parameter.search
    assert search is not None
    if search.choices:
        return CategoricalDistribution(list(search.choices))
    if parameter.value_type is int:
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def _sample(parameter: Parameter) -> Any:
    """One value of a search range: the last choice, or the lower end."""
    assert parameter.search is not None
    return (
        parameter.search.choices[-1]
        if parameter.search.choices
        else parameter.value_type(parameter.search.low)
    )


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return value is not None and bool(distribution.low <= value <= distribution.high)  # type: ignore[attr-defined]


def _rounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers rounded to three digits, so that labels are short and settings can be repeated."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in params.items()
    }
