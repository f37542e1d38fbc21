"""Which families go on: those whose best came near the leader's, each round half as many."""

from __future__ import annotations

from collections.abc import Sequence

from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import contenders
from spadework.workbench.search.model_families import Family

FIRST_SHARE = 0.25
"""Families that go on after the breadth are within this share of the best."""


def best_mean(judging: Judging) -> float:
    """The best that anything has reached on the first sample."""
    return max((result.mean for result in judging.first.values()), default=float("-inf"))


def mean_of(family: Family, judging: Judging) -> float:
    """The best that a setting of the family has reached on the first sample."""
    return max(
        (judging.first[label].mean for label in family.judged if label in judging.first),
        default=float("-inf"),
    )


def by_value(found: Sequence[Family], judging: Judging) -> list[Family]:
    """The best first."""
    return sorted(found, key=lambda family: (-mean_of(family, judging), family.name))


def survivors(found: Sequence[Family], judging: Judging) -> list[Family]:
    """Families that may still win: the better half of those within a share of the best, and three
    at least.
    """
    ordered = [family for family in by_value(found, judging) if family.judged]
    least = (1 - FIRST_SHARE) * best_mean(judging)
    return [family for family in ordered if mean_of(family, judging) >= least][
        : max((len(ordered) + 1) // 2, 3)
    ]


def halved(alive: Sequence[Family], judging: Judging) -> list[Family]:
    """The better half, and two at least; of the others those whose best cannot be told from the
    leader's.
    """
    ordered = by_value(alive, judging)
    leaders = [
        max((judging.first[label] for label in family.judged), key=lambda result: result.mean)
        for family in ordered
    ]
    level = {result.one.label for result in contenders(leaders, judging.protocol.seed)}
    kept = max((len(ordered) + 1) // 2, 2)
    return [
        one
        for place, (one, leader) in enumerate(zip(ordered, leaders, strict=True))
        if place < kept or leader.one.label in level
    ]
