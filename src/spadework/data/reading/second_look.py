"""A second look at columns that no role reads: those whose name speaks of a judgement, an amount or
a return, and the numbers in their first rows. Checks read them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spadework.data.account import UnreadColumn
from spadework.data.reading.column_roles import plain_name
from spadework.data.reading.conditions import TRUTHS
from spadework.data.reading.tables import Table
from spadework.errors import SpadeworkError

JUDGEMENT = re.compile(
    r"rating|^stars?$|likes?d?$|^dislike|feedback|thumb|^votes?$|watchratio|completion|playratio"
    r"|satisf|sentiment|grade|^isclick|^click(ed)?$"
)
AMOUNT = re.compile(r"qty|quantity|units|amount|price|revenue|sales|total")
RETURN = re.compile(
    r"refund|cancel|chargeback|^(is)?void(ed)?$"
    r"|^(is|qty|quantity|item|order)?return(s|ed)?(qty|quantity|amount|flag)?$"
)
ROWS, MOST_COLUMNS = 10_000, 12


def second_look(table: Table, columns: Sequence[str]) -> tuple[UnreadColumn, ...]:
    """The numbers in the first rows of those columns whose name is worth a look; columns without
    any are left out. Nothing is read where no name is.
    """
    worth = [
        column
        for column in columns
        if any(name.search(plain_name(column)) for name in (JUDGEMENT, AMOUNT, RETURN))
        and not table.schema[column].is_nested()
    ][:MOST_COLUMNS]
    if not worth:
        return ()
    try:
        head = table.head(ROWS)
    except SpadeworkError:  # what is not read must not stop a reading
        return ()
    found = []
    for column in worth:
        values = _numbers(head[column])
        if len(values):
            found.append(UnreadColumn(name=column, values=values, rows=head.height))
    return tuple(found)


def _numbers(column: pl.Series) -> NDArray[np.float64]:
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        text = column.str.strip_chars().str.to_lowercase()
        truths = text.replace_strict(TRUTHS, default=None, return_dtype=pl.Float64)
        numbers = text.cast(pl.Float64, strict=False)
        column = numbers.zip_with(numbers.is_not_null(), truths)
    elif not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        return np.zeros(0)
    values: NDArray[np.float64] = column.cast(pl.Float64).drop_nulls().to_numpy()
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite
