"""Every co-occurrence model: a count of pairs, an entry weight, a pair weight and a history weight."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import BadRequest
from spadework.kernels import cooccurrence, parallel, ranking
from spadework.kernels.cooccurrence import Units
from spadework.kernels.weighting import Entries, Pairs, entry_weights, pair_weights
from spadework.models.base import Cost, Histories, Need, Recommender, positions
from spadework.models.needs import check_k
from spadework.models.parameters import Doc, OneOf, Range
from spadework.models.recommendations import Recommendations


class ItemItem(Recommender):
    """A sparse table of similarities from history item to recommended item; the score is its weighted sum over the history."""

    history: Annotated[
        float, Range(0.01, 1.0), Doc("Weight of an item taken n moments before the last one: history^n; 1 treats all alike.")
    ] = 1.0
    keep: Annotated[int, Range(1, 100_000), Doc("Similarities kept per history item.")] = 1000

    answering: ClassVar[frozenset[str]] = frozenset({"history"})

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        default = cls.parameters()["history"].default
        return [{}, *({"history": value} for value in (1.0, 0.9, 0.7, 0.5) if value != default)]

    def _score(self, histories: Histories) -> Array:
        weights = np.float32(self.history) ** histories.ages.astype(np.float32)
        scores = np.empty((len(histories), len(self.item_vocabulary)), np.float32)
        table = self.state
        ranking.add_rows(histories.starts, histories.items, weights, table["starts"], table["columns"], table["values"], scores)
        return scores

    def _check_state(self, state: Mapping[str, Array], items: int) -> str | None:
        starts, columns, values = state["starts"], state["columns"], state["values"]
        if len(starts) != items + 1 or starts[0] != 0 or starts[-1] != len(columns) or (np.diff(starts) < 0).any():
            return "row starts do not fit the table"
        if len(columns) != len(values) or (len(columns) and (columns.min() < 0 or columns.max() >= items)):
            return "the table names items that are not there"
        return None

    def similar_items(self, items: pl.Series | list[Any], k: int = 10) -> Recommendations:
        """The `k` most similar items to each of these; padding where fewer are known."""
        check_k(k)
        asked = items if isinstance(items, pl.Series) else pl.Series(items)
        codes = self.item_vocabulary.codes(asked)
        if (codes < 0).any():
            missing = asked[int(np.flatnonzero(codes < 0)[0])]
            raise BadRequest(f"Item {missing!r} is not in the log that the model learned from.", "Check the id; numbers and text differ.")
        found, best = ranking.nothing(len(codes), k)
        table, row_scores = self.state, np.empty((1, len(self.item_vocabulary)), np.float32)
        for row, code in enumerate(codes):
            cells = slice(table["starts"][code], table["starts"][code + 1])
            row_scores.fill(-np.inf)
            row_scores[0, table["columns"][cells]] = table["values"][cells]
            found[row], best[row] = (part[0] for part in ranking.top_k(row_scores, k))
        return Recommendations(
            users=codes, items=found, scores=best, user_vocabulary=self.item_vocabulary, item_vocabulary=self.item_vocabulary
        )

    def explain(self, history: Interactions, item: Any, user: Any = None) -> pl.DataFrame:
        """What each item of the user's history adds to the score of `item`: item_id, contribution, descending.

        `user` is an id; it may be left out where the history is of one user.
        """
        code = int(self.item_vocabulary.codes([item])[0])
        if code < 0:
            raise BadRequest(f"Item {item!r} is not in the log that the model learned from.", "Check the id; numbers and text differ.")
        users = history.active_users if user is None else history.user_vocabulary.codes([user])
        if len(users) != 1 or users[0] < 0:
            told = f"There is no user {user!r} in the history." if user is not None else f"The history is of {len(users)} users."
            raise BadRequest(told, "Name one with user=.")
        own = Histories.of(self._in_own_codes(history), users)
        table = self.state
        parts = []
        for source, age in zip(own.items, own.ages, strict=True):
            cells = slice(table["starts"][source], table["starts"][source + 1])
            found = table["values"][cells][table["columns"][cells] == code]
            parts.append(float(found[0]) * self.history ** int(age) if len(found) else 0.0)
        frame = pl.DataFrame({"item_id": self.item_vocabulary.take(own.items), "contribution": pl.Series(parts, dtype=pl.Float64)})
        return frame.sort("contribution", descending=True, maintain_order=True)


class CoOccurrence(ItemItem):
    """Items that stand together in histories, with every choice in the open; the named models are points of it.

    Cost grows with the sum of squared history lengths.
    """

    name = "cooccurrence"
    weight: Annotated[str, OneOf(pair_weights), Doc("How the count of a pair becomes a similarity.")] = "cosine"
    entry: Annotated[str, OneOf(entry_weights), Doc("How much an item in a history counts before pairs are made.")] = "binary"
    distance: Annotated[Literal["same", "inverse"], Doc("A pair d moments apart counts 1 (same) or 1/d (inverse).")] = "same"
    backward: Annotated[float, Range(0.0, 1.0), Doc("Weight of pairs against the direction of time; 1 ignores direction.")] = 1.0
    left_power: Annotated[float, Range(0.0, 2.0), Doc("Exponent of the history item's size in the weight 'power'.")] = 0.5
    right_power: Annotated[float, Range(0.0, 2.0), Doc("Exponent of the recommended item's size in the weight 'power'.")] = 0.5

    @classmethod
    def variants(cls) -> list[dict[str, Any]]:
        if cls is not CoOccurrence:
            return super().variants()
        powers = [{"weight": "power", "left_power": a, "right_power": b} for a, b in ((0.7, 0.3), (0.5, 0.3), (1.0, 0.3), (0.7, 0.5))]
        directed = [
            {"weight": "power", "left_power": 0.7, "right_power": 0.3, "distance": "inverse", "backward": rho} for rho in (0.0, 1.0)
        ]
        return [base | {"history": gamma} for base in (*powers, *directed) for gamma in (1.0, 0.9, 0.7)]

    def required(self) -> frozenset[Need]:
        return frozenset({"times"}) if self._ordered or self.history < 1 else frozenset()

    @property
    def _ordered(self) -> bool:
        return self.distance != "same" or self.backward != 1.0

    def cost(self, train: Interactions) -> Cost:
        lengths = np.diff(train.starts).astype(np.float64)
        pairs = float((lengths**2).sum())
        cells = min(pairs, float(train.item_count) * self.keep)
        block = min(pairs, parallel.threads() * cooccurrence.BLOCK_CELLS)
        return Cost(bytes=int(16 * cells + 28 * block + 40 * len(train)), seconds=6e-9 * pairs + 2e-7 * len(train))

    def _fit(self, train: Interactions, content: ItemContent | None, rng: np.random.Generator) -> Mapping[str, Array]:
        if self._ordered:
            weights: Array | None = None
            units = Units.build(train.starts, train.items, positions(train), train.item_count)
        else:
            matrix = train.matrix()
            places = np.zeros(matrix.nnz, np.int32)
            units = Units.build(matrix.indptr, matrix.indices, places, train.item_count)
            weights = None if self.entry == "binary" else self._entry_weights(units, matrix.data)
        sizes = _sizes(train, weights, units)
        kernel = _kernel(self.distance, int(units.positions.max(initial=0)))
        block = partial(self._block, units=units, kernel=kernel, weights=weights, sizes=sizes, total=float(len(train.active_users)))
        parts = parallel.share(block, units.blocks(), f"fit {self.label}")
        starts = np.concatenate([[0], *(part[0][1:] for part in parts)])
        offsets = np.cumsum([0, *(len(part[1]) for part in parts)])
        at = 1
        for part, offset in zip(parts, offsets, strict=False):
            starts[at : at + len(part[0]) - 1] += offset
            at += len(part[0]) - 1
        return {
            "starts": starts.astype(np.int64),
            "columns": np.concatenate([part[1] for part in parts]),
            "values": np.concatenate([part[2] for part in parts]),
        }

    def _entry_weights(self, units: Units, counts: Array) -> Array:
        unit_sizes, item_sizes = np.diff(units.starts), np.diff(units.occurrence_starts)
        entries = Entries(
            counts=counts,
            unit_sizes=unit_sizes[units.owners],
            item_sizes=item_sizes[units.items],
            units=int((unit_sizes > 0).sum()),
            items=int((item_sizes > 0).sum()),
        )
        return np.asarray(entry_weights[self.entry](entries), np.float32)

    def _block(
        self, rows: tuple[int, int], *, units: Units, kernel: Array, weights: Array | None, sizes: Array, total: float
    ) -> tuple[Array, Array, Array]:
        """Count a block of rows, weigh the pairs, keep the largest: starts, columns, values."""
        starts, columns, joint = units.count(rows, kernel, self.backward, weights)
        left = np.repeat(sizes[rows[0] : rows[1]], np.diff(starts))
        pair = Pairs(joint, left, sizes[columns], total, self.left_power, self.right_power)
        values = np.asarray(pair_weights[self.weight](pair), np.float32)
        capacity = int(np.minimum(np.diff(starts), self.keep).sum())
        kept_starts = np.zeros(len(starts), np.int64)
        kept_columns, kept_values = np.empty(capacity, np.int32), np.empty(capacity, np.float32)
        kept = cooccurrence.keep_largest(starts, columns, values, self.keep, kept_starts, kept_columns, kept_values)
        return kept_starts, kept_columns[:kept].copy(), kept_values[:kept].copy()


class Raw(CoOccurrence):
    """Items by how often they stand together."""

    name = "raw"
    weight = "raw"


class Confidence(CoOccurrence):
    """Items by the share of the history item's users who took them: each row divided by its size."""

    name = "confidence"
    weight = "confidence"


