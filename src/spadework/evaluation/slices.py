"""Parts of the users and of the targets, judged separately: a registry with one function per
slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Mask, members
from spadework.evaluation.truth import Truth
from spadework.ragged import row_of_cells
from spadework.registry import Registry


@dataclass(frozen=True, eq=False)
class Slice:
    """Users to average over, and which of their targets count (None: all)."""

    users: Mask  # [rows of the truth]
    targets: Mask | None = None  # [targets of the truth]


slices: Registry[Callable[[Truth], Slice]] = Registry("slice")


def _register(name: str) -> Callable[[Callable[[Truth], Slice]], Callable[[Truth], Slice]]:
    return lambda function: slices.register(name, function)


def _of_targets(truth: Truth, targets: Mask) -> Slice:
    owners = truth.owners
    return Slice(
        truth.has_history & (np.bincount(owners, weights=targets, minlength=len(truth.users)) > 0),
        targets,
    )


@_register("users without history")
def without_history(truth: Truth) -> Slice:
    """Users without given events; they get popular items."""
    return Slice(~truth.has_history)


@_register("light users")
def light_users(truth: Truth) -> Slice:
    """Users with at most the median number of distinct history items."""
    sizes = np.diff(truth.seen)
    return Slice(truth.has_history & (sizes <= _median(truth)))


@_register("heavy users")
def heavy_users(truth: Truth) -> Slice:
    """Users with more than the median number of distinct history items."""
    return Slice(truth.has_history & (np.diff(truth.seen) > _median(truth)))


@_register("head items")
def head_items(truth: Truth) -> Slice:
    """Targets among the most popular items that together hold 20% of the train events."""
    return _of_targets(truth, truth.head[truth.items])


@_register("tail items")
def tail_items(truth: Truth) -> Slice:
    """Targets outside the head that are in train."""
    return _of_targets(truth, ~truth.head[truth.items] & (truth.popularity[truth.items] > 0))


@_register("warm items")
def warm_items(truth: Truth) -> Slice:
    """Targets with at least one train event."""
    return _of_targets(truth, truth.popularity[truth.items] > 0)


@_register("cold items")
def cold_items(truth: Truth) -> Slice:
    """Targets without train events."""
    return _of_targets(truth, truth.popularity[truth.items] == 0)


@_register("repeated items")
def repeated_items(truth: Truth) -> Slice:
    """Targets that the user had before."""
    return _of_targets(truth, seen_targets(truth))


@_register("new items for the user")
def explored_items(truth: Truth) -> Slice:
    """Targets that the user never had before."""
    return _of_targets(truth, ~seen_targets(truth))


@_register("users who take only new items")
def only_new(truth: Truth) -> Slice:
    """Users none of whose targets they had before."""
    return Slice(truth.has_history & (_repeated(truth) == 0))


@_register("users who take some items again")
def some_again(truth: Truth) -> Slice:
    """Users who had up to half of their targets before, and some."""
    share = _repeated(truth)
    return Slice(truth.has_history & (share > 0) & (share <= 0.5))


@_register("users who take most items again")
def most_again(truth: Truth) -> Slice:
    """Users who had more than half of their targets before."""
    return Slice(truth.has_history & (_repeated(truth) > 0.5))


def _repeated(truth: Truth) -> Array:
    """Share of each user's targets that they had before. Shape [rows], float64."""
    owners = truth.owners
    return np.bincount(
        owners, weights=seen_targets(truth), minlength=len(truth.users)
    ) / np.maximum(truth.sizes, 1)


def seen_targets(truth: Truth) -> Mask:
    """Which targets the user had before. Shape [targets]."""
    count = np.int64(len(truth.popularity))
    owners = truth.owners
    holders = row_of_cells(truth.seen)
    return members(owners * count + truth.items, holders * count + truth.seen_items)


def _median(truth: Truth) -> float:
    sizes = np.diff(truth.seen)[truth.has_history]
    return float(np.median(sizes)) if len(sizes) else 0.0
