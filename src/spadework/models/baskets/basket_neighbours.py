"""Next baskets from similar users: what the user buys again, and what users with similar purchases
buy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.ranking.row_choice import Choice
from spadework.kernels.users import nearest_users, neighbour_sums
from spadework.kernels.users.nearest_users import Near, UserIndex
from spadework.models.base import Recommender
from spadework.models.baskets.purchases import Baskets, Purchases, purchases_by_block
from spadework.models.checks import Form, Forms, wrong_rows
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats
from spadework.models.once import Once
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Reader, Scorer
from spadework.ragged import SparseRows


@dataclass(frozen=True, eq=False)
class NeighbourScorer(Scorer):
    """A share of the user's own vector of purchases, and those of the most similar users.

    Users of the train log get recommendations like all others: a neighbour with exactly the vector
    of the queried history counts as the same user and contributes nothing. Lists are ranked in 64
    bits; scores are returned in 32, where the smallest contributions tie.
    """

    users: SparseRows  # [users of the train log, items] float64
    items: int
    vectors: Vectors
    near: Nearest
    index: Once[UserIndex]  # over the users of the train log

    @classmethod
    def of(cls, state: Mapping[str, Array], vectors: Vectors, near: Nearest) -> NeighbourScorer:
        """From the arrays `starts`, `items` and `values`."""
        users = SparseRows(state["starts"], state["items"], state["values"])
        items = len(state["popularity"])
        return cls(users, items, vectors, near, Once(partial(UserIndex.of, users, items)))

    @property
    def reader(self) -> Reader:
        return Baskets()

    def reusing(self, other: Scorer) -> Scorer:
        """This scorer with the index of another one over the same users."""
        return replace(self, index=other.index) if isinstance(other, NeighbourScorer) else self

    def derived(self) -> Sequence[Array]:
        return self.index.made or ()

    def scores(self, histories: Histories) -> Array:
        return neighbour_sums.everything(self._sums(histories), self.items)

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return neighbour_sums.at_cells(self._sums(histories), self.items, targets)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        sums = self._sums(histories)
        choice = Choice.of(histories.starts, histories.items, repeats, allowed)
        return neighbour_sums.best(sums, self.items, choice, k)

    def row_cells(self, k: int) -> int:
        return self.items + 8 * min(self.near.neighbours, len(self.users.starts) - 1)

    def wrong(self, items: int) -> str | None:
        wrong = wrong_rows(self.users, len(self.users.starts) - 1, items)
        # the search for near users is bounded by that
        return wrong or (
            "a vector of a user is below zero" if (self.users.values < 0).any() else None
        )

    def _sums(self, histories: Histories) -> neighbour_sums.Contributions:
        """The vectors of these users, and the neighbours who add to them."""
        assert isinstance(histories, Purchases)
        index = self.index.get()
        own = SparseRows(histories.starts, histories.items, self.vectors.of(histories))
        near, share = self.near.of(index, own)
        return neighbour_sums.Contributions(
            SparseRows(own.starts, own.columns, own.values * share),
            *near,
            SparseRows(index.starts, index.items, index.values),
        )


class Vectors(Protocol):
    """What each entry of a user's vector holds."""

    def of(self, purchases: Purchases) -> Array:
        """Values of the entries: float64 [entries]."""


class Nearest(Protocol):
    """Which users are near."""

    @property
    def neighbours(self) -> int:
        """How many at most."""

    def of(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        """The neighbours of these vectors with their weights, and the share of the own vector."""


def learned_vectors(train: Interactions, vectors: Vectors) -> dict[str, Array]:
    """The vectors of all users of a log: `starts`, `items`, `values`."""
    lengths, items, values = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0)]
    for purchases in purchases_by_block(train, train.active_users):
        lengths.append(np.diff(purchases.starts))
        items.append(purchases.items)
        values.append(vectors.of(purchases))
    return {
        "starts": np.cumsum(np.concatenate(lengths)),
        "items": np.concatenate(items),
        "values": np.concatenate(values),
    }


