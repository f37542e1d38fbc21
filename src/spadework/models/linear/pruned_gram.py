"""The Gram matrix of a log, counted and pruned: what models that solve least-squares problems over
few partners start from.

G = XᵀX, where x_ui is the weight of item i in the history of user u, or 0. Only the strongest pairs
of each item are kept, by G_ij / (G_ii · G_jj)^(pair_power / 2), and all work is done on that scale:
this only affects rounding, since the answer is scaled back.

The penalty of item i is l2 · G_ii^scale_power + dropout / (1 − dropout) · G_ii. Scaling the matrix
by powers of the counts and back, as "Markov Random Fields for Collaborative Filtering" (Steck,
NeurIPS 2019) does with scale_power 0.75, is the same as such a penalty: S (G + l2 · S⁻²) S is S G S
+ l2 with S = G_ii^(−scale_power / 2). So plain EASE has scale_power 0, and dropout (Steck,
"Autoencoders that don't overfit towards the Identity", NeurIPS 2020) is the case 1. It is on by
default: pruning can make the matrix indefinite, and a penalty that grows with the users regularises
the most popular items, on which l2 alone has little effect.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from spadework import durations, events, formatting
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.stored_counts import StoredCounter
from spadework.kernels.similarity.neighbour_table import Weighing, tables
from spadework.kernels.solvers.sparse_graph import Graph, symmetric
from spadework.models.counting.channel import Channel
from spadework.models.counting.count_passes import count_pass
from spadework.models.counting.grouped_rows import GroupedRows
from spadework.models.counting.learning_from_counts import CountedPairs, FromCounts
from spadework.models.history_reader import HistoryReader
from spadework.models.linear.linear import users_of
from spadework.models.needs import Need
from spadework.models.newest_span import in_window, refuse_window
from spadework.models.parameters import Doc, Duration, Range, Search
from spadework.ragged import Ragged

TINY = 1e-12
"""Used as the size of an item without users."""


@dataclass(frozen=True, eq=False)
class Gram:
    """Kept pairs of the scaled matrix T G T, T = diag(scale); the diagonal is separate and is not
    scaled.
    """

    pairs: Graph  # values T_i · G_ij · T_j
    diagonal: Array  # [items] float64: G_ii
    scale: Array  # [items] float64: T_i, above zero
    users: Array  # [items] float64: distinct users of the item in the complete log, at least 1


class CountingCost(NamedTuple):
    """Estimates of what counting pairs takes, and how many partners an item then has."""

    bytes: float
    seconds: float
    partners: float


class GramLearner(HistoryReader, FromCounts):
    """What models of the pruned Gram matrix share: what is counted, which pairs are kept, and the
    penalties.
    """

    family: ClassVar[str] = "sparse linear"

    l2: Annotated[
        float,
        Range(0.0, 1e6, log=True),
        Search(1.0, 1000.0, log=True),
        Doc("Penalty on squared weights, in users; times the item's users^scale_power."),
    ] = 20.0
    dropout: Annotated[
        float,
        Range(0.0, 0.95),
        Search(0.0, 0.9),
        Doc(
            "Chance p that an event is left out while learning: adds p / (1 − p) · users to "
            "the penalty."
        ),
    ] = 0.6
    scale_power: Annotated[
        float,
        Range(0.0, 2.0),
        Search(0.0, 1.0),
        Doc("Exponent of an item's users in its penalty: above 0, rare items are shrunk less."),
    ] = 0.0
    item_power: Annotated[
        float,
        Range(0.0, 1.0),
        Search(0.0, 0.5),
        Doc(
            "Weights are times (users of the history item / users of the target)^item_power: "
            "above 0, rare items rise."
        ),
    ] = 0.0
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
        Doc("Only so many of a user's newest items are counted; none: all."),
    ] = 5000
    group_power: Annotated[
        float,
        Range(0.0, 2.0),
        Search(0.0, 0.6),
        Doc("A user of n items weighs n^-group_power: above 0, heavy users count less."),
    ] = 0.3
    keep: Annotated[
        int,
        Range(1, 100_000),
        Doc("Strongest pairs of each item that are kept; all others count as zero."),
    ] = 500
    pair_power: Annotated[
        float,
        Range(0.0, 2.0),
        Doc(
            "Strong pairs are those of large count / (users of one · of the "
            "other)^(pair_power / 2)."
        ),
    ] = 1.0

    def required(self) -> frozenset[Need]:
        timed: frozenset[Need] = (
            frozenset({"times"})
            if self.age_half_life is not None or self.window is not None
            else frozenset()
        )
        return super().required() | timed

    @property
    def channel(self) -> Channel:
        """What is counted. Entries decay at half of the rate, so that their products decay as the
        events do, and G is still a Gram matrix.
        """
        decaying = self.age_half_life is not None
        return Channel(
            group_power=self.group_power,
            max_length=self.max_length,
            entry="recency" if decaying else "binary",
            entry_half_life=2 * durations.seconds(self.age_half_life, "age_half_life")
            if self.age_half_life is not None
            else 30 * 86_400.0,
        )

    @property
    def counted(self) -> Channel:
        """The channel; a window is refused."""
        refuse_window(self.label, self.window)
        return self.channel

    def _fit(
        self, train: Interactions, content: ItemContent | None, rng: np.random.Generator
    ) -> Mapping[str, Array]:
        return self._solve(self._gram(train))

    def _fit_counts(self, counts: CountedPairs) -> Mapping[str, Array]:
        counter = StoredCounter.build(counts.starts, counts.columns, counts.joint, counts.entries)
        return self._solve(
            self._strongest(counter, counter.groups, counts.diagonal, counts.item_users)
        )

    @abstractmethod
    def _solve(self, gram: Gram) -> Mapping[str, Array]:
        """The learned arrays by name."""

    def _diagonal(self, gram: Gram) -> Array:
        """Diagonal of T (G + penalties) T, above zero even without a penalty. Shape
        [items], float64.
        """
        size = np.maximum(gram.diagonal, TINY)
        penalty = self.l2 * size**self.scale_power + self.dropout / (1 - self.dropout) * size
        return np.asarray((size + penalty) * gram.scale**2)

    def _factors(self, gram: Gram) -> tuple[Array, Array]:
        """What weights on the scale of T are multiplied by, for the history item and for the
        target. Shape [items] both.
        """
        popularity = gram.users**self.item_power
        return gram.scale * popularity, 1 / (gram.scale * popularity)

    def _gram(self, train: Interactions) -> Gram:
        """Count the pairs of a log, and keep the strongest."""
        log = in_window(train, self.window)
        counted = count_pass(log, (self.channel,))
        rows = GroupedRows.of(log, (self.channel,), None, note=False)  # the pass has made the note
        weights = rows.entry_weights(self.channel).astype(np.float64) * rows.group_damping(
            self.channel
        )
        diagonal = np.bincount(rows.items, weights=weights**2, minlength=train.item_count)
        return self._strongest(counted.counter, counted.groups, diagonal, users_of(train))

    def _strongest(self, counter: Counter, groups: Groups, diagonal: Array, users: Array) -> Gram:
        """Keep the `keep` strongest pairs of each item, and those that the other item keeps."""
        scale = np.maximum(diagonal, TINY) ** (-self.pair_power / 2)
        by_rank = (1 / scale[groups.code_of_rank]).astype(np.float32)
        keep = min(self.keep, len(diagonal))
        weighing = Weighing(0, by_rank, by_rank, _scaled, keep, bounded=True)
        (table,) = tables(counter, groups, [weighing], f"count pairs of {self.label}")
        pairs = symmetric(table.starts, table.columns, table.values)
        return Gram(pairs, diagonal, scale, np.maximum(users, 1).astype(np.float64))

    def _counting_cost(self, train: Interactions, max_partners: int) -> CountingCost:
        """Estimates for counting, where an item has at most `max_partners` partners."""
        lengths = np.diff(train.starts).astype(np.float64)
        if self.max_length is not None:
            lengths = np.minimum(lengths, self.max_length)
        items, pairs = train.item_count, float((lengths**2).sum())
        cells = min(pairs, float(items) ** 2)
        kept = min(cells, 2.0 * items * self.keep)
        partners = (
            items - 1.0
            if max_partners >= items - 1
            else min(float(max_partners), kept / max(items, 1))
        )
        seconds = 2e-9 * pairs + 1e-8 * cells + 1e-7 * kept + 3e-7 * len(train) + 1e-3
        return CountingCost(30 * kept + 100 * len(train) + 2**25, seconds, partners)


def by_history_item(members: Ragged, weights: Array) -> dict[str, Array]:
    """Columns of weights by target become a table of rows by history item: starts, columns
    ascending, values float32. O(cells).

    Weights of zero are left out: they are no evidence.
    """
    count = len(members.starts) - 1
    table = csc_array(
        (weights.astype(np.float32), members.values, members.starts), shape=(count, count)
    ).tocsr()
    table.eliminate_zeros()
    table.sort_indices()
    return {
        "starts": table.indptr.astype(np.int64),
        "columns": table.indices.astype(np.int32),
        "values": table.data,
    }


def note_regularised(label: str, regularised: int) -> None:
    """Note how many small systems needed a larger penalty than was set."""
    if regularised:
        events.note(
            f"{label}: the pairs of {formatting.count(regularised, 'item')} had no solution after "
            "pruning; their penalties were increased (keep, l2)."
        )


def _scaled(joint: Array, left: Array, right: Array) -> Array:
    return np.asarray(joint / (left * right), np.float32)
