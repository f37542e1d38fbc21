"""After how long people take an item again: each item's typical pause, shrunk to that of all items
where it was seen rarely.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.models.baskets.purchases import Purchases

LEAST_SPREAD = 0.1
"""Standard deviation of ln(pause) below which no item's interval is taken to be: a tenth of the
pause.
"""


class Intervals(NamedTuple):
    """ln(pause) of each item as a normal distribution. Pauses are in seconds where there are times,
    else in baskets.
    """

    means: Array  # [items] float64
    spreads: Array  # [items] float64
    trusts: Array  # [items] float64, n / (n + shrinkage) of n pauses

    @classmethod
    def of(cls, purchases: Purchases, items: int, shrinkage: float, *, timed: bool) -> Intervals:
        """Learn from consecutive purchases of the same item by the same user. `shrinkage` is in
        pauses. O(visits).
        """
        entries, ago = purchases.entries, _ago(purchases, timed)
        again = np.flatnonzero(entries[1:] == entries[:-1])
        pauses = np.log(np.maximum(ago[again] - ago[again + 1], 1.0))
        codes = purchases.items[entries[again]]
        counts = np.bincount(codes, minlength=items).astype(np.float64)
        sums, squares = (
            np.bincount(codes, weights=pauses**power, minlength=items) for power in (1, 2)
        )
        mean, spread = (float(pauses.mean()), float(pauses.std())) if len(pauses) else (0.0, 1.0)
        if shrinkage == 0:  # what was never taken again is as all items are, and trusted not at all
            sums, squares = np.where(counts > 0, (sums, squares), ([mean], [mean**2 + spread**2]))
        weight = np.maximum(counts, 1) if shrinkage == 0 else counts + shrinkage
        means = (sums + shrinkage * mean) / weight
        around = squares - 2 * means * sums + (weight - shrinkage) * means**2
        return cls(
            means,
            np.sqrt((np.maximum(around, 0) + shrinkage * spread**2) / weight).clip(LEAST_SPREAD),
            counts / weight,
        )

    def due(self, items: Codes, pauses: Array) -> Array:
        """How near these pauses are to the items' own: exp(−½ z²), 1 at the typical pause. Shape of
        `pauses`.
        """
        z = (np.log(np.maximum(pauses, 1.0)) - self.means[items]) / self.spreads[items]
        return np.asarray(np.exp(-0.5 * z**2))


def _ago(purchases: Purchases, timed: bool) -> Array:
    return (purchases.seconds_ago if timed else purchases.baskets_ago).astype(np.float64)
