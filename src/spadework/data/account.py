"""The row account: what was read, what is used, what was set aside and why. It adds up or it does
not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.copies import by_constructor


@dataclass(frozen=True, eq=False, kw_only=True)
class UnreadColumn:
    """A column that plays no role and whose name speaks of a judgement, an amount or a return, with
    the numbers of its first rows.
    """

    name: str
    values: NDArray[np.float64]  # of the rows that hold a number
    rows: int  # rows that were looked at
    are_numbers: bool = True  # else amounts with a sign of a currency, which no rule compares


@dataclass(frozen=True, kw_only=True)
class UnreadWords:
    """A column that plays no role and some of whose values say that a row is no choice, such as
    `refunded`, with their rows among the first ones, the most frequent first.
    """

    name: str
    words: tuple[tuple[str, int], ...]
    rows: int  # rows that were looked at


@dataclass(frozen=True, kw_only=True)
class PartAccount:
    """The rows of one file of several: `read == used + Σ set_aside`, checked on construction."""

    source: str
    read: int
    used: int
    set_aside: tuple[tuple[str, int], ...] = ()  # reason and rows

    def __post_init__(self) -> None:
        missing = self.read - self.used - sum(rows for _, rows in self.set_aside)
        if missing:
            raise AssertionError(f"{missing} rows of {self.source} are unaccounted for")

    def as_json(self) -> dict[str, Any]:
        """As a part of the account of all files."""
        rows = {"read": self.read, "used": self.used, "set_aside": dict(self.set_aside)}
        return {"source": self.source, "rows": rows}


@dataclass(frozen=True, eq=False, kw_only=True)
class RowAccount:
    """`read == used + Σ set_aside`, checked on construction.

    `columns` maps each role (user, item, time, weight, event, basket) to the column's own name.
    `remarks` are sentences for users about choices that the reader made (unit of time, delimiter,
    merged ids). `rows_set_aside` holds the rows themselves, with their number in the source (`row`,
    the first data row is 1) and the `reason`.
    """

    source: str
    read: int
    used: int
    set_aside: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    other_columns: tuple[str, ...] = ()  # columns of the source that play no role
    unread: tuple[UnreadColumn, ...] = ()  # those of them that checks look at
    unread_words: tuple[UnreadWords, ...] = ()
    remarks: tuple[str, ...] = ()
    # facts for the checks, such as ids that differ only by blanks
    counts: Mapping[str, int] = field(default_factory=dict)
    rows_set_aside: pl.DataFrame | None = None
    excluded_items: tuple[int | str, ...] = ()  # ids of items that are no products
    parts: tuple[PartAccount, ...] = ()  # of each file, where there are several

    def __post_init__(self) -> None:
        missing = self.read - self.used - sum(self.set_aside.values())
        if missing:
            raise AssertionError(
                f"row account of {self.source}: {missing} rows of {self.read} are unaccounted for"
            )
        for name in ("set_aside", "columns", "counts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        return by_constructor(self)

    def as_json(self) -> dict[str, Any]:
        """The part of `look --json` that scripts rely on, and what else is known."""
        return {
            "source": self.source,
            "columns": dict(self.columns),
            "other_columns": list(self.other_columns),
            "rows": {"read": self.read, "used": self.used, "set_aside": dict(self.set_aside)},
            "remarks": list(self.remarks),
            "counts": dict(self.counts),
            "excluded_items": list(self.excluded_items),
            "parts": [part.as_json() for part in self.parts],
        }
