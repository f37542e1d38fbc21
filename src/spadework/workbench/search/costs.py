"""Seconds of trials: estimated from this run's measurements, and until then from each model's own
estimate.

A model's own `cost` is a guess for a reference machine. A calibration of a fraction of a second
compares this machine, as busy as it is now, with that one. Each trial then corrects the estimates
of its own model, of its family, and of models that were not tried. A mixture is estimated from its
parts: the seconds of another mixture tell how much to add to them, and nothing about the parts.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.ensemble.mixture import Mixture

REFERENCE_SECONDS = 0.13
"""Seconds of `calibrate` on an idle machine: two cores of an AMD EPYC of 2023."""
FIRST_RATIO = 0.5
"""Seconds of a fit there per second of the model's own estimate, by the median (grocery log, eight
models: .25 to 2).
"""
LEAST_FIT, LEAST_USER = 0.01, 2e-5
"""Least seconds of a fit, and of one user's list."""
CALL_SECONDS = 0.005
"""Constant seconds of a call, for any number of users: threads, the arranging of the log. What the
first call of a process takes beyond that is not timed.
"""
FIRST_USER = 3e-4
"""Seconds per user's list on the reference machine, before any was measured."""
JOIN_SECONDS = 5e-5
"""Seconds per user and part that a mixture takes to join the lists of its parts, before any was
measured.
"""
AFTER_STOP = 1.5
"""What was stopped is estimated to take so many times as long as it was allowed."""
INFORMATIVE = 1.0
"""A trial corrects the estimates of other families if the model's own estimate has at least so many
seconds; below it, constant costs dominate.
"""


