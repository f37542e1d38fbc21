"""How much an entry counts, and how alike two items are. Two shelves of plain functions over arrays.

An *entry weight* turns the occurrences of items in units into weights before pairs are counted. A *pair weight* turns the count of a pair
into a similarity. One function is one weight; it then appears in the sweep, on the command line and in the docs by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from spadework.arrays import Array
from spadework.shelf import Shelf


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a left item (in the history) and a right item (to be recommended); arrays [pairs] float32 or float64.

    For binary entries `left` and `right` are the numbers of units that hold the item. For weighted entries they are the sums of squared
    entries, so that cosine stays a cosine.
    """

    joint: Array  # how often the two stand together
    left: Array
    right: Array
    units: float  # number of units in all
    left_power: float = 0.5  # exponents of `power`
    right_power: float = 0.5


@dataclass(frozen=True, eq=False)
class Entries:
    """Distinct (unit, item) entries; arrays [entries]."""

    counts: Array  # how often the unit holds the item
    unit_sizes: Array  # distinct items in the entry's unit
    item_sizes: Array  # units that hold the entry's item
    units: int
    items: int


PairWeight = Callable[[Pairs], Array]
EntryWeight = Callable[[Entries], Array]
pair_weights: Shelf[PairWeight] = Shelf("pair weight")
entry_weights: Shelf[EntryWeight] = Shelf("entry weight")
P = TypeVar("P", bound=PairWeight)
E = TypeVar("E", bound=EntryWeight)


def pair_weight(function: P) -> P:
    """Place a similarity of pairs on the shelf."""
    pair_weights.place(function.__name__, function)
    return function


def entry_weight(function: E) -> E:
    """Place a weight of entries on the shelf."""
    entry_weights.place(function.__name__, function)
    return function


@pair_weight
def raw(pair: Pairs) -> Array:
    """How often the two stand together: popularity in disguise."""
    return pair.joint


@pair_weight
def confidence(pair: Pairs) -> Array:
    """Of those who chose the left item, the share who chose the right one too (each row divided by its size)."""
    return np.asarray(pair.joint / pair.left)


@pair_weight
def cosine(pair: Pairs) -> Array:
    """Joint count over the geometric mean of both sizes (Ochiai)."""
    return np.asarray(pair.joint / np.sqrt(pair.left * pair.right))


@pair_weight
def jaccard(pair: Pairs) -> Array:
    """Those who chose both, as a share of those who chose either."""
    return np.asarray(pair.joint / np.maximum(pair.left + pair.right - pair.joint, 1e-12))


@pair_weight
def lift(pair: Pairs) -> Array:
    """How many times more often the two stand together than if they were independent. Loves rare pairs."""
    return np.asarray(pair.joint * pair.units / (pair.left * pair.right))


@pair_weight
def npmi(pair: Pairs) -> Array:
    """Pointwise mutual information over its largest possible value: −1 never together, 0 independent, 1 always together."""
    share = np.minimum(pair.joint / pair.units, 1.0)
    information = np.log(pair.joint * pair.units / (pair.left * pair.right))
    return np.where(share < 1, information / np.maximum(-np.log(share), 1e-12), 1.0)


@pair_weight
def power(pair: Pairs) -> Array:
    """Joint count over left^a · right^b: a and b between row share, cosine and lift; a larger b favours the tail."""
    return pair.joint / (pair.left**pair.left_power * pair.right**pair.right_power)


@entry_weight
def binary(entry: Entries) -> Array:
    """Every entry counts one."""
    return np.ones(len(entry.counts), np.float32)


@entry_weight
def tfidf(entry: Entries) -> Array:
    """Root of the count, damped by how much the unit holds: log(items / (1 + unit size)), never below zero."""
    return np.sqrt(entry.counts) * np.maximum(np.log(entry.items / (1.0 + entry.unit_sizes)), 0.0)


@entry_weight
def bm25(entry: Entries) -> Array:
    """Saturated count, damped by the size of the item and of the unit (Okapi BM25 with k1 = 1.2, b = 0.75)."""
    k1, b = 1.2, 0.75
    mean_size = max(float(len(entry.counts)) / max(entry.items, 1), 1e-12)
    saturated = entry.counts * (k1 + 1) / (k1 * (1 - b + b * entry.item_sizes / mean_size) + entry.counts)
    return saturated * np.maximum(np.log(entry.items / (1.0 + entry.unit_sizes)), 0.0)
