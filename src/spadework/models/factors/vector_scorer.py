"""A vector of each item, and how it answers: a score is the product of a vector of the user and a
vector of the item.

The vector of a user is made from the history when lists are made, so known, new and anonymous users
are served in the same way. How it is made is what models differ in: a `UserSide`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.kernels import parallel
from spadework.kernels.ranking import dot_products, max_inner_product, sparse_scores
from spadework.models.checks import wrong_rows
from spadework.models.histories import Histories
from spadework.models.history_reader import Reading
from spadework.models.needs import Repeats
from spadework.models.scorer import Contributions, Reader, Scorer
from spadework.ragged import SparseRows, offsets_of


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Vectors [items, width] float32, and the items that something was learned about: those of
    `learned` [items], or all with a vector that is not zero.
    """

    vectors: Array
    learned: Mask | None = None

    @cached_property
    def known(self) -> Mask:
        """Items that something was learned about. Shape [items]."""
        return np.asarray(self.vectors.any(axis=1)) if self.learned is None else self.learned

    @cached_property
    def codes(self) -> Codes:
        """Codes of these items, ascending."""
        return np.flatnonzero(self.known).astype(np.int32)

    @cached_property
    def kept(self) -> Array:
        """Their vectors."""
        return self.vectors if self.known.all() else self.vectors[self.codes]

    def among(self, allowed: Mask | None) -> tuple[Codes, Array]:
        """Codes and vectors of those that are allowed."""
        if allowed is None:
            return self.codes, self.kept
        codes = np.flatnonzero(allowed & self.known).astype(np.int32)
        return codes, self.vectors[codes]

    def derived(self) -> Sequence[Array]:
        """What was made of the vectors so far and is kept."""
        return [made for name, made in vars(self).items() if name in ("known", "codes", "kept")]

    def wrong(self, items: int) -> str | None:
        """What is wrong with vectors from a file; None when they fit."""
        shape, dtype = self.vectors.shape, self.vectors.dtype
        if len(shape) != 2 or shape[0] != items or not shape[1] or dtype != np.float32:
            return "the vectors of items do not fit the items"
        if not np.isfinite(self.vectors).all():
            return "a vector of an item is not finite"
        # products of larger ones are no finite numbers, and systems made of them have no solution
        return "a vector of an item is too long" if (np.abs(self.vectors) > 1e15).any() else None


class UserSide(ABC):
    """How a model makes a vector of each user, and what it adds to the products."""

    items: ItemVectors
    reading: Reading

    @abstractmethod
    def vectors(self, histories: Histories, weights: Array) -> Array:
        """A vector for each user of the block, from that user's entries alone: [users, width]
        float32.
        """

    def added(self, histories: Histories, weights: Array) -> SparseRows | None:
        """What is added to the scores of a few items of each user."""
        return None

    def with_evidence(self, histories: Histories) -> Mask:
        """Users with an item in their history that something was learned about. Shape [users]."""
        rows = histories.owners
        return np.bincount(rows[self.items.known[histories.items]], minlength=len(histories)) > 0

    @abstractmethod
    def contributions(self, histories: Histories, code: int) -> Contributions:
        """What each item of the only history contributes to the score of one item."""

    def derived(self) -> Sequence[Array]:
        """Arrays that were derived from the learned ones and are kept."""
        return ()

    def wrong(self, items: int) -> str | None:
        """What is wrong with arrays from a file beside the vectors of items; None when they fit."""
        return None


