"""Where a column's name says user or item, and its values say that it is none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from spadework import formatting
from spadework.data.reading.columns.column_names import ask
from spadework.data.reading.columns.column_values import Look
from spadework.data.reading.synonyms import hits_by_line, plain_name
from spadework.errors import Undecided

_ITEM = re.compile(r"item|product|sku|article|artikel|variant|track|movie|asin|isbn|ean$|gtin")
AMOUNTS = re.compile(
    r"^(unit|list|sale|net|gross|total|order)?(price|amount|qty|quantity|revenue|total)s?$"
)
"""Names of numbers that are never ids, however whole they are."""
_FEW, _MANY_MORE, _ROWS = 20, 10, 100
"""So few users among so many rows are doubted where another column has ten times as many."""


def user_doubt(chosen: Mapping[str, str], others: Sequence[str], look: Look) -> Undecided | None:
    """A column that is called user but holds a few values in turn, such as those who sold, while
    another one has many more.
    """
    user = chosen["user"]
    kinds = look.count_kinds(user)
    if not 1 <= kinds <= _FEW or look.count_rows() < _ROWS:
        return None
    if kinds > 1 and look.is_grouped(user):
        return None
    for hits in hits_by_line("user", list(others)):
        for rival in hits:
            more = look.count_kinds(rival)
            if more >= _MANY_MORE * kinds and not look.numbers_rows(rival):
                return ask(
                    "user",
                    [rival, user],
                    f"The column {user!r} is called a user, but it holds {kinds:,} "
                    f"{'value' if kinds == 1 else 'values'} {look.where}, and {rival!r} holds "
                    f"{more:,}.",
                )
    return None


def item_doubt(chosen: Mapping[str, str], others: Sequence[str], look: Look) -> Undecided | None:
    """A column that is called item but numbers the lines of an order, or the rows, or holds one
    value, while another column could be the item; or one of lists that are written as text.
    """
    item = chosen["item"]
    rivals = [hit for hits in hits_by_line("item", list(others)) for hit in hits]
    if not rivals:
        rivals = _rivals_by_values(item, others, look)
    if not rivals:
        return None
    if look.numbers_lines(item, chosen.get("basket")) and not look.decides(item, rivals[0]):
        why = "looks like the number of a line within an order: it counts up and begins again"
    elif look.numbers_rows(item) and _repeats(rivals[0], look):
        why = f"has another value in every row {look.where}, as a key of the rows has"
    elif look.is_constant(item) and not look.is_constant(rivals[0]):
        why = f"holds one value {look.where}, {look.example(item)}"
    elif _has_few(item, rivals[0], look):
        why = (
            f"holds {formatting.count(look.count_kinds(item), 'value')} {look.where}, and "
            f"{rivals[0]!r} holds {look.count_kinds(rivals[0]):,}"
        )
    else:
        return None
    return ask("item", [*rivals[:3], item], f"The column {item!r} is called an item, but it {why}.")


def fit_by_values(role: str, columns: Sequence[str], basket: str | None, look: Look) -> list[str]:
    """Columns of ids that may be the user or the item although no name says so. Users do not change
    within a basket; and where each row has a key of its own, as in a table of orders, neither that
    key is the item nor a column of a few values, such as a status.
    """
    if role == "user":
        return [one for one in columns if basket is None or not look.varies_within(one, basket)]
    keys = [one for one in (*columns, *([basket] if basket else [])) if look.numbers_rows(one)]
    if look.count_rows() < _ROWS or not keys:
        return list(columns)
    return [one for one in columns if one not in keys and look.count_kinds(one) > _FEW]


def _rivals_by_values(item: str, others: Sequence[str], look: Look) -> list[str]:
    """Columns of ids that could be the item: any where the item's column has one value; those whose
    name speaks of items where it has another value in each row, or many fewer than they have.
    """
    if look.is_constant(item):
        return [column for column in others if not look.is_constant(column)]
    telling = [column for column in others if _ITEM.search(plain_name(column))]
    if look.numbers_rows(item):
        if look.count_rows() < _ROWS:  # a few purchases may all be of different items
            return []
        return [column for column in telling if not look.numbers_rows(column)]
    return [column for column in telling if _has_few(item, column, look)]


def _repeats(column: str, look: Look) -> bool:
    """Whether values come back; among few rows, as often as those of a catalogue would."""
    if look.count_rows() < _ROWS:
        return look.count_kinds(column) * 2 <= look.count_rows()
    return not look.numbers_rows(column)


def _has_few(item: str, other: str, look: Look) -> bool:
    """Whether an item column looks like one of categories beside another one."""
    kinds, rows = look.count_kinds(item), look.count_rows()
    more = look.count_kinds(other)
    return (
        kinds <= _FEW
        and rows >= _ROWS
        and more >= _MANY_MORE * kinds
        and not look.numbers_rows(other)
    )


def list_doubt(item: str, look: Look) -> Undecided | None:
    """An item column whose texts are lists of several items."""
    sign = look.list_sign(item)
    if not sign:
        return None
    return Undecided(
        f"The item column {item!r} holds lists that are written as text, such as "
        f"{look.example(item)}: several items in one cell.",
        "To read each of them as a row: --shape lists. To read each text as one item, name the "
        f"column: --item {shlex.quote(item)}.",
    )
