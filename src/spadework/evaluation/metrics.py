"""Metrics: pure functions from judged lists to one value per user, or to one value for all lists.
A registry with one function per metric.

Full ranking only. Lists come ranked with ties broken by the lower item code, so equal scores
give what chance gives.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spadework.arrays import Array, Codes
from spadework.errors import BadRequest
from spadework.evaluation.dialects import Dialect
from spadework.evaluation.truth import Truth
from spadework.kernels.ranking import relevance
from spadework.registry import Registry


@dataclass(frozen=True, eq=False)
class Judged:
    """Lists of length k with the truth."""

    lists: Codes  # [users, k] −1 is padding
    truth: Truth
    dialect: Dialect
    hits: Array  # [users, k] uint8

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.lists.shape[1])

    @cached_property
    def found(self) -> Array:
        """Hits of each user. Shape [users] float32."""
        return self.weigh(np.ones(self.k, np.float32))

    def weigh(self, weights: Array) -> Array:
        """Sum over slots of hit · weight. Shape [users]."""
        return relevance.weighed(self.hits, weights)

    @cached_property
    def divisor(self) -> Array:
        """What recall and MAP divide by. Shape [users] float32, at least 1."""
        sizes = self.truth.sizes.astype(np.float32)
        return np.maximum(
            np.minimum(sizes, self.k) if self.dialect.recall == "capped" else sizes, 1
        )

    @property
    def filled(self) -> Array:
        """True where a slot holds an item. Shape [users, k]."""
        return self.lists >= 0


@dataclass(frozen=True)
class Metric:
    """An entry of the registry of metrics."""

    name: str
    function: Callable[[Judged], Array | float]
    per_user: bool  # one value per user, or one for all lists
    # compares lists with targets; has a debiased version. The others are of the lists alone
    accuracy: bool
    description: str


metrics: Registry[Metric] = Registry("metric")


def metric(
    *, per_user: bool = True, accuracy: bool = True
) -> Callable[[Callable[[Judged], Array | float]], Callable[[Judged], Array | float]]:
    """Register a metric under its function's name."""

    def register(function: Callable[[Judged], Array | float]) -> Callable[[Judged], Array | float]:
        description = inspect.cleandoc(function.__doc__ or "")
        metrics.register(
            function.__name__, Metric(function.__name__, function, per_user, accuracy, description)
        )
        return function

    return register


def discounts(k: int) -> Array:
    """1 / log2(rank + 1) for ranks 1 … k."""
    return (1 / np.log2(np.arange(2, k + 2))).astype(np.float32)


@metric()
def recall(judged: Judged) -> Array:
    """Share of the targets that are in the list (over all targets, or at most k of them: see the
    dialect).
    """
    return judged.found / judged.divisor


@metric()
def precision(judged: Judged) -> Array:
    """Share of the k slots that hold a target; a short list is divided by k too."""
    return judged.found / np.float32(judged.k)


@metric()
def hitrate(judged: Judged) -> Array:
    """1 if the list holds any target."""
    return (judged.found > 0).astype(np.float32)


@metric()
def ndcg(judged: Judged) -> Array:
    """Discounted gain of the hits over that of the ideal list (see the dialect)."""
    if judged.dialect.graded:
        return _graded_ndcg(judged)
    gain = judged.weigh(discounts(judged.k))
    sizes = judged.found.astype(np.int64) if judged.dialect.ideal == "hits" else judged.truth.sizes
    longest = (
        judged.k if judged.dialect.ideal != "full" else max(int(sizes.max(initial=1)), judged.k)
    )
    ideal = np.concatenate(([1.0], np.cumsum(discounts(longest), dtype=np.float64))).astype(
        np.float32
    )
    return np.asarray(gain / ideal[np.minimum(sizes, longest)])


@metric()
def map(judged: Judged) -> Array:  # the common name
    """Mean over targets of the precision at their rank."""
    return relevance.summed_precisions(judged.hits) / judged.divisor


@metric()
def mrr(judged: Judged) -> Array:
    """1 / rank of the first hit, 0 without one."""
    first = np.argmax(judged.hits, axis=1)
    return np.asarray((judged.found > 0) / (first + 1).astype(np.float32))


@metric(per_user=False, accuracy=False)
def coverage(judged: Judged) -> float:
    """Share of the items in train that are in any user's list."""
    catalogue = int((judged.truth.popularity > 0).sum())
    counts = np.bincount(judged.lists[judged.filled], minlength=len(judged.truth.popularity))
    return float(((counts > 0) & (judged.truth.popularity > 0)).sum()) / max(catalogue, 1)


@metric(per_user=False, accuracy=False)
def gini(judged: Judged) -> float:
    """How unequally slots are shared among the items in train: 0 all equal, near 1 a few items hold
    all.
    """
    counts = np.bincount(judged.lists[judged.filled], minlength=len(judged.truth.popularity))
    return gini_of(counts[judged.truth.popularity > 0])


@metric(accuracy=False)
def popularity(judged: Judged) -> Array:
    """Mean number of train events of the items in the list."""
    return _mean_over_slots(judged, judged.truth.popularity.astype(np.float32))


@metric(accuracy=False)
def tail(judged: Judged) -> Array:
    """Share of the list outside the head; the head are the most popular items that together hold 20
    % of the train events.
    """
    return _mean_over_slots(judged, (~judged.truth.head).astype(np.float32))


