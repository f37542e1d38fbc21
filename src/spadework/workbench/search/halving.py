"""Which families go on: those whose best setting is near the leader; each round half as many. And
which settings climb to more users.
"""

from __future__ import annotations

from collections.abc import Sequence

from spadework.workbench.search.judgement import Judgement, best
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.leaders import best_of_each, contenders
from spadework.workbench.search.model_families import Family, is_baseline

FIRST_SHARE = 0.25
"""Families go on after the breadth if their best is at most this share below the best of all."""


def best_mean(judging: Judging) -> float:
    """The highest mean on the first sample."""
    return max((result.mean for result in judging.first.values()), default=float("-inf"))


def mean_of(family: Family, judging: Judging) -> float:
    """The highest mean of a family's settings on the first sample."""
    return max(
        (judging.first[label].mean for label in family.judged if label in judging.first),
        default=float("-inf"),
    )


def by_value(found: Sequence[Family], judging: Judging) -> list[Family]:
    """The best first."""
    return sorted(found, key=lambda family: (-mean_of(family, judging), family.name))


def survivors(found: Sequence[Family], judging: Judging) -> list[Family]:
    """Families that may still win: those within a share of the best; no more than the better half
    of all, or than three.
    """
    ordered = [family for family in by_value(found, judging) if family.judged]
    least = (1 - FIRST_SHARE) * best_mean(judging)
    return [family for family in ordered if mean_of(family, judging) >= least][
        : max((len(ordered) + 1) // 2, 3)
    ]


def halved(alive: Sequence[Family], judging: Judging) -> list[Family]:
    """The better half, two at least, and all whose best setting cannot be told from the leader."""
    ordered = by_value(alive, judging)
    leaders = [
        max((judging.first[label] for label in family.judged), key=lambda result: result.mean)
        for family in ordered
    ]
    level = {result.setting.label for result in contenders(leaders, judging.protocol.seed)}
    kept = max((len(ordered) + 1) // 2, 2)
    return [
        family
        for rank, (family, leader) in enumerate(zip(ordered, leaders, strict=True))
        if rank < kept or leader.setting.label in level
    ]


def climbers(found: Sequence[Family], judging: Judging, count: int) -> list[Judgement]:
    """The best `count` settings, then those of the first families and for new items, each once;
    without the baselines.
    """
    everything = [
        result for result in best(list(judging.judged.values())) if not is_baseline(result.setting)
    ]
    chosen = [*everything[:count], *best_of_each(by_value(found, judging), everything)]
    return list({result.setting.label: result for result in chosen}.values())
