"""The effect of one choice and its uncertainty: a paired difference over users, in the metric and
as a share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spadework import formatting
from spadework.arrays import Array
from spadework.evaluation import statistics

FEW_USERS = 100
"""An interval over fewer users is reported with a warning."""

RARE, MANY_SIGNS = 0.01, 20_000


class CannotTell(Exception):
    """A probe cannot run on these data; the message has the reason."""


class NoDifference(CannotTell):
    """Both settings give all users the same values."""


class NotAsked(CannotTell):
    """A probe was not asked, or broke: that tells nothing about the data."""


class NoTime(NotAsked):
    """There was no time to ask the probe."""


@dataclass(frozen=True)
class Change:
    """The effect of one choice: the mean of paired differences over users, in the metric and as a
    share of the metric without the choice.
    """

    effect: float
    low: float  # 95% interval
    high: float
    base: float  # mean without the choice
    users: int
    p: float  # probability of so large a difference by chance, by flipping signs
    share: float | None = None  # None where the metric was 0 without the choice
    share_low: float = 0.0
    share_high: float = 0.0

    def share_as_json(self) -> dict[str, Any]:
        """The share with its interval, as in `advice.json`."""
        return {
            "share": self.share,
            "interval": [self.share_low, self.share_high],
            "users": self.users,
        }


def difference(base: Array, other: Array, seed: int) -> Change:
    """The paired difference of two settings' values [users]. Raises `NoDifference` where no user's
    values differ. O(resamples · users).
    """
    known = ~np.isnan(other - base)
    base, other = base[known], other[known]
    if not len(base):
        raise CannotTell("No user has a value under both settings.")
    if np.array_equal(base, other):
        raise NoDifference("Both settings give all users the same values.")
    paired = other - base
    drawn = statistics.bootstrap(np.stack([base, paired], axis=1), seed)
    low, high = statistics.interval(drawn)
    p = float(statistics.sign_flip(paired[:, None], seed)[0])
    if p < RARE:  # too few flips to resolve so small a p
        p = float(statistics.sign_flip(paired[:, None], seed, MANY_SIGNS)[0])
    change = Change(
        float(paired.mean()), float(low[1]), float(high[1]), float(base.mean()), len(paired), p
    )
    if change.base <= 0 or (drawn[:, 0] <= 0).any():
        return change
    share_low, share_high = (
        float(end[0]) for end in statistics.interval(drawn[:, 1:] / drawn[:, :1])
    )
    return replace(
        change, share=change.effect / change.base, share_low=share_low, share_high=share_high
    )


def few_users_remark(users: int) -> str:
    """A remark about an interval over few users; empty where there are enough."""
    return (
        f"; over {formatting.count(users, 'user')} only, so the interval is rough"
        if users < FEW_USERS
        else ""
    )