@dataclass(frozen=True, eq=False)
class VectorScorer(Scorer):
    """Products of vectors, and where there is a `table` of pairs [history items, items], the
    weighted sum of its rows in addition.
    """

    items: ItemVectors
    users: UserSide
    table: SparseRows | None = None

    @property
    def reader(self) -> Reader:
        return self.users.reading.reader

    def while_answering(self) -> AbstractContextManager[object]:
        """Products are limited to one thread, once for all blocks of users."""
        return parallel.lone_blas()

    def derived(self) -> Sequence[Array]:
        return [*self.items.derived(), *self.users.derived()]

    def scores(self, histories: Histories) -> Array:
        recent, weights = self.users.reading.weighted(histories)
        scores = dot_products.score(
            self.users.vectors(recent, weights),
            self.items.vectors,
            self.users.added(recent, weights),
            self._base(recent, weights),
        )
        scores[:, ~self.items.known] = -np.inf
        scores[~self.users.with_evidence(recent)] = -np.inf
        return scores

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        recent, weights = self.users.reading.weighted(histories)
        scores = dot_products.score_cells(
            self.users.vectors(recent, weights),
            self.items.vectors,
            targets.starts,
            targets.columns,
            self.users.added(recent, weights),
            self._base_cells(recent, weights, targets),
        )
        no_evidence = np.repeat(~self.users.with_evidence(recent), np.diff(targets.starts))
        scores[no_evidence | ~self.items.known[targets.columns]] = -np.inf
        return scores

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        recent, weights = self.users.reading.weighted(histories)
        codes, vectors = self.items.among(allowed)
        positions = np.full(len(self.items.vectors) + 1, -1, np.int32)
        positions[codes] = np.arange(len(codes), dtype=np.int32)
        added = self.users.added(recent, weights)
        if added is not None:
            added = SparseRows(*_recoded(positions, added.starts, added.columns, added.values))
        base = self._base(recent, weights)
        if base is not None and len(codes) != base.shape[1]:
            base = np.take(base, codes, axis=1)
        seen = (
            None
            if repeats == "allow"
            else _recoded(positions, histories.starts, histories.items)[:2]
        )
        indices, best = max_inner_product.recommend(
            self.users.vectors(recent, weights),
            vectors,
            k,
            added=added,
            seen=seen,
            only=repeats == "only",
            base=base,
        )
        no_evidence = ~self.users.with_evidence(recent)
        indices[no_evidence], best[no_evidence] = -1, -np.inf
        if not len(codes):
            return indices, best
        return np.where(indices >= 0, codes[indices], -1).astype(np.int32), best

    def row_cells(self, k: int) -> int:
        items, width = self.items.vectors.shape
        return k + int(width) if self.table is None else 2 * int(items)

    def row(self, code: int) -> Array:
        """Cosines of the item's vector with all others; where there is a table, the scores from a
        history of this item alone.
        """
        vectors, known = self.items.vectors, self.items.known
        if not known[code]:
            return np.full(len(vectors), -np.inf, np.float32)
        if self.table is None:
            lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
            scores = dot_products.score(vectors[code : code + 1], vectors)[0] / np.where(
                known, lengths * lengths[code], 1.0
            )
        else:
            alone, weights = Histories.bag(np.asarray([code], np.int32)), np.ones(1, np.float32)
            scores = dot_products.score(
                self.users.vectors(alone, weights), vectors, None, self._base(alone, weights)
            )[0]
        scores[~known] = -np.inf
        scores[code] = -np.inf
        return np.asarray(scores, np.float32)

    def contributions(self, histories: Histories, code: int) -> Contributions:
        return self.users.contributions(histories, code)

    def wrong(self, items: int) -> str | None:
        table = None if self.table is None else wrong_rows(self.table, items, items)
        return self.items.wrong(items) or self.users.wrong(items) or table

    def _base(self, histories: Histories, weights: Array) -> Array | None:
        """What the table adds to all scores: [users, items] float32."""
        if self.table is None:
            return None
        rows = SparseRows(histories.starts, histories.items, weights)
        base = sparse_scores.score_rows(rows, self.table, len(self.items.vectors))
        np.copyto(base, 0, where=np.isneginf(base))
        return base

    def _base_cells(
        self, histories: Histories, weights: Array, targets: SparseRows
    ) -> Array | None:
        """The values of `_base` for some items of each user: float32 [cells]."""
        if self.table is None:
            return None
        rows = SparseRows(histories.starts, histories.items, weights)
        base = sparse_scores.score_cells(rows, self.table, len(self.items.vectors), targets)
        np.copyto(base, 0, where=np.isneginf(base))
        return base


def _recoded(
    positions: Codes, starts: Offsets, columns: Codes, values: Array | None = None
) -> tuple[Offsets, Codes, Array]:
    """Entries by position instead of code; those without a position are left out."""
    recoded = positions[columns]
    kept = recoded >= 0
    ends = offsets_of(kept)
    return (
        ends[starts],
        recoded[kept],
        np.zeros(0, np.float32) if values is None else values[kept],
    )
