"""The chosen columns of a source, checked and coded, to a log and its row account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework import formatting
from spadework.arrays import Floats, Mask
from spadework.data.interactions import Interactions
from spadework.data.reading.columns.column_roles import Roles
from spadework.data.reading.columns.second_look import (
    FirstRows,
    UsedRows,
    second_look,
    telling_words,
)
from spadework.data.reading.columns.unused_columns import is_left_out, is_rating
from spadework.data.reading.rows.accounting import account_of
from spadework.data.reading.rows.event_types import read_event_types
from spadework.data.reading.rows.no_choices import (
    DISLIKED,
    EXCLUDED,
    Dislike,
    ExcludedItems,
    set_aside_dislikes,
    set_aside_excluded,
    with_dislikes,
)
from spadework.data.reading.rows.returned_rows import OF_NOTHING, OnReturns
from spadework.data.reading.rows.sorted_log import sorted_log
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import Table
from spadework.data.reading.values.clocks import Clock, positions_of_rows, read_clock
from spadework.data.reading.values.conditions import (
    NOT_POSITIVE,
    TOO_EARLY,
    TOO_LATE,
    Condition,
    apply,
    leave_out_times,
)
from spadework.data.reading.values.identifiers import clean_ids, count_near_twins
from spadework.data.reading.values.numbers import read_weights
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


@dataclass(eq=False, kw_only=True)
class _Columns:
    """Columns of equal length, from which a log is made."""

    users: pl.Series
    items: pl.Series
    clock: Clock | None
    weights: Floats | None
    baskets: pl.Series | None
    events: pl.Series | None
    disliked: Mask | None = None  # rows that say a dislike
    excluded: tuple[int | str, ...] = ()  # ids of excluded items

    def kept(self, mask: NDArray[np.bool_] | None) -> _Columns:
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
            )
        return _Columns(
            users=self.users.filter(chosen),
            items=self.items.filter(chosen),
            clock=clock,
            weights=None if self.weights is None else self.weights[mask],
            baskets=None if self.baskets is None else self.baskets.filter(chosen),
            events=None if self.events is None else self.events.filter(chosen),
        )


def assemble(
    frame: pl.DataFrame, table: Table, plan: Plan, numbers: NDArray[np.int64] | None = None
) -> Interactions:
    """The log of a frame whose columns are named by their roles. `numbers` are the rows' numbers
    in the source.

    Raises BadData when no row is left. Time: one pass a column, one sort.
    """
    ledger = Ledger(frame.height)
    for remark in (*table.remarks, *plan.roles.remarks):
        ledger.remark(remark)
    for reason, mask in table.aside.items():
        ledger.set_aside(_of_rows(mask, table, numbers), reason)
    names = plan.roles.columns()
    columns = _checked(frame, names, plan, numbers, ledger)
    used = ledger.used()
    if used is not None and not used.any():
        raise _nothing_left(table, ledger)
    kept = columns.kept(used)
    keep = plan.duplicates == "keep"
    guests = names["user"] if table.of_user else None
    log, aside = sorted_log(
        kept, ledger, names.get("weight", ""), keep_duplicates=keep, guests=guests
    )
    for reason, dropped in aside.items():
        where = np.zeros(frame.height, np.bool_)
        where[np.arange(frame.height)[used][dropped] if used is not None else dropped] = True
        ledger.set_aside(where, reason)
    if not len(log) and frame.height:
        raise _nothing_left(table, ledger)
    if columns.disliked is not None:
        pairs = columns.kept(columns.disliked)
        log = with_dislikes(log, pairs.users, pairs.items, pairs.clock, ledger)
    _observe(log, kept.clock, ledger)
    unused = {
        role
        for role, column in (
            ("time", log.times),
            ("weight", log.weights),
            ("basket", log.baskets),
            ("event", columns.events),
        )
        if column is None
    }
    present = {role: column for role, column in names.items() if role not in unused}
    if "time" in present and ledger.time_reading is not None:
        present["time"] = f"{present['time']}:{ledger.time_reading}"
    account = account_of(frame, table, present, ledger, plan.every, numbers, len(log))
    taken = {column for role, column in plan.roles.fetched().items() if role not in unused}
    taken |= {condition.column for condition, _ in plan.conditions}
    taken |= {condition.column for each in plan.dislikes for condition, _ in each.rule}
    taken |= set(table.of_user)
    taken |= {names["weight"]} if "returns" in ledger.counts else set()
    others = tuple(column for column in table.columns if column not in taken)
    rows = UsedRows(ledger.used(), {names[role]: frame[role] for role in ("user", "item")})
    first = FirstRows(table, rows)
    account = replace(
        account,
        other_columns=others,
        unread=second_look(first, others),
        unread_words=telling_words(first, others),
        excluded_items=columns.excluded,
    )
    return replace(log, account=account)


def _of_rows(mask: Mask, table: Table, numbers: NDArray[np.int64] | None) -> Mask:
    """A mask over the rows of a table, for those with these numbers."""
    if numbers is None or len(numbers) == len(mask):
        return mask
    part: Mask = mask[np.searchsorted(table.row_numbers(), numbers)]
    return part


def _checked(
    frame: pl.DataFrame,
    names: Mapping[str, str],
    plan: Plan,
    numbers: NDArray[np.int64] | None,
    ledger: Ledger,
) -> _Columns:
    named = plan.roles.named
    users = clean_ids(frame["user"], "user", names["user"], ledger)
    items = clean_ids(frame["item"], "item", names["item"], ledger)
    for role, column in (("user", users), ("item", items)):
        if (
            len(column)
            and column.null_count() == len(column)
            and frame[role].null_count() == len(column)
        ):
            raise BadData(
                f"The {role} column {names[role]!r} is empty throughout.",
                f"Name another column: --{role}.",
            )
    excluded = set_aside_excluded(items, plan.excluded, ledger)
    absent: set[str] = {
        role
        for role in ("time", "weight")
        if role in frame.columns
        and is_left_out(frame[role], role, names[role], role in named, ledger)
    }
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
        )
        if "event" in names
        else None
    )
    baskets = _baskets(frame["basket"], names["basket"], ledger) if "basket" in names else None
    return _Columns(
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
    name, reading = names["time"], roles.time.reading
    steps = None if reading is None else Steps.parse(reading)
    if reading is not None and steps is not None:
        return read_steps(frame["time"], name, ledger, reading, steps)
    if "date" in frame.columns:
        return joined_clock(frame["date"], frame["time"], name, ledger, reading)
    return read_clock(frame["time"], name, ledger, reading)


def _baskets(column: pl.Series, name: str, ledger: Ledger) -> pl.Series | None:
    """Baskets as text or numbers; a row without one is a basket of its own. None where most rows
    have none.
    """
    values = column.fill_nan(None) if column.dtype.is_float() else column
    is_plain = values.dtype.is_integer() and values.dtype not in (pl.Int128, pl.UInt128)
    values = values if is_plain else values.cast(pl.String)
    if values.dtype == pl.String and (values == "").any():
        values = values.set((values == "").fill_null(False), None)
    empty = values.null_count()
    if empty * 2 > len(values):
        ledger.remark(
            f"The basket column {name!r} is empty in {empty:,} of "
            f"{formatting.count(len(values), 'row')} and is not used."
        )
        return None
    if empty:
        ledger.remark(
            f"Without a basket in {name!r}, and therefore each a basket of its own: "
            f"{formatting.count(empty, 'row')}."
        )
    return values


def _observe(log: Interactions, clock: Clock | None, ledger: Ledger) -> None:
    """Facts for the checks."""
    count_near_twins(log.user_vocabulary.ids, "user", ledger)
    count_near_twins(log.item_vocabulary.ids, "item", ledger)
    if len(log):
        ledger.counts["rows_of_busiest_user"] = int(np.bincount(log.users).max())
    if log.times is not None and len(log) > 1 and log.times.min() == log.times.max():
        equal_inside = clock is None or clock.fine is None or clock.fine.min() == clock.fine.max()
        if equal_inside:
            ledger.counts["all_times_equal"] = 1
            ledger.remark("All times are equal, so there is no order of events.")


def _nothing_left(table: Table, ledger: Ledger) -> BadData:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in ledger.totals().items())
    return BadData(
        f"No row of {table.name} can be used: {reasons}.",
        _by_rules(ledger)
        or "Check which columns are meant with --user, --item, --time and --weight.",
    )


def _by_rules(ledger: Ledger) -> str:
    """What to do where rules of the user's own set aside most of the rows; nothing where they do
    not.
    """
    rules = {
        EXCLUDED: "exclude_items",
        DISLIKED: "dislikes",
        NOT_POSITIVE: "positive",
        TOO_EARLY: "since",
        TOO_LATE: "until",
    }
    rows: dict[str, int] = {}
    if ledger.totals().get(OF_NOTHING, 0) * 2 >= ledger.rows:
        return (
            "Give the earlier purchases, too; where numbers below zero are no returns, read "
            "another column as --weight, or none: --weight -."
        )
    for reason, count in ledger.totals().items():
        for begins, rule in rules.items():
            if reason.startswith(begins):
                rows[rule] = rows.get(rule, 0) + count
    if sum(rows.values()) * 2 < ledger.rows:
        return ""
    return f"These rules leave out too much: {', '.join(sorted(rows))}."
