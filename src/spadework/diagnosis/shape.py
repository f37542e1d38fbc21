"""Is there anything to recommend? Users who took nearly everything, items that never come back. One
registered function is one check.
"""

from __future__ import annotations

from spadework import formatting
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import pair_count
from spadework.diagnosis.finding import Finding, check

FEWEST = 10
"""Fewest users and fewest items for which density is looked at."""
DENSE, FULL = 0.5, 0.8
REPEATED = 0.1
"""From this share of repeats on, items that users have already may be recommended again."""
FEWEST_ROWS, ONCE, ALWAYS_ONCE = 20, 0.8, 0.95


@check("INT-22")
def dense(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Users took most of all items, so that nearly nothing is left to recommend.

    Any list of the few items that are left hits, random lists too, and no model can be told from
    another. Such a log is often a table of ratings that everybody had to give, or of impressions.
    Use what tells the items apart: a rule such as `--positive "rating >= 4"`, or an event type. It
    errs where users come back for the same items; then it is weak.
    """
    users, items = len(log.active_users), int((log.item_counts > 0).sum())
    if min(users, items) < FEWEST:
        return None
    pairs = pair_count(log)
    density = pairs / (users * items)
    if density < DENSE:
        return None
    comes_back = 1 - pairs / len(log) >= REPEATED
    full = density >= FULL and not comes_back
    return Finding(
        code="INT-22",
        level="strong" if full else "weak",
        says=f"Users have {density:.0%} of all {formatting.count(items, 'item')} on average, so "
        + ("nothing is left to recommend." if full else "little is left to recommend that is new."),
        effect=density,
        means="Random lists hit, too, and models cannot be told apart.",
        advice="Leave out rows that are no choice: low ratings, mere impressions.",
        command="spadework explain positive",
    )


@check("INT-23")
def unique_items(log: Interactions, content: ItemContent | None) -> Finding | None:
    """Nearly every row has an item of its own: the item column holds lists, texts, line numbers or
    order numbers, or the file is a table of items and no log.

    Then nothing connects two users and nothing can be learned. Name the column that says which item
    it is. It errs on markets where every piece is sold once; with an item table, models of content
    can serve these.
    """
    if len(log) < FEWEST_ROWS:
        return None
    once = int((log.item_counts == 1).sum())
    share = once / len(log)
    if share < ONCE:
        return None
    column = "" if log.account is None else str(log.account.columns.get("item", ""))
    return Finding(
        code="INT-23",
        level="blocker" if share >= ALWAYS_ONCE and content is None else "strong",
        says=f"{share:.0%} of the rows have an item that no other row has"
        + (f" (column {column!r})" if column else "")
        + ", so nothing connects users.",
        effect=share,
        means="No model of behaviour can learn, and popularity means nothing.",
        advice="Check that the column holds items, not lists, line numbers or texts, and that the "
        "file is a log, not a table of items. Where every piece is unique, add an item table.",
    )
