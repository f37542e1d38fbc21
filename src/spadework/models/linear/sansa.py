"""EASE through two sparse factors of an approximate inverse: for catalogues too large for the
inverse itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.kernels.ranking import factor_pair_scores
from spadework.kernels.ranking.row_choice import Choice
from spadework.kernels.solvers import local_inverse, sparse_graph
from spadework.models.checks import ITEM_STARTS, ITEMS, Form, Forms, are_numbers, wrong_rows
from spadework.models.histories import Histories
from spadework.models.history_reader import Reading
from spadework.models.linear import pruned_gram
from spadework.models.needs import Cost, Repeats
from spadework.models.parameters import Doc, Range, Search
from spadework.models.scorer import Contributions, Reader, Scorer
from spadework.ragged import SparseRows


class Sansa(pruned_gram.GramLearner):
    """The weights of EASE, −P_ij / P_jj, with P ≈ Wᵀ D⁻¹ W, D the pivots and W sparse and
    triangular in the order of popularity.

    Row i of W is a small least-squares problem over the strongest partners of i that come before
    it, so rows are solved in parallel, and none can fail where the kept pairs are positive
    definite: a factorised sparse approximate inverse (Kolotilina and Yeremin, "Factorized Sparse
    Approximate Inverse Preconditionings", 1993) in place of the incomplete factor and its
    refinement in Spišák et al., "Scalable Approximate NonSymmetric Autoencoder for Collaborative
    Filtering", RecSys 2023. With all pairs and density 1 it is EASE. An item of the history adds
    nothing to its own score. Items without partners have no scores. O(pairs of users' items + items
    · partners³ / 3); a row of a factor holds max(density · items, least) cells at most.
    """

    name = "sansa"
    density: Annotated[
        float,
        Range(1e-6, 1.0, log=True),
        Doc(
            "Share of the cells of a factor that are filled: density · items in a row, "
            "itself included."
        ),
    ] = 1e-3
    least: Annotated[
        int,
        Range(1, 5000, log=True),
        Search(choices=(25, 50, 100, 200)),
        Doc("Cells in a row of the factors, itself included, where density gives fewer."),
    ] = 50
    ordering: Annotated[
        Literal["popular", "rare"],
        Doc("Which items come first; in the factor, each item has weights for earlier ones only."),
    ] = "popular"

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        plain = {"dropout": 0.0, "group_power": 0.0}
        return [{}, {"l2": 100.0}, {"group_power": 0.5}, {"least": 200}, {"item_power": 0.2}, plain]

    def _partners(self, items: int) -> int:
        """Cells of a row, without the item's own."""
        return min(max(round(self.density * items), self.least), items) - 1

    def cost(self, train: Interactions) -> Cost:
        counting = self._counting_cost(train, self._partners(train.item_count))
        members = counting.partners
        work = train.item_count * (members**3 / 3 + 1000 * members)
        return Cost(
            bytes=int(counting.bytes + 40 * train.item_count * (members + 1)),
            seconds=counting.seconds + 1.5e-10 * work,
        )

    def _solve(self, gram: pruned_gram.Gram) -> Mapping[str, Array]:
        items = len(gram.diagonal)
        ascending = gram.diagonal if self.ordering == "rare" else -gram.diagonal
        rank = np.empty(items, np.int32)
        rank[np.argsort(ascending, kind="stable")] = np.arange(items, dtype=np.int32)
        members = sparse_graph.strongest(gram.pairs, self._partners(items), rank)
        values, pivots, regularised = local_inverse.own_columns(
            sparse_graph.halved(gram.pairs), self._diagonal(gram), members, f"fit {self.label}"
        )
        pruned_gram.note_regularised(self.label, regularised)
        lengths = members.lengths
        rows = np.concatenate((np.repeat(np.arange(items), lengths), np.arange(items)))
        entries = np.concatenate((values / np.repeat(pivots, lengths), np.ones(items)))
        columns = np.concatenate((members.values, np.arange(items)))
        # the diagonal of P
        diagonal = np.bincount(columns, weights=entries**2 * pivots[rows], minlength=items)
        source, _ = self._factors(gram)
        factor = csr_array(
            ((entries * source[columns]).astype(np.float32), (rows, columns)), shape=(items, items)
        )
        factor.eliminate_zeros()  # they are no evidence
        factor.sort_indices()
        by_item = factor.tocsc()
        by_item.sort_indices()
        return {
            "factor_starts": factor.indptr.astype(np.int64),
            "factor_items": factor.indices.astype(np.int32),
            "factor_values": factor.data,
            "item_starts": by_item.indptr.astype(np.int64),
            "item_factors": by_item.indices.astype(np.int32),
            "item_values": by_item.data,
            "inverse_pivots": pivots.astype(np.float32),
            "target_scale": (-1 / (diagonal * source**2)).astype(np.float32),
        }

    def _forms(self, state: Mapping[str, Array]) -> Forms:
        table = (
            Form("int64", (ITEM_STARTS,)),
            Form("int32", ("cells",)),
            Form("float32", ("cells",)),
        )
        by_item, by_factor = (
            (f"{side}_starts", f"{side}_{codes}", f"{side}_values")
            for side, codes in (("item", "factors"), ("factor", "items"))
        )
        diagonal = Form("float32", (ITEMS,))
        return {
            **dict(zip(by_item, table, strict=True)),
            **dict(zip(by_factor, table, strict=True)),
            "inverse_pivots": diagonal,
            "target_scale": diagonal,
        }

    def _serve(self, state: Mapping[str, Array]) -> Scorer:
        by_item = SparseRows(state["item_starts"], state["item_factors"], state["item_values"])
        by_factor = SparseRows(
            state["factor_starts"], state["factor_items"], state["factor_values"]
        )
        pair = factor_pair_scores.Factors(
            by_item, by_factor, state["inverse_pivots"], state["target_scale"]
        )
        return FactorPairScorer(pair, self.reading)


@dataclass(frozen=True, eq=False)
class FactorPairScorer(Scorer):
    """The weight from i to j is Σ over factors f of item[i, f] · pivot[f] · item[j, f] · scale[j],
    and nothing from an item to itself.
    """

    pair: factor_pair_scores.Factors
    reading: Reading

    @property
    def reader(self) -> Reader:
        return self.reading.reader

    def scores(self, histories: Histories) -> Array:
        return factor_pair_scores.score_rows(self._rows(histories), self.pair)

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return factor_pair_scores.score_cells(self._rows(histories), self.pair, targets)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        choice = Choice.of(histories.starts, histories.items, repeats, allowed)
        return factor_pair_scores.recommend_rows(self._rows(histories), self.pair, choice, k)

    def row_cells(self, k: int) -> int:
        return k

    def row(self, code: int) -> Array:
        alone = SparseRows(np.array([0, 1]), np.array([code], np.int32), np.ones(1, np.float32))
        return np.asarray(factor_pair_scores.score_rows(alone, self.pair)[0])

    def contributions(self, histories: Histories, code: int) -> Contributions:
        recent, weights = self.reading.weighted(histories)
        target = np.zeros(len(self.pair.inverse_pivots))
        factors, values = self._of_item(code)
        target[factors] = (
            values
            * self.pair.inverse_pivots[factors].astype(np.float64)
            * self.pair.target_scale[code]
        )
        parts = np.zeros(len(recent.items))
        for position, source in enumerate(recent.items):
            factors, values = self._of_item(source)
            parts[position] = float(values @ target[factors])
        return Contributions(recent.items, np.where(recent.items == code, 0.0, parts * weights))

    def wrong(self, items: int) -> str | None:
        for table in (self.pair.by_factor, self.pair.by_item):
            if wrong := wrong_rows(table, items, items):
                return wrong
        for diagonal in (self.pair.inverse_pivots, self.pair.target_scale):
            if not are_numbers(diagonal, (items,)):
                return "the diagonals of the factors do not fit the items"
        return None

    def _rows(self, histories: Histories) -> SparseRows:
        """The weighted histories as rows [users, items]."""
        recent, weights = self.reading.weighted(histories)
        return SparseRows(recent.starts, recent.items, weights)

    def _of_item(self, item: int) -> tuple[Codes, Array]:
        """Factors of an item, and its cells there."""
        starts, factors, values = self.pair.by_item
        return factors[starts[item] : starts[item + 1]], values[starts[item] : starts[item + 1]]
