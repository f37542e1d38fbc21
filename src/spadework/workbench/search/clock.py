"""The budget's clock: seconds spent by this start and by earlier ones, and deadlines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from spadework import events


@dataclass
class Clock:
    """Seconds of one budget. It runs on `time.monotonic`, which no change of the wall clock
    moves.
    """

    budget: float
    begun: float = field(default_factory=time.monotonic)
    replayed: float = 0.0  # seconds of earlier starts for trials that are read from the ledger
    asked: Callable[[], bool] = lambda: False  # whether somebody wants the run to finish now
    reserved: Callable[[], float] = lambda: 0.0  # seconds that its end takes
    finishing: bool = False
    passed_over: float = 0.0  # seconds of the budget that are given up, so as to finish early

    @property
    def spent(self) -> float:
        """Seconds since the run began, those of earlier starts and those given up included."""
        return self.used + self.passed_over

    @property
    def used(self) -> float:
        """Seconds since the run began, those of earlier starts included."""
        return time.monotonic() - self.begun + self.replayed

    def look(self) -> None:
        """Give up the time that is left, but for what the end takes, once somebody asked for it:
        all deadlines of the search are then over.
        """
        if self.finishing or not self.asked():
            return
        self.finishing = True
        events.note("finishing   what is judged so far is enough: the rest of the time is given up")
        self.passed_over += max(self.left - self.reserved(), 0.0)
        self.tell()

    @property
    def left(self) -> float:
        """Seconds left of the budget; below zero once it is over."""
        return self.budget - self.spent

    def replay(self, seconds: float) -> None:
        """Count the seconds of an earlier start for a trial that is read from the ledger."""
        self.replayed += seconds
        self.tell()

    def tell(self) -> None:
        """Tell listeners how much is spent; a display counts on by itself."""
        events.step(events.BUDGET, int(self.spent), int(self.budget))

    @property
    def now(self) -> float:
        """The present time of this clock, in seconds. Those of earlier starts count, so that a
        stage does not end later because its trials are read from the ledger.
        """
        return time.monotonic() + self.replayed + self.passed_over

    def deadline_in(self, seconds: float) -> float:
        """The deadline so many seconds from now; never in the past."""
        return self.now + max(seconds, 0.0)

    def on_monotonic(self, deadline: float) -> float:
        """A deadline as a value of `time.monotonic`, if no more is read from the ledger by then."""
        return deadline - self.replayed - self.passed_over
