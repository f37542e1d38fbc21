"""A sparse symmetric matrix over items, as a graph: the pairs that were kept, the strongest
partners of each item, and a half of the pairs for gathering.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.ragged import Ragged, SparseRows, offsets_of

ROWS = 2048
"""Rows of one task."""


Graph: TypeAlias = SparseRows
"""A symmetric matrix [items, items] without its diagonal: each pair is in both rows. Columns ascend
in each row; values are float32, above zero.
"""


def symmetric(starts: Offsets, columns: Codes, values: Array) -> Graph:
    """The union of a table and its transpose: a pair that either item keeps. Where both do, the
    lower item's value is used. O(cells).

    Columns of the table ascend in each row. Needs the memory of three tables.
    """
    count = len(starts) - 1
    transposed = csr_array((values, columns, starts), shape=(count, count)).tocsc()
    table = (
        starts,
        columns,
        values,
        transposed.indptr.astype(np.int64),
        transposed.indices.astype(np.int32, copy=False),
        transposed.data,
    )
    lengths = np.zeros(count + 1, np.int64)
    tasks = _tasks(count)
    parallel.share(
        lambda rows: _union(*rows, *table, lengths, np.empty(0, np.int32), np.empty(0, np.float32)),
        tasks,
        "join pairs",
    )
    joined = np.cumsum(lengths)
    out, weights = np.empty(int(joined[-1]), np.int32), np.empty(int(joined[-1]), np.float32)
    parallel.share(lambda rows: _union(*rows, *table, joined, out, weights), tasks, "join pairs")
    return Graph(joined, out, weights)


def halved(graph: Graph) -> Graph:
    """Each pair once, in the row of the item with fewer pairs: no row is long then, not even that
    of the most popular item. O(cells).
    """
    tasks = _tasks(len(graph.starts) - 1)
    parts = parallel.share(lambda rows: _halved(*rows, *graph), tasks, "halve pairs")
    lengths = [np.zeros(1, np.int64), *(part[0] for part in parts)]
    nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    columns, values = (
        np.concatenate([none, *(part[at] for part in parts)])
        for at, none in ((1, nothing[0]), (2, nothing[1]))
    )
    return Graph(np.cumsum(np.concatenate(lengths)), columns, values)


def strongest(graph: Graph, most: int, ranks: Codes | None = None) -> Ragged:
    """The `most` partners of the largest values for each item; among equals those with lower codes.

    Where `most` covers all other items, all are partners, with or without a value: a solution over
    them is then exact. With `ranks` [items], only partners of a lower rank than the item's own
    count. O(cells); O(items²) where all are partners.
    """
    count = len(graph.starts) - 1
    if most >= count - 1:
        return _all_others(np.arange(count) if ranks is None else ranks, ranks is None)
    known_ranks = np.zeros(0, np.int32) if ranks is None else np.asarray(ranks, np.int32)
    parts = parallel.share(
        lambda rows: _strongest(*rows, *graph, most, known_ranks), _tasks(count), "choose partners"
    )
    lengths = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    items = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.int32)
    return Ragged(offsets_of(lengths), items)


def _tasks(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + ROWS, count)) for first in range(0, count, ROWS)]


def _all_others(ranks: Array, both: bool) -> Ragged:
    """All other items, or those with a lower rank."""
    partners = [
        np.flatnonzero((ranks != own) if both else (ranks < own)).astype(np.int32) for own in ranks
    ]
    starts = offsets_of([len(part) for part in partners])
    return Ragged(starts, np.concatenate(partners) if partners else np.empty(0, np.int32))


@kernel
def _union(
    first,
    last,
    starts,
    columns,
    values,
    other_starts,
    other_columns,
    other_values,
    joined,
    out,
    weights,
):
    """Merge rows of two tables into `out`, from `joined[row]` on. With an empty `out` only the
    length of each row is written, to `joined[row + 1]`.
    """
    counting = len(out) == 0
    # Called twice: first to count the lengths of the rows, then to fill them.
    for row in range(first, last):
        to = 0 if counting else joined[row]
        at, end = starts[row], starts[row + 1]
        other, other_end = other_starts[row], other_starts[row + 1]
        # Both rows ascend; a row that has ended gives the largest int32. Where both tables hold the
        # pair, the lower item's value is used.
        while at < end or other < other_end:
            own = columns[at] if at < end else np.int32(2**31 - 1)
            theirs = other_columns[other] if other < other_end else np.int32(2**31 - 1)
            column = min(own, theirs)
            if not counting:
                out[to] = column
                mine = own == column and (theirs != column or row < column)
                weights[to] = values[at] if mine else other_values[other]
            at += own == column
            other += theirs == column
            to += 1
        if counting:
            joined[row + 1] = to


@kernel
def _halved(first, last, starts, columns, values):
    lengths = np.zeros(last - first, np.int64)
    room = starts[last] - starts[first]
    chosen, weights = np.empty(room, np.int32), np.empty(room, np.float32)
    to = 0
    # The item with fewer pairs keeps the pair; of equal ones the lower item does.
    for row in range(first, last):
        own, begin = starts[row + 1] - starts[row], to
        # In order, so columns ascend in the result, too.
        for at in range(starts[row], starts[row + 1]):
            column = columns[at]
            other = starts[column + 1] - starts[column]
            if own < other or (own == other and row < column):
                chosen[to] = column
                weights[to] = values[at]
                to += 1
        lengths[row - first] = to - begin
    return lengths, chosen[:to].copy(), weights[:to].copy()


@kernel
def _strongest(first, last, starts, columns, values, most, ranks):
    lengths = np.zeros(last - first, np.int64)
    room = longest = 0
    for row in range(first, last):
        room += min(most, starts[row + 1] - starts[row])
        longest = max(longest, starts[row + 1] - starts[row])
    chosen, held = np.empty(room, np.int32), np.empty(longest, np.int64)
    to = 0
    # For each row: list the partners that may count, then keep the `most` strongest.
    for row in range(first, last):
        count = 0
        for at in range(starts[row], starts[row + 1]):
            if len(ranks) == 0 or ranks[columns[at]] < ranks[row]:
                held[count] = at
                count += 1
        begin = to
        edge, above = np.float32(0), 0
        if count > most > 0:
            # `edge` is the smallest value that may stay.
            edge = np.partition(values[held[:count]], count - most)[count - most]
            for at in held[:count]:
                above += values[at] > edge
        # Keep the values above the edge, and as many equal ones as there is room for. Columns
        # ascend, so of equal values the lower codes come first.
        for at in held[:count]:
            if count <= most or values[at] > edge or (values[at] == edge and above < most):
                above += count > most and values[at] == edge
                if to - begin < most:
                    chosen[to] = columns[at]
                    to += 1
        lengths[row - first] = to - begin
    return lengths, chosen[:to].copy()
