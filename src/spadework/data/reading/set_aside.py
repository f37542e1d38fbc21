"""Which rows are set aside and why, while a source is read; the row account is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.arrays import Mask

Facts: TypeAlias = Mapping[str, Any]
"""What was counted: whole numbers, numbers by name, `Extremes`, or series of distinct values."""


@dataclass(frozen=True)
class Extremes:
    """The least and the largest of some numbers."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Told:
    """Remarks and counts that depend on how many rows or ids there are, made of facts when the
    account is written: facts of parts of a log can be merged before.
    """

    about: str
    facts: Facts
    say: Callable[[Facts], Sequence[str]]
    count: Callable[[Facts], Mapping[str, int]] | None = None


class Ledger:
    """A row keeps the first reason given for it. Nothing is stored until a row is set aside."""

    def __init__(self, rows: int, known: Mapping[str, str] | None = None) -> None:
        self.rows = rows
        # choices that were made on rows from everywhere, where these rows are a part of a source
        self.known: Mapping[str, str] = known or {}
        self.in_part = known is not None
        self.entries: list[str | Told] = []
        self.counts: dict[str, int] = {}
        # how the time was read, where that is more than a unit: such as "day-first"
        self.time_reading: str | None = None
        self._reasons: list[str] = []
        # choices that all parts of a source have to share: what it is about → what was chosen
        self.choices: dict[str, str] = {}
        # number of the reason, counted from 1; 0 is used
        self._marks: NDArray[np.int16] | None = None

    def set_aside(self, where: Mask | pl.Series, reason: str) -> None:
        """Set aside the rows where the mask holds, unless they are already."""
        mask = where.to_numpy() if isinstance(where, pl.Series) else where
        if not mask.any():
            return
        if self._marks is None:
            self._marks = np.zeros(self.rows, np.int16)
        if reason not in self._reasons:
            self._reasons.append(reason)
        self._marks[mask & (self._marks == 0)] = self._reasons.index(reason) + 1

    def remark(self, sentence: str) -> None:
        """Keep a sentence for users about a choice that was made."""
        if sentence not in self.entries:
            self.entries.append(sentence)

    def tell(
        self,
        about: str,
        facts: Facts,
        say: Callable[[Facts], Sequence[str]],
        count: Callable[[Facts], Mapping[str, int]] | None = None,
    ) -> None:
        """Keep sentences that are made of facts, and counts for the checks."""
        self.entries.append(Told(about, facts, say, count))

    def choose(self, about: str, chosen: str) -> str:
        """Keep a choice that the other parts of a source have to make, too; what is known already
        goes before what was `chosen`.
        """
        self.choices[about] = self.known.get(about, chosen)
        return self.choices[about]

    @property
    def remarks(self) -> list[str]:
        """The sentences for users, in the order in which they came up."""
        found: list[str] = []
        for entry in self.entries:
            found += [entry] if isinstance(entry, str) else entry.say(entry.facts)
        return list(dict.fromkeys(found))

    def all_counts(self) -> dict[str, int]:
        """Facts for the checks, by name."""
        found = dict(self.counts)
        for entry in self.entries:
            if isinstance(entry, Told) and entry.count is not None:
                found |= entry.count(entry.facts)
        return found

    def used(self) -> Mask | None:
        """Mask of the rows that are used; None means all of them. Shape [rows]."""
        return None if self._marks is None else self._marks == 0

    def totals(self) -> dict[str, int]:
        """Reason → number of rows, in the order in which reasons came up; no zeros."""
        if self._marks is None:
            return {}
        sums = np.bincount(self._marks, minlength=len(self._reasons) + 1)
        return {
            reason: int(sums[at]) for at, reason in enumerate(self._reasons, start=1) if sums[at]
        }

    def aside(self) -> tuple[NDArray[np.int64], list[str]]:
        """Positions of the rows set aside, ascending, and the reason of each."""
        if self._marks is None:
            return np.zeros(0, np.int64), []
        at = np.flatnonzero(self._marks)
        return at, [self._reasons[mark - 1] for mark in self._marks[at]]
