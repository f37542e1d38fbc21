"""What trials take: foretold from what this run has measured, and until then from what models say of themselves.

A model's own `cost` is a guess for a machine of its author's; a calibration of a fraction of a second tells how far this machine, as busy as
it is now, is from that one. Each trial then corrects the forecast of its own model, of its family, and of models that were not tried.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

import numpy as np

from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.workbench.blending import family

REFERENCE_SECONDS = 0.13
"""What `calibrate` sums up to on a machine at rest: two cores of an AMD EPYC of 2023."""
GENEROUS = 0.5
"""Seconds that fits took there for each that models foretold of themselves, by the median (grocery log, eight models: .25 to 2)."""
LEAST_FIT, LEAST_USER = 0.01, 2e-5
"""Seconds that a fit takes at least, and a user's list."""
STARTING = 0.005
"""Seconds that the first list takes, whoever follows: threads, the arranging of the log. Ten million users do not take them again. What the first
answer of a process takes beyond that is not timed."""
FIRST_USER = 3e-4
"""Seconds a list on a machine of the reference, before any was made."""
TEACHES = 1.0
"""Seconds that a model must have foretold for a trial of it to teach anything about other families; below it, constant costs rule."""


@dataclass
class Costs:
    """Forecasts of one run, corrected as it goes."""

    machine: float = 1.0  # this machine's seconds over the reference's
    _fits: dict[str, tuple[float, float]] = field(default_factory=dict)  # name of a model or family → seconds, and what was foretold
    _users: dict[str, float] = field(default_factory=dict)  # name of a model or family → seconds a user
    _ratios: list[float] = field(default_factory=list)

    def fit(self, one: Recommender, train: Interactions) -> float:
        """Seconds that fitting will take."""
        guess = max(one.cost(train).seconds, 1e-6)
        known = self._fits.get(one.name)
        if known is None and guess >= TEACHES:
            known = self._fits.get(_family(one))
        if known is not None:
            seconds, foretold = known
            return max(seconds * guess / foretold, LEAST_FIT)
        return max(guess * self._usual, LEAST_FIT)

    def answer(self, one: Recommender, users: int, *, unknown: float | None = None) -> float:
        """Seconds that lists for so many users will take; `unknown` is what a user is taken to need of whom nothing was measured."""
        known = self._users.get(one.name, self._users.get(_family(one)))
        if known is None and unknown is not None:
            known = unknown
        if known is None:
            known = statistics.median([FIRST_USER * self.machine, *self._users.values()])
        return users * max(known, LEAST_USER)

    def new(self, one: Recommender) -> bool:
        """Whether no list of this model was timed yet."""
        return one.name not in self._users

    def trial(self, one: Recommender, train: Interactions, users: int) -> float:
        """Seconds to fit a model and to answer so many users."""
        return self.fit(one, train) + self.answer(one, users)

    def learn_fit(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit took so long."""
        guess = max(one.cost(train).seconds, 1e-6)
        self._fits[one.name] = (seconds, guess)
        self._fits.setdefault(_family(one), (seconds, guess))
        if guess >= TEACHES:
            self._ratios.append(seconds / guess)

    def learn_answer(self, one: Recommender, users: int, seconds: float) -> None:
        """Lists for so many users took so long."""
        if users:
            rate = max(seconds - STARTING, 0.0) / users
            self._users[one.name] = rate
            self._users.setdefault(_family(one), rate)

    def at_least(self, one: Recommender, train: Interactions, users: int, seconds: float) -> None:
        """A trial was stopped after so long: it is foretold to take longer from now on; its lists, where both are known and
        its fits are short."""
        fit = self.fit(one, train)
        if one.name in self._fits and one.name in self._users and 2 * fit < seconds and users:
            self._users[one.name] = max(self._users[one.name], 1.5 * (seconds - fit) / users)
        elif fit < seconds:
            self._fits[one.name] = (1.5 * seconds, max(one.cost(train).seconds, 1e-6))

    def at_most(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit among others ended after so long in all, so alone it does not take longer."""
        if self.fit(one, train) > seconds:
            self._fits[one.name] = (seconds, max(one.cost(train).seconds, 1e-6))

    @property
    def _usual(self) -> float:
        return statistics.median(self._ratios) if self._ratios else GENEROUS * self.machine


def calibrate() -> Costs:
    """Forecasts for this machine, from a scattered sum of the kind that kernels are made of. Others that work beside it make it longer, too."""
    places = np.random.default_rng(0).integers(0, 100_000, 1_000_000)
    begun = time.perf_counter()
    for _ in range(100):
        np.bincount(places, minlength=100_000)
    return Costs(machine=float(np.clip((time.perf_counter() - begun) / REFERENCE_SECONDS, 0.5, 6.0)))


def _family(one: Recommender) -> str:
    return f"family of {family(type(one)).__name__}"
