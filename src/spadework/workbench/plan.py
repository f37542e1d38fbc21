"""Which models a dig tries, in which order: the shelves decide, not a list kept here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spadework.data.interactions import Interactions
from spadework.models.base import Recommender, catalogue, model
from spadework.models.purchases import ReadsPurchases

ALWAYS: tuple[tuple[str, dict[str, Any]], ...] = (("random", {}), ("popular", {}), ("popular", {"window": "7d"}))
"""On every board: chance, popularity, and popularity of the last seven days, which beats many a transformer."""


@dataclass(frozen=True)
class Group:
    """Models that learn the same and only answer differently: fitted once, judged one by one."""

    members: tuple[Recommender, ...]

    @property
    def always(self) -> bool:
        """Whether the budget may not leave it out."""
        return any(is_always(member) for member in self.members)


def candidates(names: Sequence[str] | None = None) -> list[Group]:
    """Groups in order: what is always judged, then each model as it comes, then the variants, one round after the other."""
    single = [name for name, cls in catalogue().items() if not cls.composed and not cls.neural]
    wanted = single if names is None else list(dict.fromkeys(names))
    rounds: dict[str, list[Group]] = {name: _groups(name) for name in wanted}
    first = [Group((model(name, **params),)) for name, params in ALWAYS]
    taken = {member.label for group in first for member in group.members}
    ordered = list(first)
    for turn in range(max((len(groups) for groups in rounds.values()), default=0)):
        for groups in rounds.values():
            if turn < len(groups):
                members = tuple(member for member in groups[turn].members if member.label not in taken)
                if members:
                    ordered.append(Group(members))
    return ordered


def defaults_and_variants(names: Sequence[str] | None = None) -> tuple[list[Group], list[Group]]:
    """What each model is tried with first, and the variants that follow."""
    groups = candidates(names)
    seen: set[str] = set()
    first: list[Group] = []
    rest: list[Group] = []
    for group in groups:
        name = group.members[0].name
        (rest if name in seen and not group.always else first).append(group)
        seen.add(name)
    return first, rest


def cheap_first(groups: Sequence[Group], train: Interactions, *, repeats: bool) -> list[Group]:
    """What is on every board, then, where people may get their own items again, what counts own purchases, then the rest, the cheapest first.

    A budget that ends early has then tried what a second buys, and what these data ask for.
    """

    def place(group: Group) -> tuple[bool, bool, float]:
        one = group.members[0]
        return not group.always, not (repeats and isinstance(one, ReadsPurchases)), one.cost(train).seconds

    return sorted(groups, key=place)


def quick_and_slow(groups: Sequence[Group], train: Interactions, seconds: float) -> tuple[list[Group], list[Group]]:
    """Groups whose fit is foretold to take up to so many seconds, and the others: they wait until the sweep has had its share."""
    quick = [group for group in groups if group.always or group.members[0].cost(train).seconds <= seconds]
    return quick, [group for group in groups if group not in quick]


def without_variants(groups: Sequence[Group], family: type[Recommender]) -> list[Group]:
    """The same groups; models of the family stay with their defaults only, since something else tries their variants."""
    kept = [tuple(one for one in group.members if not isinstance(one, family) or one.label == one.name) for group in groups]
    return [Group(members) for members in kept if members]


def _groups(name: str) -> list[Group]:
    by_fit: dict[str, list[Recommender]] = {}
    for params in catalogue()[name].variants():
        one = model(name, **params)
        key = repr(sorted((k, v) for k, v in one.params.items() if k not in one.answering))
        by_fit.setdefault(key, []).append(one)
    return [Group(tuple(members)) for members in by_fit.values()]


def is_always(one: Recommender) -> bool:
    """Whether this very configuration is on every board."""
    return one.label in {model(name, **params).label for name, params in ALWAYS}
