"""What trials take: foretold from what this run has measured, and until then from what models say
of themselves.

A model's own `cost` is a guess for a machine of its author's; a calibration of a fraction of a
second tells how far this machine, as busy as it is now, is from that one. Each trial then corrects
the forecast of its own model, of its family, and of models that were not tried. A mixture is
foretold from its parts: what another mixture took says how much is to be added to them, and nothing
of these.
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
"""Seconds that fits took there for each that models foretold of themselves, by the median (grocery
log, eight models: .25 to 2).
"""
LEAST_FIT, LEAST_USER = 0.01, 2e-5
"""Seconds that a fit takes at least, and a user's list."""
STARTING = 0.005
"""Seconds that the first list takes, whoever follows: threads, the arranging of the log. Ten
million users do not take them again. What the first answer of a process takes beyond that is not
timed."""
FIRST_USER = 3e-4
"""Seconds a list on a machine of the reference, before any was made."""
JOINING = 5e-5
"""Seconds a user and part that a mixture takes to join the lists of its parts, before any was
made.
"""
LONGER = 1.5
"""What was stopped is foretold to take so many times as long as it was let."""
TEACHES = 1.0
"""Seconds that a model must have foretold for a trial of it to teach anything about other families;
below it, constant costs rule.
"""


@dataclass
class Costs:
    """Forecasts of one run, corrected as it goes."""

    machine: float = 1.0  # this machine's seconds over the reference's
    # name of a model or family → seconds, and what was foretold
    _fits: dict[str, tuple[float, float]] = field(default_factory=dict)
    # name of a model or family → seconds a user
    _users: dict[str, float] = field(default_factory=dict)
    # of mixtures, by name: seconds of a fit or of lists, of which mixture, on which log or for how
    # many users
    _made: dict[str, tuple[float, Mixture, Interactions]] = field(default_factory=dict)
    _mixed: dict[str, tuple[float, Mixture, int]] = field(default_factory=dict)
    # of mixtures that were stopped, by label: seconds that a fit, or the list of a user, takes at
    # least
    _slow_fits: dict[str, float] = field(default_factory=dict)
    _slow_lists: dict[str, float] = field(default_factory=dict)
    _ratios: list[float] = field(default_factory=list)

    def fit(self, one: Recommender, train: Interactions) -> float:
        """Seconds that fitting will take."""
        if isinstance(one, Mixture):
            parts = self._of_parts(one, train)
            return max(
                parts + self._beyond_parts(one.name),
                0.5 * parts,
                self._slow_fits.get(one.label, 0.0),
                LEAST_FIT,
            )
        guess = _says(one, train)
        known = self._fits.get(one.name)
        if known is None and guess >= TEACHES:
            known = self._fits.get(_family(one))
        if known is not None:
            seconds, foretold = known
            return max(seconds * guess / foretold, LEAST_FIT)
        return max(guess * self._usual, LEAST_FIT)

    def answer(self, one: Recommender, users: int, *, unknown: float | None = None) -> float:
        """Seconds that lists for so many users will take; `unknown` is what a user is taken to need
        of whom nothing was measured.
        """
        if isinstance(one, Mixture):
            parts, joined = (
                self._lists_of_parts(one, users, unknown),
                users * len(one.models) * self._joining(one.name),
            )
            return max(parts + joined, users * self._slow_lists.get(one.label, 0.0))
        known = self._users.get(one.name, self._users.get(_family(one)))
        if known is None and unknown is not None:
            known = unknown
        if known is None:
            known = statistics.median([FIRST_USER * self.machine, *self._users.values()])
        return users * max(known, LEAST_USER)

    def new(self, one: Recommender) -> bool:
        """Whether no list of this model was timed yet."""
        return one.name not in self._users and one.name not in self._mixed

    def trial(self, one: Recommender, train: Interactions, users: int) -> float:
        """Seconds to fit a model and to answer so many users."""
        return self.fit(one, train) + self.answer(one, users)

    def learn_fit(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit took so long."""
        if isinstance(one, Mixture):
            self._made[one.name] = (seconds, one, train)
            return
        guess = _says(one, train)
        self._fits[one.name] = (seconds, guess)
        self._fits.setdefault(_family(one), (seconds, guess))
        if guess >= TEACHES:
            self._ratios.append(seconds / guess)

    def learn_answer(self, one: Recommender, users: int, seconds: float) -> None:
        """Lists for so many users took so long."""
        if users:
            self._answered(one, users, max(seconds - STARTING, 0.0))
            if not isinstance(one, Mixture):
                self._users.setdefault(_family(one), self._users[one.name])

    def stopped_learning(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit was stopped after so long, so it is foretold to take longer from now on; of a
        mixture that holds for these parts alone.
        """
        if isinstance(one, Mixture):
            self._slow_fits[one.label] = LONGER * seconds
        elif self.fit(one, train) < seconds:
            self._fitted(one, train, LONGER * seconds)

    def stopped_answering(self, one: Recommender, users: int, seconds: float) -> None:
        """Lists were stopped after so long, so these are foretold to take longer; of other models
        of the family it says nothing.
        """
        if users and isinstance(one, Mixture):
            self._slow_lists[one.label] = LONGER * seconds / users
        elif users and self.answer(one, users) < seconds:
            self._answered(one, users, LONGER * seconds)

    def at_most(self, one: Recommender, train: Interactions, seconds: float) -> None:
        """A fit among others ended after so long in all, so alone it does not take longer."""
        if self.fit(one, train) > seconds:
            self._fitted(one, train, seconds)

    def _fitted(self, one: Recommender, train: Interactions, seconds: float) -> None:
        if isinstance(one, Mixture):
            self._made[one.name] = (seconds, one, train)
        else:
            self._fits[one.name] = (seconds, _says(one, train))

    def _answered(self, one: Recommender, users: int, seconds: float) -> None:
        if isinstance(one, Mixture):
            self._mixed[one.name] = (seconds, one, users)
        else:
            self._users[one.name] = seconds / users

    # ---- mixtures

    def _of_parts(self, one: Mixture, train: Interactions) -> float:
        """Seconds of its parts, once or, where it learns weights from a cut log, twice, and what it
        says of its own work.
        """
        own, said = _says(one, train), sum(_says(part, train) for part in one.models)
        times = min(own / said, 2.0)
        return (
            times * sum(self.fit(part, train) for part in one.models)
            + max(own - times * said, 0.0) * self._usual
        )

    def _beyond_parts(self, name: str) -> float:
        """Seconds that another mixture of the name took beyond what is foretold of it by now: its
        parts may have been measured since.
        """
        if name not in self._made:
            return 0.0
        seconds, other, train = self._made[name]
        return seconds - self._of_parts(other, train)

    def _lists_of_parts(self, one: Mixture, users: int, unknown: float | None = None) -> float:
        return sum(self.answer(part, users, unknown=unknown) for part in one.models)

    def _joining(self, name: str) -> float:
        """Seconds a user and part that joining lists took another mixture of the name, beyond what
        is foretold of its parts by now.
        """
        if name not in self._mixed:
            return JOINING * self.machine
        seconds, other, users = self._mixed[name]
        return max(seconds - self._lists_of_parts(other, users), 0.0) / (users * len(other.models))

    @property
    def _usual(self) -> float:
        return statistics.median(self._ratios) if self._ratios else GENEROUS * self.machine


def calibrate() -> Costs:
    """Forecasts for this machine, from a scattered sum of the kind that kernels are made of. Others
    that work beside it make it longer, too.
    """
    places = np.random.default_rng(0).integers(0, 100_000, 1_000_000)
    begun = time.perf_counter()
    for _ in range(100):
        np.bincount(places, minlength=100_000)
    return Costs(
        machine=float(np.clip((time.perf_counter() - begun) / REFERENCE_SECONDS, 0.5, 6.0))
    )


def _says(one: Recommender, train: Interactions) -> float:
    """Seconds that a model foretells of its fit, on a machine of its author's."""
    return max(one.cost(train).seconds, 1e-6)


def _family(one: Recommender) -> str:
    return f"family of {one.family}"
