"""Sparse least squares, item by item: EASE over each item's strongest partners only, for catalogues
that are too large for EASE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.kernels.solvers import block_inverse, local_inverse, sparse_graph
from spadework.models.item_item import ItemItem
from spadework.models.linear import pruned_gram
from spadework.models.needs import Cost
from spadework.models.parameters import Doc, Range, Search


class MarkovField(pruned_gram.GramLearner, ItemItem):
    """The weights of EASE from small inverses: item j's column is −P_ij / P_jj, P the inverse over
    j and its strongest partners.

    With all pairs kept, all items as neighbours and scale_power 0 it is EASE. With `share` above 0
    one inverse serves an item and the strongest of its partners, in descending order of their
    number; weights that several blocks give are averaged. Weights may be below zero. Steck, "Markov
    Random Fields for Collaborative Filtering", NeurIPS 2019. O(pairs of users' items + items ·
    neighbours³ / 3), by all processors; the table holds items · neighbours weights.
    """

    name = "mrf"
    neighbours: Annotated[
        int,
        Range(1, 5000, log=True),
        Search(choices=(50, 100, 200)),
        Doc("Partners that may have weights in the column of an item."),
    ] = 100
    share: Annotated[
        float,
        Range(0.0, 1.0),
        Doc("Share of its partners whose columns an item's inverse also gives; 0: only its own."),
    ] = 0.0

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        plain = {"dropout": 0.0, "group_power": 0.0}
        return [
            {},
            {"l2": 100.0},
            {"group_power": 0.5},
            {"neighbours": 200},
            {"item_power": 0.2},
            plain,
        ]

    def cost(self, train: Interactions) -> Cost:
        counting = self._counting_cost(train, self.neighbours)
        # at most, the columns that an item's inverse gives
        members, columns = counting.partners, 1 + self.share * counting.partners
        work = train.item_count * (members**3 / 3 + 1000 * members)
        needed = (
            counting.bytes + (24 if self.share == 0 else 40 * columns) * train.item_count * members
        )
        return Cost(bytes=int(needed), seconds=counting.seconds + 1.5e-10 * work)

    def _solve(self, gram: pruned_gram.Gram) -> Mapping[str, Array]:
        members = sparse_graph.strongest(gram.pairs, self.neighbours)
        half, diagonal = sparse_graph.halved(gram.pairs), self._diagonal(gram)
        if self.share > 0:
            members, weights, regularised = block_inverse.shared_columns(
                half, diagonal, members, gram.pairs, self.share, f"fit {self.label}"
            )
        else:
            values, inverse_diagonal, regularised = local_inverse.own_columns(
                half, diagonal, members, f"fit {self.label}"
            )
            weights = -values / np.repeat(inverse_diagonal, members.lengths)
        pruned_gram.note_regularised(self.label, regularised)
        source, target = self._factors(gram)
        weights *= source[members.values]
        weights *= np.repeat(target, members.lengths)
        return pruned_gram.by_history_item(members, weights)
