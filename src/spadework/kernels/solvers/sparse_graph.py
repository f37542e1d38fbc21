"""A sparse symmetric matrix over items, as a graph: the pairs that were kept, the strongest
partners of each item, a half for gathering.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel

ROWS = 2048
"""Rows that are one task."""


class Graph(NamedTuple):
    """A symmetric matrix without its diagonal: each pair stands in both rows. Columns ascend in
    each row.
    """

    starts: Offsets  # [items + 1]
    columns: Codes  # [cells]
    values: Array  # [cells] float32, above zero


class Members(NamedTuple):
    """For each item some other items: those of item i are `items[starts[i]:starts[i + 1]]`, codes
    ascending.
    """

    starts: Offsets  # [items + 1]
    items: Codes  # [cells]


def symmetric(starts: Offsets, columns: Codes, values: Array) -> Graph:
    """The union of a table and its transpose: a pair that either item keeps. Where both do, the
    lower item's value is taken. O(cells).

    Columns of the table ascend in each row. Holds three tables for a while.
    """
    count = len(starts) - 1
    turned = csr_array((values, columns, starts), shape=(count, count)).tocsc()
    table = (
        starts,
        columns,
        values,
        turned.indptr.astype(np.int64),
        turned.indices.astype(np.int32, copy=False),
        turned.data,
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


def strongest(graph: Graph, most: int, place: Codes | None = None) -> Members:
    """The `most` partners of the largest values for each item; among equals those with lower codes.

    Where `most` reaches all other items, they all are partners, with or without a value: what leans
    on them is exact then. With `place` [items], only partners whose place is lower than the item's
    own count. O(cells); O(items²) where all are partners.
    """
    count = len(graph.starts) - 1
    if most >= count - 1:
        return _everybody(np.arange(count) if place is None else place, place is None)
    places = np.zeros(0, np.int32) if place is None else np.asarray(place, np.int32)
    parts = parallel.share(
        lambda rows: _strongest(*rows, *graph, most, places), _tasks(count), "choose partners"
    )
    lengths = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    items = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.int32)
    return Members(np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), items)


def _tasks(count: int) -> list[tuple[int, int]]:
    return [(first, min(first + ROWS, count)) for first in range(0, count, ROWS)]


def _everybody(place: Array, both: bool) -> Members:
    """All other items, or those with a lower place."""
    partners = [
        np.flatnonzero((place != own) if both else (place < own)).astype(np.int32) for own in place
    ]
    starts = np.concatenate(([0], np.cumsum([len(part) for part in partners]))).astype(np.int64)
    return Members(starts, np.concatenate(partners) if partners else np.empty(0, np.int32))


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
    """Merge rows of two tables to where `joined` says; with an empty `out` the lengths of rows are
    written there, one place on.
    """
    counting = len(out) == 0
    for row in range(first, last):
        to = 0 if counting else joined[row]
        at, end = starts[row], starts[row + 1]
        other, other_end = other_starts[row], other_starts[row + 1]
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
    for row in range(first, last):
        own, begin = starts[row + 1] - starts[row], to
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
def _strongest(first, last, starts, columns, values, most, place):
    lengths = np.zeros(last - first, np.int64)
    room = longest = 0
    for row in range(first, last):
        room += min(most, starts[row + 1] - starts[row])
        longest = max(longest, starts[row + 1] - starts[row])
    chosen, held = np.empty(room, np.int32), np.empty(longest, np.int64)
    to = 0
    for row in range(first, last):
        count = 0
        for at in range(starts[row], starts[row + 1]):
            if len(place) == 0 or place[columns[at]] < place[row]:
                held[count] = at
                count += 1
        begin = to
        edge, above = np.float32(0), 0
        if count > most > 0:
            # the smallest value that may stay
            edge = np.partition(values[held[:count]], count - most)[count - most]
            for at in held[:count]:
                above += values[at] > edge
        for at in held[:count]:  # columns ascend, so of equal values the lower codes come first
            if count <= most or values[at] > edge or (values[at] == edge and above < most):
                above += count > most and values[at] == edge
                if to - begin < most:
                    chosen[to] = columns[at]
                    to += 1
        lengths[row - first] = to - begin
    return lengths, chosen[:to].copy()
