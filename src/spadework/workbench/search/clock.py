"""The budget's clock: what was spent, by this start and by earlier ones, and when a share of the
rest ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from spadework import events


@dataclass
class Clock:
    """Seconds of one budget. It runs on `time.monotonic`, which no change of the wall clock
    moves.
    """

    budget: float
    begun: float = field(default_factory=time.monotonic)
    replayed: float = 0.0  # seconds that earlier starts took for what is taken from the ledger

    @property
    def spent(self) -> float:
        """Seconds since the run began, those of earlier starts included."""
        return time.monotonic() - self.begun + self.replayed

    @property
    def left(self) -> float:
        """Seconds left of the budget; below zero once it is over."""
        return self.budget - self.spent

    def replay(self, seconds: float) -> None:
        """Count what an earlier start spent on something that is taken over from it."""
        self.replayed += seconds
        self.tell()

    def tell(self) -> None:
        """Tell listeners how much is spent; whoever shows it counts on by itself."""
        events.step(events.BUDGET, int(self.spent), int(self.budget))

    @property
    def now(self) -> float:
        """The moment that it is. What earlier starts spent counts, so that a stage whose trials are
        taken from the ledger ends no later for it.
        """
        return time.monotonic() + self.replayed

    def moment(self, seconds: float) -> float:
        """The moment that lies so many seconds ahead; never in the past."""
        return self.now + max(seconds, 0.0)

    def deadline(self, moment: float) -> float:
        """A moment on `time.monotonic`, if nothing more is taken from the ledger until then."""
        return moment - self.replayed
