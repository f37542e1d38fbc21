"""Sparse linear methods: weights at or above zero over an item's nearest neighbours, most of them
zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from spadework import events, formatting
from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.kernels.solvers import coordinate_descent, sparse_graph
from spadework.models.item_item import ItemItem
from spadework.models.linear import pruned_gram
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search

ROUNDS_AT_A_GUESS = 15


class Slim(pruned_gram.GramLearner, ItemItem):
    """Each item's column w minimises ½‖x_j − X w‖² + ½ Σ Λ_i w_i² + l1 · Σ w with w ≥ 0, over the
    item's nearest neighbours (fSLIM).

    Λ_i = l2 · G_ii^scale_power + dropout / (1 − dropout) · G_ii, with G_ii the users of i.
    Penalties are in users, as the counts are; a library that divides squares by the number of users
    needs them divided, too. Solved by coordinate descent on counts of pairs, so the descent
    does not depend on the number of users. Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N
    Recommender Systems", ICDM 2011. O(pairs of users' items + items · rounds · neighbours²), by all
    processors.
    """

    name = "slim"
    l2 = 10.0
    l1: Annotated[
        float,
        Range(0.0, 1e5, log=True),
        Search(0.01, 10.0, log=True),
        Doc("Penalty on the sum of weights, in users: pairs with smaller counts get weight zero."),
    ] = 0.1
    neighbours: Annotated[
        int,
        Range(1, 5000, log=True),
        Search(choices=(50, 100, 200)),
        Doc("Nearest neighbours that may have weights in the column of an item."),
    ] = 100
    rounds: Annotated[
        int, Range(1, 10_000), Doc("Most passes of the descent over all weights of an item.")
    ] = 50
    tolerance: Annotated[
        float,
        Range(1e-8, 0.1, log=True),
        Doc("Descent ends when no weight changes by this share of the largest."),
    ] = 1e-3

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        plain = {"l1": 1.0, "dropout": 0.0, "group_power": 0.0}
        return [{}, {"l1": 1.0}, {"l1": 0.01}, {"l2": 100.0}, {"item_power": 0.2}, plain]

    def cost(self, train: Interactions) -> Cost:
        counting = self._counting_cost(train, self.neighbours)
        members = counting.partners
        work = train.item_count * (ROUNDS_AT_A_GUESS * members**2 + 1000 * members)
        return Cost(
            bytes=int(counting.bytes + 24 * train.item_count * members),
            seconds=counting.seconds + 5e-10 * work,
        )

    def _solve(self, gram: pruned_gram.Gram) -> Mapping[str, Array]:
        members = sparse_graph.strongest(gram.pairs, self.neighbours)
        weights, not_converged = coordinate_descent.descend(
            sparse_graph.halved(gram.pairs),
            self._diagonal(gram),
            gram.scale,
            members,
            l1=self.l1,
            rounds=self.rounds,
            tolerance=self.tolerance,
            label=f"fit {self.label}",
        )
        if not_converged:
            events.note(
                f"{self.label}: the weights of {formatting.count(not_converged, 'item')} still "
                "moved when descent ended (rounds, tolerance)."
            )
        popularity = gram.users**self.item_power
        weights *= popularity[members.values] / np.repeat(popularity, members.lengths)
        return pruned_gram.by_history_item(members, weights)
