"""Pairs of items with their counts, and the evidence that two items depend on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Mask

SCALARS = ("groups", "left_power", "right_power", "shrink", "pmi_k", "ppmi_k")
LEAST = 1e-30
"""Replaces zero where a product with zero would be NaN; far below any count and within float32."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a left item (in the history) and a right item (to be recommended).

    The arrays are flat, [pairs] each, or dense: joint [rows, items], left [rows, 1], right [1,
    items]; of one type, float32 or float64. For binary entries `left` and `right` are the numbers
    of groups that hold the item. For weighted entries they are the sums of squared entries, so that
    cosine stays a cosine. They are never 0; `joint` may be.
    """

    joint: Array  # how often the two occur together
    left: Array
    right: Array
    groups: float  # number of groups in all
    left_power: float = 0.5  # exponents of power, asymmetric, discounted and tversky
    right_power: float = 0.5
    shrink: float = 0.0  # how much a similarity of few counts is reduced
    pmi_k: float = 2.0  # at least 1
    ppmi_k: float = 1.0  # k of ppmi: ln k is subtracted

    def __post_init__(self) -> None:
        for name in SCALARS:  # a numpy scalar would turn float32 arrays into float64 ones
            object.__setattr__(self, name, float(getattr(self, name)))


def association(pair: Pairs) -> Array:
    """Log-likelihood ratio of dependence (G²), negative where the two occur together less often
    than by chance.

    Invalid on decayed or weighted counts. `shrink` is not used. Dunning, "Accurate Methods for
    the Statistics of Surprise and Coincidence", 1993. The usual sum of k·ln k loses all digits in
    float32 (and some in float64) on a large log; here each of the four cells adds its own term that
    is never below zero, so float32 holds four digits.
    """
    root = pair.groups**0.5
    # An item that all groups hold leaves an empty cell.
    other_left = np.maximum(pair.groups - pair.left, 1e-3) / root
    other_right = np.maximum(pair.groups - pair.right, 1e-3) / root
    chance = pair.left * pair.right / pair.groups
    surplus = pair.joint - chance
    value = _surprise(chance, surplus)
    value += _surprise(other_left * other_right, surplus)
    np.negative(surplus, out=surplus)
    one_only = _surprise(pair.left / root * other_right, surplus)
    one_only += _surprise(other_left * (pair.right / root), surplus)
    value += one_only
    value *= 2.0
    np.maximum(value, 0.0, out=value)
    return np.copysign(value, np.negative(surplus, out=surplus))


def llr_keeps(pair: Pairs, threshold: float = 10.83) -> Mask:
    """Which pairs occur together more often than by chance, with a log-likelihood ratio of at least
    `threshold` (10.83 is p < 0.001).

    A filter, to be used with another weight as the score: the ratio measures how certain a
    dependence is, not how strong.
    """
    return np.asarray(association(pair) >= max(float(threshold), LEAST))


def _surprise(expected: Array, surplus: Array) -> Array:
    """count·ln(count / expected) − surplus, with count = expected + surplus: zero at chance, never
    below. A count of 0 gives `expected`.
    """
    share = surplus / expected
    np.maximum(share, -1 + 6e-8, out=share)  # the last float32 above −1: ln 0 times 0 is NaN
    np.log1p(share, out=share)
    share *= expected + surplus
    share -= surplus
    return share
