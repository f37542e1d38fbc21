"""The chosen columns of a source, checked and coded, to a log and its row account."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.arrays import Mask
from spadework.data.interactions import Interactions
from spadework.data.reading.columns.second_look import (
    FirstRows,
    UsedRows,
    second_look,
    telling_words,
)
from spadework.data.reading.rows.accounting import account_of
from spadework.data.reading.rows.checked_rows import Plan, checked_columns
from spadework.data.reading.rows.no_choices import DISLIKED, EXCLUDED, with_dislikes
from spadework.data.reading.rows.returned_rows import OF_NOTHING
from spadework.data.reading.rows.sorted_log import sorted_log
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.tables import Table
from spadework.data.reading.values.clocks import Clock
from spadework.data.reading.values.conditions import NOT_POSITIVE, TOO_EARLY, TOO_LATE
from spadework.data.reading.values.identifiers import count_near_twins
from spadework.errors import BadData


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
    columns = checked_columns(frame, names, plan, numbers, ledger)
    used = ledger.used()
    if used is not None and not used.any():
        raise nothing_left(table, ledger.totals(), ledger.rows)
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
        raise nothing_left(table, ledger.totals(), ledger.rows)
    if columns.disliked is not None:
        pairs = columns.kept(columns.disliked)
        times = None if pairs.clock is None else pairs.clock.seconds
        log = with_dislikes(log, pairs.users, pairs.items, times, ledger)
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
    others = columns_without_role(table, plan, unused, netted="returns" in ledger.all_counts())
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


def columns_without_role(
    table: Table, plan: Plan, unused: Collection[str], *, netted: bool
) -> tuple[str, ...]:
    """The columns of a table that nothing was taken from; `unused` are roles whose columns are not
    used, and `netted` says that weights were, if only for returns.
    """
    taken = {column for role, column in plan.roles.fetched().items() if role not in unused}
    taken |= {condition.column for condition, _ in plan.conditions}
    taken |= {condition.column for each in plan.dislikes for condition, _ in each.rule}
    taken |= set(table.of_user)
    taken |= {plan.roles.columns()["weight"]} if netted else set()
    return tuple(column for column in table.columns if column not in taken)


def _of_rows(mask: Mask, table: Table, numbers: NDArray[np.int64] | None) -> Mask:
    """A mask over the rows of a table, for those with these numbers."""
    if numbers is None or len(numbers) == len(mask):
        return mask
    part: Mask = mask[np.searchsorted(table.row_numbers(), numbers)]
    return part


def observe_ids(log: Interactions, ledger: Ledger) -> None:
    """Count ids that are nearly the same, for the checks."""
    count_near_twins(log.user_vocabulary.ids, "user", ledger)
    count_near_twins(log.item_vocabulary.ids, "item", ledger)


def _observe(log: Interactions, clock: Clock | None, ledger: Ledger) -> None:
    """Facts for the checks."""
    observe_ids(log, ledger)
    if len(log):
        ledger.counts["rows_of_busiest_user"] = int(np.bincount(log.users).max())
    if log.times is not None and len(log) > 1 and log.times.min() == log.times.max():
        equal_inside = clock is None or clock.fine is None or clock.fine.min() == clock.fine.max()
        if equal_inside:
            ledger.counts["all_times_equal"] = 1
            ledger.remark("All times are equal, so there is no order of events.")


def nothing_left(table: Table, totals: Mapping[str, int], rows: int) -> BadData:
    """The error for a source of which no row can be used; `totals` are its rows by reason."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in totals.items())
    return BadData(
        f"No row of {table.name} can be used: {reasons}.",
        _by_rules(totals, rows)
        or "Check which columns are meant with --user, --item, --time and --weight.",
    )


def _by_rules(totals: Mapping[str, int], rows: int) -> str:
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
    of_rule: dict[str, int] = {}
    if totals.get(OF_NOTHING, 0) * 2 >= rows:
        return (
            "Give the earlier purchases, too; where numbers below zero are no returns, read "
            "another column as --weight, or none: --weight -."
        )
    for reason, count in totals.items():
        for begins, rule in rules.items():
            if reason.startswith(begins):
                of_rule[rule] = of_rule.get(rule, 0) + count
    if sum(of_rule.values()) * 2 < rows:
        return ""
    return f"These rules leave out too much: {', '.join(sorted(of_rule))}."
