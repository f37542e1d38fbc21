"""Which rows are set aside and why, while a source is read; the row account is made of it."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.arrays import Mask


class Ledger:
    """A row keeps the first reason given for it. Nothing is stored until a row is set aside."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.remarks: list[str] = []
        self.counts: dict[str, int] = {}
        # how the time was read, where that is more than a unit: such as "day-first"
        self.time_reading: str | None = None
        self._reasons: list[str] = []
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
        if sentence not in self.remarks:
            self.remarks.append(sentence)

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
