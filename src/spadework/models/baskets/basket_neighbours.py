"""Next baskets from similar users: what the user buys again, and what users with similar purchases
buy.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.ranking.sparse_rows import SparseRows, wrong_table
from spadework.kernels.ranking.sparse_scores import Choice
from spadework.kernels.users import nearest_users, neighbour_sums
from spadework.kernels.users.nearest_users import Near, UserIndex
from spadework.kernels.users.neighbour_sums import Contributions
from spadework.models.baskets.purchases import Purchases, ReadsPurchases, purchases_by_block
from spadework.models.histories import Histories
from spadework.models.needs import Cost, Repeats
from spadework.models.parameters import Doc, Range, Search

_INDEXING = threading.Lock()
"""Several threads may need the index at once; one of them builds it."""


class UserNeighbours(ReadsPurchases):
    """A vector of purchases for each user, and the vectors of the most similar users.

    Users of the train log get recommendations like all others: a neighbour with exactly the vector
    of the queried history counts as the same user and contributes nothing. Lists are ranked in 64
    bits; scores are returned in 32, where the smallest contributions tie.
    """

    family: ClassVar[str] = "basket neighbours"

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        lengths, items, values = [np.zeros(1, np.int64)], [], []
        for purchases in purchases_by_block(train, train.active_users):
            lengths.append(np.diff(purchases.starts))
            items.append(purchases.items)
            values.append(self._vectors(purchases))
        return {
            "starts": np.cumsum(np.concatenate(lengths)),
            "items": np.concatenate(items) if items else np.zeros(0, np.int32),
            "values": np.concatenate(values) if values else np.zeros(0),
        }

    def _row_cells(self, k: int) -> int:
        known = len(self.state["starts"]) - 1
        return len(self.item_vocabulary) + 8 * min(int(self.params["neighbours"]), known)

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        contributions = self._contributions(block)
        seen = None if repeats == "allow" else (block.starts, block.items)
        return neighbour_sums.best(
            contributions,
            len(self.item_vocabulary),
            Choice.of(contributions.own, seen, repeats == "only", allowed),
            k,
        )

    def _score(self, histories: Histories) -> Array:
        return neighbour_sums.everything(self._contributions(histories), len(self.item_vocabulary))

    def _score_cells(self, histories: Histories, targets: SparseRows) -> Array:
        return neighbour_sums.at_cells(
            self._contributions(histories), len(self.item_vocabulary), targets
        )

    def _contributions(self, histories: Histories) -> Contributions:
        """The vectors of these users, and the neighbours who add to them."""
        assert isinstance(histories, Purchases)
        index, own = (
            self._user_index(),
            SparseRows(histories.starts, histories.items, self._vectors(histories)),
        )
        near, share = self._near(index, own)
        return Contributions(
            SparseRows(own.starts, own.columns, own.values * share),
            *near,
            SparseRows(index.starts, index.items, index.values),
        )

    def cost(self, train: Interactions) -> Cost:
        return Cost(
            bytes=16 * train.item_count + 120 * len(train), seconds=2e-7 * len(train) + 1e-3
        )

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        return wrong_table(
            state["starts"], state["items"], state["values"], len(state["starts"]) - 1, items
        )

    def sharing(self, **params: Any) -> Self:
        """A model with other answering parameters, the same learned arrays and the same index over
        them.
        """
        other = super().sharing(**params)
        if "_index" in self.__dict__ and "_state" in other.__dict__:
            object.__setattr__(other, "_index", self.__dict__["_index"])
        return other

    def _user_index(self) -> UserIndex:
        """The index over the users of the train log, built once, when it is first needed."""
        state = self.state
        with _INDEXING:
            held: tuple[Array, UserIndex] | None = self.__dict__.get("_index")
            if held is None or held[0] is not state["values"]:
                made = UserIndex.of(
                    SparseRows(state["starts"], state["items"], state["values"]),
                    len(self.item_vocabulary),
                )
                held = state["values"], made
                object.__setattr__(self, "_index", held)
        return held[1]

    @abstractmethod
    def _vectors(self, purchases: Purchases) -> Array:
        """What each entry of a user's vector holds: float64 [entries]."""

    @abstractmethod
    def _near(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        """The neighbours of these vectors with their weights, and the share of the own vector."""


class TifuKnn(UserNeighbours):
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

    def _vectors(self, purchases: Purchases) -> Array:
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

    def _near(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        near = nearest_users.nearest(index, own, self.neighbours)
        counts = (near.users >= 0).sum(axis=1)
        share = (1 - self.own_share) / np.maximum(counts, 1)
        return Near(near.users, np.broadcast_to(share[:, None], near.users.shape)), self.own_share


class UserPopularity(UserNeighbours):
    """How often an item is in the latest baskets of the user and of users with similar items
    (UP-CF@r).

    w(u, i) is the share of the user's last r baskets that hold i; S(u, i) = w(u, i) + Σ over users
    v of similarity(u, v)^q · w(v, i), with similarity |I_u ∩ I_v| / (|I_u|^α · |I_v|^(1 − α)) of
    all distinct items. r is `max_baskets`, q `locality` and α `asymmetry`. O(Σ over the items of a
    history of their users) a list. Faggioli, Polato, Aiolli, "Recency Aware Collaborative Filtering
    for Next Basket Recommendation", UMAP 2020.
    """

    name = "up-cf"
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

    def _vectors(self, purchases: Purchases) -> Array:
        if not purchases.aged:
            return _shares(purchases)
        counted = np.minimum(self.max_baskets, purchases.baskets)[purchases.owners]
        return purchases.summed(
            (purchases.baskets_ago < self.max_baskets).astype(np.float64)
        ) / np.maximum(counted, 1)

    def _near(self, index: UserIndex, own: SparseRows) -> tuple[Near, float]:
        return nearest_users.most_similar(
            index, own, self.asymmetry, self.locality, self.neighbours
        ), 1.0


def _shares(purchases: Purchases) -> Array:
    """Share of the user's baskets that hold the item: float64 [entries]."""
    return (
        purchases.summed(np.ones(len(purchases.baskets_ago)))
        / np.maximum(purchases.baskets, 1)[purchases.owners]
    )
