"""One list from two: first items that a user had before, then items that are new to the user."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from spadework.arrays import Codes
from spadework.models.recommendations import Recommendations


def slots(k: int, share: float) -> int:
    """The number of the `k` slots for items of the history, by their share: halves are rounded up,
    and from two slots on each side has at least one.
    """
    rounded = math.floor(k * share + 0.5)
    return min(max(rounded, 1), k - 1) if k > 1 else rounded


def joined(remind: Recommendations, discover: Recommendations, own: int) -> pl.DataFrame:
    """Lists that begin with the first `own` items of one side and go on with the other: user_id,
    item_id, score, rank, for.

    Both are lists of the same users and the same length k, and no user has an item in both. Where
    one side has too few items the other fills the slots. Own items come first: they are the
    likelier ones. `for` is "remind" or "discover"; scores are of that side's model, so they cannot
    be compared between the two. O(users · k).
    """
    k = remind.k
    old, new = ((lists.items >= 0).sum(axis=1) for lists in (remind, discover))
    new = np.minimum(k - np.minimum(own, old), new)
    old = np.minimum(k - new, old)
    parts = [
        _part(remind, old, np.zeros_like(old), "remind"),
        _part(discover, new, old, "discover"),
    ]
    return pl.concat(parts).sort("row", "rank").drop("row")


def _part(lists: Recommendations, counts: Codes, before: Codes, side: str) -> pl.DataFrame:
    """The first `counts` items of each list, ranked after `before` others, with the list's row."""
    rows, ranks = np.nonzero(np.arange(lists.k) < counts[:, None])
    return pl.DataFrame(
        {
            "row": rows,
            "user_id": lists.user_vocabulary.take(lists.users[rows]),
            "item_id": lists.item_vocabulary.take(lists.items[rows, ranks]),
            "score": pl.Series(lists.scores[rows, ranks], dtype=pl.Float32),
            "rank": pl.Series(before[rows] + ranks + 1, dtype=pl.Int32),
            "for": pl.Series([side], dtype=pl.String).new_from_index(0, len(rows)),
        }
    )