VECTORS: Forms = MappingProxyType(
    {
        "starts": Form("int64", ("users + 1",)),
        "items": Form("int32", ("cells",)),
        "values": Form("float64", ("cells",)),
    }
)
"""What `learned_vectors` gives."""


def cost_of_vectors(train: Interactions) -> Cost:
    """What it takes to learn them."""
    return Cost(bytes=16 * train.item_count + 120 * len(train), seconds=2e-7 * len(train) + 1e-3)


class TifuKnn(Recommender):
    """The user's vector of purchases, and the mean of those of the nearest users: own_share · own +
    (1 − own_share) · theirs (TIFU-KNN).

    Baskets are split into `groups` groups of nearly equal size in order of time, later groups the
    larger ones; with fewer baskets each is a group. In a group a basket n before its last weighs
    within^n, and a group n before the last weighs between^n; means are taken over the baskets of a
    group, and over groups. Nearest is by Euclidean distance. Without baskets and times
    the order is unknown: then an item weighs its share of the events.

    The form "paper" follows the equations. The form "code" follows the published program, which
    lets within^n count back from the user's last basket everywhere, and between^n from the last of
    `groups` groups where a user has fewer. O(Σ over the items of a history of their users) a list.
    Hu et al., "Modeling Personalized Item Frequency Information for Next-basket Recommendation",
    SIGIR 2020.
    """

    name = "tifu-knn"
    family: ClassVar[str] = "basket neighbours"
    answering: ClassVar[frozenset[str]] = frozenset({"own_share", "neighbours"})

    neighbours: Annotated[
        int,
        Range(1, 100_000, log=True),
        Search(choices=(100, 300, 900)),
        Doc("Nearest users whose mean vector is added."),
    ] = 300
    within: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.5, 1.0),
        Doc("r_b: weight of a basket n before the last of its group: within^n."),
    ] = 0.9
    between: Annotated[
        float,
        Range(0.01, 1.0),
        Search(0.5, 1.0),
        Doc("r_g: weight of a group n before the last: between^n."),
    ] = 0.7
    own_share: Annotated[
        float, Range(0.0, 1.0), Search(0.1, 1.0), Doc("α: share of the user's own vector.")
    ] = 0.7
    groups: Annotated[
        int,
        Range(1, 1000),
        Search(choices=(3, 7, 15)),
        Doc("m: groups that the baskets of a user are split into."),
    ] = 7
    form: Annotated[
        Literal["paper", "code"],
        Doc("By the equations of the paper, or as the published program computes."),
    ] = "paper"

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"own_share": 0.9},
            {"neighbours": 900, "groups": 3},
            {"between": 0.9},
            {"form": "code"},
        ]

    def cost(self, train: Interactions) -> Cost:
        return cost_of_vectors(train)

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return learned_vectors(train, self._vectors)

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return VECTORS

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        near = NearestByDistance(self.neighbours, self.own_share)
        return NeighbourScorer.of(state, self._vectors, near)

    @property
    def _vectors(self) -> GroupedBaskets:
        return GroupedBaskets(self.within, self.between, self.groups, self.form)


@dataclass(frozen=True)
class GroupedBaskets:
    """The vector of TIFU-KNN: means over the baskets of a group, and over groups."""

    within: float
    between: float
    groups: int
    form: Literal["paper", "code"]

    def of(self, purchases: Purchases) -> Array:
        """Values of the entries: float64 [entries]."""
        if not purchases.aged:
            return _shares(purchases)
        owners = purchases.owners[purchases.entries]
        baskets, ago = (
            purchases.baskets[owners].astype(np.int64),
            purchases.baskets_ago.astype(np.int64),
        )
        groups = np.minimum(baskets, self.groups)
        # the last `larger` groups hold one more
        least, larger = baskets // groups, baskets % groups
        in_larger = larger * (least + 1)
        # groups before the last
        groups_ago = np.where(
            ago < in_larger, ago // (least + 1), larger + (ago - in_larger) // least
        )
        ago_in_group = np.where(ago < in_larger, ago % (least + 1), (ago - in_larger) % least)
        size = np.where(ago < in_larger, least + 1, least)
        if self.form == "code":
            ago_in_group, groups_ago = ago, groups_ago + self.groups - groups
        return purchases.summed(
            self.within**ago_in_group / size * self.between**groups_ago / groups
        )


