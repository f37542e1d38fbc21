"""What a model says so that it can be fitted from counts that were kept, without the log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

from spadework.arrays import Array, Codes, Offsets
from spadework.data.vocabulary import Vocabulary
from spadework.models.base import Recommender
from spadework.models.counting.channel import Channel


class CountedPairs(Protocol):
    """Pairs of items as they were counted, by item code."""

    @property
    def item_vocabulary(self) -> Vocabulary:
        """The items."""

    @property
    def groups(self) -> int:
        """Users, sessions or baskets."""

    @property
    def starts(self) -> Offsets:
        """Where the pairs of each item begin. Shape [items + 1]."""

    @property
    def columns(self) -> Codes:
        """The other item of each pair, ascending in a row. Shape [pairs]."""

    @property
    def joint(self) -> Array:
        """The count of each pair, above zero. Shape [pairs] float64."""

    @property
    def sizes(self) -> Array:
        """Groups with each item, or squared weights. Shape [items] float64."""

    @property
    def diagonal(self) -> Array:
        """The count of each item with itself: sizes with the damping of groups. Shape [items]
        float64.
        """

    @property
    def entries(self) -> Array:
        """Entries or events of each item that were counted. Shape [items] int64."""

    @property
    def popularity(self) -> Array:
        """Rows of the log with each item. Shape [items] int64."""

    @property
    def item_users(self) -> Array:
        """Distinct users of each item, by all of their events. Shape [items] int64."""


class FromCounts(Recommender):
    """A model whose fit reads nothing of a log but counts of pairs."""

    @property
    @abstractmethod
    def counted(self) -> Channel:
        """What must be counted. Raises `Unsuitable` where the parameters ask for more than counts
        hold.
        """

    @abstractmethod
    def _fit_counts(self, counts: CountedPairs) -> Mapping[str, Array]:
        """The learned arrays by name, as `_fit` gives them of the log."""
