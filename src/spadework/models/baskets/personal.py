"""Personal frequency: what the user bought before, by how often and how lately, followed by popular
items.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl

from spadework import durations
from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import Unsuitable
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.candidate_union import located
from spadework.kernels.ranking.own_items import best_own, break_ties
from spadework.kernels.ranking.sparse_rows import SparseRows
from spadework.models.baskets.purchases import Purchases, ReadsPurchases, purchases_by_block
from spadework.models.baskets.repurchase_gaps import Intervals, gaps_of
from spadework.models.common_list import CommonList
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Need, Repeats
from spadework.models.parameters import Doc, Duration, Range, Search
from spadework.models.popular import event_weights_by_item
from spadework.models.requests import requested_items, requested_user

NOTHING = np.float32(-np.inf)


class OwnItems(ReadsPurchases):
    """Items of the history by a score of the model's own; all others by one that is the same for
    all users.

    A subclass defines `_own`, and `_others` where other items have a score.
    """

    family: ClassVar[str] = "personal"
    answering: ClassVar[frozenset[str]] = frozenset({"ties"})
    adds: ClassVar[bool] = (
        False  # whether the score of other items is part of the score of own items, too
    )

    ties: Annotated[
        Literal["popular", "recent", "first"],
        Doc(
            "Of own items with equal scores, first comes the more popular one, the one bought "
            "later, or the one bought first."
        ),
    ] = "popular"

    def _row_cells(self, k: int) -> int:
        return 4 * k

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        own = top_k.nothing(len(block), k)
        if repeats != "forbid":
            own = best_own(block.starts, block.items, self._without_ties(block), k, allowed)
        others = self._others()
        if repeats == "only" or others is None:
            return own
        rest = top_k.nothing(len(block), k)
        CommonList.of(others, allowed).complete(*rest, block, "forbid", below=False)
        return top_k.merge(*own, *rest)

    def _score(self, histories: Histories) -> Array:
        others = self._others()
        row = np.full(len(self.item_vocabulary), NOTHING) if others is None else others
        scores = np.tile(row, (len(histories), 1))
        scores[np.repeat(np.arange(len(histories)), np.diff(histories.starts)), histories.items] = (
            self._without_ties(histories)
        )
        return scores

    def _score_cells(self, histories: Histories, targets: SparseRows) -> Array:
        others = self._others()
        scores = (
            np.full(len(targets.columns), NOTHING) if others is None else others[targets.columns]
        )
        position = located(targets.starts, targets.columns, histories.starts, histories.items)
        return (
            np.where(position >= 0, self._without_ties(histories)[position], scores)
            if len(histories.items)
            else scores
        )

    def _without_ties(self, histories: Histories) -> Array:
        """Scores of own items, no two of a user the same: float32 [entries]."""
        assert isinstance(histories, Purchases)
        popular, codes = self.state["popularity"][histories.items], -histories.items
        last = -histories.baskets_ago[histories.visits[1:] - 1]
        keys = {
            "popular": (popular, codes),
            "recent": (last, -histories.firsts),
            "first": (-histories.firsts,),
        }[self.ties]
        return break_ties(histories.starts, self._own(histories), *keys)

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """What the user's own purchases of `item` add to its score, and what its popularity adds:
        item_id (null for popularity), contribution.
        """
        code, users = (
            int(requested_items(self.item_vocabulary, [item])[0]),
            requested_user(history, user),
        )
        known = self._histories(self._in_own_codes(history), users)
        cells = SparseRows(
            np.asarray([0, 1]), np.asarray([code], np.int32), np.empty(0, np.float32)
        )
        score = float(self._score_cells(known, cells)[0])
        others = self._others()
        own = bool((known.items == code).any())
        popular = (
            0.0
            if others is None or others[code] == NOTHING or (own and not self.adds)
            else float(others[code])
        )
        parts = ([(item, score - (popular if own else 0.0))] if own else []) + (
            [(None, popular)] if popular else []
        )
        ids = self.item_vocabulary.ids
        frame = pl.DataFrame(
            {
                "item_id": pl.Series(
                    [None if source is None else ids[code] for source, _ in parts], dtype=ids.dtype
                ),
                "contribution": pl.Series([part for _, part in parts], dtype=pl.Float64),
            }
        )
        return frame.sort("contribution", descending=True, maintain_order=True)

    # ---- what a subclass defines

    @abstractmethod
    def _own(self, purchases: Purchases) -> Array:
        """Scores of own items, popularity included: float64 [entries]."""

    def _others(self) -> Array | None:
        """Scores of items that are not in the history, the same for all users: float32 [items], −∞
        for none; None where no such item has a score.
        """
        return None


class PersonalTop(OwnItems):
    """What the user bought most often, by the number of baskets; nothing else (P-TopFreq). O(events
    of the history).

    Like every model's, its lists are filled up with popular items unless that is turned off, so on
    boards it equals `gp-topfreq`.
    """

    name = "p-topfreq"

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"ties": "recent"}, {"ties": "first"}]

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return {}

    def _own(self, purchases: Purchases) -> Array:
        return np.diff(purchases.visits).astype(np.float64)


class PersonalThenPopular(PersonalTop):
    """What the user bought most often, by the number of baskets, and then popular items
    (GP-TopFreq). O(events of the history).
    """

    name = "gp-topfreq"

    def _others(self) -> Array:
        counts = self.state["popularity"].astype(np.float64)
        return np.where(counts > 0, counts / (counts.max(initial=0) + 1), -np.inf).astype(
            np.float32
        )


class Personal(OwnItems):
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
    adds: ClassVar[bool] = True
    answering: ClassVar[frozenset[str]] = OwnItems.answering | {
        "clock",
        "decay",
        "half_life",
        "popularity",
        "interval",
    }

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
        return Cost(
            bytes=32 * train.item_count + 140 * len(train), seconds=3e-7 * len(train) + 1e-3
        )

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        timed, elapsed, again = train.times is not None, [], []
        for purchases in purchases_by_block(train.as_of(None), train.active_users):
            elapsed.append(purchases.elapsed)
            again.append(gaps_of(purchases, timed=timed))
        pauses = np.concatenate([*elapsed, np.zeros(0)])
        pauses = pauses[~np.isnan(pauses)]
        intervals = Intervals.of(again, train.item_count, self.shrinkage)
        counts = event_weights_by_item(train, self.popularity_window, None)
        return {
            "share": counts / max(float(counts.max(initial=0)), 1.0),
            "timed": np.asarray([timed]),
            "pause": np.asarray([np.median(pauses) if len(pauses) else 0.0]),
            "means": intervals.means,
            "spreads": intervals.spreads,
            "trusts": intervals.trusts,
        }

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        arrays = (state["share"], state["means"], state["spreads"], state["trusts"])
        sane = (
            all(array.shape == (items,) and np.isfinite(array).all() for array in arrays)
            and state["timed"].shape == (1,) == state["pause"].shape
        )
        return (
            None
            if sane and (state["spreads"] > 0).all()
            else "what is known of the items does not fit them"
        )

    def check_histories(self, log: Interactions) -> None:
        """Refuse histories without times where the age of purchases counts."""
        if log.times is None and (
            self.clock == "time" or (self.interval > 0 and bool(self.state["timed"][0]))
        ):
            raise Unsuitable(
                (
                    f"The model {self.label!r} looks at the age of purchases, and the histories "
                    "have no times."
                ),
                "Give histories with times, or choose clock=basket and interval=0.",
            )

    def _own(self, purchases: Purchases) -> Array:
        state, owners = self.state, purchases.owners[purchases.entries]
        elapsed = np.where(np.isnan(purchases.elapsed), state["pause"][0], purchases.elapsed)
        age = purchases.seconds_ago + elapsed[owners]
        weights = (
            np.exp2(-age / durations.seconds(self.half_life, "half_life"))
            if self.clock == "time"
            else self.decay**purchases.baskets_ago
        )
        if self.interval > 0:
            items = purchases.items[purchases.entries]
            gap = age if state["timed"][0] else purchases.baskets_ago + 1.0
            share = self.interval * state["trusts"][items]
            due = Intervals(state["means"], state["spreads"], state["trusts"]).due(items, gap)
            weights = (1 - share) * weights + share * due
        return purchases.summed(weights) + self.popularity * state["share"][purchases.items]

    def _others(self) -> Array | None:
        if self.popularity == 0:
            return None
        share = self.state["share"]
        return np.where(share > 0, self.popularity * share, -np.inf).astype(np.float32)
