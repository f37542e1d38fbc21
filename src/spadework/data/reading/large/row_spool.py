"""Checked rows as frames of plain columns, and what has to be known of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from spadework.arrays import Array, Mask
from spadework.data.reading.large.dealt_rows import USER
from spadework.data.reading.rows.checked_rows import CheckedColumns, Plan
from spadework.data.reading.tables import RowNumbers
from spadework.data.reading.values.clocks import MICRO, Clock
from spadework.data.reading.values.whole_times import FIRST
from spadework.errors import BadData

_UNITED = 16
"""Series of distinct ids are united once there are so many."""


@dataclass(eq=False)
class DistinctIds:
    """The distinct ids of series that come one after the other."""

    _series: list[pl.Series] = field(default_factory=list)

    def add(self, ids: pl.Series) -> None:
        """Further ids."""
        self._series.append(ids.unique())
        if len(self._series) > _UNITED:
            self._series = [self.all()]

    def all(self) -> pl.Series:
        """All of them, in any order."""
        return pl.concat(self._series).unique()


@dataclass(eq=False)
class RowSpool:
    """Makes frames of checked rows: user, item, and clock, weight, basket, event, row."""

    plan: Plan
    all_rows: bool  # of the source are read
    times_may_be_finer: bool  # in other parts: they are texts, or numbers with decimals
    items: DistinctIds = field(default_factory=DistinctIds)
    every_item: DistinctIds = field(default_factory=DistinctIds)  # of rows set aside, too
    event_names: dict[str, int] = field(default_factory=dict)
    excluded: set[int | str] = field(default_factory=set)
    disliked: list[tuple[pl.Series, pl.Series, Array | None]] = field(default_factory=list)
    # event types of rows with weights below zero, and of those above
    returned_types: set[str] = field(default_factory=set)
    taken_types: set[str] = field(default_factory=set)
    # of the rows that are used
    lightest: float = np.inf
    heaviest: float = -np.inf
    are_single: bool = True  # weights lose nothing in single precision
    calendar: bool | None = None
    scale: int = 0  # units of the clock in a second; 0 before any is known
    earliest: int = 2**62
    latest: int = -(2**62)

    def rows_of(
        self, columns: CheckedColumns, used: Mask | None, numbers: RowNumbers
    ) -> pl.DataFrame:
        """The rows that are used of a part of the source, in their order."""
        kept = columns.kept(used)
        if self.plan.excluded:
            self.every_item.add(columns.items.drop_nulls())
            self.excluded |= set(columns.excluded)
        if columns.disliked is not None and columns.disliked.any():
            pairs = columns.kept(columns.disliked)
            seconds = None if pairs.clock is None else pairs.clock.seconds
            self.disliked.append((pairs.users, pairs.items, seconds))
        self.items.add(kept.items)
        found: dict[str, pl.Series] = {USER: kept.users, "item": kept.items}
        if kept.clock is not None:
            found["clock"] = pl.Series(self._clock(kept.clock, numbers, used))
        if kept.weights is not None:
            found["weight"] = pl.Series(self._weights(kept.weights))
        if kept.baskets is not None:
            found["basket"] = kept.baskets
        if kept.events is not None:
            found["event"] = self._events(kept.events)
            if kept.weights is not None and len(kept.weights) and float(kept.weights.min()) < 0:
                self.returned_types |= set(kept.events.filter(kept.weights < 0).unique())
            if kept.weights is not None:
                self.taken_types |= set(kept.events.filter(kept.weights > 0).unique())
        found["row"] = pl.Series(numbers if used is None else numbers[used])
        return pl.DataFrame({name: series.alias(name) for name, series in found.items()})

    def _clock(self, clock: Clock, numbers: RowNumbers, used: Mask | None) -> Array:
        time = self.plan.roles.time
        if time is not None and not time.columns:
            self.calendar = False
            # rows are counted from 0 where none is left out before
            own = numbers - 1 if self.all_rows else numbers
            return own if used is None else own[used]
        if not len(clock.seconds):
            return clock.seconds.astype(np.int64)
        if self.calendar not in (None, clock.calendar):
            raise BadData(
                f"Some times of the log are dates and others are none; row {numbers[0]:,} is the "
                "first of another kind.",
                "Write them all in one way, or leave the time out: --time -.",
            )
        self.calendar = clock.calendar
        if not clock.calendar:
            if clock.ranked:
                raise BadData(
                    "The positions that stand for times have decimals or reach "
                    f"{FIRST:,}; in a log that does not fit into memory they are whole numbers "
                    "below that.",
                    "Give dates or epoch seconds, or the order of the rows: --time @row.",
                )
            values = clock.seconds
        else:
            values = self._in_one_scale(clock)
        self.earliest = min(self.earliest, int(values.min()))
        self.latest = max(self.latest, int(values.max()))
        return values

    def _in_one_scale(self, clock: Clock) -> Array:
        """A clock in a unit that suits all parts: numbers with and without decimals differ in it,
        and so do texts.
        """
        if not self.scale:
            self.scale = max(clock.scale, MICRO if self.times_may_be_finer else 1)
        values = clock.seconds * clock.scale if clock.fine is None else clock.fine
        return values * (self.scale // clock.scale)

    def _weights(self, weights: Array) -> Array:
        if len(weights):
            self.lightest = min(self.lightest, float(weights.min()))
            self.heaviest = max(self.heaviest, float(weights.max()))
            with np.errstate(over="ignore"):
                self.are_single &= bool((weights.astype(np.float32) == weights).all())
        return weights

    def _events(self, events: pl.Series) -> pl.Series:
        for name in events.unique().to_list():
            self.event_names.setdefault(name, len(self.event_names))
        codes = events.replace_strict(
            list(self.event_names), list(self.event_names.values()), return_dtype=pl.Int32
        )
        return codes.rechunk()