@dataclass
class Costs:
    """Estimated seconds of one run, corrected as it goes."""

    machine: float = 1.0  # this machine's seconds / the reference machine's
    # name of a model or family → measured seconds, and the model's own estimate
    _fits: dict[str, tuple[float, float]] = field(default_factory=dict)
    # name of a model or family → seconds per user
    _users: dict[str, float] = field(default_factory=dict)
    # name of a mixture → seconds of a fit or of lists; which mixture; on which log, or for how many
    # users
    _mixture_fits: dict[str, tuple[float, Mixture, Interactions]] = field(default_factory=dict)
    _mixture_lists: dict[str, tuple[float, Mixture, int]] = field(default_factory=dict)
    # label of a mixture that was stopped → least seconds of a fit, or of a user's list
    _slow_fits: dict[str, float] = field(default_factory=dict)
    _slow_lists: dict[str, float] = field(default_factory=dict)
    _ratios: list[float] = field(default_factory=list)
    # log → label → the model's own estimate: it is asked for thousands of times
    _guesses: WeakKeyDictionary[Interactions, dict[str, float]] = field(
        default_factory=WeakKeyDictionary
    )

    def fit(self, model: Recommender, train: Interactions) -> float:
        """Estimated seconds of a fit."""
        if isinstance(model, Mixture):
            parts = self._parts_seconds(model, train)
            return max(
                parts + self._seconds_beyond_parts(model.name),
                0.5 * parts,
                self._slow_fits.get(model.label, 0.0),
                LEAST_FIT,
            )
        guess = self._guess(model, train)
        known = self._fits.get(model.name)
        if known is None and guess >= INFORMATIVE:
            known = self._fits.get(_family(model))
        if known is not None:
            seconds, guessed = known
            return max(seconds * guess / guessed, LEAST_FIT)
        return max(guess * self._usual_ratio, LEAST_FIT)

    def answer(self, model: Recommender, users: int, *, unknown: float | None = None) -> float:
        """Estimated seconds of the lists of so many users; `unknown` is the seconds per user to
        assume where nothing was measured.
        """
        if isinstance(model, Mixture):
            parts, joined = (
                self._parts_lists_seconds(model, users, unknown),
                users * len(model.models) * self._join_seconds(model.name),
            )
            return max(parts + joined, users * self._slow_lists.get(model.label, 0.0))
        known = self._users.get(model.name, self._users.get(_family(model)))
        if known is None and unknown is not None:
            known = unknown
        if known is None:
            known = statistics.median([FIRST_USER * self.machine, *self._users.values()])
        return users * max(known, LEAST_USER)

    def new(self, model: Recommender) -> bool:
        """Whether no lists of this model were timed yet."""
        return model.name not in self._users and model.name not in self._mixture_lists

    def trial(self, model: Recommender, train: Interactions, users: int) -> float:
        """Estimated seconds to fit a model and to make the lists of so many users."""
        return self.fit(model, train) + self.answer(model, users)

    def learn_fit(self, model: Recommender, train: Interactions, seconds: float) -> None:
        """Record the seconds of a fit."""
        if isinstance(model, Mixture):
            self._mixture_fits[model.name] = (seconds, model, train)
            return
        guess = self._guess(model, train)
        self._fits[model.name] = (seconds, guess)
        self._fits.setdefault(_family(model), (seconds, guess))
        if guess >= INFORMATIVE:
            self._ratios.append(seconds / guess)

    def learn_answer(self, model: Recommender, users: int, seconds: float) -> None:
        """Record the seconds of the lists of so many users."""
        if users:
            self._set_lists(model, users, max(seconds - CALL_SECONDS, 0.0))
            if not isinstance(model, Mixture):
                self._users.setdefault(_family(model), self._users[model.name])

    def stopped_learning(self, model: Recommender, train: Interactions, seconds: float) -> None:
        """Record that a fit was stopped after so many seconds: its estimate is longer from now on;
        for a mixture only with these parts.
        """
        if isinstance(model, Mixture):
            self._slow_fits[model.label] = AFTER_STOP * seconds
        elif self.fit(model, train) < seconds:
            self._set_fit(model, train, AFTER_STOP * seconds)

    def stopped_answering(self, model: Recommender, users: int, seconds: float) -> None:
        """Record that lists were stopped after so many seconds: their estimate is longer from now
        on; those of other models of the family stay.
        """
        if users and isinstance(model, Mixture):
            self._slow_lists[model.label] = AFTER_STOP * seconds / users
        elif users and self.answer(model, users) < seconds:
            self._set_lists(model, users, AFTER_STOP * seconds)

    def at_most(self, model: Recommender, train: Interactions, seconds: float) -> None:
        """Record the seconds of a joint fit: alone, the model does not take longer."""
        if self.fit(model, train) > seconds:
            self._set_fit(model, train, seconds)

    def _set_fit(self, model: Recommender, train: Interactions, seconds: float) -> None:
        if isinstance(model, Mixture):
            self._mixture_fits[model.name] = (seconds, model, train)
        else:
            self._fits[model.name] = (seconds, self._guess(model, train))

    def _set_lists(self, model: Recommender, users: int, seconds: float) -> None:
        if isinstance(model, Mixture):
            self._mixture_lists[model.name] = (seconds, model, users)
        else:
            self._users[model.name] = seconds / users

    # ---- mixtures

    def _parts_seconds(self, model: Mixture, train: Interactions) -> float:
        """Seconds of its parts, once or, where it learns weights from a cut log, twice; and those
        of its own work by its own estimate.
        """
        own, parts = (
            self._guess(model, train),
            sum(self._guess(part, train) for part in model.models),
        )
        times = min(own / parts, 2.0)
        return (
            times * sum(self.fit(part, train) for part in model.models)
            + max(own - times * parts, 0.0) * self._usual_ratio
        )

    def _seconds_beyond_parts(self, name: str) -> float:
        """Seconds of another mixture of the name beyond the present estimate of its parts, which
        may have been measured since.
        """
        if name not in self._mixture_fits:
            return 0.0
        seconds, other, train = self._mixture_fits[name]
        return seconds - self._parts_seconds(other, train)

    def _parts_lists_seconds(
        self, model: Mixture, users: int, unknown: float | None = None
    ) -> float:
        return sum(self.answer(part, users, unknown=unknown) for part in model.models)

    def _join_seconds(self, name: str) -> float:
        """Seconds per user and part that another mixture of the name took to join lists, beyond the
        present estimate of its parts.
        """
        if name not in self._mixture_lists:
            return JOIN_SECONDS * self.machine
        seconds, other, users = self._mixture_lists[name]
        return max(seconds - self._parts_lists_seconds(other, users), 0.0) / (
            users * len(other.models)
        )

    def _guess(self, model: Recommender, train: Interactions) -> float:
        """Seconds of a fit by the model's own estimate, on the reference machine."""
        known = self._guesses.setdefault(train, {})
        if model.label not in known:
            known[model.label] = max(model.cost(train).seconds, 1e-6)
        return known[model.label]

    @property
    def _usual_ratio(self) -> float:
        return statistics.median(self._ratios) if self._ratios else FIRST_RATIO * self.machine


def calibrate() -> Costs:
    """Estimates for this machine, from a scattered sum such as kernels consist of. Other work on
    the machine at the same time makes it longer, too.
    """
    cells = np.random.default_rng(0).integers(0, 100_000, 1_000_000)
    begun = time.perf_counter()
    for _ in range(100):
        np.bincount(cells, minlength=100_000)
    return Costs(
        machine=float(np.clip((time.perf_counter() - begun) / REFERENCE_SECONDS, 0.5, 6.0))
    )


def _family(model: Recommender) -> str:
    return f"family of {model.family}"
