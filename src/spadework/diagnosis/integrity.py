"""Is the log what it seems to be? Ids, robots, duplicates, size, item tables. One registered
function is one check.
"""

from __future__ import annotations

import re
import shlex

import numpy as np
import polars as pl

from spadework import formatting
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.reading.columns.guests import SEPARATOR
from spadework.data.reading.rows.no_choices import DISLIKED, EXCLUDED
from spadework.data.reading.rows.returned_rows import A_RETURN, IN_FULL
from spadework.data.reading.values.conditions import NOT_POSITIVE, TOO_EARLY, TOO_LATE
from spadework.diagnosis.finding import Finding, check

ALONE, ALONE_TIMES = 0.01, 10
"""Least share of the rows, and least multiple of the next user's, of one that stands alone."""
_NUMBER = r"^0*(\d+?)(?:\.0*)?$"
_ASKED = re.compile(
    rf"{NOT_POSITIVE}|{EXCLUDED}|{DISLIKED}|{TOO_EARLY}$|{TOO_LATE}$|event '.*' not asked for$",
    re.DOTALL,
)
"""Reasons for which the user wanted rows to be set aside."""


def _count(log: Interactions, name: str) -> int:
    return 0 if log.account is None else int(log.account.counts.get(name, 0))


@check("INT-1")
def blanks(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Some ids differ only by blanks at their ends; they are kept apart.

    If they mean the same, the history of one user is split in two. Clean them at the source. It
    errs where blanks are part of the id.
    """
    users, items = (
        _count(log, "user_ids_differing_by_blanks"),
        _count(log, "item_ids_differing_by_blanks"),
    )
    if not users + items:
        return None
    return Finding(
        code="INT-1",
        level="weak",
        says=(
            f"{users + items} ids differ only by blanks ({users} of users, {items} of items). "
            "They are kept apart."
            f"{_example(log.item_vocabulary.ids, pl.col('id').str.strip_chars())}"
        ),
        advice="If they mean the same, trim them at the source and read again.",
    )


@check("INT-2")
def letter_case(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Some ids differ only by upper and lower case; they are kept apart.

    Exports from two systems often spell ids differently. If they mean the same, clean them at the
    source.
    """
    users, items = (
        _count(log, "user_ids_differing_by_case"),
        _count(log, "item_ids_differing_by_case"),
    )
    if not users + items:
        return None
    return Finding(
        code="INT-2",
        level="weak",
        says=(
            f"{users + items} ids differ only by case ({users} of users, {items} of items). "
            "They are kept apart."
            f"{_example(log.item_vocabulary.ids, pl.col('id').str.to_lowercase())}"
        ),
        advice="If they mean the same, spell them the same way at the source and read again.",
    )


@check("INT-3")
def set_aside(log: Interactions, content: ItemContent | None) -> Finding | None:
    """More than one row in twenty could not be used.

    The row account has the reasons, and the file of rows set aside has the rows. Look at some of
    them before you trust the results. Rows without a customer may be guests: the line then makes
    each of their orders a user. Rows that the recipe leaves out do not count, nor do returns
    that were taken off what was bought.
    """
    if log.account is None or not log.account.read:
        return None
    unwanted = {
        reason: rows
        for reason, rows in log.account.set_aside.items()
        if not _ASKED.match(reason) and reason not in (A_RETURN, IN_FULL)
    }
    share = sum(unwanted.values()) / log.account.read
    if share <= 0.05:
        return None
    reason, rows = max(unwanted.items(), key=lambda item: item[1])
    orders = _orders_of_guests(log, reason)
    return Finding(
        code="INT-3",
        level="strong",
        says=f"{share:.1%} of the rows are set aside, most of them because: {reason} ({rows:,}).",
        effect=share,
        advice="Look at the rows set aside before you trust the results."
        + (" If these are guests, make each of their orders a user of its own." if orders else ""),
        command=f"spadework look SOURCE{orders}",
    )


def _orders_of_guests(log: Interactions, reason: str) -> str:
    """The option that makes orders without a customer users, where the log names both."""
    columns = {} if log.account is None else log.account.columns
    user, basket = columns.get("user"), columns.get("basket")
    if reason != "user missing" or not user or not basket or SEPARATOR in user:
        return ""
    return f" --user {shlex.quote(f'{user}{SEPARATOR}{basket}')}"


@check("INT-4")
def two_weights(log: Interactions, content: ItemContent | None) -> Finding | None:
    """The same user, item and time are in the log with different weights.

    All such rows are used. Often they are corrections of one event: then keep the last one at the
    source.
    """
    rows = _count(log, "same_event_two_weights")
    if not rows:
        return None
    return Finding(
        code="INT-4",
        level="note",
        says=f"{formatting.count(rows, 'row')} {'repeats' if rows == 1 else 'repeat'} a user, "
        "item and time with another weight. All are used.",
        advice="If they correct each other, keep the last one at the source.",
    )


@check("INT-8")
def robots(log: Interactions, content: ItemContent | None) -> Finding | None:
    """One user has a tenth of the rows or more, or five times an even share where users are few; or
    a hundredth of them, and ten times as many as any other.

    Usually it is a robot, a test account or a default id ("guest"). It distorts every co-occurrence
    count. Remove it and read again.
    """
    sizes = np.diff(log.starts)
    if len(log.active_users) < 5 or not len(log):
        return None
    share = float(sizes.max() / len(log))
    times = float(sizes.max() / np.sort(sizes)[-2])
    is_large = share >= max(0.1, 5 / len(log.active_users))
    if not is_large and (share < ALONE or times < ALONE_TIMES):
        return None
    more = "" if is_large else f", {times:,.0f} times as many as any other"
    return Finding(
        code="INT-8",
        level="strong" if is_large else "weak",
        says=f"One user has {share:.0%} of the rows{more}.",  # no id: findings are in the report
        effect=share,
        advice="If it is a robot, a test account or a default id, remove it and read again.",
    )


@check("INT-9")
def too_small(log: Interactions, content: ItemContent | None) -> Finding | None:
    """There is one user, one item, or no user with two events.

    Then nothing can be recommended, or no model can be tested; only popularity is left.
    """
    users, items = len(log.active_users), int((log.item_counts > 0).sum())
    if not len(log):
        return None
    advice = "Check that the user column names users, not orders."
    if users == 1:
        says = "There is one user, so nothing can be learned about others."
        advice = "Check that the user column names users, not the shop or the export."
    elif items == 1:
        says = "There is one item, so there is nothing to choose from."
        advice = "Check that the item column names items, not the shop or a kind of event."
    elif int(np.diff(log.starts).max()) < 2:
        says = "No user has two events, so nothing connects items and no model can be tested."
    else:
        return None
    return Finding(
        code="INT-9",
        level="blocker",
        says=says,
        advice=advice,
    )


@check("INT-10")
def missing_content(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Items of the log are absent from the item table, or the reverse.

    Content models cannot see the first; the second are items without any event. Often ids are
    written in two ways (7 and 007).
    """
    if content is None:
        return None
    absent, idle = int(content.items_without_row), int(content.unmatched_rows)
    if not absent + idle:
        return None
    share = absent / max(log.item_count, 1)
    return Finding(
        code="INT-10",
        level="strong" if share > 0.5 else "note",
        says=f"{absent:,} of {formatting.count(log.item_count, 'item')} of the log have no row in "
        f"the item table; {formatting.count(idle, 'row')} of the table are of items not in the "
        "log.",
        effect=share,
        advice="If the share is large, check that both files write ids the same way.",
    )


@check("INT-11")
def one_number_two_spellings(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Ids that are the same number are written in two ways: 7, 007 and 7.0 count as three users.

    A spreadsheet or a join turned some ids into floating numbers or cut their zeros. Write them the
    same way at the source. It errs where leading zeros distinguish ids.
    """
    users, items = (
        _spelt_twice(vocabulary.ids) for vocabulary in (log.user_vocabulary, log.item_vocabulary)
    )
    if not users + items:
        return None
    return Finding(
        code="INT-11",
        level="weak",
        says=f"{formatting.count(users + items, 'id')} {'is' if users + items == 1 else 'are'} a "
        f"number that another id spells differently, such as 7 and 007 or 7.0 ({users:,} of "
        f"users, {items:,} of items). They are kept "
        f"apart.{_example(log.item_vocabulary.ids, pl.col('id').str.extract(_NUMBER))}",
        advice="If they mean the same, write them the same way at the source and read again.",
    )


def _example(ids: pl.Series, plain: pl.Expr) -> str:
    """Two items that are one where ids are written plainly, as a sentence; users are not named."""
    if ids.dtype != pl.String:
        return ""
    groups = pl.DataFrame({"id": ids}).with_columns(plain.alias("plain"))
    twins = groups.filter(pl.col("plain").is_not_null() & pl.col("plain").is_duplicated()).sort(
        "plain", "id"
    )
    if twins.is_empty():
        return ""
    first, second = twins.filter(pl.col("plain") == twins["plain"][0])["id"][:2]
    return f" For example {first!r} and {second!r}."


def _spelt_twice(ids: pl.Series) -> int:
    """Number of ids that are the same whole number as another id once leading zeros and `.0` are
    removed.
    """
    if ids.dtype != pl.String:
        return 0
    plain = ids.str.extract(_NUMBER)
    return len(plain.drop_nulls()) - plain.drop_nulls().n_unique()
