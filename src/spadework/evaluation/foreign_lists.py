"""Recommendations from any tool: a long table with ids becomes lists whose rows are the truth's
users.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes
from spadework.errors import BadData
from spadework.evaluation.trial import Protocol
from spadework.kernels.ranking import padded_lists as kernel
from spadework.models.recommendations import Recommendations


def lists_of(frame: Any, protocol: Protocol) -> Codes:
    """Lists [users, k] of item codes from `user_id`, `item_id` and `rank` or `score`, cut to the
    longest that a metric needs.

    `frame` may also be the result of `recommend`.

    Items unknown to the split keep their slot as −1. Raises BadData for missing columns, ranks that
    are no numbers and items that are twice in a list. O(rows) where ranks are whole numbers from
    1, else one sort.
    """
    frame = frame.frame() if isinstance(frame, Recommendations) else frame
    table = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
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
    truth, expected = protocol.truth, protocol.split.expected
    owners, starts = _runs(table[names["user_id"]], protocol)
    if len(table) and not (owners >= 0).any():
        raise BadData(
            "None of the recommended users is expected in the split.",
            "Check that both write user ids the same way; numbers and text never match.",
        )
    items = expected.item_vocabulary.codes(table[names["item_id"]])
    keys = table[order].to_numpy()
    shape = (len(truth.users), protocol.k)
    lists = None
    if order == names.get("rank") and keys.dtype.kind in "iu":
        lists = kernel.fill_slots(owners, starts, keys.astype(np.int64, copy=False), items, shape)
    if lists is None:
        rows = np.repeat(owners, np.diff(starts))
        lists = _sorted_lists(
            rows, items, keys if order == names.get("rank") else -keys.astype(np.float64), shape
        )
    repeating = kernel.count_repeating(lists, expected.item_count)
    if repeating:
        raise BadData(f"{repeating} lists hold an item twice.", "Give each item once per user.")
    return lists


def _runs(user_ids: pl.Series, protocol: Protocol) -> tuple[Array, Array]:
    """Row of the truth for each run of equal user ids (−1: not expected), and where runs start,
    with the end. Tables come user by user.
    """
    truth, expected = protocol.truth, protocol.split.expected
    heads = (user_ids != user_ids.shift()).fill_null(True).arg_true()
    # the last entry is for unknown users, whose code is −1
    row_of = np.append(np.full(expected.user_count, -1, np.int64), -1)
    row_of[truth.users] = np.arange(len(truth.users))
    owners = row_of[expected.user_vocabulary.codes(user_ids.gather(heads))]
    return owners, np.append(heads.to_numpy().astype(np.int64), len(user_ids))


def _sorted_lists(rows: Array, items: Codes, keys: Array, shape: tuple[int, int]) -> Codes:
    """Lists from entries ordered by key within a row, ties by lower item code; −1 where a slot
    is empty.
    """
    lists = np.full(shape, -1, np.int32)
    is_expected = rows >= 0
    rows, items, keys = rows[is_expected], items[is_expected], keys[is_expected]
    if np.isnan(keys.astype(np.float64)).any():
        raise BadData("A rank or score is not a number.", "Remove such rows.")
    order = np.lexsort((items, keys, rows))
    rows, items = rows[order], items[order]
    slot = np.arange(len(rows)) - np.searchsorted(rows, rows)
    keep = slot < shape[1]
    lists[rows[keep], slot[keep]] = items[keep]
    return lists
