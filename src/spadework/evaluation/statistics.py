"""How certain a number is: paired bootstrap over users, its interval and its p, sign-flip
permutation, Holm's correction, shared ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spadework.arrays import Array, frozen
from spadework.randomness import generator

RESAMPLES = 2000
MANY = 20_000
"""From this number of users on, the permutation distribution is approximated by the normal law."""
OUTSIDE = 40
"""One resample in so many lies outside an interval of 95% on either side."""
SMALLEST = 1e-12
"""No p is reported as smaller: the law is unknown so far out."""
MANY_ENOUGH = 100
"""From this number of users on, a mean is about normal far out, too."""
GROUPS = 5_000
"""More users than this are resampled as so many random groups of equal size, whose sums vary as
much: the ends of an interval are then known to a hundredth of its length (1 / √(2 · groups)), for
any number of users.
"""
_AT_ONCE = 4096
_KEPT_CELLS = 2**22
"""Draws of so many cells at most are kept for the next call: probes ask dozens of times about the
same users.
"""


@dataclass(frozen=True)
class Estimate:
    """A mean over users with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A paired difference of means over the same users, its interval and its p, both of the same
    resampled users.

    The interval leaves zero out if and only if p is below .05. `p_holm` is corrected for all other
    columns, and the interval is not.
    """

    value: float
    low: float
    high: float
    p: float
    p_holm: float = 1.0


def bootstrap(values: Array, seed: int, resamples: int | None = None) -> Array:
    """Means over resampled users, the same users for every column: [resamples, columns].

    `values` is [users, columns]; NaN is a user without a value there. Each user, or each of
    `GROUPS` random groups of users, is drawn Poisson(1) times. O(users · columns + resamples ·
    groups · columns) time, O(resamples · columns) memory.
    """
    resamples = resamples or RESAMPLES
    random = generator(seed, "bootstrap")
    present = ~np.isnan(values)
    filled = np.where(present, values, 0).astype(np.float32)
    held = present.astype(np.float32)
    if len(values) > GROUPS:
        order = random.permutation(len(values))
        begins = np.arange(GROUPS) * len(values) // GROUPS
        filled, held = (np.add.reduceat(part[order], begins, axis=0) for part in (filled, held))
    sums = np.zeros((resamples, values.shape[1]))
    counts = np.zeros((resamples, values.shape[1]))
    for block, draws in _blocks(_times_drawn, "bootstrap", seed, random, resamples, len(filled)):
        sums += draws @ filled[block]
        counts += draws @ held[block]
    return sums / np.maximum(counts, 1)


def estimates(
    values: Array, seed: int, resamples: int | None = None, drawn: Array | None = None
) -> list[Estimate]:
    """Mean and interval of each column of [users, columns]. `drawn` is the result of `bootstrap`
    for the same values.
    """
    averages = means(values)
    low, high = interval(bootstrap(values, seed, resamples) if drawn is None else drawn)
    return [
        Estimate(float(m), float(a), float(b)) for m, a, b in zip(averages, low, high, strict=True)
    ]


def differences(
    values: Array, against: int, seed: int, resamples: int | None = None, drawn: Array | None = None
) -> list[Difference]:
    """Each column less column `against`, paired by user, with Holm's correction over all others.
    `drawn` as in `estimates`.
    """
    paired = values - values[:, [against]]
    averages = means(paired)
    resampled = bootstrap(paired, seed, resamples) if drawn is None else drawn - drawn[:, [against]]
    low, high = interval(resampled)
    p = two_sided(resampled, len(values))
    others = [column for column in range(values.shape[1]) if column != against]
    corrected = np.ones(values.shape[1])
    corrected[others] = holm(p[others])
    return [
        Difference(
            float(averages[c]), float(low[c]), float(high[c]), float(p[c]), float(corrected[c])
        )
        for c in range(values.shape[1])
    ]


def two_sided(resampled: Array, users: int) -> Array:
    """Two-sided p of each column of resampled differences [resamples, columns]: twice the share
    that falls on the other side of zero.

    One is added to the count and to the number, so that p is never zero. Where no resample falls
    there, the count only shows that p is small; from `MANY_ENOUGH` users on the normal law then
    gives its size, so that p can stay small after a correction for many models. From 40 resamples
    on, p < .05 if and only if `interval` leaves zero out.
    """
    count = np.minimum((resampled <= 0).sum(axis=0), (resampled >= 0).sum(axis=0))
    p = np.minimum(2 * (1 + count) / (1 + len(resampled)), 1.0)
    if users < MANY_ENOUGH:
        return np.asarray(p)
    distance = np.abs(resampled.mean(axis=0)) / np.maximum(resampled.std(axis=0), 1e-300)
    tail = np.asarray([max(math.erfc(z / math.sqrt(2)), SMALLEST) for z in distance])
    return np.asarray(np.where(count == 0, np.minimum(p, tail), p))


def sign_flip(paired: Array, seed: int, resamples: int | None = None) -> Array:
    """Two-sided p of each column of paired differences [users, columns]: how often random signs
    give a mean as far from zero.
    """
    resamples = resamples or RESAMPLES
    filled = np.where(np.isnan(paired), 0, paired).astype(np.float32)
    observed = np.abs(filled.sum(axis=0, dtype=np.float64))
    # the sum of so many random signs is normal; its tail reaches below one in the number of
    # resamples
    if len(filled) > MANY:
        spread = np.sqrt((filled.astype(np.float64) ** 2).sum(axis=0))
        return np.asarray(
            [math.erfc(z / math.sqrt(2)) for z in observed / np.maximum(spread, 1e-300)]
        )
    random = generator(seed, "sign flip")
    sums = np.zeros((resamples, paired.shape[1]))
    for block, signs in _blocks(_signs, "sign flip", seed, random, resamples, len(filled)):
        sums += signs @ filled[block]
    # sums in another order differ in the last digits
    slack = 1e-6 * np.maximum(np.abs(filled).sum(axis=0), 1e-12)
    return np.asarray((1 + (np.abs(sums) >= observed - slack).sum(axis=0)) / (1 + resamples))


def holm(p: Array) -> Array:
    """Holm's step-down correction: multiply the smallest by their number, the next by one less,
    never falling.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(p[order] * (len(p) - np.arange(len(p))), 1.0))
    out = np.empty(len(p))
    out[order] = stepped
    return out


