"""What a weight says of a pair, and back: the largest count that a pair of some value can have.

The weights here are count / divisor, and the divisor grows with the sizes of both items (jaccard
has the count in it, too). So a pair whose count stays is never worth more after its items grew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from spadework.arrays import Array
from spadework.kernels.similarity.pair_weights import pair_weights
from spadework.models.cooccurrence.operator import CoOccurrence

Divisor: TypeAlias = Callable[[CoOccurrence, Array, Array, float], Array]
"""(model, left sizes, right sizes, groups) → what a count is divided by."""


def _with_powers(model: CoOccurrence, left: Array, right: Array, groups: float) -> Array:
    exponents = pair_weights[model.weight].exponents
    assert exponents is not None, "only weights with exponents are here"
    a, b = exponents(model.left_power, model.right_power)
    return np.asarray(left**a * right**b + model.shrink)


def _discounted(model: CoOccurrence, left: Array, right: Array, groups: float) -> Array:
    return np.asarray((left + model.shrink) * right**model.right_power)


DIVISORS: Mapping[str, Divisor] = MappingProxyType(
    {
        "jaccard": lambda model, left, right, _: left + right + model.shrink,
        "dice": lambda model, left, right, _: (left + right + model.shrink) / 2,
        "inclusion": lambda model, left, right, _: np.minimum(left, right) + model.shrink,
        "lift": lambda model, left, right, groups: (left * right + model.shrink) / groups,
        "confidence": _with_powers,
        "cosine": _with_powers,
        "asymmetric": _with_powers,
        "power": _with_powers,
        "discounted": _discounted,
    }
)
"""Weights whose rows cannot be divided afterwards, or not with a shrink."""


@dataclass(frozen=True)
class Measure:
    """How a model values a count, before rows are divided where they are."""

    model: CoOccurrence

    @property
    def by_row(self) -> bool:
        """Whether the size of the row's own item is in the value."""
        return self.model.row_exponent is None

    def scale(self, before: float, now: float) -> float:
        """By how much all values grow with the number of groups."""
        grows = self.by_row and self.model.weight == "lift"
        return max(now / max(before, 1.0), 1.0) if grows else 1.0

    def value(self, counts: Array, left: Array, right: Array, groups: float) -> Array:
        """The value of counts."""
        divisor = self._divisor(left, right, groups)
        if self._overlaps:
            counts = np.minimum(counts, np.minimum(left, right))
            divisor = divisor - counts
        return np.asarray(counts / divisor)

    def count(self, values: Array, left: Array, right: Array, groups: float) -> Array:
        """The counts that have these values."""
        divisor = self._divisor(left, right, groups)
        return np.asarray(values * divisor / (1 + values) if self._overlaps else values * divisor)

    @property
    def _overlaps(self) -> bool:
        return self.model.weight == "jaccard"

    def _divisor(self, left: Array, right: Array, groups: float) -> Array:
        if self.by_row:
            return DIVISORS[self.model.weight](self.model, left, right, groups)
        exponents = pair_weights[self.model.weight].exponents
        assert exponents is not None, "a row can be divided"
        return np.asarray(right ** exponents(self.model.left_power, self.model.right_power)[1])


def why_unmeasured(model: CoOccurrence) -> str | None:
    """Why the values of a model cannot be bounded; None where they can."""
    settings = f"the weight {model.weight!r}"
    exponents = pair_weights[model.weight].exponents
    is_divided = model.row_exponent is not None
    if exponents is not None:
        powers = exponents(model.left_power, model.right_power)
        if min(powers[1:] if is_divided else powers) < 0:  # the left size only divides the row
            return f"{settings} grows with the size of an item here"
    if is_divided:
        return None
    if model.llr > 0:
        return "the filter llr looks at all sizes, so new events may bring in any pair"
    if model.weight not in DIVISORS:
        return f"{settings} may grow although nothing new is known of a pair"
    if not model.channel.plain:
        return f"{settings} is bounded for whole counts alone"
    return None
