"""Slow, obvious twins of the kernels and metrics: written from the definition, with loops, sets and
dictionaries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np


def count_sets(groups, item_count):
    """Dense counts [items, items] of groups that hold both; an item is no neighbour of itself.
    `groups` are collections of items.
    """
    counts = np.zeros((item_count, item_count))
    for group in groups:
        for one, other in itertools.permutations(set(group), 2):
            counts[one, other] += 1
    return counts


def count_events(groups, item_count, weigh):
    """Dense counts [items, items]: for each ordered pair of events of a group, `weigh(one, other)`.
    `groups` are lists of (item, event).
    """
    counts = np.zeros((item_count, item_count))
    for group in groups:
        for (item, one), (partner, other) in itertools.permutations(group, 2):
            if item != partner:
                counts[item, partner] += weigh(one, other)
    return counts


def dense(starts, columns, values, column_count):
    """A table of sparse rows as a dense one, zero where there is no cell."""
    out = np.zeros((len(starts) - 1, column_count))
    for row in range(len(starts) - 1):
        for at in range(starts[row], starts[row + 1]):
            out[row, columns[at]] = values[at]
    return out


def largest(row: dict[int, float], keep: int) -> dict[int, float]:
    """The `keep` largest positive values of a row; among equals the lower column."""
    positive = [(column, value) for column, value in row.items() if value > 0]
    return dict(sorted(positive, key=lambda cell: (-cell[1], cell[0]))[:keep])


def top_k(scores, k):
    """Best columns of each row as lists of (column, score), ties to the lower column, −∞ left
    out.
    """
    found = []
    for row in scores:
        cells = [(column, score) for column, score in enumerate(row) if score != -math.inf]
        found.append(sorted(cells, key=lambda cell: (-cell[1], cell[0]))[:k])
    return found


def sorted_by_user_time_arrival(users, times):
    """Row numbers in order."""
    keys = [(users[row], 0 if times is None else times[row], row) for row in range(len(users))]
    return [row for _, _, row in sorted(keys)]


# ---- metrics of one user: `shown` is a list of codes without padding, `targets` a set (or gains by
# code)


def discount(rank: int) -> float:
    """What a hit at this rank is worth in DCG; the first rank is 1."""
    return 1 / math.log2(rank + 1)


def recall(shown: Sequence[int], targets: set[int], k: int, *, capped: bool) -> float:
    hits = len(set(shown[:k]) & targets)
    return hits / (min(len(targets), k) if capped else len(targets))


def precision(shown: Sequence[int], targets: set[int], k: int) -> float:
    return len(set(shown[:k]) & targets) / k


def hitrate(shown: Sequence[int], targets: set[int], k: int) -> float:
    return float(bool(set(shown[:k]) & targets))


def mrr(shown: Sequence[int], targets: set[int], k: int) -> float:
    ranks = [rank for rank, item in enumerate(shown[:k], start=1) if item in targets]
    return 1 / ranks[0] if ranks else 0.0


def average_precision(shown: Sequence[int], targets: set[int], k: int, *, capped: bool) -> float:
    total, hits = 0.0, 0
    for rank, item in enumerate(shown[:k], start=1):
        if item in targets:
            hits += 1
            total += hits / rank
    return total / (min(len(targets), k) if capped else len(targets))


def ndcg(
    shown: Sequence[int], gains: dict[int, float], k: int, *, ideal: str, graded: bool
) -> float:
    """`ideal` is truncated (k best targets), full (all targets) or hits (the hits of the list)."""
    worth = gains if graded else dict.fromkeys(gains, 1.0)
    dcg = sum(
        worth[item] * discount(rank)
        for rank, item in enumerate(shown[:k], start=1)
        if item in worth
    )
    best = sorted(worth.values(), reverse=True)
    if ideal == "truncated":
        best = best[:k]
    elif ideal == "hits":
        best = sorted((worth[item] for item in shown[:k] if item in worth), reverse=True)
    bound = sum(gain * discount(rank) for rank, gain in enumerate(best, start=1))
    return dcg / bound if bound else 0.0


def gini(counts: Sequence[float]) -> float:
    """Half the mean absolute difference over the mean."""
    n, total = len(counts), sum(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * total) if total else 0.0


# ---- statistics


def sign_flip_exact(differences: Sequence[float]) -> float:
    """Share of all sign patterns whose sum is at least as far from zero."""
    observed = abs(sum(differences))
    patterns = list(itertools.product((-1, 1), repeat=len(differences)))
    extreme = sum(
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) >= observed - 1e-9
        for signs in patterns
    )
    return extreme / len(patterns)


def holm(p: Sequence[float]) -> list[float]:
    """Step-down: the smallest times n, the next times n − 1, never falling, at most one."""
    order = sorted(range(len(p)), key=lambda at: p[at])
    out, before = [0.0] * len(p), 0.0
    for step, at in enumerate(order):
        before = max(before, min(1.0, p[at] * (len(p) - step)))
        out[at] = before
    return out
