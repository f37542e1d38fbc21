"""What one choice did, and how sure that is: a paired difference over users, in the metric and as a
share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array
from spadework.evaluation import statistics

FEW_USERS = 100
"""An interval over fewer users is told with a warning."""

RARE, MANY_SIGNS = 0.01, 20_000


class CannotTell(Exception):
    """A probe cannot run on these data; the message says why."""


class NoDifference(CannotTell):
    """Both settings give everybody the same."""


class NotAsked(CannotTell):
    """A probe was not asked, or broke: that says nothing about the data."""


class NoTime(NotAsked):
    """There was no time to ask it."""


@dataclass(frozen=True)
class Change:
    """What one choice did: a mean of paired differences over users, in the metric and as a share of
    what it was without the choice.
    """

    effect: float
    low: float  # 95 % interval
    high: float
    base: float  # mean without the choice
    users: int
    p: float  # how likely chance makes a difference as large, by flipping signs
    share: float | None = None  # None where it was nothing without
    share_low: float = 0.0
    share_high: float = 0.0


def difference(base: Array, other: Array, seed: int) -> Change:
    """The paired difference of two settings' values [users]; refused where no user's differ.
    O(resamples · users).
    """
    known = ~np.isnan(other - base)
    base, other = base[known], other[known]
    if not len(base):
        raise CannotTell("No user has a value under both settings.")
    if np.array_equal(base, other):
        raise NoDifference("Both settings give everybody the same.")
    paired = other - base
    drawn = statistics.bootstrap(np.stack([base, paired], axis=1), seed)
    low, high = statistics.interval(drawn)
    p = float(statistics.sign_flip(paired[:, None], seed)[0])
    if p < RARE:  # few of so many signs: count them finer
        p = float(statistics.sign_flip(paired[:, None], seed, MANY_SIGNS)[0])
    made = Change(
        float(paired.mean()), float(low[1]), float(high[1]), float(base.mean()), len(paired), p
    )
    if made.base <= 0 or (drawn[:, 0] <= 0).any():
        return made
    share_low, share_high = (
        float(end[0]) for end in statistics.interval(drawn[:, 1:] / drawn[:, :1])
    )
    return replace(made, share=made.effect / made.base, share_low=share_low, share_high=share_high)


def rough(users: int) -> str:
    """What is said of an interval over few users; nothing where there are enough."""
    return f"; over {users} users only, so the interval is rough" if users < FEW_USERS else ""
