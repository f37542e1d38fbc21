"""How similar two items are, from the counts of the pair: a registry of plain functions over
arrays.

All of them take flat pairs or a dense block, keep float32 as float32, and give no positive value
where the two never occur together. Callers keep positive values only.

The settings that a dig tries a weight with are given in its `sweep`, a tuple; by default only the
weight as it is.

`shrink` (s) reduces similarities that rest on few counts. A ratio of counts has s added to its
denominator. The other weights (raw, lift's logarithms, log-likelihood) are multiplied by joint /
(joint + s). In `shrunk` it is the strength of the prior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from spadework.arrays import Array
from spadework.kernels.similarity.pairs import LEAST, Pairs, association, llr_keeps
from spadework.registry import Registry

__all__ = ["PairWeight", "Pairs", "association", "llr_keeps", "pair_weight", "pair_weights"]


@dataclass(frozen=True, eq=False)
class PairWeight:
    """A registered function, and its properties."""

    function: Callable[[Pairs], Array]
    symmetric: bool  # the same when left and right change places
    counts_only: bool = False  # means nothing on decayed or weighted counts
    # where above 0, grows with the count of the pair and does not grow with the size of the right
    # item
    bounded: bool = False
    # Exponents of the sizes. The function then gets the sizes raised to them: once an item, not
    # once a pair. Without shrink the weight is joint / left^a / right^b, so a only scales rows.
    exponents: Exponents | None = None
    sweep: tuple[Mapping[str, float], ...] = ({},)  # settings that a dig tries it with
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.function.__name__)
        object.__setattr__(self, "__doc__", self.function.__doc__)

    def __call__(self, pair: Pairs) -> Array:
        """Similarities in the shape of `joint`; they may be −∞ where joint is 0."""
        if self.exponents is None:
            return self.function(pair)
        a, b = self.exponents(pair.left_power, pair.right_power)
        return self.function(replace(pair, left=pair.left**a, right=pair.right**b))


Exponents: TypeAlias = Callable[[float, float], tuple[float, float]]
"""(left_power, right_power) → exponents of the left and of the right size."""

pair_weights: Registry[PairWeight] = Registry("pair weight")


def pair_weight(
    *,
    symmetric: bool,
    counts_only: bool = False,
    bounded: bool = False,
    exponents: Exponents | None = None,
    sweep: tuple[Mapping[str, float], ...] = ({},),
) -> Callable[[Callable[[Pairs], Array]], PairWeight]:
    """Register a similarity of pairs.

    One that is `bounded` is computed only for the few cells of a row that can be among its largest:
    where it is above 0 it must grow with the count and must not grow with the size of the right
    item, also at counts above that size, which the corners of groups may have. One with `exponents`
    is, without shrink, joint / left^a / right^b and is computed as such; ValueError where it is
    not. `sweep` are parameters of co-occurrence models that a dig tries it with, each
    once alone and once with each way to read a history.
    """

    def register(function: Callable[[Pairs], Array]) -> PairWeight:
        weight = PairWeight(function, symmetric, counts_only, bounded, exponents, sweep)
        if exponents is not None and not _is_ratio(weight, *exponents(0.7, 0.4)):
            raise ValueError(
                f"The pair weight {weight.name!r} has exponents and is not joint / left^a / "
                "right^b; leave them out."
            )
        return pair_weights.register(weight.name, weight)

    return register


def _is_ratio(weight: PairWeight, a: float, b: float) -> bool:
    joint, left, right = (
        np.asarray(values) for values in ([3.0, 1.0, 0.0], [7.0, 2.0, 9.0], [5.0, 11.0, 4.0])
    )
    return np.allclose(
        weight(Pairs(joint, left, right, 20.0, left_power=0.7, right_power=0.4)),
        joint / left**a / right**b,
    )


def _plus(array: Array, shrink: float) -> Array:
    """The array with `shrink` added; untouched where that is 0, which saves a pass."""
    return array + shrink if shrink else array


def _by_evidence(values: Array, pair: Pairs) -> Array:
    """Values times joint / (joint + shrink). Where joint is 0, −∞ stays −∞."""
    if not pair.shrink:
        return values
    return values * (np.maximum(pair.joint, LEAST) / (pair.joint + pair.shrink))


def _lift(pair: Pairs, shrink: float = 0.0) -> Array:
    return pair.joint * pair.groups / _plus(pair.left * pair.right, shrink)


def _over_both(pair: Pairs) -> Array:
    """Joint over both sizes, which are raised to their exponents already. Two divisions instead of
    a product, which float32 cannot hold for sizes near zero.
    """
    if pair.shrink:
        return pair.joint / (pair.left * pair.right + pair.shrink)
    return pair.joint / pair.left / pair.right


# ---- ratios of counts


@pair_weight(symmetric=True, bounded=True, exponents=lambda *_: (0.0, 0.0))
def raw(pair: Pairs) -> Array:
    """How often the two occur together: mostly popularity."""
    return _by_evidence(pair.joint, pair)


@pair_weight(
    symmetric=False, bounded=True, exponents=lambda *_: (1.0, 0.0), sweep=({}, {"llr": 10.83})
)
def confidence(pair: Pairs) -> Array:
    """Of the groups that hold the left item, the share that hold the right one too (each row
    divided by its size).
    """
    return pair.joint / _plus(pair.left, pair.shrink)


@pair_weight(
    symmetric=True,
    bounded=True,
    exponents=lambda *_: (0.5, 0.5),
    sweep=({}, {"llr": 10.83}, {"support": 2.0}, {"shrink": 10.0}, {"shrink": 100.0}),
)
def cosine(pair: Pairs) -> Array:
    """Joint count over the geometric mean of both sizes (Ochiai)."""
    # Left and right are already raised to ½: see `exponents`.
    return pair.joint / _plus(pair.left * pair.right, pair.shrink)


@pair_weight(
    symmetric=False, bounded=True, exponents=lambda a, b: (a, 1.0 - a), sweep=({"left_power": 0.7},)
)
def asymmetric(pair: Pairs) -> Array:
    """Joint count over left^a · right^(1−a), with a the left power: a = 1 is confidence, a = ½ is
    cosine.

    Aiolli, "Efficient Top-N Recommendation for Very Large Scale Binary Rated Datasets", RecSys
    2013.
    """
    return _over_both(pair)


@pair_weight(symmetric=True, bounded=True)
def jaccard(pair: Pairs) -> Array:
    """Groups that hold both, as a share of those that hold either. At most 1 on weighted counts
    too.
    """
    return pair.joint / _plus(
        np.maximum(pair.left + pair.right - pair.joint, pair.joint), pair.shrink
    )


@pair_weight(symmetric=True, bounded=True)
def dice(pair: Pairs) -> Array:
    """Twice the joint count over the sum of both sizes (Dice, Sørensen)."""
    return np.asarray(pair.joint * 2.0 / (_plus(pair.left, pair.shrink) + pair.right))


@pair_weight(symmetric=False, bounded=True, sweep=({"left_power": 1.0, "right_power": 0.2},))
def tversky(pair: Pairs) -> Array:
    """Joint count over joint + a · left only + b · right only, with a and b the powers: ½, ½ is
    Dice, 1, 1 is Jaccard. At most 1.

    Tversky, "Features of Similarity", Psychological Review 1977.
    """
    a, b = pair.left_power, pair.right_power
    alone = (pair.left * a + LEAST) + pair.right * b
    return pair.joint / _plus(
        np.maximum(alone + pair.joint * (1.0 - a - b), pair.joint), pair.shrink
    )


@pair_weight(symmetric=True, bounded=True)
def inclusion(pair: Pairs) -> Array:
    """Joint count over the smaller size: 1 where one item occurs only with the other. Favours rare
    items; give it some shrink.
    """
    return pair.joint / _plus(np.minimum(pair.left, pair.right), pair.shrink)


@pair_weight(symmetric=True, bounded=True, sweep=({}, {"shrink": 1.0}))
def lift(pair: Pairs) -> Array:
    """How many times more often the two occur together than if they were independent. Favours rare
    pairs; give it some shrink.
    """
    return _lift(pair, pair.shrink)


@pair_weight(
    symmetric=False, bounded=True, exponents=lambda a, b: (1.0, b), sweep=({"right_power": 0.3},)
)
def discounted(pair: Pairs) -> Array:
    """Confidence over right^b, with b the right power: popular items score lower; b = 0 is
    confidence.

    `shrink` belongs to the confidence. Deshpande & Karypis, "Item-Based Top-N Recommendation
    Algorithms", TOIS 2004.
    """
    return pair.joint / _plus(pair.left, pair.shrink) / pair.right


@pair_weight(
    symmetric=False,
    bounded=True,
    exponents=lambda a, b: (a, b),
    sweep=({"left_power": 0.5, "right_power": 0.3}, {"left_power": 0.3, "right_power": 0.7}),
)
def power(pair: Pairs) -> Array:
    """Joint count over left^a · right^b: a and b between row share, cosine and lift; a larger b
    favours the tail.
    """
    return _over_both(pair)


@pair_weight(symmetric=False, sweep=({"shrink": 20.0},))
def shrunk(pair: Pairs) -> Array:
    """Confidence that starts from the popularity of the right item: (joint + s · right / groups) /
    (left + s), with s the shrink.

    An empirical-Bayes estimate, which reduces pairs of few counts. Pairs never seen give 0, though
    the prior alone would give them a little.
    """
    if not pair.shrink:
        return pair.joint / pair.left
    chance = (pair.joint + pair.right * (pair.shrink / pair.groups)) / (pair.left + pair.shrink)
    # 0 where joint is 0; a choice cell by cell would take ten times as long.
    return np.minimum(chance, pair.joint * 1e20)


# ---- logarithms of lift, in nats; `groups` is the number of groups, not of items


@pair_weight(symmetric=True, counts_only=True, bounded=True, sweep=({"shrink": 10.0},))
def pmi(pair: Pairs) -> Array:
    """Pointwise mutual information: ln of lift. Ranks pairs seen once first; give it some shrink,
    or use npmi.

    Church & Hanks, "Word Association Norms, Mutual Information, and Lexicography", 1990.
    """
    return _by_evidence(np.log(_lift(pair)), pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True)
def ppmi(pair: Pairs) -> Array:
    """Pointwise mutual information less ln k, with k `ppmi_k`, and never below zero.

    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NeurIPS 2014.
    """
    return _by_evidence(np.maximum(np.log(_lift(pair) / pair.ppmi_k), 0.0), pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True)
def npmi(pair: Pairs) -> Array:
    """Pointwise mutual information over its largest possible value: −1 never together, 0
    independent, 1 always together.

    Bouma, "Normalized (Pointwise) Mutual Information in Collocation Extraction", 2009.
    """
    largest = -np.log(pair.joint / pair.groups)
    value = np.log(_lift(pair)) / np.maximum(largest, LEAST)
    np.fmax(value, -1.0, out=value)  # −∞ over ∞ where the two never occur together
    if float(largest.min(initial=1.0)) <= 0:  # all groups hold both
        value[largest <= 0] = 1.0
    return _by_evidence(value, pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True, sweep=({"pmi_k": 3.0},))
def pmi_k(pair: Pairs) -> Array:
    """Pointwise mutual information plus (k − 1) · ln joint, with k `pmi_k`, at least 1: corrects
    the bias to rare pairs.

    Up to a constant of the log this is PMI^k (Daille, 1994), whose own zero leaves no pair above it
    for k ≥ 2. Here a pair seen once keeps its pmi, and k = 1 is pmi.
    """
    return _by_evidence(np.log(_lift(pair) * pair.joint ** (pair.pmi_k - 1.0)), pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True, sweep=())
def mutual_information(pair: Pairs) -> Array:
    """What SAR calls mutual information: ln of lift, the same as pmi, so a dig does not try it
    separately.

    The well-known code puts the number of items where the number of users belongs, which adds a
    constant.
    """
    return _by_evidence(np.log(_lift(pair)), pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True)
def lexicographers_mi(pair: Pairs) -> Array:
    """Joint count times ln of lift (SAR's lexicographer's mutual information): strength and
    evidence in one.

    The well-known code puts the number of items where the number of users belongs, which changes
    the order; here it is groups.
    """
    return _by_evidence(np.maximum(pair.joint, LEAST) * np.log(_lift(pair)), pair)


# ---- evidence that two items depend on each other


@pair_weight(symmetric=True, counts_only=True, bounded=True)
def llr(pair: Pairs) -> Array:
    """Log-likelihood ratio of dependence; 0 where the two occur together less often than by chance.

    It measures how certain a dependence is, not how strong: better as a filter than as a score.
    Dunning, 1993.
    """
    return _by_evidence(np.maximum(association(pair), 0.0), pair)


@pair_weight(symmetric=True, counts_only=True, bounded=True)
def signed_llr(pair: Pairs) -> Array:
    """Root of the log-likelihood ratio, negative where the two occur together less often than by
    chance.
    """
    signed = association(pair)
    return _by_evidence(np.copysign(np.sqrt(np.abs(signed)), signed), pair)
