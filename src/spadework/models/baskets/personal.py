"""Personal frequency: what the user bought before, by how often and how lately, followed by popular
items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from spadework import durations
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.models.base import Recommender
from spadework.models.baskets.own_item_scorer import OwnItems, Ties, number_of_baskets
from spadework.models.baskets.purchases import (
    A_ROW_AT_ONCE,
    ROWS_AT_ONCE,
    Purchases,
    purchases_by_block,
)
from spadework.models.baskets.repurchase_gaps import GapSums, Intervals, gaps_of
from spadework.models.checks import ITEMS, Form, Forms, are_numbers
from spadework.models.common_list import SameForAll
from spadework.models.needs import Cost, Need
from spadework.models.parameters import Doc, Duration, Range, Search
from spadework.models.popular import event_weights_by_item
from spadework.models.scorer import Scorer


class PersonalTop(Recommender):
    """What the user bought most often, by the number of baskets; nothing else (P-TopFreq). O(events
    of the history).

    Like every model's, its lists are filled up with popular items unless that is turned off, so on
    boards it equals `gp-topfreq`.
    """

    name = "p-topfreq"
    family: ClassVar[str] = "personal"
    answering: ClassVar[frozenset[str]] = frozenset({"ties"})

    ties: Ties = "popular"

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"ties": "recent"}, {"ties": "first"}]

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {}

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return {}

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        return OwnItems(state["popularity"], number_of_baskets, ties=self.ties)


class PersonalThenPopular(PersonalTop):
    """What the user bought most often, by the number of baskets, and then popular items
    (GP-TopFreq). O(events of the history).
    """

    name = "gp-topfreq"

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        counts = state["popularity"].astype(np.float64)
        share = np.where(counts > 0, counts / (counts.max(initial=0) + 1), -np.inf)
        others = SameForAll(share.astype(np.float32))
        return OwnItems(state["popularity"], number_of_baskets, others, ties=self.ties)


class Personal(Recommender):
    """What the user bought, each purchase fading, plus popularity: S(i) = Σ over the baskets with i
    of weight(age) + popularity · c_i / max c.

    The weight of a purchase is decay^(baskets ago), or with the clock "time" 2^(−age / half_life).
    With `interval` above 0 it is mixed with how near its age is to the item's typical gap between
    two purchases: (1 − π) · weight + π · exp(−½ z²), z the distance of ln(age) in standard
    deviations, π = interval · n / (n + shrinkage) for an item with n observed gaps. Ages are those
    at the time of the request where the histories have one (`as_of`), else after the user's usual
    gap, or that of all users where the user has one basket; without times, at the next basket.
    O(events of the history) a user, O(events · log events) to fit.

    After the intensities of Romanov et al., "Time-Aware Item Weighting for the Next Basket
    Recommendations", RecSys 2023, without their gradient descent.
    """

    name = "personal"
    family: ClassVar[str] = "personal"
    answering: ClassVar[frozenset[str]] = frozenset(
        {"ties", "clock", "decay", "half_life", "popularity", "interval"}
    )

    ties: Ties = "popular"
    clock: Annotated[
        Literal["basket", "time"],
        Search(choices=("basket", "time")),
        Doc("Whether purchases fade with every basket or with time."),
    ] = "basket"
    decay: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.7, 1.0),
        Doc("Weight of a purchase n baskets ago: decay^n."),
    ] = 0.9
    half_life: Annotated[
        str,
        Duration(),
        Search(choices=("14d", "30d", "60d", "90d", "180d", "365d")),
        Doc("With the clock of time: the age at which a purchase counts half."),
    ] = "30d"
    popularity: Annotated[
        float,
        Range(0.0, 1000.0),
        Search(0.03, 10.0, log=True),
        Doc("λ: score of the most popular item, in purchases of today; 0: own items alone."),
    ] = 1.0
    popularity_window: Annotated[
        str | None,
        Duration(),
        Search(choices=(None, "7d", "30d", "90d")),
        Doc("Popularity in the last span of the log only, such as 30d; none: in all of it."),
    ] = None
    interval: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.9),
        Doc("π: share of a purchase's weight that depends on the item's typical gap."),
    ] = 0.0
    shrinkage: Annotated[
        float,
        Range(0.0, 10_000.0),
        Search(3.0, 100.0, log=True),
        Doc(
            "Number of average gaps that each item's own gaps are mixed with: a rare item "
            "has no interval of its own."
        ),
    ] = 10.0

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"popularity": 3.0},
            {"popularity": 0.0},
            {"decay": 0.8},
            {"decay": 1.0},
            {"interval": 0.5},
            {"clock": "time", "half_life": "90d"},
        ]

    def required(self) -> frozenset[Need]:
        return (
            frozenset({"times"})
            if self.clock == "time" or self.popularity_window is not None
            else frozenset()
        )

    def cost(self, train: Interactions) -> Cost:
        rows = len(train)
        block = A_ROW_AT_ONCE * min(rows, ROWS_AT_ONCE)
        return Cost(bytes=32 * train.item_count + block + 24 * rows, seconds=3e-7 * rows + 1e-3)

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        timed, elapsed, again = train.times is not None, [np.zeros(0)], []
        for purchases in purchases_by_block(train.as_of(None), train.active_users):
            elapsed.append(purchases.elapsed)
            again.append(gaps_of(purchases, timed=timed))
        intervals = Intervals.of(again, train.item_count, self.shrinkage)
        counts = event_weights_by_item(train, self.popularity_window, None)
        return _state(counts, intervals, np.concatenate(elapsed), timed)

    def state_of(
        self, counts: Array, gaps: GapSums, elapsed: Array, *, timed: bool
    ) -> Mapping[str, Array]:
        """What a fit learns, from sums over users: the events of items, the gaps, and each user's
        usual pause in seconds, NaN where it is unknown.
        """
        return _state(counts, gaps.intervals(self.shrinkage), elapsed, timed)

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        of_items = dict.fromkeys(("share", "means", "spreads", "trusts"), Form("float64", (ITEMS,)))
        return {**of_items, "timed": Form("bool", (1,)), "pause": Form("float64", (1,))}

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        arrays = (state["share"], state["means"], state["spreads"], state["trusts"])
        sane = (
            all(are_numbers(array, (items,)) for array in arrays)
            and are_numbers(state["pause"], (1,))
            and state["timed"].shape == (1,)
        )
        return (
            None
            if sane and (state["spreads"] > 0).all()
            else "what is known of the items does not fit them"
        )

    def _in_own_codes(self, histories: Interactions) -> Interactions:
        timed = self.clock == "time" or (self.interval > 0 and bool(self.state["timed"][0]))
        if histories.times is None and timed:
            raise Unsuitable(
                (
                    f"The model {self.label!r} looks at the age of purchases, and the histories "
                    "have no times."
                ),
                "Give histories with times, or choose clock=basket and interval=0.",
            )
        return super()._in_own_codes(histories)

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        share = state["share"]
        popular = np.where(share > 0, self.popularity * share, -np.inf).astype(np.float32)
        others = SameForAll(popular) if self.popularity > 0 else None
        own = FadingPurchases(
            state,
            half_life=durations.seconds(self.half_life, "half_life")
            if self.clock == "time"
            else None,
            decay=self.decay,
            popularity=self.popularity,
            interval=self.interval,
        )
        return OwnItems(state["popularity"], own, others, ties=self.ties, adds=True)


def _state(counts: Array, intervals: Intervals, elapsed: Array, timed: bool) -> Mapping[str, Array]:
    pauses = elapsed[~np.isnan(elapsed)]
    return {
        "share": counts / max(float(counts.max(initial=0)), 1.0),
        "timed": np.asarray([timed]),
        "pause": np.asarray([np.median(pauses) if len(pauses) else 0.0]),
        "means": intervals.means,
        "spreads": intervals.spreads,
        "trusts": intervals.trusts,
    }


@dataclass(frozen=True, eq=False)
class FadingPurchases:
    """Scores of own items: each purchase fades with the baskets after it, or with time where there
    is a `half_life` in seconds; plus the item's popularity.
    """

    learned: Mapping[str, Array]
    half_life: float | None
    decay: float
    popularity: float
    interval: float

    def __call__(self, purchases: Purchases) -> Array:
        """Scores of own items: float64 [entries]."""
        state, owners = self.learned, purchases.owners[purchases.entries]
        elapsed = np.where(np.isnan(purchases.elapsed), state["pause"][0], purchases.elapsed)
        age = purchases.seconds_ago + elapsed[owners]
        weights = (
            self.decay**purchases.baskets_ago
            if self.half_life is None
            else np.exp2(-age / self.half_life)
        )
        if self.interval > 0:
            items = purchases.items[purchases.entries]
            gap = age if state["timed"][0] else purchases.baskets_ago + 1.0
            share = self.interval * state["trusts"][items]
            due = Intervals(state["means"], state["spreads"], state["trusts"]).due(items, gap)
            weights = (1 - share) * weights + share * due
        return purchases.summed(weights) + self.popularity * state["share"][purchases.items]
