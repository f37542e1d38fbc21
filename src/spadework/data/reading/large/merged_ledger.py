"""The ledgers of the parts of a source as one: what is said of all rows, and what was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from spadework import formatting
from spadework.data.reading.rows.accounting import rows_set_aside
from spadework.data.reading.set_aside import Extremes, Facts, Ledger, Told
from spadework.data.reading.tables import RowNumbers
from spadework.errors import BadData

MOST_ASIDE = 1_000_000
"""As many rows that were set aside are kept with their values."""


class MergedLedger:
    """What the ledgers of all parts say. Sentences and reasons come in the order that they have in
    each part.
    """

    def __init__(self, ends: Sequence[int], remarks: Sequence[str] = ()) -> None:
        self.ledger = Ledger(0)
        self.ledger.entries += remarks
        self.totals: dict[str, int] = {}
        # [of reason and file] rows set aside; `ends` is the last row of each file
        self.by_file: list[pl.DataFrame] = []
        self._ends = np.asarray(ends, np.int64)
        self._aside: list[pl.DataFrame] = []
        self._kept = 0
        self._choices: dict[str, tuple[str, int]] = {}

    def add(self, part: Ledger, frame: pl.DataFrame, numbers: RowNumbers) -> None:
        """The ledger of rows with these numbers. Raises BadData where it makes another choice than
        those before.
        """
        for about, chosen in part.choices.items():
            known, row = self._choices.setdefault(about, (chosen, int(numbers[0])))
            if known != chosen:
                raise BadData(
                    f"Not the same in all rows: {about}, {known} from row {row:,} on, {chosen} "
                    f"from row {int(numbers[0]):,} on.",
                    "Write the column in one way throughout.",
                )
        self.ledger.counts |= part.counts
        self.ledger.time_reading = part.time_reading or self.ledger.time_reading
        self._add_entries(part.entries)
        totals = part.totals()
        order = _merged_order(list(self.totals), list(totals))
        self.totals = {
            reason: self.totals.get(reason, 0) + totals.get(reason, 0) for reason in order
        }
        at, reasons = part.aside()
        if not self._aside:  # the names of the columns are known from now on
            self._aside.append(rows_set_aside(np.zeros(0, np.int64), [], frame.clear()))
        if len(at):
            self.set_aside(numbers[at], reasons, frame[at])

    def set_aside(self, rows: RowNumbers, reasons: Sequence[str], values: pl.DataFrame) -> None:
        """Keep rows with their reasons, as far as there is room; `values` are those of the rows."""
        files = np.searchsorted(self._ends, rows)
        found = pl.DataFrame({"reason": pl.Series(reasons, dtype=pl.String), "at": files})
        self.by_file.append(found.group_by("reason", "at", maintain_order=True).len())
        room = max(MOST_ASIDE - self._kept, 0)
        if room:
            self._aside.append(rows_set_aside(rows[:room], reasons[:room], values[:room]))
            self._kept += len(self._aside[-1]) if values.width else 0

    @property
    def has_room(self) -> bool:
        """Whether further rows are kept with their values."""
        return self._kept < MOST_ASIDE

    def rows_set_aside(self) -> pl.DataFrame:
        """Number, reason and values of the rows, in order of their numbers."""
        empty = rows_set_aside(np.zeros(0, np.int64), [], pl.DataFrame())
        return pl.concat([empty, *self._aside], how="diagonal").sort("row", maintain_order=True)

    def tell_kept(self, total: int) -> None:
        """Say where not all rows that were set aside are kept."""
        if total > self._kept:
            self.ledger.remark(
                f"Set aside: {formatting.count(total, 'row')}, of which the values of "
                f"{self._kept:,} are kept."
            )

    def rename(self, reasons: Mapping[str, str]) -> None:
        """Other reasons for some rows."""
        totals: dict[str, int] = {}
        for reason, rows in self.totals.items():
            name = reasons.get(reason, reason)
            totals[name] = totals.get(name, 0) + rows
        self.totals = totals
        new = pl.col("reason").replace(dict(reasons))
        self._aside = [frame.with_columns(new) for frame in self._aside]
        self.by_file = [frame.with_columns(new) for frame in self.by_file]

    def facts(self, about: str) -> Facts | None:
        """What was counted; None where nothing was."""
        for entry in self.ledger.entries:
            if isinstance(entry, Told) and entry.about == about:
                return entry.facts
        return None

    def know(self, about: str, value: Any) -> None:
        """Replace a fact that only all rows can tell, wherever it stands."""
        self.ledger.entries = [
            Told(entry.about, {**entry.facts, about: value}, entry.say, entry.count)
            if isinstance(entry, Told) and about in entry.facts
            else entry
            for entry in self.ledger.entries
        ]

    def _add_entries(self, entries: Sequence[str | Told]) -> None:
        mine = {_key(entry): at for at, entry in enumerate(self.ledger.entries)}
        order = _merged_order(list(mine), list(dict.fromkeys(map(_key, entries))))
        found: dict[str, str | Told] = dict(zip(mine, self.ledger.entries, strict=True))
        for entry in entries:
            known = found.get(_key(entry))
            if isinstance(entry, Told) and isinstance(known, Told):
                facts = merged_facts(known.facts, entry.facts)
                entry = Told(entry.about, facts, entry.say, entry.count)
            found[_key(entry)] = entry
        self.ledger.entries = [found[key] for key in order]


def merged_facts(one: Facts, other: Facts) -> dict[str, Any]:
    """The facts of two parts of a source as those of both."""
    return {
        name: _merged(one[name], other[name]) if name in one and name in other else value
        for name, value in {**other, **one}.items()
    }


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, Extremes):
        return Extremes(min(one.low, other.low), max(one.high, other.high))
    if isinstance(one, pl.Series):
        return pl.concat([one, other]).unique()
    if isinstance(one, dict):
        added = {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
        return dict(sorted(added.items(), key=lambda each: -each[1]))
    return one if isinstance(one, str) else one + other


def _key(entry: str | Told) -> str:
    return entry if isinstance(entry, str) else f"told: {entry.about}"


def _merged_order(known: list[str], further: list[str]) -> list[str]:
    """Both lists as one: what is new stands behind what it follows in its own list."""
    order, place = list(known), 0
    for name in further:
        if name in order:
            place = order.index(name) + 1
        else:
            order.insert(place, name)
            place += 1
    return order
