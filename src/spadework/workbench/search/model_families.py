"""The models of a dig: families that fit the log, the baselines that every model has to beat, and
the opening mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError
from spadework.models.base import Recommender
from spadework.models.baskets.purchases import READ_PURCHASES
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.models.popular import Popular, Random

BASELINES = ("random", "popular", "popular(window=7d)")
"""On every board: random items, popularity, and popularity of the last seven days, which beats many
transformers.
"""
FAR = 2
"""Powers of four by which another model must be cheaper to represent a family instead of its first.
"""
DENSE_ITEMS = 4000
"""Up to so many items the opening mixture has a dense linear model: it is solved in about a second.
"""


@dataclass
class Family:
    """Models with similar results; the cheapest to fit come first."""

    name: str  # of its first model in the catalogue
    members: list[Recommender]
    judged: list[str] = field(default_factory=list)  # labels of its settings that have a number

    def is_of(self, setting: Recommender) -> bool:
        """Whether a setting belongs to this family."""
        return setting.family == self.members[0].family

    @property
    def counts_together(self) -> bool:
        """Whether its settings share counts, so that many are fitted together."""
        return isinstance(self.members[0], CoOccurrence)


def families(
    names: Sequence[str] | None, train: Interactions, content: ItemContent | None
) -> tuple[list[Family], dict[str, str]]:
    """The families that these data allow, and model → reason for those that they do not. Random
    lists and mixtures belong to no family.

    Each family's members are models at their defaults: the first of the catalogue, which represents
    the family unless another one is far cheaper by its own estimate, then the others, the cheapest
    first (equal within a power of four).
    """
    able: dict[str, list[Recommender]] = {}
    refused: dict[str, str] = {}
    for name in wanted(names):
        setting = model(name)
        if isinstance(setting, Random) or setting.composed:
            continue
        try:
            setting.check_needs(train, content)
        except SpadeworkError as error:
            refused[name] = error.message
            continue
        able.setdefault(setting.family, []).append(setting)
    return [Family(members[0].name, _ordered(members, train)) for members in able.values()], refused


def _ordered(members: Sequence[Recommender], train: Interactions) -> list[Recommender]:
    cheapest = min(seconds_in_fours(setting, train) for setting in members)
    first = members[0]
    represents = seconds_in_fours(first, train) <= cheapest + FAR
    return sorted(
        members,
        key=lambda setting: (
            not (represents and setting is first),
            seconds_in_fours(setting, train),
        ),
    )


def wanted(names: Sequence[str] | None) -> list[str]:
    """The names of models that a recipe requests: all but networks where it names none."""
    return (
        [name for name, cls in catalogue().items() if not cls.neural]
        if names is None
        else list(dict.fromkeys(names))
    )


def breadth_order(found: Sequence[Family], train: Interactions, *, repeats: bool) -> list[Family]:
    """Families in the order of their first trial: those that count own purchases where items may be
    repeated, then the cheapest.
    """
    return sorted(
        found,
        key=lambda family: (
            not (repeats and reads_purchases(family.members[0])),
            family.members[0].cost(train).seconds,
        ),
    )


def opening(names: Sequence[str] | None, train: Interactions) -> Recommender | None:
    """The mixture among the very first candidates: a linear or co-occurrence model, popularity of
    the last days, and a model of the last items.

    Fixed weights; only where the recipe allows blends and the log has times. On MovieLens-100K by
    time (90 users) it has ndcg@10 .252, its parts .209, .218 and .196.
    """
    allowed = wanted(names)
    dense = [
        name for name in ("edlae", "ease") if name in allowed and train.item_count <= DENSE_ITEMS
    ]
    linear = next(iter(dense), "cosine")
    parts = [linear, "popular(window=7d)", "forward(history=0.3)"]
    if (
        train.times is None
        or "blend" not in allowed
        or any(part.split("(")[0] not in allowed for part in parts)
    ):
        return None
    return model("blend", parts=" + ".join(parts), weights="1, 0.5, 0.5")


def variants(family: Family) -> list[Recommender]:
    """All settings that the members of a family name as variants, with their defaults."""
    made = [type(setting)(**params) for setting in family.members for params in setting.variants()]
    return list({setting.label: setting for setting in made}.values())


def baselines() -> list[Recommender]:
    """The settings that are on every board."""
    return [model(label) for label in BASELINES]


def is_baseline(setting: Recommender) -> bool:
    """Whether this setting is on every board."""
    return setting.label in BASELINES


def is_popular(setting: Recommender) -> bool:
    """Whether it gives all users the popular items."""
    return isinstance(setting, Popular)


def reads_purchases(setting: Recommender) -> bool:
    """Whether it counts what each user bought before."""
    return setting.family in READ_PURCHASES


def seconds_in_fours(setting: Recommender, train: Interactions) -> int:
    """The power of four of a model's own estimate in seconds; finer differences mean nothing. 0 up
    to a twentieth of a second.
    """
    seconds, power = setting.cost(train).seconds, 0
    while seconds > 0.05:
        seconds, power = seconds / 4, power + 1
    return power
