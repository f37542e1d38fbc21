"""What answers for a model: a value made of the learned arrays that scores histories.

A model learns; its scorer answers. There are few kinds of scorers, by what was learned: a sparse
table (`table_scorer`), a dense matrix (`linear/matrix_scorer`), a pair of sparse factors
(`linear/sansa`), a vector of each item (`factors/vector_scorer`), one list for all
(`common_list`), and the general case here, which computes all scores of a block of users.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest
from spadework.kernels.ranking import top_k
from spadework.models.histories import DistinctItems, Histories
from spadework.models.needs import Repeats
from spadework.ragged import Ragged, SparseRows


class Reader(Protocol):
    """What is read of a user's events: a value with a hash. Equal readers read the same, so a
    mixture reads once for all parts with equal readers.
    """

    def read(self, log: Interactions, users: Codes) -> Histories:
        """The histories of these users, in their order."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """What a score is the sum of, or what it is compared by: one entry for each item of a history,
    as a rule.
    """

    items: Codes  # [entries] −1 where a contribution is of no item, such as popularity
    values: Array  # [entries] float64
    columns: Mapping[str, pl.Series] = field(default_factory=dict)  # further facts of each entry

    def frame(self, items: Vocabulary) -> pl.DataFrame:
        """item_id (null for none), further columns, contribution; descending, ties as they are."""
        of_items = pl.Series(self.items >= 0, dtype=pl.Boolean)
        return (
            pl.DataFrame(
                {
                    "item_id": items.take(np.maximum(self.items, 0)),
                    **self.columns,
                    "contribution": pl.Series(self.values, dtype=pl.Float64),
                }
            )
            .with_columns(pl.when(of_items).then("item_id"))
            .sort("contribution", descending=True, maintain_order=True)
        )


class Scorer(ABC):
    """Scores from histories. What a method gives for a user depends on that user's history alone,
    to the bit, whatever other users are in the block.
    """

    @property
    def reader(self) -> Reader:
        """What is read of a user: distinct items, as a rule."""
        return DistinctItems()

    @abstractmethod
    def scores(self, histories: Histories) -> Array:
        """Scores of all items [users, items] float32; −∞ where there is no evidence."""

    @abstractmethod
    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        """What `scores` holds at some items of each user, to the bit: float32 [cells]. The values
        of `targets` are not read.
        """

    @abstractmethod
    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        """The `k` best of `scores`: codes [users, k] and scores [users, k], −1 and −∞ behind the
        last. `allowed` [items] masks the candidates.
        """

    @abstractmethod
    def row_cells(self, k: int) -> int:
        """Scores held for a user while lists of `k` are made; it limits the users of a block."""

    def filling(self, repeats: Repeats) -> Repeats:
        """The policy of repeats for the popular items that fill a list up."""
        return repeats

    def from_history(self, items: Codes, history: Codes) -> Mask:
        """Which items of a list of this scorer are there for what the only user did, whose history
        holds the items `history`: all as a rule, also of a mixture, since its parts add up.
        """
        return np.full(len(items), True)

    def reusing(self, other: Scorer) -> Scorer:
        """This scorer with what another one has derived from the same learned arrays, such as an
        index; as a rule nothing was derived.
        """
        return self

    def without(self, unwanted: Ragged) -> Scorer:
        """This scorer, where it must know what users must not be shown (row u of `unwanted`: items
        of the log's user u), since the scores of other items depend on what is in its lists. As a
        rule they do not, and such items are struck out of its lists.
        """
        return self

    def derived(self) -> Sequence[Array]:
        """Arrays that were derived from the learned ones and are kept with them, so that they count
        as memory of the model.
        """
        return ()

    def while_answering(self) -> AbstractContextManager[object]:
        """What is entered once around all blocks of a request."""
        return nullcontext()

    @abstractmethod
    def wrong(self, items: int) -> str | None:
        """What is wrong with arrays that come from a file, since kernels check nothing; None when
        they fit `items` items.
        """


@runtime_checkable
class HasRows(Protocol):
    """A scorer that also knows which items are similar."""

    def row(self, code: int) -> Array:
        """How similar every item is to this one: float32 [items], −∞ for itself and where nothing
        is known.
        """


@runtime_checkable
class HasContributions(Protocol):
    """A scorer whose scores have parts that can be shown."""

    def contributions(self, histories: Histories, code: int) -> Contributions:
        """What the items of the only history in the block contribute to the score of one item."""


class AllScores(Scorer):
    """The general case: lists and cells are taken from all scores of a block."""

    @property
    @abstractmethod
    def items(self) -> int:
        """Number of items."""

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return at_cells(self.scores(histories), targets)

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        return best_of(self.scores(histories), histories, k, repeats, allowed)

    def row_cells(self, k: int) -> int:
        return self.items


@dataclass(frozen=True, eq=False)
class ByFunction(AllScores):
    """All scores [users, items] of a block by a function of the histories. It has no arrays that
    could be checked, so the shape of what the function gives is.
    """

    function: Callable[[Histories], Array]
    item_count: int
    reads: Reader = field(default_factory=DistinctItems)

    @property
    def items(self) -> int:
        return self.item_count

    @property
    def reader(self) -> Reader:
        return self.reads

    def scores(self, histories: Histories) -> Array:
        scores = np.ascontiguousarray(self.function(histories), np.float32)
        if scores.shape != (len(histories), self.items):
            raise BadRequest(
                f"The scores have the shape {scores.shape} for "
                f"{formatting.count(len(histories), 'user')} and "
                f"{formatting.count(self.items, 'item')}.",
                "Return one row a user and one column an item; where the model was loaded, fit it "
                "again.",
            )
        return scores

    def wrong(self, items: int) -> str | None:
        return None if self.items == items else "the number of items is not that of the scores"


def at_cells(scores: Array, targets: SparseRows) -> Array:
    """Some items of each row of scores [users, items]. Shape [cells]."""
    users = targets.owners
    return np.asarray(scores[users, targets.columns])


def best_of(
    scores: Array, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
) -> tuple[Codes, Array]:
    """The `k` best of all scores [users, items] float32, in which those that may not be chosen are
    overwritten.
    """
    if repeats != "allow":
        top_k.exclude(scores, histories.starts, histories.items, only=repeats == "only")
    if allowed is not None:
        top_k.keep_candidates(scores, allowed)
    return top_k.top_k(scores, k)
