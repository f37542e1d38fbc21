"""Values of settings on a sample of users: taken from what was judged before, or fitted here, until
the time for probes is over.
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
    """When the time for probes is over, and what settings took so far: one for a question and all
    others that were made of it.
    """

    until: float | None  # on the clock of time.monotonic
    seconds: float = 0.0  # of fitting and judging
    fits: int = 0  # logs that were learned from

    @property
    def over(self) -> bool:
        """Whether nothing more may be begun."""
        return self.until is not None and time.monotonic() >= self.until

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within the block one log is learned from."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - begun
            self.fits += 1


@dataclass
class Answers:
    """Values of settings on a sample of the validation span's users."""

    protocol: Protocol  # of the validation span
    content: ItemContent | None
    rows: Array  # rows of the truth that settings are judged on
    # label → values of the deciding metric [rows]
    known: dict[str, Array] = field(default_factory=dict)
    # what all models named "cooccurrence" share; read off the log if empty
    common: Mapping[str, Any] = field(default_factory=dict)
    until: float | None = None  # on the clock of time.monotonic
    memory: int | None = None  # bytes of this process
    # label → why these data have no values of it
    refused: dict[str, str] = field(default_factory=dict)
    # label → what went wrong, whatever the data
    broken: dict[str, str] = field(default_factory=dict)
    # label → what was recommended [rows, k], of what was fitted here
    lists: dict[str, Codes] = field(default_factory=dict)
    candidates: pl.Series | None = None  # ids that alone may be recommended; all if absent
    is_sample: bool = False  # whether only a part of the log is learned from
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.until)
        self.common = dict(self.common) or common_settings(self.train)

    @property
    def train(self) -> Interactions:
        """What settings learn from."""
        return self.protocol.split.train

    @property
    def seconds_of_a_fit(self) -> float:
        """What learning from the log once takes: the mean so far; before the first, what counting
        is expected to cost.
        """
        if self.clock.fits:
            return self.clock.seconds / self.clock.fits
        return CoOccurrence(**fewer_events(self.common, self.train)).cost(self.train).seconds

    def values(self, models: Iterable[Recommender]) -> list[Array | None]:
        """Values [rows] of each setting; None where it has none, and `why_not` says why. Nothing
        that a model does is raised.
        """
        wanted = list(models)
        self._fit([one for one in wanted if one.label not in self.known])
        return [self.known.get(one.label) for one in wanted]

    def lists_of(self, models: Iterable[Recommender]) -> list[Codes | None]:
        """Lists [rows, k] of each setting, those that a sweep judged included; None where it has
        none.
        """
        wanted = list(models)
        self._fit([one for one in wanted if one.label not in self.lists])
        return [self.lists.get(one.label) for one in wanted]

    def answer_too(self, others: Sequence[Answers], models: Sequence[Recommender]) -> None:
        """Fit settings once for this question and for others that learn from the same train
        rows.
        """
        missing = [
            one
            for one in models
            if any(
                one.label not in (*where.known, *where.refused, *where.broken)
                for where in (self, *others)
            )
        ]
        self._together([one for one in missing if isinstance(one, CoOccurrence)], others=others)

    def why_not(self, models: Iterable[Recommender]) -> CannotTell:
        """Why one of these settings has no values: the data, a fault, or the time."""
        labels = [one.label for one in models]
        for label in labels:
            if label in self.refused:
                return CannotTell(self.refused[label])
        return next(
            (NotAsked(self.broken[label]) for label in labels if label in self.broken), NoTime(OVER)
        )

    def all_of(self, found: Sequence[T | None], models: Sequence[Recommender]) -> list[T]:
        """What was found of every setting; refused where one has nothing."""
        whole = [one for one in found if one is not None]
        if len(whole) < len(models):
            raise self.why_not(models)
        return whole

    # ---- fitting

    def _fit(self, models: Sequence[Recommender]) -> None:
        missing = [
            one
            for one in {one.label: one for one in models}.values()
            if one.label not in (*self.refused, *self.broken)
        ]
        counted = [one for one in missing if isinstance(one, CoOccurrence)]
        over = [
            one for one in missing if isinstance(one, Mixture) and _counted_part(one) is not None
        ]
        self._together(counted, over)
        for one in missing:
            if one not in counted and one not in over:
                self._alone(one)

    @property
    def _limits(self) -> Limits:
        return Limits(deadline=self.clock.until, memory=self.memory)

    def _together(
        self,
        models: Sequence[CoOccurrence],
        over: Sequence[Mixture] = (),
        others: Sequence[Answers] = (),
    ) -> None:
        """Count once for all these settings, and for mixtures in which one of them is what has to
        be counted.
        """
        parts = {one.label: one for one in map(_counted_part, over) if one is not None}
        able = self._able(list({**{one.label: one for one in models}, **parts}.values()))
        over = self._able(over)
        if not able or self.clock.over:
            return
        asked = {one.label for one in models}
        everybody: list[Answers] = [self, *others]
        wanted = np.zeros(self.train.item_count, np.bool_)
        for where in everybody:
            wanted[where._asked.split.given.of_user_codes(where._asked.truth.users).items] = True
        try:
            with self.clock.running(), events.listening(self._limits):
                for batch in CoOccurrence.fit_together(able, self.train, self.content, rows=wanted):
                    while batch:
                        one = batch.pop()
                        if one.label in asked:
                            _judge(one, everybody)
                        self._mixed(one, over, everybody)
        except OutOfTime:
            return
        except Exception as error:  # a setting that breaks must not take the run with it
            self._note([one for one in (*models, *over) if one.label not in self.known], error)

    def _mixed(
        self, part: CoOccurrence, over: Sequence[Mixture], everybody: Sequence[Answers]
    ) -> None:
        """Judge the mixtures that stand on this counted part."""
        for one in over:
            counted = _counted_part(one)
            if counted is None or counted.label != part.label:
                continue
            try:
                _judge(
                    one.fit_over([part], self.train, self.content, rng=self.protocol.seed),
                    everybody,
                )
            except OutOfTime:
                raise
            except Exception as error:  # a mixture that breaks must not take the others with it
                self._note([one], error)

    def _able(self, models: Sequence[M]) -> list[M]:
        """The settings that these data suit; the others are refused, each with its reason."""
        able = []
        for one in models:
            try:
                one.check_needs(self.train, self.content)
                able.append(one)
            except SpadeworkError as error:
                self.refused[one.label] = error.message
        return able

    def _alone(self, one: Recommender) -> None:
        if self.clock.over:
            return
        lists: list[Array] = []
        with self.clock.running():
            score = trial(
                one.sharing(),
                self._asked,
                self.content,
                rng=self.protocol.seed,
                limits=self._limits,
                lists=lists,
                novel=False,
            )
        if score.state == "done":
            self.known[one.label] = score.values[self.protocol.primary]
            self.lists[one.label] = lists[0]
        elif score.state != "timed out":
            told = self.refused if score.state == "skipped" else self.broken
            told[one.label] = score.reason or score.state

    def _note(self, models: Iterable[Recommender], error: Exception) -> None:
        """Keep what went wrong with settings: what the data lack apart from what is no matter of
        the data.
        """
        why = (
            error.message
            if isinstance(error, SpadeworkError)
            else f"{type(error).__name__}: {error}"
        )
        told = (
            self.refused
            if isinstance(error, BadRequest | Unsuitable | MissingExtra)
            else self.broken
        )
        told |= {one.label: why for one in models}

    @cached_property
    def _asked(self) -> Protocol:
        return self.protocol.among(self.rows)


def _judge(one: Recommender, everybody: Sequence[Answers]) -> None:
    """Keep what a fitted setting answers to each question."""
    for where in everybody:
        part = where._asked
        codes = one.recommend_codes(
            part.split.given,
            part.k,
            repeats=part.repeats,
            users=part.truth.users,
            candidates=where.candidates,
        ).items
        values = judge(codes, part)[0][part.primary]
        where.known[one.label] = np.where(part.truth.sizes > 0, values, np.float32(np.nan))
        where.lists[one.label] = codes


def _counted_part(one: Mixture) -> CoOccurrence | None:
    """The part of a mixture that counts co-occurrence, where it is the only one."""
    counted = [part for part in one.models if isinstance(part, CoOccurrence)]
    return counted[0] if len(counted) == 1 else None
