"""Rows that repeat an earlier one, found where a sorted log has two rows of one user at one
time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, Floats, Mask


def find_repeats(
    users: Codes, times: Array, others: Mapping[str, Array | pl.Series], weights: Floats | None
) -> tuple[Mask | None, int]:
    """Mask of the rows that equal an earlier row in all columns, None without any; and how many
    differ from one only in the weight.

    Rows must be sorted by (user, time, arrival). `others` are the further columns that make up an
    event. O(rows), and O(ties) memory.
    """
    same = users[1:] == users[:-1]
    same &= times[1:] == times[:-1]
    if not same.any():
        return None, 0
    ties = np.zeros(len(users), np.bool_)
    ties[1:] = same
    ties[:-1] |= same
    rows = np.flatnonzero(ties)
    events = pl.DataFrame(
        {"user": users[rows], "time": times[rows]}
        | {name: _gathered(column, rows) for name, column in others.items()}
    )
    distinct_events = events.n_unique()
    if weights is not None:
        events = events.with_columns(weight=pl.Series(weights[rows]))
    first = events.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    mask = np.zeros(len(users), np.bool_)
    mask[rows[~first]] = True
    return (mask if mask.any() else None), int(first.sum()) - distinct_events


def _gathered(column: Array | pl.Series, rows: Array) -> Array | pl.Series:
    if isinstance(column, pl.Series):
        return column.gather(pl.Series(rows, dtype=pl.Int64))
    gathered: Array = column[rows]
    return gathered
