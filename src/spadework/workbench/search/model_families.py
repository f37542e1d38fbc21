"""Who takes part in a dig: families of models that fit the log, the floor that everything has to
beat, and the mixture that opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError
from spadework.models.base import Recommender
from spadework.models.baskets.purchases import ReadsPurchases
from spadework.models.catalogue import catalogue
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.labels import model
from spadework.models.popular import Popular, Random

FLOOR = ("random", "popular", "popular(window=7d)")
"""On every board: chance, popularity, and popularity of the last seven days, which beats many a
transformer.
"""
FAR = 2
"""Powers of four by which another model must be cheaper to stand for a family in the place of its
first.
"""
DENSE_ITEMS = 4000
"""Items up to which the opening mixture has a dense linear model in it: it is solved in about a
second.
"""


@dataclass
class Family:
    """Models that come near the same; the cheapest to learn come first."""

    name: str  # of its first model in the catalogue
    members: list[Recommender]
    judged: list[str] = field(default_factory=list)  # labels of its settings that have a number

    def is_of(self, one: Recommender) -> bool:
        """Whether a setting belongs to this family."""
        return one.family == self.members[0].family

    @property
    def counts_together(self) -> bool:
        """Whether its settings are made from few counts."""
        return isinstance(self.members[0], CoOccurrence)


def families(
    names: Sequence[str] | None, train: Interactions, content: ItemContent | None
) -> tuple[list[Family], dict[str, str]]:
    """The families that these data allow, and of each model that they do not the reason. Chance and
    mixtures are none.

    Each family's members are models at their defaults: the first of the catalogue, which stands for
    the family unless another one is far cheaper by its own account, then the others, the cheapest
    first (powers of four are alike).
    """
    able: dict[str, list[Recommender]] = {}
    refused: dict[str, str] = {}
    for name in wanted(names):
        one = model(name)
        if isinstance(one, Random) or one.composed:
            continue
        try:
            one.check_needs(train, content)
        except SpadeworkError as error:
            refused[name] = error.message
            continue
        able.setdefault(one.family, []).append(one)
    return [Family(members[0].name, _ordered(members, train)) for members in able.values()], refused


def _ordered(members: Sequence[Recommender], train: Interactions) -> list[Recommender]:
    cheapest = min(seconds_in_fours(one, train) for one in members)
    first = members[0]
    leads = seconds_in_fours(first, train) <= cheapest + FAR
    return sorted(
        members, key=lambda one: (not (leads and one is first), seconds_in_fours(one, train))
    )


def wanted(names: Sequence[str] | None) -> list[str]:
    """The models that a recipe asks for: all but networks where it names none."""
    return (
        [name for name, cls in catalogue().items() if not cls.neural]
        if names is None
        else list(dict.fromkeys(names))
    )


def breadth_order(found: Sequence[Family], train: Interactions, *, repeats: bool) -> list[Family]:
    """Families in the order of their first trial: what counts own purchases where people may get
    their own items again, then the cheapest.
    """
    return sorted(
        found,
        key=lambda one: (
            not (repeats and isinstance(one.members[0], ReadsPurchases)),
            one.members[0].cost(train).seconds,
        ),
    )


def opening(names: Sequence[str] | None, train: Interactions) -> Recommender | None:
    """The mixture that stands among the first candidates of all: a linear or co-occurrence model,
    what is popular now, and the last item.

    Fixed weights; only where the recipe allows blends and the log has times. On MovieLens-100K by
    time (90 users) it has ndcg@10 .252, its parts .209, .218 and .196.
    """
    asked = wanted(names)
    dense = [
        name for name in ("edlae", "ease") if name in asked and train.item_count <= DENSE_ITEMS
    ]
    linear = next(iter(dense), "cosine")
    parts = [linear, "popular(window=7d)", "forward(history=0.3)"]
    if (
        train.times is None
        or "blend" not in asked
        or any(part.split("(")[0] not in asked for part in parts)
    ):
        return None
    return model("blend", parts=" + ".join(parts), weights="1, 0.5, 0.5")


def variants(family: Family) -> list[Recommender]:
    """All settings that the members of a family name themselves, their defaults included."""
    made = [type(one)(**params) for one in family.members for params in one.variants()]
    return list({one.label: one for one in made}.values())


def floor() -> list[Recommender]:
    """What is on every board."""
    return [model(label) for label in FLOOR]


def is_floor(one: Recommender) -> bool:
    """Whether this very setting is on every board."""
    return one.label in FLOOR


def is_popular(one: Recommender) -> bool:
    """Whether it gives everybody what is popular."""
    return isinstance(one, Popular)


def reads_purchases(one: Recommender) -> bool:
    """Whether it counts what each user took before."""
    return isinstance(one, ReadsPurchases)


def seconds_in_fours(one: Recommender, train: Interactions) -> int:
    """Which power of four the seconds are that a model foretells for itself: closer guesses mean
    nothing. 0 up to a twentieth of a second.
    """
    seconds, power = one.cost(train).seconds, 0
    while seconds > 0.05:
        seconds, power = seconds / 4, power + 1
    return power
