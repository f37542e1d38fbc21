"""Tuning with equal budgets: every model that says where to search gets as many settings and as much time as the others.

Optuna's tree of Parzen estimators proposes from the ranges in the models' own fields. What is learned is fitted once and answers several
times: parameters that only change the answers are tried for nothing. Settings are judged on the largest sample of the sweep's users.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spadework import durations, events
from spadework.data.content import ItemContent
from spadework.errors import OutOfTime, SpadeworkError
from spadework.evaluation.trial import Protocol
from spadework.limits import Limits, available_bytes, hand_memory_back, resident_bytes
from spadework.models.base import Recommender
from spadework.models.needs import check_room
from spadework.models.parameters import Parameter
from spadework.workbench.judging import Judged, Sample, bare, best, rungs_of, why
from spadework.workbench.ledger import Ledger

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SETTINGS = 24
"""Settings that each model may try."""
ANSWERS = 4
"""Settings that one fit answers, where the model has parameters that only change its answers."""
STARTED = 6
"""Results that the estimators need before they are trusted; proposals are at random until then."""
OUT_OF_SHARE = "Its share of the tuning's time was spent; a larger budget tries more."


@dataclass
class Tuning:
    """A tuning under way; `until` is on the clock of `time.monotonic`."""

    protocol: Protocol
    content: ItemContent | None
    ledger: Ledger
    until: float
    memory: int | None
    sample: Sample = field(init=False)
    judged: dict[str, Judged[Recommender]] = field(default_factory=dict)  # label → judgement
    passed_over: list[str] = field(default_factory=list)  # models whose fit takes longer than their share

    def __post_init__(self) -> None:
        rows = rungs_of(np.flatnonzero(self.protocol.judged), self.protocol.seed)[-1]
        self.sample = Sample(self.protocol.among(rows), rows, self.ledger, "tuning")

    @property
    def spent(self) -> float:
        """Seconds of what was judged, those of an earlier start included."""
        return self.sample.spent

    def run(self, models: Sequence[tuple[Recommender, float]]) -> list[Recommender]:
        """The best setting of each model. `models` are default settings and the seconds that a fit of each took.

        A model's share is what is left over those still to come, so what one leaves goes to the others; models whose fit takes longer than
        their share are passed over. The quickest come first.
        """
        found: list[Recommender] = []
        waiting = sorted(((one, seconds) for one, seconds in models if self._space(one)), key=lambda pair: (pair[1], pair[0].name))
        for place, (one, seconds) in enumerate(waiting):
            share = max(self.until - time.monotonic(), 0.0) / (len(waiting) - place)
            if seconds > share:
                self.passed_over.append(one.name)
                events.note(f"tuning      {one.name}: passed over, a fit takes {durations.words(seconds)}. {OUT_OF_SHARE}")
                continue
            results = self._tune(one, time.monotonic() + share)
            events.note(
                f"tuning      {one.name}: {len({result.one.label for result in results})} settings, judged on {len(self.sample.rows):,} users"
            )
            found += [result.one for result in best(results, 1)]
        return found

    # ---- one model

    def _space(self, one: Recommender) -> dict[str, BaseDistribution]:
        """What is searched of a model: the fields that say where, and that need nothing which the data lack."""
        train, found = self.protocol.split.train, {}
        for name, parameter in one.parameters().items():
            if parameter.search is None:
                continue
            try:
                type(one)(**{**one.params, name: _sample(parameter)}).check_needs(train, self.content)
            except SpadeworkError:
                continue
            found[name] = _distribution(parameter)
        return found

    def _tune(self, one: Recommender, until: float) -> list[Judged[Recommender]]:
        """Judgements of up to `SETTINGS` settings of a model; the first is the default."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        space = self._space(one)
        learned = [name for name in space if name not in one.answering]
        sampler = optuna.samplers.TPESampler(seed=self.protocol.seed, n_startup_trials=STARTED)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        if all(_holds(space[name], one.params[name]) for name in space):
            study.enqueue_trial({name: one.params[name] for name in space})
        found: list[Judged[Recommender]] = []
        while len(found) < SETTINGS and time.monotonic() < until:
            batch = [study.ask(space)]
            for _ in range(min(ANSWERS, SETTINGS - len(found)) - 1 if len(learned) < len(space) else 0):
                study.enqueue_trial({name: batch[0].params[name] for name in learned})
                batch.append(study.ask(space))
            settings = [type(one)(**{**one.params, **_rounded(trial.params)}) for trial in batch]
            results = self._fit_and_judge(settings, until)
            for trial, result in zip(batch, results, strict=True):
                if result.reason is None:
                    study.tell(trial, result.mean)
                else:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
            found += results
            self.judged |= {result.one.label: result for result in results}
            if any(result.reason == OUT_OF_SHARE for result in results):
                break
        return found

    def _fit_and_judge(self, settings: list[Recommender], until: float) -> list[Judged[Recommender]]:
        """Settings that learn the same: fitted once, judged one by one; whatever goes wrong becomes their reason."""
        distinct = {one.label: one for one in settings}
        known = {label: self.judged.get(label) or self.sample.known(one) for label, one in distinct.items()}
        found: dict[str, Judged[Recommender]] = {label: result for label, result in known.items() if result is not None}
        waiting = [one for label, one in distinct.items() if label not in found]
        if not waiting:
            return [found[one.label] for one in settings]
        reason = ""
        try:
            with events.listening(Limits(deadline=until, memory=self.memory)):
                for result in self._judged_together(waiting):
                    found[result.one.label] = result
        except OutOfTime:
            reason = OUT_OF_SHARE
        except Exception as error:  # a model that breaks must not take the others with it
            reason = why(error)
        hand_memory_back()
        return [found.get(one.label) or self.sample.without(one, reason) for one in settings]

    def _judged_together(self, settings: list[Recommender]) -> Iterator[Judged[Recommender]]:
        """One fit, and a judgement of each setting; what was learned goes when it ends."""
        begun, one = time.monotonic(), bare(settings[0])
        self._check_room(one)
        one.fit(self.protocol.split.train, self.content, rng=self.protocol.seed)
        seconds = (time.monotonic() - begun) / len(settings)
        for setting in settings:
            yield self.sample.judge(one.sharing(**{name: getattr(setting, name) for name in setting.answering}), seconds)

    def _check_room(self, one: Recommender) -> None:
        room = available_bytes() if self.memory is None else min(available_bytes(), self.memory - resident_bytes())
        check_room(one.label, one.cost(self.protocol.split.train).bytes, int(0.9 * room), one.instead)


def _distribution(parameter: Parameter) -> BaseDistribution:
    """Where a search looks, for optuna."""
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
    return parameter.search.choices[-1] if parameter.search.choices else parameter.kind(parameter.search.low)


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    from optuna.distributions import CategoricalDistribution

    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return value is not None and bool(distribution.low <= value <= distribution.high)  # type: ignore[attr-defined]


def _rounded(params: Mapping[str, Any]) -> dict[str, Any]:
    """Three digits are enough to be told, and to be tried again."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()}