class Cosine(CoOccurrence):
    """Item-item cosine over binary histories."""

    name = "cosine"


class Jaccard(CoOccurrence):
    """Items by shared users over all users of either."""

    name = "jaccard"
    weight = "jaccard"


class Lift(CoOccurrence):
    """Items by how far the two are from independence."""

    name = "lift"
    weight = "lift"


class Npmi(CoOccurrence):
    """Items by normalised pointwise mutual information."""

    name = "npmi"
    weight = "npmi"


class TfIdf(CoOccurrence):
    """Item-item cosine over histories in which heavy users count less."""

    name = "tfidf"
    entry = "tfidf"


class Bm25(CoOccurrence):
    """Items by the product of their BM25 weights, not normalised."""

    name = "bm25"
    weight = "raw"
    entry = "bm25"


class Forward(CoOccurrence):
    """What comes after what: pairs at distance d count 1/d, half of it against time, over left^0.7 · right^0.3; history 0.7^n."""

    name = "forward"
    needs: ClassVar[frozenset[Need]] = frozenset({"times"})
    weight = "power"
    distance = "inverse"
    backward = 0.5
    left_power = 0.7
    right_power = 0.3
    history = 0.7


def _sizes(train: Interactions, weights: Array | None, units: Units) -> Array:
    """Sums of squared entries per item; for counted events the number of units that hold the item. Shape [items], float32, never zero."""
    if weights is None:
        sizes: Array = np.bincount(train.matrix().indices, minlength=train.item_count)
    else:
        sizes = np.bincount(units.items, weights=weights.astype(np.float64) ** 2, minlength=train.item_count)
    return np.maximum(sizes, 1e-12).astype(np.float32)


def _kernel(distance: str, longest: int) -> Array:
    """κ by distance; 0 (the same moment) counts one. Shape [longest + 1]."""
    table = np.ones(longest + 1)
    if distance == "inverse" and longest:
        table[1:] = 1 / np.arange(1, longest + 1)
    return table