@dataclass(frozen=True)
class NearestByDistance:
    """The users at the least Euclidean distance, whose mean has the share that the own vector
    leaves.
    """

    neighbours: int
    own_share: float

    def of(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        """The neighbours of these vectors with their weights, and the share of the own vector."""
        near = nearest_users.nearest(index, own, self.neighbours)
        counts = (near.users >= 0).sum(axis=1)
        share = (1 - self.own_share) / np.maximum(counts, 1)
        return Near(near.users, np.broadcast_to(share[:, None], near.users.shape)), self.own_share


class UserPopularity(Recommender):
    """How often an item is in the latest baskets of the user and of users with similar items
    (UP-CF@r).

    w(u, i) is the share of the user's last r baskets that hold i; S(u, i) = w(u, i) + Σ over users
    v of similarity(u, v)^q · w(v, i), with similarity |I_u ∩ I_v| / (|I_u|^α · |I_v|^(1 − α)) of
    all distinct items. r is `max_baskets`, q `locality` and α `asymmetry`. O(Σ over the items of a
    history of their users) a list. Faggioli, Polato, Aiolli, "Recency Aware Collaborative Filtering
    for Next Basket Recommendation", UMAP 2020.
    """

    name = "up-cf"
    family: ClassVar[str] = "basket neighbours"
    answering: ClassVar[frozenset[str]] = frozenset({"asymmetry", "locality", "neighbours"})

    max_baskets: Annotated[
        int,
        Range(1, 10_000),
        Search(choices=(1, 5, 10, 25, 100)),
        Doc("r: latest baskets that count."),
    ] = 10
    asymmetry: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 1.0),
        Doc("α: asymmetry of the similarity; 0.5 is the cosine."),
    ] = 0.75
    locality: Annotated[
        float,
        Range(0.0, 1000.0),
        Search(1.0, 100.0, log=True),
        Doc("q: similarity is raised to this power; the larger, the more own purchases decide."),
    ] = 10.0
    neighbours: Annotated[
        int,
        Range(1, 100_000, log=True),
        Search(choices=(100, 300, 900)),
        Doc("Most similar users that contribute."),
    ] = 100

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [{}, {"locality": 1.0}, {"locality": 3.0}, {"max_baskets": 25}, {"max_baskets": 5}]

    def cost(self, train: Interactions) -> Cost:
        return cost_of_vectors(train)

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return learned_vectors(train, LatestBaskets(self.max_baskets))

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        return VECTORS

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        near = MostSimilar(self.neighbours, self.asymmetry, self.locality)
        return NeighbourScorer.of(state, LatestBaskets(self.max_baskets), near)


@dataclass(frozen=True)
class LatestBaskets:
    """The vector of UP-CF: the share of the latest baskets that hold the item."""

    max_baskets: int

    def of(self, purchases: Purchases) -> Array:
        """Values of the entries: float64 [entries]."""
        if not purchases.aged:
            return _shares(purchases)
        counted = np.minimum(self.max_baskets, purchases.baskets)[purchases.owners]
        return purchases.summed(
            (purchases.baskets_ago < self.max_baskets).astype(np.float64)
        ) / np.maximum(counted, 1)


@dataclass(frozen=True)
class MostSimilar:
    """The users with the most similar items, each by similarity^locality."""

    neighbours: int
    asymmetry: float
    locality: float

    def of(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        """The neighbours of these vectors with their weights, and the share of the own vector."""
        near = nearest_users.most_similar(
            index, own, self.asymmetry, self.locality, self.neighbours
        )
        return near, 1.0


def _shares(purchases: Purchases) -> Array:
    """Share of the user's baskets that hold the item: float64 [entries]."""
    return (
        purchases.summed(np.ones(len(purchases.baskets_ago)))
        / np.maximum(purchases.baskets, 1)[purchases.owners]
    )
