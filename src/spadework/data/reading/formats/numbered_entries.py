"""Numbers of rows where each entry of a list is a row: of rows, of records that could not be
parsed, and of files.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spadework.data.reading.tables import RowNumbers, Table


def parts_of_entries(table: Table, counts: NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """The rows of each file, of whose records each became so many (`counts`)."""
    if not table.parts:
        return ()
    widths = np.ones(table.rows, np.int64)
    widths[table.row_numbers() - 1] = counts
    starts = np.concatenate(([0], np.cumsum(widths)))
    ends = starts[np.cumsum([rows for _, rows in table.parts])]
    rows = np.diff(ends, prepend=0).tolist()
    return tuple((name, each) for (name, _), each in zip(table.parts, rows, strict=True))


def numbered(
    table: Table, counts: NDArray[np.int64]
) -> tuple[int, RowNumbers | None, dict[str, RowNumbers]]:
    """Rows, their numbers and those of records that could not be parsed, in the order of the
    source.
    """
    if not table.dropped:
        return int(counts.sum()), None, {}
    widths = np.ones(table.rows, np.int64)
    records = table.row_numbers() - 1
    widths[records] = counts
    starts = np.concatenate(([0], np.cumsum(widths)))
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    numbers = np.repeat(starts[records], counts) + within + 1
    dropped = {reason: starts[rows - 1] + 1 for reason, rows in table.dropped.items()}
    return int(starts[-1]), numbers, dropped
