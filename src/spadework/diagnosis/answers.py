"""Metric values of settings on a sample of users: reused where a setting was judged before, else
fitted here, until the time for probes is over.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl

from spadework import events
from spadework.arrays import Array, Codes
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.diagnosis.change import CannotTell, NotAsked, NoTime
from spadework.diagnosis.common import common_settings, fewer_events
from spadework.errors import BadRequest, MissingExtra, OutOfTime, SpadeworkError, Unsuitable
from spadework.evaluation.trial import Protocol, judge, trial
from spadework.limits import Limits
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.ensemble.mixture import Mixture

T = TypeVar("T")
M = TypeVar("M", bound=Recommender)
OVER = "The time for probes was over."


@dataclass
class Clock:
    """The deadline for probes, and the time that settings took so far. A question shares its clock
    with all questions that are derived from it.
    """

    until: float | None  # on the clock of time.monotonic
    seconds: float = 0.0  # of fitting and judging
    fits: int = 0  # model fits so far; settings fitted together are one

    @property
    def over(self) -> bool:
        """Whether the deadline has passed, so that nothing more may start."""
        return self.until is not None and time.monotonic() >= self.until

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the block as one fit, and add its seconds."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - started
            self.fits += 1


@dataclass
class Answers:
    """Values of settings on a sample of the validation span's users."""

    protocol: Protocol  # of the validation span
    content: ItemContent | None
    rows: Array  # rows of the truth that settings are judged on
    # label → values of the deciding metric [rows]
    known: dict[str, Array] = field(default_factory=dict)
    # settings that all models named "cooccurrence" share; derived from the log if empty
    common: Mapping[str, Any] = field(default_factory=dict)
    until: float | None = None  # on the clock of time.monotonic
    memory: int | None = None  # bytes of this process
    # label → why the setting does not suit these data
    refused: dict[str, str] = field(default_factory=dict)
    # label → what went wrong that is no matter of the data
    broken: dict[str, str] = field(default_factory=dict)
    # label → recommended item codes [rows, k] of the settings that were fitted here
    lists: dict[str, Codes] = field(default_factory=dict)
    candidates: pl.Series | None = None  # ids that may be recommended; all if absent
    is_sample: bool = False  # whether models are fitted on a part of the log only
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.until)
        self.common = dict(self.common) or common_settings(self.train)

    @property
    def train(self) -> Interactions:
        """The log that settings are fitted on."""
        return self.protocol.split.train

    @property
    def seconds_of_a_fit(self) -> float:
        """Seconds of one fit: the mean so far; before the first, the expected cost of counting."""
        if self.clock.fits:
            return self.clock.seconds / self.clock.fits
        return CoOccurrence(**fewer_events(self.common, self.train)).cost(self.train).seconds

    def values(self, models: Iterable[Recommender]) -> list[Array | None]:
        """Values [rows] of each setting; None where it has none: `why_not` has the reason. No error
        of a model is raised.
        """
        wanted = list(models)
        self._fit([model for model in wanted if model.label not in self.known])
        return [self.known.get(model.label) for model in wanted]

    def lists_of(self, models: Iterable[Recommender]) -> list[Codes | None]:
        """Recommended item codes [rows, k] of each setting, also of those that a sweep judged; None
        where it has none.
        """
        wanted = list(models)
        self._fit([model for model in wanted if model.label not in self.lists])
        return [self.lists.get(model.label) for model in wanted]

    def fit_with(self, others: Sequence[Answers], models: Sequence[Recommender]) -> None:
        """Fit settings once for this question and for others with the same train rows."""
        missing = [
            model
            for model in models
            if any(
                model.label not in (*question.known, *question.refused, *question.broken)
                for question in (self, *others)
            )
        ]
        self._fit_together(
            [model for model in missing if isinstance(model, CoOccurrence)], others=others
        )

    def why_not(self, models: Iterable[Recommender]) -> CannotTell:
        """The reason why one of these settings has no values: the data, a fault, or the time."""
        labels = [model.label for model in models]
        for label in labels:
            if label in self.refused:
                return CannotTell(self.refused[label])
        return next(
            (NotAsked(self.broken[label]) for label in labels if label in self.broken), NoTime(OVER)
        )

    def require_all(self, found: Sequence[T | None], models: Sequence[Recommender]) -> list[T]:
        """The entries of all settings; raises `why_not` where one has none."""
        complete = [entry for entry in found if entry is not None]
        if len(complete) < len(models):
            raise self.why_not(models)
        return complete

    # ---- fitting

    def _fit(self, models: Sequence[Recommender]) -> None:
        missing = [
            model
            for model in {model.label: model for model in models}.values()
            if model.label not in (*self.refused, *self.broken)
        ]
        counted = [model for model in missing if isinstance(model, CoOccurrence)]
        over = [
            model
            for model in missing
            if isinstance(model, Mixture) and _counted_part(model) is not None
        ]
        self._fit_together(counted, over)
        for model in missing:
            if model not in counted and model not in over:
                self._fit_alone(model)

    @property
    def _limits(self) -> Limits:
        return Limits(deadline=self.clock.until, memory=self.memory)

    def _fit_together(
        self,
        models: Sequence[CoOccurrence],
        over: Sequence[Mixture] = (),
        others: Sequence[Answers] = (),
    ) -> None:
        """Count once for all these settings, and for the mixtures whose counted part is one of
        them.
        """
        parts = {model.label: model for model in map(_counted_part, over) if model is not None}
        suitable = self._suitable(
            list({**{model.label: model for model in models}, **parts}.values())
        )
        over = self._suitable(over)
        if not suitable or self.clock.over:
            return
        requested = {model.label for model in models}
        questions: list[Answers] = [self, *others]
        wanted = np.zeros(self.train.item_count, np.bool_)
        for question in questions:
            wanted[
                question._row_protocol.split.given.of_user_codes(
                    question._row_protocol.truth.users
                ).items
            ] = True
        try:
            with self.clock.running(), events.listening(self._limits):
                for batch in CoOccurrence.fit_together(
                    suitable, self.train, self.content, rows=wanted
                ):
                    while batch:
                        model = batch.pop()
                        if model.label in requested:
                            _judge(model, questions)
                        self._judge_mixtures(model, over, questions)
        except OutOfTime:
            return
        except Exception as error:  # a setting that breaks must not end the run
            self._record_failure(
                [model for model in (*models, *over) if model.label not in self.known], error
            )

    def _judge_mixtures(
        self, part: CoOccurrence, over: Sequence[Mixture], questions: Sequence[Answers]
    ) -> None:
        """Judge the mixtures that are built on this counted part."""
        for model in over:
            counted = _counted_part(model)
            if counted is None or counted.label != part.label:
                continue
            try:
                _judge(
                    model.fit_over([part], self.train, self.content, rng=self.protocol.seed),
                    questions,
                )
            except OutOfTime:
                raise
            except Exception as error:  # a mixture that breaks must not end the others
                self._record_failure([model], error)

    def _suitable(self, models: Sequence[M]) -> list[M]:
        """The settings that suit these data; the reason of each other one goes to `refused`."""
        suitable = []
        for model in models:
            try:
                model.check_needs(self.train, self.content)
                suitable.append(model)
            except SpadeworkError as error:
                self.refused[model.label] = error.message
        return suitable

    def _fit_alone(self, model: Recommender) -> None:
        if self.clock.over:
            return
        lists: list[Array] = []
        with self.clock.running():
            score = trial(
                model.sharing(),
                self._row_protocol,
                self.content,
                rng=self.protocol.seed,
                limits=self._limits,
                lists=lists,
                novel=False,
            )
        if score.state == "done":
            self.known[model.label] = score.values[self.protocol.primary]
            self.lists[model.label] = lists[0]
        elif score.state != "timed out":
            failures = self.refused if score.state == "skipped" else self.broken
            failures[model.label] = score.reason or score.state

    def _record_failure(self, models: Iterable[Recommender], error: Exception) -> None:
        """Record why settings failed: in `refused` if the data lack something, else in `broken`."""
        why = (
            error.message
            if isinstance(error, SpadeworkError)
            else f"{type(error).__name__}: {error}"
        )
        failures = (
            self.refused
            if isinstance(error, BadRequest | Unsuitable | MissingExtra)
            else self.broken
        )
        failures |= {model.label: why for model in models}

    @cached_property
    def _row_protocol(self) -> Protocol:
        return self.protocol.among(self.rows)


def _judge(model: Recommender, questions: Sequence[Answers]) -> None:
    """Record the values and lists of a fitted setting for each question."""
    for question in questions:
        part = question._row_protocol
        codes = model.recommend_codes(
            part.split.given,
            part.k,
            repeats=part.repeats,
            users=part.truth.users,
            candidates=question.candidates,
        ).items
        values = judge(codes, part)[0][part.primary]
        question.known[model.label] = np.where(part.truth.sizes > 0, values, np.float32(np.nan))
        question.lists[model.label] = codes


def _counted_part(model: Mixture) -> CoOccurrence | None:
    """The co-occurrence part of a mixture, where there is exactly one."""
    counted = [part for part in model.models if isinstance(part, CoOccurrence)]
    return counted[0] if len(counted) == 1 else None
