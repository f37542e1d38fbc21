"""How much an item in a group counts before pairs are made: a registry of plain functions over
arrays.

The pair weights that a dig tries an entry weight with are given in its `sweep`.

Every weight is finite and not below zero: a similarity of weighted entries is a cosine only then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from spadework.arrays import Array
from spadework.errors import Unsuitable
from spadework.registry import Registry

EntryNeed: TypeAlias = Literal["weights", "times"]
SWEEP = ("raw", "cosine")
"""Pair weights that a dig tries an entry weight with, unless the weight names others."""


@dataclass(frozen=True, eq=False)
class EntryStatistics:
    """Distinct (group, item) entries; arrays [entries], of a large log those of some groups."""

    counts: Array  # how often the group holds the item, at least 1
    group_sizes: Array  # distinct items in the entry's group
    item_sizes: Array  # groups that hold the entry's item
    groups: int  # of the log
    items: int
    entries: int
    # sum of the weight column (ratings, amounts); None where the log has none
    values: Array | None = None
    # seconds from the entry's newest event to the end of the log; None where the log has no times
    ages: Array | None = None
    bm25_k1: float = 1.2  # the smaller, the less repeats count
    bm25_b: float = 0.75  # 1 damps common items fully
    half_life: float = 30 * 86_400.0  # of recency, in seconds


@dataclass(frozen=True, eq=False)
class EntryWeight:
    """A registered function, and the column of the log that it needs."""

    function: Callable[[EntryStatistics], Array]
    needs: EntryNeed | None = None
    repeats_only: bool = False  # the same as `binary` where no group holds an item twice
    sweep: tuple[str, ...] = SWEEP  # pair weights that a dig tries it with
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.function.__name__)
        object.__setattr__(self, "__doc__", self.function.__doc__)

    def __call__(self, entry: EntryStatistics) -> Array:
        """Weights [entries] float32, finite and not below zero. `Unsuitable` where the log lacks
        the column or holds such values.
        """
        if (
            self.needs is not None
            and (entry.values if self.needs == "weights" else entry.ages) is None
        ):
            column = {"weights": "weight", "times": "time"}[self.needs]
            raise Unsuitable(
                f"The entry weight {self.name!r} needs the {column} column, which the log lacks.",
                f"Name the {column} column, or choose another entry weight such as 'binary'.",
            )
        values = np.asarray(self.function(entry), np.float32)
        smallest, largest = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        if smallest < 0:
            raise Unsuitable(
                f"The entry weight {self.name!r} gives {smallest:g}: an entry weight below zero.",
                (
                    "Leave out events of negative weight (returns, dislikes), or choose an "
                    "entry weight that does not read them such as 'binary'."
                ),
            )
        if not np.isfinite(largest):  # NaN too: minimum and maximum pass it on
            raise Unsuitable(
                (
                    f"The entry weight {self.name!r} gives {largest}: an entry weight that is "
                    "no finite number."
                ),
                "Look at the weight column, or choose another entry weight such as 'binary'.",
            )
        return values


entry_weights: Registry[EntryWeight] = Registry("entry weight")


def entry_weight(
    *, needs: EntryNeed | None = None, repeats_only: bool = False, sweep: tuple[str, ...] = SWEEP
) -> Callable[[Callable[[EntryStatistics], Array]], EntryWeight]:
    """Register a weight of entries; `needs` names the column that it reads.

    A dig tries it with the pair weights of `sweep`. A `repeats_only` weight is tried only where the
    log has repeats.
    """

    def register(function: Callable[[EntryStatistics], Array]) -> EntryWeight:
        return entry_weights.register(
            function.__name__, EntryWeight(function, needs, repeats_only, sweep)
        )

    return register


def _group_idf(entry: EntryStatistics) -> Array:
    """Log(items / (1 + group size)): a group that holds many items is weak evidence. Without the
    limit at zero it would be negative for a group that holds everything.
    """
    return np.maximum(np.log(entry.items / (1.0 + entry.group_sizes)), 0.0)


@entry_weight(sweep=())  # the core of the sweep counts so
def binary(entry: EntryStatistics) -> Array:
    """Every entry counts one."""
    return np.ones(len(entry.counts), np.float32)


@entry_weight(repeats_only=True)
def count(entry: EntryStatistics) -> Array:
    """How often the group holds the item."""
    return entry.counts


@entry_weight(repeats_only=True)
def root(entry: EntryStatistics) -> Array:
    """Root of how often the group holds the item: repeats count, but less and less."""
    return np.asarray(np.sqrt(entry.counts))


@entry_weight(repeats_only=True)
def log(entry: EntryStatistics) -> Array:
    """1 + ln(count): a single event counts one, and each repeat adds less than the one before."""
    return np.asarray(1.0 + np.log(entry.counts))


@entry_weight()
def tfidf(entry: EntryStatistics) -> Array:
    """Root of the count, damped by how much the group holds: ln(items / (1 + group size)), never
    below zero.

    Well-known code lets the damping turn negative for groups that hold nearly every item; here it
    stops at zero.
    """
    return np.asarray(np.sqrt(entry.counts) * _group_idf(entry))


@entry_weight()
def bm25(entry: EntryStatistics) -> Array:
    """Saturated count, damped by the size of the item and of the group (Okapi BM25, with
    `bm25_k1` and `bm25_b`).

    The damping by the group is never below zero. The similarity is chosen separately, so cosine
    over these weights is a true cosine; well-known code leaves out that division for BM25 only.
    Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    mean_size = max(float(entry.entries) / max(entry.items, 1), 1e-12)
    damping = entry.bm25_k1 * (1 - entry.bm25_b + entry.bm25_b * entry.item_sizes / mean_size)
    return np.asarray(
        entry.counts * (entry.bm25_k1 + 1) / (damping + entry.counts) * _group_idf(entry)
    )


@entry_weight(needs="weights")
def value(entry: EntryStatistics) -> Array:
    """The sum of the weight column (ratings, amounts): in a log of ratings the rating counts, not
    the number of rows.
    """
    assert entry.values is not None
    return entry.values


@entry_weight(needs="times")
def recency(entry: EntryStatistics) -> Array:
    """2^(−age / half-life), the age being that of the newest event of the entry: recent items
    count most.

    Ding & Li, "Time Weight Collaborative Filtering", CIKM 2005.
    """
    assert entry.ages is not None
    return np.asarray(np.exp2(-np.asarray(entry.ages, np.float64) / entry.half_life))
