"""After how long users buy an item again: each item's typical gap, shrunk to that of all items
where few gaps were observed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spadework.arrays import Array, Codes
from spadework.models.baskets.purchases import Purchases

LEAST_SPREAD = 0.1
"""Least standard deviation of ln(gap) of an item: a tenth of the gap."""


class Intervals(NamedTuple):
    """ln(gap) of each item as a normal distribution. Gaps are in seconds where there are times,
    else in baskets.
    """

    means: Array  # [items] float64
    spreads: Array  # [items] float64
    trusts: Array  # [items] float64, n / (n + shrinkage) of n gaps

    @classmethod
    def of(cls, found: Sequence[tuple[Codes, Array]], items: int, shrinkage: float) -> Intervals:
        """Learn from what `gaps_of` found of blocks of users. `shrinkage` is a number of gaps.
        O(gaps + items).
        """
        codes = np.concatenate([np.zeros(0, np.int32), *(codes for codes, _ in found)])
        gaps = np.concatenate([np.zeros(0), *(gaps for _, gaps in found)])
        counts = np.bincount(codes, minlength=items).astype(np.float64)
        sums, squares = (
            np.bincount(codes, weights=gaps**power, minlength=items) for power in (1, 2)
        )
        mean, spread = (float(gaps.mean()), float(gaps.std())) if len(gaps) else (0.0, 1.0)
        return cls.of_sums(counts, sums, squares, mean, spread, shrinkage)

    @classmethod
    def of_sums(
        cls,
        counts: Array,
        sums: Array,
        squares: Array,
        mean: float,
        spread: float,
        shrinkage: float,
    ) -> Intervals:
        """From the number, sum and sum of squares of the gaps of items, and the mean and standard
        deviation of all.
        """
        if shrinkage == 0:  # an item never bought again gets the average of all items and no trust
            sums, squares = np.where(counts > 0, (sums, squares), ([mean], [mean**2 + spread**2]))
        weight = np.maximum(counts, 1) if shrinkage == 0 else counts + shrinkage
        means = (sums + shrinkage * mean) / weight
        around = squares - 2 * means * sums + (weight - shrinkage) * means**2
        return cls(
            means,
            np.sqrt((np.maximum(around, 0) + shrinkage * spread**2) / weight).clip(LEAST_SPREAD),
            counts / weight,
        )

    def due(self, items: Codes, gaps: Array) -> Array:
        """How near these gaps are to the items' own: exp(−½ z²), 1 at the typical gap. Shape of
        `gaps`.
        """
        z = (np.log(np.maximum(gaps, 1.0)) - self.means[items]) / self.spreads[items]
        return np.asarray(np.exp(-0.5 * z**2))


class GapSums(NamedTuple):
    """ln(gap) of each item, added up over users: those of two groups of users add up to those of
    both.
    """

    gaps: Array  # [items] float64: how many were observed
    sums: Array  # [items] float64
    squares: Array  # [items] float64

    @classmethod
    def none(cls, items: int) -> GapSums:
        """Sums of nothing."""
        return cls(*np.zeros((3, items)))

    def plus(self, codes: Codes, gaps: Array) -> GapSums:
        """With further gaps, as `gaps_of` finds them."""
        items = len(self.gaps)
        return GapSums(
            self.gaps + np.bincount(codes, minlength=items),
            self.sums + np.bincount(codes, weights=gaps, minlength=items),
            self.squares + np.bincount(codes, weights=gaps**2, minlength=items),
        )

    def intervals(self, shrinkage: float) -> Intervals:
        """What `Intervals.of` learns of all gaps, but for the last digits."""
        total = float(self.gaps.sum())
        mean = float(self.sums.sum()) / total if total else 0.0
        around = float(self.squares.sum()) / total - mean**2 if total else 1.0
        return Intervals.of_sums(
            self.gaps, self.sums, self.squares, mean, max(around, 0.0) ** 0.5, shrinkage
        )


def gaps_of(purchases: Purchases, *, timed: bool) -> tuple[Codes, Array]:
    """Items that a user bought again, and ln of the gap between two consecutive purchases, in
    seconds if `timed`, else in baskets: [gaps] each. O(visits).
    """
    entries = purchases.entries
    ago = (purchases.seconds_ago if timed else purchases.baskets_ago).astype(np.float64)
    again = np.flatnonzero(entries[1:] == entries[:-1])
    gaps = np.log(np.maximum(ago[again] - ago[again + 1], 1.0))
    return purchases.items[entries[again]], gaps