@metric(accuracy=False)
def novelty(judged: Judged) -> Array:
    """Mean −log2 of the share of train users who have the item; an item without users counts as
    held by half a user.
    """
    share = np.maximum(judged.truth.user_counts, 0.5) / max(judged.truth.train_users, 1)
    return _mean_over_slots(judged, -np.log2(np.minimum(share, 1.0)).astype(np.float32))


@metric(accuracy=False)
def repeats(judged: Judged) -> Array:
    """Share of the k slots that hold an item of the user's own history."""
    seen = relevance.hits(judged.lists, judged.truth.seen, judged.truth.seen_items)
    return np.asarray(seen.sum(axis=1, dtype=np.float32) / np.float32(judged.k))


def gini_of(counts: Array) -> float:
    """Gini coefficient of non-negative counts: Σ(2r − n − 1)x_r / (nΣx), x ascending."""
    ordered = np.sort(np.asarray(counts, np.float64))
    n, total = len(ordered), float(ordered.sum())
    if n == 0 or total <= 0:
        return 0.0
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * total))


@dataclass(frozen=True)
class MetricAt:
    """A metric as users write it: `ndcg@10`, `debiased_recall@20`."""

    metric: Metric
    k: int
    debiased: bool

    @property
    def name(self) -> str:
        """The way to write it."""
        return f"{'debiased_' if self.debiased else ''}{self.metric.name}@{self.k}"


MOST = 10_000
"""The longest lists that are judged."""


def parse(name: str) -> MetricAt:
    """The metric of a name such as `NDCG@10`; the error of an unknown name has the nearest one."""
    written = re.fullmatch(r"(debiased_)?([a-z_][a-z0-9_]*)@([0-9]+)", name.strip().lower())
    if not written or not written.group(3).strip("0"):
        raise BadRequest(
            f"The metric {name!r} cannot be understood.",
            "Write it as name@k, such as ndcg@10 or recall@20.",
        )
    if len(written.group(3)) > 6 or int(written.group(3)) > MOST:
        raise BadRequest(
            f"The metric {name[:60]!r} looks at more than {MOST:,} items of a list.",
            "Lists are short: write name@k, such as ndcg@10 or recall@20.",
        )
    found = metrics[written.group(2)]
    if written.group(1) and not found.accuracy:
        raise BadRequest(
            f"The metric {found.name!r} has no debiased version.",
            "It does not compare with targets; name it without 'debiased_'.",
        )
    return MetricAt(found, int(written.group(3)), bool(written.group(1)))


def is_of_lists(name: str) -> bool:
    """Whether a written name, such as `coverage@10`, is that of a metric of lists alone."""
    base = name.split("@")[0]
    return base in metrics and not metrics[base].accuracy


def measure(
    lists: Codes, truth: Truth, requested: Sequence[MetricAt], dialect: Dialect, seed: int = 0
) -> dict[str, Array | float]:
    """Values of the metrics by name: [users] float32, or one float. Users without targets are NaN
    in debiased metrics.

    O(users · k · log targets).
    """
    values: dict[str, Array | float] = {}
    judged: dict[tuple[int, bool], Judged] = {}
    for entry in requested:
        key = (entry.k, entry.debiased)
        if key not in judged:
            against = truth.debiased(seed) if entry.debiased else truth
            cut = np.ascontiguousarray(lists[:, : entry.k])
            if cut.shape[1] < entry.k:
                cut = np.pad(cut, ((0, 0), (0, entry.k - cut.shape[1])), constant_values=-1)
            judged[key] = Judged(
                cut, against, dialect, relevance.hits(cut, against.starts, against.items)
            )
        value = entry.metric.function(judged[key])
        if isinstance(value, np.ndarray) and entry.debiased:
            value = np.where(judged[key].truth.sizes > 0, value, np.float32(np.nan))
        values[entry.name] = value
    return values


def _mean_over_slots(judged: Judged, of_item: Array) -> Array:
    """Mean of an item's value over the filled slots; 0 for an empty list. Shape [users]."""
    filled = judged.filled
    total = np.where(filled, of_item[np.maximum(judged.lists, 0)], 0).sum(axis=1)
    return np.asarray(total / np.maximum(filled.sum(axis=1), 1), np.float32)


def _graded_ndcg(judged: Judged) -> Array:
    """NDCG whose gains are the weights of the expected events."""
    truth, k = judged.truth, judged.k
    row = truth.owners
    keys = row * np.int64(len(truth.popularity)) + truth.items
    keys_of_lists = np.arange(len(judged.lists))[:, None] * np.int64(
        len(truth.popularity)
    ) + np.maximum(judged.lists, 0)
    at = np.minimum(np.searchsorted(keys, keys_of_lists), max(len(keys) - 1, 0))
    gains = (
        np.where(judged.hits > 0, truth.gains[at], 0) if len(keys) else np.zeros(judged.lists.shape)
    )
    order = np.lexsort((-truth.gains, row))
    position = np.arange(len(row)) - truth.starts[row]
    best = np.where(position < k, truth.gains[order] * (1 / np.log2(position + 2.0)), 0)
    ideal = np.bincount(row, weights=best, minlength=len(truth.users))
    return ((gains @ discounts(k)) / np.where(ideal > 0, ideal, 1)).astype(np.float32)
