"""What a driver of a database on a server gives: relations and their rows, of one moment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What rows are selected from: a table, a view or a query."""

    name: str  # as users and messages name it
    source: str  # as a statement names it
    computed: bool  # a view or a query
    kept: bool  # the same rows in one order each time
    columns: tuple[str, ...] = ()


class Lost(Exception):
    """The server or the connection failed; its text is one sentence without a full stop."""


class Snapshot(ABC):
    """A connection whose statements all see the database at one moment, and which changes nothing.
    Whatever fails is `Lost`.
    """

    @abstractmethod
    def relations(self) -> list[Relation]:
        """Tables and views that can be read."""

    @abstractmethod
    def query(self, text: str) -> Relation:
        """A query as what rows are selected from."""

    @abstractmethod
    def columns(self, relation: Relation) -> Mapping[str, str]:
        """Column → how it is selected, so that a frame can hold it."""

    @abstractmethod
    def count(self, relation: Relation) -> int:
        """The number of rows."""

    @abstractmethod
    def frames(
        self, relation: Relation, asked: Sequence[str], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        """Batches of what is asked for, the first of them perhaps without rows."""
