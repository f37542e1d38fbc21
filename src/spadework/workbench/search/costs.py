"""What trials take: foretold from what this run has measured, and until then from what models say of themselves.

A model's own `cost` is a guess for a machine of its author's; a calibration of a fraction of a second tells how far this machine, as busy as
it is now, is from that one. Each trial then corrects the forecast of its own model, of its family, and of models that were not tried.
A mixture is foretold from its parts: what another mixture took says how much is to be added to them, and nothing of these.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

import numpy as np

from spadework.data.interactions import Interactions
from spadework.models.base import Recommender
from spadework.models.ensemble.mixture import Mixture

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
MIXING = 2.0
"""Times what the lists of its parts take, those of a mixture, before any was made."""
TEACHES = 1.0
"""Seconds that a model must have foretold for a trial of it to teach anything about other families; below it, constant costs rule."""


@dataclass
class Costs:
    """Forecasts of one run, corrected as it goes."""

    machine: float = 1.0  # this machine's seconds over the reference's
    _fits: dict[str, tuple[float, float]] = field(default_factory=dict)  # name of a model or family → seconds, and what was foretold
    _users: dict[str, float] = field(default_factory=dict)  # name of a model or family → seconds a user
    _mixing: dict[str, float] = field(default_factory=dict)  # name of a mixture → seconds of its lists over those of its parts
    _ratios: list[float] = field(default_factory=list)

    def fit(self, one: Recommender, train: Interactions) -> float:
        """Seconds that fitting will take."""
        guess = self._guess(one, train)
        known = self._fits.get(one.name)
        if known is None and guess >= TEACHES:
            known = self._fits.get(_family(one))
        if known is not None:
            seconds, foretold = known
            return max(seconds * guess / foretold, LEAST_FIT)
        return max(guess if isinstance(one, Mixture) else guess * self._usual, LEAST_FIT)

    def answer(self, one: Recommender, users: int, *, unknown: float | None = None) -> float:
        """Seconds that lists for so many users will take; `unknown` is what a user is taken to need of whom nothing was measured."""
        if isinstance(one, Mixture):
            return self._mixing.get(one.name, MIXING) * self._parts(one, users, unknown)
        known = self._users.get(one.name, self._users.get(_family(one)))
        if known is None and unknown is not None:
            known = unknown
        if known is None:
            known = statistics.median([FIRST_USER * self.machine, *self._users.values()])
        return users * max(known, LEAST_USER)

    def new(self, one: Recommender) -> bool:
        """Whether no list of this model was timed yet."""
        return one.name not in self._users and one.name not in self._mixing

    def trial(self, one: Recommender, train: Interactions, users: int) -> float:
        """Seconds to fit a model and to answer so many users."""
        return self.fit(one, train) + self.answer(one, users)

    def learn_fit(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit took so long."""
        guess = self._guess(one, train)
        self._fits[one.name] = (seconds, guess)
        self._fits.setdefault(_family(one), (seconds, guess))
        if guess >= TEACHES and not isinstance(one, Mixture):
            self._ratios.append(seconds / guess)

    def learn_answer(self, one: Recommender, users: int, seconds: float) -> None:
        """Lists for so many users took so long."""
        if not users:
            return
        seconds = max(seconds - STARTING, 0.0)
        if isinstance(one, Mixture):
            self._mixing[one.name] = max(seconds / self._parts(one, users), 0.5)
            return
        self._users[one.name] = seconds / users
        self._users.setdefault(_family(one), seconds / users)

    def at_least(self, one: Recommender, train: Interactions, users: int, seconds: float, *, fitted: bool) -> None:
        """A trial was stopped after so long while it learned or, once `fitted`, while it answered: that is foretold to take longer from now on."""
        if not fitted:
            if self.fit(one, train) < seconds:
                self._fits[one.name] = (1.5 * seconds, self._guess(one, train))
        elif self.answer(one, users) < seconds:
            self.learn_answer(one, users, 1.5 * seconds)

    def at_most(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit among others ended after so long in all, so alone it does not take longer."""
        if self.fit(one, train) > seconds:
            self._fits[one.name] = (seconds, self._guess(one, train))

    def _guess(self, one: Recommender, train: Interactions) -> float:
        """What a model says of its fit itself; of a mixture, what is foretold of its parts, as often as it says that it fits them."""
        own = max(one.cost(train).seconds, 1e-6)
        if not isinstance(one, Mixture):
            return own
        said = sum(max(part.cost(train).seconds, 1e-6) for part in one.models)
        return sum(self.fit(part, train) for part in one.models) * own / said

    def _parts(self, one: Mixture, users: int, unknown: float | None = None) -> float:
        return sum(self.answer(part, users, unknown=unknown) for part in one.models)

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
    return f"family of {one.family}"