def shared_ranks(
    values: Array, seed: int, resamples: int | None = None, drawn: Array | None = None
) -> Array:
    """Rank 1 for the best column and those after it whose paired interval to it holds zero; then
    the same among the rest. Shape [columns].
    """
    averages = means(values)
    resampled = bootstrap(values, seed, resamples) if drawn is None else drawn
    waiting = list(np.argsort(-averages, kind="stable"))
    ranks = np.zeros(len(averages), np.int64)
    rank = 1
    while waiting:
        leader = waiting[0]
        low, high = interval(resampled[:, waiting] - resampled[:, [leader]])
        apart = np.flatnonzero((low > 0) | (high < 0))
        # a rank ends at the first model that is surely worse, so ranks never cross
        tied = int(apart[0]) if len(apart) else len(waiting)
        ranks[waiting[:tied]] = rank
        rank += tied
        waiting = waiting[tied:]
    return ranks


def means(values: Array) -> Array:
    """Mean of each column; NaN is a user without a value there."""
    present = ~np.isnan(values)
    total = np.where(present, values, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(present.sum(axis=0), 1))


def interval(resampled: Array) -> tuple[Array, Array]:
    """Ends of the middle 95% of resampled means: two of these means, the innermost that leave less
    than 2.5% of them outside on either side.

    A mean and no point between two, so that it lies on the same side of zero as `two_sided` counts.
    """
    count = len(resampled)
    position = max(count // OUTSIDE - 1, 0)
    ordered = np.partition(resampled, [position, count - 1 - position], axis=0)
    return ordered[position], ordered[count - 1 - position]


# ---- draws


Draw = Callable[[np.random.Generator, int, int], Array]
"""Draws float32 [resamples, users] from a generator."""


def _blocks(
    draw: Draw, name: str, seed: int, random: np.random.Generator, resamples: int, users: int
) -> Iterator[tuple[slice, Array]]:
    """The draws of blocks of users. One small block is kept, and drawn from a generator of its own
    name and seed, which is where `random` stands too: nothing was drawn from it for so few users.
    """
    if users <= min(_AT_ONCE, _KEPT_CELLS // resamples):
        yield slice(0, users), _kept(draw, name, seed, resamples, users)
        return
    for at in range(0, users, _AT_ONCE):
        size = min(_AT_ONCE, users - at)
        yield slice(at, at + size), draw(random, resamples, size)


@lru_cache(maxsize=4)
def _kept(draw: Draw, name: str, seed: int, resamples: int, users: int) -> Array:
    return frozen(draw(generator(seed, name), resamples, users))


def _times_drawn(random: np.random.Generator, resamples: int, users: int) -> Array:
    """How many times each user is drawn: Poisson(1)."""
    return np.asarray(
        _poisson_table()[random.integers(0, 65_536, (resamples, users), dtype=np.uint16)]
    )


def _signs(random: np.random.Generator, resamples: int, users: int) -> Array:
    """−1 or 1 for each user."""
    signs = random.integers(0, 2, (resamples, users), dtype=np.int8).astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


@lru_cache
def _poisson_table() -> Array:
    """65,536 equally likely values that follow Poisson(1) to five digits."""
    chances = np.cumsum([np.exp(-1) / np.prod(np.arange(1, n + 1), initial=1) for n in range(10)])
    return np.searchsorted(chances, (np.arange(65_536) + 0.5) / 65_536).astype(np.float32)
