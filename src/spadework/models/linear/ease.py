"""EASE as published, and EDLAE, the same with dropout; both with optional relaxation, normalisation
by popularity, and decay with time.

What happens, step by step:

1. `counted_gram` (linear.py) counts G [items, items] over users, sessions or baskets;
2. Λ is added to the diagonal of G, and `invert` makes P = (G + Λ)⁻¹, in place;
3. the state is `matrix` (P without its diagonal), `own` (the diagonal of P) and `ridge` (Λ);
4. a `MatrixScorer` (matrix_scorer.py) answers with P between two scales: those of columns, which
   `_column_factors` gives, and those of popularity, which linear.py adds;
5. a score of exactly 0 counts as "no evidence" (−∞), unlike in other implementations of EASE
   (decision 0008). Slots without evidence are filled with popular items, as in every model.

To understand it, read this file, and beside it linear.py and matrix_scorer.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from spadework import durations
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.similarity.entry_weights import entry_weights
from spadework.kernels.solvers.dense_inverse import invert
from spadework.models.counting.channel import Channel
from spadework.models.linear.linear import Linear, counted_gram, ridge_of
from spadework.models.needs import Need, check_group
from spadework.models.newest_span import in_window
from spadework.models.parameters import Doc, Duration, OneOf, Range, Search


class Ease(Linear):
    """Ridge regression of every item on all other items. With the defaults this is EASE; with
    dropout it is EDLAE, with a relaxation RDLAE.

    The Gram matrix is G = Σ over groups n^(−group_power) x xᵀ, where x [items] are the entries of a
    group of n items, decayed with age. The penalty is Λ = l2 + dropout / (1 − dropout) · diag(G),
    and P = (G + Λ)⁻¹. The weight from i to j is B[i, j] = −P[i, j] · max(Λ[j], (1 − relaxation) /
    P[j, j]) · (users of i / users of j)^item_power. Relaxation bounds the diagonal during the fit;
    the diagonal is dropped afterwards, so an item never scores itself. The score of a history x is
    x B. With the defaults this is the paper: G = XᵀX, Λ = λ, and B[i, j] = −P[i, j] / P[j, j].

    Only P is learned: the weights of the history can change without a new fit, and as long as
    `keep` was not set in the fit, so can relaxation, item_power and pruning. O(Σ groups' length² +
    items³) operations, 4 · items² bytes.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019; Steck, "Autoencoders
    that don't overfit towards the Identity", NeurIPS 2020 (dropout); Moon et al., "It's Enough:
    Relaxing Diagonal Constraints in Linear Autoencoders for Recommendation", SIGIR 2023
    (relaxation); Park et al., "Why is Normalization Necessary for Linear Recommenders?", SIGIR 2025
    (group_power, item_power).
    """

    name = "ease"
    answering: ClassVar[frozenset[str]] = Linear.answering | {"relaxation"}
    factors: ClassVar[tuple[str, ...]] = ("own", "ridge")

    l2: Annotated[
        float,
        Range(0.0, 100_000.0, log=True),
        Search(1.0, 5000.0, log=True),
        Doc("λ: added to the diagonal of G, which counts groups; larger is smoother."),
    ] = 100.0
    dropout: Annotated[
        float,
        Range(0.0, 0.95),
        Search(0.0, 0.9),
        Doc(
            "p: adds p / (1 − p) times the item's own diagonal of G, the expected effect of "
            "input dropout."
        ),
    ] = 0.0
    relaxation: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.6),
        Doc("ξ: bound of the diagonal while weights are solved; 0 is EASE."),
    ] = 0.0
    group_power: Annotated[
        float,
        Range(0.0, 2.0),
        Search(0.0, 0.6),
        Doc("A group of n items weighs n^-group_power: above 0, heavy users count less."),
    ] = 0.0
    entry: Annotated[
        str, OneOf(entry_weights), Doc("How much an item in a group counts before pairs are made.")
    ] = "binary"
    group: Annotated[
        Literal["user", "session", "basket"],
        Doc("Items of one group are pairs; without a basket column a basket is one timestamp."),
    ] = "user"
    age_half_life: Annotated[
        str | None,
        Duration(),
        Search(choices=(None, "30d", "90d", "365d")),
        Doc("Age at which a pair of equally old events counts half."),
    ] = None
    window: Annotated[
        str | None,
        Duration(),
        Doc("Learn from the last span of the log only, such as 90d; none: all of it."),
    ] = None
    max_length: Annotated[
        int | None,
        Range(2, 10_000_000),
        Doc("Only so many of a group's newest items are counted; none: all."),
    ] = 5000

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"item_power": 0.3},
            {"history": 0.7},
            {"item_power": 0.3, "history": 0.7},
            {"relaxation": 0.3},
        ]

    def required(self) -> frozenset[Need]:
        timed = (
            self.age_half_life is not None or self.window is not None or self._channel.needs_times
        )
        return super().required() | (frozenset({"times"}) if timed else frozenset())

    def check_needs(self, train: Interactions, content: ItemContent | None) -> None:
        """Refuse data that lack what this model needs; a basket needs its column, or times."""
        super().check_needs(train, content)
        check_group(self.label, self.group, train)

    @property
    def _channel(self) -> Channel:
        return Channel(
            group=self.group,
            age_half_life=None
            if self.age_half_life is None
            else durations.seconds(self.age_half_life, "age_half_life"),
            group_power=self.group_power,
            entry=self.entry,
            max_length=self.max_length,
        )

    def _learn(self, train: Interactions, content: ItemContent | None) -> Mapping[str, Array]:
        log = in_window(train, self.window)
        return self._invert_gram(counted_gram(log, self._channel, f"fit {self.label}"))

    def _invert_gram(self, gram: Array) -> Mapping[str, Array]:
        """The learned arrays from G, which is overwritten by P: `matrix` is P without its
        diagonal (zeros), `own` its diagonal, `ridge` is Λ.
        """
        sizes = np.diagonal(gram).astype(np.float64)
        ridge = ridge_of(sizes, self.l2, self.dropout)
        np.fill_diagonal(gram, sizes + ridge)
        invert(gram, f"fit {self.label}")
        inverse = gram  # in place
        own = np.diagonal(inverse).astype(np.float64)
        np.fill_diagonal(inverse, 0)
        return {"matrix": inverse, "own": own, "ridge": ridge}

    def _column_factors(self, state: Mapping[str, Array]) -> Array:
        # P[j, j] is at most 1 / Λ[j], so with ξ = 0 the maximum is 1 / P[j, j], which is EASE.
        return -np.maximum(state["ridge"], (1 - self.relaxation) / state["own"])


class Edlae(Ease):
    """EASE with dropout: an item's own size is part of its penalty, so that common items are shrunk
    as much as rare ones.

    Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020.
    """

    name = "edlae"
    dropout = 0.3

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        return [
            *super().variants(),
            {"l2": 10.0, "dropout": 0.6},
            {"l2": 20.0, "dropout": 0.6, "group_power": 0.3, "item_power": 0.2},
        ]
