"""Recommendations from any tool: a long table with ids becomes lists whose rows are the truth's
users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Codes
from spadework.data.joins import examples_of, join, shown
from spadework.errors import BadData
from spadework.evaluation.trial import Protocol
from spadework.kernels.ranking import padded_lists as kernel
from spadework.models.recommendations import Recommendations

_HERE, _THERE = "the lists", "the log"
_ONE_LIST = "Give one list per user. If two runs were appended, judge each by itself."


@dataclass(frozen=True, eq=False)
class ForeignLists:
    """Lists that another tool made, and what users should know of them."""

    items: Codes  # [users of the truth, k]
    remarks: tuple[str, ...] = ()


def lists_of(frame: Any, protocol: Protocol) -> ForeignLists:
    """Lists of item codes from `user_id`, `item_id` and `rank` or `score`, cut to the longest that
    a metric needs.

    `frame` may also be the result of `recommend`.

    Ids of users and items are joined to those of the log, and counted: where none fits the table is
    refused; items unknown to the log keep their slot as −1. Raises BadData for missing columns,
    ranks that are no numbers, items that are twice in a list, and users with two lists; equal ranks
    of one list are ties, in order of item codes. O(rows)
    where ranks are whole numbers from 1, else one sort.
    """
    table = _table_of(frame)
    names = {column.lower(): column for column in table.columns}
    for needed in ("user_id", "item_id"):
        if needed not in names:
            raise BadData(
                f"The recommendations have no column {needed!r}.",
                f"Columns there are: {', '.join(table.columns)}.",
            )
    order = names.get("rank") or names.get("score")
    if order is None:
        raise BadData(
            "The recommendations have neither 'rank' nor 'score'.",
            "Add one of them; rank 1 is the best.",
        )
    by_rank = order == names.get("rank")
    truth, expected = protocol.truth, protocol.split.expected
    users, item_ids = table[names["user_id"]], table[names["item_id"]]
    heads, starts = _runs(users)
    owners, user_remarks = _owners(users.gather(heads), protocol)
    joined = join(item_ids, expected.item_vocabulary, what="item", here=_HERE, there=_THERE)
    items, keys = joined.codes, _numbers(table[order], users)
    shape = (len(truth.users), protocol.k)
    lists = None
    if by_rank and keys.dtype.kind in "iu":
        lists = kernel.fill_slots(owners, starts, keys.astype(np.int64, copy=False), items, shape)
    if lists is None:
        named = Named(users, item_ids, np.repeat(owners, np.diff(starts)), items)
        if not by_rank:
            keys = -keys.astype(np.float64)
            _refuse_appended(users, keys, starts)
        lists = _sorted_lists(named, keys, shape, ranked=by_rank)
    if repeating := kernel.count_repeating(lists, expected.item_count):
        raise BadData(
            f"An item is in one list twice ({formatting.count(repeating, 'list')}).",
            "Give each item once per user.",
        )
    return ForeignLists(lists, (*user_remarks, *joined.remarks))


@dataclass(frozen=True, eq=False)
class Named:
    """Entries of a table: ids for sentences, rows of the truth (−1: not expected), item codes."""

    users: pl.Series
    item_ids: pl.Series
    rows: Array
    items: Codes


def _table_of(frame: Any) -> pl.DataFrame:
    given = frame.frame() if isinstance(frame, Recommendations) else frame
    if isinstance(given, pl.DataFrame):
        return given
    try:
        return pl.DataFrame(given)
    except Exception as error:  # whatever a foreign library raises
        raise BadData(
            f"The recommendations are no table: {str(error).strip().partition(chr(10))[0]}.",
            "Give a frame with the columns user_id, item_id and rank; ids of one type each.",
        ) from None


def _runs(user_ids: pl.Series) -> tuple[pl.Series, Array]:
    """Where runs of equal user ids start, and the same with the end. Tables come user by user."""
    heads = (user_ids != user_ids.shift()).fill_null(True).arg_true()
    return heads, np.append(heads.to_numpy().astype(np.int64), len(user_ids))


def _owners(user_ids: pl.Series, protocol: Protocol) -> tuple[Array, tuple[str, ...]]:
    """Row of the truth for each user id (−1: not expected), and remarks on ids that do not fit."""
    truth, expected = protocol.truth, protocol.split.expected
    # the last entry is for unknown users, whose code is −1
    row_of = np.append(np.full(expected.user_count, -1, np.int64), -1)
    row_of[truth.users] = np.arange(len(truth.users))
    joined = join(user_ids, expected.user_vocabulary, what="user", here=_HERE, there=_THERE)
    owners = row_of[joined.codes]
    if len(owners) and not (owners >= 0).any():
        wanted = examples_of(expected.user_vocabulary.take(truth.users[:3]))
        raise BadData(
            "None of the recommended users is expected in the split.",
            (
                f"The lists are for users such as {examples_of(user_ids)}, the test span has "
                f"events of users such as {wanted}."
            ),
        )
    return owners, joined.remarks


def _numbers(column: pl.Series, users: pl.Series) -> Array:
    """Ranks or scores as numbers, NaN where there is none; numbers that are written as text count.
    Raises BadData for another text.
    """
    numbers = column
    if not column.dtype.is_numeric():
        if column.dtype.is_nested():
            raise BadData(
                f"The column {column.name!r} holds lists or structures.", "Give one number a row."
            )
        numbers = column.cast(pl.String).cast(pl.Float64, strict=False)
        wrong = numbers.is_null() & column.is_not_null()
        if wrong.any():
            at = int(wrong.arg_max() or 0)
            raise BadData(
                f"User {shown(users[at])} has the {column.name} {column[at]!r}, which is no "
                "number.",
                "Give numbers; rank 1 is the best.",
            )
    return np.asarray(numbers.to_numpy())


def _refuse_appended(users: pl.Series, keys: Array, starts: Array) -> None:
    """Refuse two tables of lists that were appended: all blocks of one user fall in score, and the
    second block of a user begins above the end of the first.
    """
    rows = len(users)
    if not rows or len(starts) - 1 == users.n_unique():
        return
    heads, ends = starts[:-1], starts[1:] - 1
    inside = np.ones(rows, np.bool_)
    inside[heads] = False
    if (ends == heads).any() or (np.diff(keys)[inside[1:]] < 0).any():
        return  # lists of one item, or a table in no order
    blocks = pl.DataFrame(
        {"user": users.gather(pl.Series(heads)), "first": keys[heads], "last": keys[ends]}
    )
    again = blocks.with_columns(before=pl.col("last").shift().over("user")).filter(
        pl.col("first") < pl.col("before")
    )
    if len(again):
        raise _two_lists(again["user"][0], "they are in two places, each in order of its scores")


def _two_lists(user: object, why: str) -> BadData:
    return BadData(
        f"User {shown(user)} has two lists: {why}.",
        _ONE_LIST,
    )


def _sorted_lists(named: Named, keys: Array, shape: tuple[int, int], *, ranked: bool) -> Codes:
    """Lists from entries ordered by key within a row, −1 where a slot is empty; ties go by lower
    item code. A user each of whose ranks stands twice is refused where they are `ranked`.
    """
    lists = np.full(shape, -1, np.int32)
    at = np.flatnonzero(named.rows >= 0)
    rows, items, keys = named.rows[at], named.items[at], keys[at]
    if np.isnan(keys.astype(np.float64)).any():
        raise BadData("A rank or score is not a number.", "Remove such rows.")
    order = np.lexsort((items, keys, rows))
    rows, items, keys, at = rows[order], items[order], keys[order], at[order]
    if ranked:
        _refuse_all_twice(named, rows, keys, at)
    _refuse_twice(named, rows, items, at)
    slot = np.arange(len(rows)) - np.searchsorted(rows, rows)
    keep = slot < shape[1]
    lists[rows[keep], slot[keep]] = items[keep]
    return lists


def _refuse_all_twice(named: Named, rows: Array, keys: Array, at: Array) -> None:
    """Refuse a user whose ranks run from 1 without a gap and all stand equally often, more than
    once: lists that were appended. Other equal ranks are ties. Entries are in order.
    """
    if not len(rows):
        return
    new = np.append(True, (rows[1:] != rows[:-1]) | (keys[1:] != keys[:-1]))
    heads = np.flatnonzero(new)  # of the entries with one rank in a row
    often = np.diff(np.append(heads, len(rows)))
    owners, ranks = rows[heads], keys[heads]
    firsts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    lengths = np.diff(np.append(firsts, len(owners)))
    place = np.arange(len(owners)) - np.repeat(firsts, lengths)
    fits = (ranks == place + 1) & (often == np.repeat(often[firsts], lengths)) & (often > 1)
    appended = np.logical_and.reduceat(fits, firsts)
    if appended.any():
        entry = int(heads[firsts[int(appended.argmax())]])
        one, other = int(at[entry]), int(at[entry + 1])
        pair = f"{shown(named.item_ids[one])} and {shown(named.item_ids[other])}"
        raise _two_lists(named.users[one], f"two entries have the rank {keys[entry]:g}, {pair}")


def _refuse_twice(named: Named, rows: Array, items: Codes, at: Array) -> None:
    """Refuse an item that is twice in a list, also where only its end holds it again."""
    order = np.lexsort((items, rows))
    same = (np.diff(rows[order]) == 0) & (np.diff(items[order]) == 0) & (items[order][1:] >= 0)
    if same.any():
        entry = int(at[order[int(same.argmax())]])
        raise BadData(
            (
                f"User {shown(named.users[entry])} has the item {shown(named.item_ids[entry])} "
                f"twice ({int(same.sum()):,} such entries)."
            ),
            _ONE_LIST,
        )
