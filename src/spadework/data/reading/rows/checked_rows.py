"""The chosen columns of a source, row by row: ids, times, weights and events as they are used, and
which rows are set aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Floats, Mask
from spadework.data.reading.columns.column_roles import Roles
from spadework.data.reading.columns.unused_columns import is_left_out, is_rating
from spadework.data.reading.rows.event_types import read_event_types
from spadework.data.reading.rows.no_choices import (
    Dislike,
    ExcludedItems,
    set_aside_dislikes,
    set_aside_excluded,
)
from spadework.data.reading.rows.returned_rows import OnReturns
from spadework.data.reading.set_aside import Facts, Ledger
from spadework.data.reading.values.clocks import Clock, positions_of_rows, read_clock
from spadework.data.reading.values.conditions import Condition, apply, leave_out_times
from spadework.data.reading.values.identifiers import clean_ids
from spadework.data.reading.values.numbers import read_weights
from spadework.data.reading.values.readings import TimeChoice
from spadework.data.reading.values.steps import Steps, read_steps
from spadework.data.reading.values.times_of_day import joined_clock
from spadework.errors import BadData

Duplicates = Literal["set aside", "keep"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """What to do with the rows: which roles, which events, which policy; one in `every` users is
    read.
    """

    roles: Roles
    events: tuple[str, ...] | None = None
    duplicates: Duplicates = "set aside"
    returns: OnReturns = "net"
    every: int = 1
    # what a row has to satisfy to be used, each with the frame's name of its column
    conditions: tuple[tuple[Condition, str], ...] = ()
    between: tuple[int | None, int | None] = (None, None)  # first and last second that are used
    excluded: tuple[ExcludedItems, ...] = ()  # items that are no products
    dislikes: tuple[Dislike, ...] = ()  # what makes a row a dislike
    # where the rows are a part of a source, the roles whose columns are left out; what only all
    # rows can decide is then left to the caller
    absent_in_all: frozenset[str] | None = None


@dataclass(eq=False, kw_only=True)
class CheckedColumns:
    """Columns of equal length, from which a log is made."""

    users: pl.Series
    items: pl.Series
    clock: Clock | None
    weights: Floats | None
    baskets: pl.Series | None
    events: pl.Series | None
    disliked: Mask | None = None  # rows that say a dislike
    excluded: tuple[int | str, ...] = ()  # ids of excluded items

    def kept(self, mask: NDArray[np.bool_] | None) -> CheckedColumns:
        """The rows where the mask holds."""
        if mask is None:
            return self
        chosen = pl.Series(mask)
        clock = self.clock
        if clock is not None:
            clock = Clock(
                clock.seconds[mask],
                None if clock.fine is None else clock.fine[mask],
                clock.calendar,
                clock.scale,
            )
        return CheckedColumns(
            users=self.users.filter(chosen),
            items=self.items.filter(chosen),
            clock=clock,
            weights=None if self.weights is None else self.weights[mask],
            baskets=None if self.baskets is None else self.baskets.filter(chosen),
            events=None if self.events is None else self.events.filter(chosen),
        )


def checked_columns(
    frame: pl.DataFrame,
    names: Mapping[str, str],
    plan: Plan,
    numbers: NDArray[np.int64] | None,
    ledger: Ledger,
) -> CheckedColumns:
    """The columns of a frame that is named by roles, and in `ledger` what is set aside. `names` are
    the columns by role, `numbers` the rows' numbers in the source. O(rows).
    """
    named = plan.roles.named
    in_part = plan.absent_in_all is not None
    users = clean_ids(frame["user"], "user", names["user"], ledger)
    items = clean_ids(frame["item"], "item", names["item"], ledger)
    for role, column in (("user", users), ("item", items)):
        if (
            not in_part
            and len(column)
            and column.null_count() == len(column)
            and frame[role].null_count() == len(column)
        ):
            raise BadData(
                f"The {role} column {names[role]!r} is empty throughout.",
                f"Name another column: --{role}.",
            )
    excluded = set_aside_excluded(items, plan.excluded, ledger, in_part=in_part)
    absent: set[str] = {
        role
        for role in ("time", "weight")
        if role in frame.columns
        and is_left_out(frame[role], role, names[role], role in named, ledger, in_part=in_part)
    }
    if plan.absent_in_all is not None:
        absent = set(plan.absent_in_all)
    clock = _clock(frame, names, absent, plan.roles, numbers, ledger)
    leave_out_times(clock, plan.between, ledger)
    disliked = set_aside_dislikes(frame, plan.dislikes, names, ledger)
    for condition, name in plan.conditions:
        apply(condition, frame[name], ledger, as_text=name in ("user", "item", "basket"))
    weights = (
        read_weights(
            frame["weight"],
            names["weight"],
            ledger,
            keep_returns=plan.returns == "net" and not is_rating(names["weight"]),
        )
        if "weight" in names and "weight" not in absent
        else None
    )
    events = (
        read_event_types(
            frame["event"],
            names["event"],
            plan.events,
            "event" in named,
            ledger,
            but_for=[each.event_type for each in plan.dislikes],
            in_part=in_part,
        )
        if "event" in names
        else None
    )
    baskets = (
        _baskets(frame["basket"], names["basket"], ledger, in_part) if "basket" in names else None
    )
    return CheckedColumns(
        users=users,
        items=items,
        clock=clock,
        weights=weights,
        baskets=baskets,
        events=events,
        disliked=disliked,
        excluded=excluded,
    )


def _clock(
    frame: pl.DataFrame,
    names: Mapping[str, str],
    absent: set[str],
    roles: Roles,
    numbers: NDArray[np.int64] | None,
    ledger: Ledger,
) -> Clock | None:
    if roles.time is None:
        ledger.remark("There is no time column, so there is no order of events.")
        return None
    if not roles.time.columns:
        return positions_of_rows(np.arange(frame.height) if numbers is None else numbers, ledger)
    if "time" in absent:
        return None
    return read_times(frame, names["time"], roles.time, ledger)


def read_times(frame: pl.DataFrame, name: str, time: TimeChoice, ledger: Ledger) -> Clock:
    """The clock of the column "time" of a frame of roles, and of its column "date" where the time
    of day stands alone; `name` is what the user calls it.
    """
    reading = time.reading
    steps = None if reading is None else Steps.parse(reading)
    if reading is not None and steps is not None:
        return read_steps(frame["time"], name, ledger, reading, steps)
    if "date" in frame.columns:
        return joined_clock(frame["date"], frame["time"], name, ledger, reading)
    return read_clock(frame["time"], name, ledger, reading)


BASKETS = "baskets"
"""The facts of a ledger about empty baskets."""


def are_mostly_empty(facts: Facts) -> bool:
    """Whether so many rows have no basket that the column is not used."""
    return bool(facts["empty"] * 2 > facts["rows"])


def _baskets(column: pl.Series, name: str, ledger: Ledger, in_part: bool) -> pl.Series | None:
    """Baskets as text or numbers; a row without one is a basket of its own. None where most rows
    have none.
    """
    values = column.fill_nan(None) if column.dtype.is_float() else column
    is_plain = values.dtype.is_integer() and values.dtype not in (pl.Int128, pl.UInt128)
    values = values if is_plain else values.cast(pl.String)
    if values.dtype == pl.String and (values == "").any():
        values = values.set((values == "").fill_null(False), None)

    def say(facts: Facts) -> list[str]:
        if are_mostly_empty(facts):
            return [
                f"The basket column {name!r} is empty in {facts['empty']:,} of "
                f"{formatting.count(facts['rows'], 'row')} and is not used."
            ]
        if not facts["empty"]:
            return []
        return [
            f"Without a basket in {name!r}, and therefore each a basket of its own: "
            f"{formatting.count(facts['empty'], 'row')}."
        ]

    facts = {"empty": values.null_count(), "rows": len(values)}
    ledger.tell(BASKETS, facts, say)
    return None if not in_part and are_mostly_empty(facts) else values
