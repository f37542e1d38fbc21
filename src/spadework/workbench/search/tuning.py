"""Where a model's settings are looked for: optuna's tree of Parzen estimators proposes from the
ranges in the model's own fields.

What is learned is fitted once and answers several times: parameters that only change the answers
are tried for nothing. A model whose fields say nothing of a search has the variants that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError
from spadework.models.base import Recommender
from spadework.models.parameters import Parameter
from spadework.workbench.search.judgement import Judgement

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

ANSWERS = 4
"""Settings that one fit answers, where the model has parameters that only change its answers."""
STARTED = 6
"""Results that the estimators need before they are trusted; proposals are at random until then."""


class Tuning:
    """The search of one model's settings. What it proposes depends on the seed and on what it was
    told, and on nothing else.
    """

    def __init__(
        self, one: Recommender, train: Interactions, content: ItemContent | None, seed: int
    ) -> None:
        """`one` is the setting to start from."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.one = one
        self._space = _space(one, train, content)
        self._variants = [] if self._space else _variants(one, train, content)
        self._learned = [name for name in self._space if name not in one.answering]
        self._waiting: dict[str, list[Any]] = {}
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTED),
        )
        if self._space and all(_holds(self._space[name], one.params[name]) for name in self._space):
            self._study.enqueue_trial({name: one.params[name] for name in self._space})

    @property
    def searches(self) -> bool:
        """Whether the model says where to search; else it has its variants alone."""
        return bool(self._space)

    def propose(self) -> list[Recommender]:
        """The next settings, which learn the same: one fit answers them all. Empty when nothing is
        left; variants stay until they were tried.
        """
        if not self._space:
            return self._variants[:ANSWERS]
        batch = [self._study.ask(self._space)]
        for _ in range(ANSWERS - 1 if len(self._learned) < len(self._space) else 0):
            self._study.enqueue_trial({name: batch[0].params[name] for name in self._learned})
            batch.append(self._study.ask(self._space))
        made = [type(self.one)(**{**self.one.params, **_rounded(trial.params)}) for trial in batch]
        for one, trial in zip(made, batch, strict=True):
            self._waiting.setdefault(one.label, []).append(trial)
        return made

    def learn(self, results: Sequence[Judgement]) -> None:
        """Tell what the proposals reached; those without a number count as failed."""
        import optuna

        tried = {result.one.label for result in results if not result.score.late}
        self._variants = [one for one in self._variants if one.label not in tried]
        for result in results:
            for trial in self._waiting.pop(result.one.label, ()):
                if result.reason is None:
                    self._study.tell(trial, result.mean)
                else:
                    self._study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _space(
    one: Recommender, train: Interactions, content: ItemContent | None
) -> dict[str, BaseDistribution]:
    """What is searched of a model: the fields that say where, and that need nothing which the data
    lack.
    """
    found = {}
    for name, parameter in one.parameters().items():
        if parameter.search is not None and _able(
            type(one), {**one.params, name: _sample(parameter)}, train, content
        ):
            found[name] = _distribution(parameter)
    return found


def _variants(
    one: Recommender, train: Interactions, content: ItemContent | None
) -> list[Recommender]:
    """The variants that a model names and the data allow, but for the setting itself."""
    made = [
        type(one)(**params) for params in one.variants() if _able(type(one), params, train, content)
    ]
    return [other for other in made if other.label != one.label]


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
    if parameter.kind is int:
        return IntDistribution(int(search.low), int(search.high), log=search.log)
    return FloatDistribution(search.low, search.high, log=search.log)


def _sample(parameter: Parameter) -> Any:
    """One value of where the search looks: the last choice, or the lower end."""
    assert parameter.search is not None
    return (
        parameter.search.choices[-1]
        if parameter.search.choices
        else parameter.kind(parameter.search.low)
    )


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return value is not None and bool(distribution.low <= value <= distribution.high)  # type: ignore[attr-defined]


def _rounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Three digits are enough to be told, and to be tried again."""
    return {
        name: float(f"{value:.3g}") if isinstance(value, float) else value
        for name, value in params.items()
    }
