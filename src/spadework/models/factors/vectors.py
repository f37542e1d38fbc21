"""Models whose score is a product of a vector of the user and a vector of the item: one way to
serve them all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.kernels.ranking import dot_products, max_inner_product
from spadework.kernels.ranking.dot_products import Marks
from spadework.kernels.ranking.sparse_rows import SparseRows
from spadework.models.base import Recommender
from spadework.models.histories import Histories
from spadework.models.needs import Repeats
from spadework.models.recommendations import Recommendations


class Vectors(Recommender):
    """The vector of a user is made from the history when lists are made, so known, new and
    anonymous users are served in the same way.

    The author of a model learns `vectors` [items, width], zero for items that nothing was learned
    about, and writes `_user_vectors`. Parts of the score that are no product of vectors are in
    `_added` (a few items of each user) and `_base` (all items).
    """

    def recommend_codes(
        self,
        histories: Interactions,
        k: int = 10,
        *,
        repeats: Repeats = "allow",
        candidates: Any = None,
        users: Codes | None = None,
        fill: bool = True,
    ) -> Recommendations:
        """The `k` best items for each user in `histories`, by code, as in every model.

        Products are limited to one thread here, once for all blocks of users.
        """
        with parallel.lone_blas():
            return super().recommend_codes(
                histories, k, repeats=repeats, candidates=candidates, users=users, fill=fill
            )

    def _lists(
        self, block: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        histories, weights = self._weighted_histories(block)
        codes, items = self._learned() if allowed is None else self._learned_among(allowed)
        positions = np.full(len(self.item_vocabulary) + 1, -1, np.int32)
        positions[codes] = np.arange(len(codes), dtype=np.int32)
        added = self._added(histories, weights)
        if added is not None:
            added = Marks(*_recoded(positions, added.starts, added.columns, added.values))
        base = self._base(histories, weights)
        seen = None if repeats == "allow" else _recoded(positions, block.starts, block.items)[:2]
        indices, best = max_inner_product.recommend(
            self._user_vectors(histories, weights),
            items,
            k,
            added=added,
            seen=seen,
            only=repeats == "only",
            base=base
            if base is None or len(codes) == base.shape[1]
            else np.take(base, codes, axis=1),
        )
        no_evidence = ~self._with_evidence(histories)
        indices[no_evidence], best[no_evidence] = -1, -np.inf
        return np.where(indices >= 0, codes[indices], -1).astype(np.int32) if len(
            codes
        ) else indices, best

    def _score(self, histories: Histories) -> Array:
        histories, weights = self._weighted_histories(histories)
        vectors = self._user_vectors(histories, weights)
        scores = dot_products.score(
            vectors,
            self.state["vectors"],
            self._added(histories, weights),
            self._base(histories, weights),
        )
        scores[:, ~self._known] = -np.inf
        scores[~self._with_evidence(histories)] = -np.inf
        return scores

    def _score_cells(self, histories: Histories, targets: SparseRows) -> Array:
        histories, weights = self._weighted_histories(histories)
        vectors, base = (
            self._user_vectors(histories, weights),
            self._base_cells(histories, weights, targets),
        )
        scores = dot_products.score_cells(
            vectors,
            self.state["vectors"],
            targets.starts,
            targets.columns,
            self._added(histories, weights),
            base,
        )
        no_evidence = np.repeat(~self._with_evidence(histories), np.diff(targets.starts))
        scores[no_evidence | ~self._known[targets.columns]] = -np.inf
        return scores

    def _row_cells(self, k: int) -> int:
        return k + int(self.state["vectors"].shape[1])

    # ---- items that something was learned about

    @property
    def _known(self) -> Mask:
        """Items with a vector. Shape [items]."""
        return self._cached()[0]

    def _learned(self) -> tuple[Codes, Array]:
        """Codes of the items with a vector, ascending, and their vectors."""
        return self._cached()[1:]

    def _cached(self) -> tuple[Mask, Codes, Array]:
        vectors = self.state["vectors"]
        cached: tuple[Array, tuple[Mask, Codes, Array]] | None = self.__dict__.get("_held")
        if cached is None or cached[0] is not vectors:
            known = self._with_vector()
            codes = np.flatnonzero(known).astype(np.int32)
            cached = vectors, (known, codes, vectors if known.all() else vectors[codes])
            object.__setattr__(self, "_held", cached)
        return cached[1]

    def _learned_among(self, allowed: Mask) -> tuple[Codes, Array]:
        codes = np.flatnonzero(allowed & self._known).astype(np.int32)
        return codes, self.state["vectors"][codes]

    def _with_evidence(self, histories: Histories) -> Mask:
        """Users with an item in their history that something was learned about. Shape [users]."""
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.starts))
        return np.bincount(rows[self._known[histories.items]], minlength=len(histories)) > 0

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        vectors = state.get("vectors")
        if (
            vectors is None
            or vectors.ndim != 2
            or vectors.shape[0] != items
            or vectors.dtype != np.float32
        ):
            return "the vectors of items do not fit the items"
        return None if np.isfinite(vectors).all() else "a vector of an item is no finite number"

    # ---- similar items

    def _row(self, code: int) -> Array:
        """Cosines of the item's vector with all others: float32 [items]; −∞ for itself and where
        there is no vector.
        """
        vectors = self.state["vectors"]
        if not self._known[code]:
            return np.full(len(vectors), -np.inf, np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
        scores = dot_products.score(vectors[code : code + 1], vectors)[0] / np.where(
            self._known, lengths * lengths[code], 1.0
        )
        scores[~self._known] = -np.inf
        scores[code] = -np.inf
        return np.asarray(scores, np.float32)

    def _with_vector(self) -> Mask:
        """Items that something was learned about. Shape [items]."""
        return np.asarray(self.state["vectors"].any(axis=1))

    # ---- what the author of a model writes

    def _weighted_histories(self, histories: Histories) -> tuple[Histories, Array]:
        """The history items that count, and the weight of each: float32 [entries]."""
        return histories, np.ones(len(histories.items), np.float32)

    @abstractmethod
    def _user_vectors(self, histories: Histories, weights: Array) -> Array:
        """A vector for each user of the block, from that user's entries alone: [users, width]
        float32.
        """

    def _added(self, histories: Histories, weights: Array) -> Marks | None:
        """What is added to the scores of a few items of each user."""
        return None

    def _base(self, histories: Histories, weights: Array) -> Array | None:
        """What is added to the scores of all items: [users, items] float32, the same to the bit
        whatever other users are in the block.
        """
        return None

    def _base_cells(
        self, histories: Histories, weights: Array, targets: SparseRows
    ) -> Array | None:
        """The values of `_base` for some items of each user: float32 [cells]."""
        return None


def _recoded(
    positions: Codes, starts: Offsets, columns: Codes, values: Array | None = None
) -> tuple[Offsets, Codes, Array]:
    """Entries by position instead of code; those without a position are left out."""
    recoded = positions[columns]
    kept = recoded >= 0
    ends = np.concatenate(([0], np.cumsum(kept)))
    return (
        ends[starts].astype(np.int64),
        recoded[kept],
        np.zeros(0, np.float32) if values is None else values[kept],
    )
