"""A sparse symmetric matrix over items, as a graph: the pairs that were kept, the strongest partners of each item, a half for gathering."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csr_array

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel

ROWS = 2048
"""Rows that are one task."""


class Graph(NamedTuple):
    """A symmetric matrix without its diagonal: each pair stands in both rows. Columns ascend in each row."""

    starts: Offsets  # [items + 1]
    columns: Codes  # [cells]
    values: Array  # [cells] float32, above zero


class Members(NamedTuple):
    """For each item some other items: those of item i are `items[starts[i]:starts[i + 1]]`, codes ascending."""

    starts: Offsets  # [items + 1]
    items: Codes  # [cells]


def symmetric(starts: Offsets, columns: Codes, values: Array) -> Graph:
    """The union of a table and its transpose: a pair that either item keeps. Where both do, the lower item's value is taken. O(cells).

    Columns of the table ascend in each row. Holds three tables for a while.
    """
    count = len(starts) - 1
    turned = csr_array((values, columns, starts), shape=(count, count)).tocsc()
    turned.sort_indices()
    other_starts, other_columns, other_values = turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data
    lengths = np.zeros(count + 1, np.int64)
    nothing = np.empty(0, np.int32)
    _union(starts, columns, values, other_starts, other_columns, other_values, lengths[1:], nothing, values[:0])
    joined = np.cumsum(lengths)
    out, weights = np.empty(int(joined[-1]), np.int32), np.empty(int(joined[-1]), np.float32)
    _union(starts, columns, values, other_starts, other_columns, other_values, lengths[1:], out, weights)
    return Graph(joined, out, weights)


def halved(graph: Graph) -> Graph:
    """Each pair once, in the row of the item with fewer pairs: no row is long then, not even that of the most popular item. O(cells)."""
    lengths = np.diff(graph.starts)
    rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    own, other = lengths[rows], lengths[graph.columns]
    kept = (own < other) | ((own == other) & (rows < graph.columns))
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows[kept], minlength=len(lengths))))).astype(np.int64)
    return Graph(starts, graph.columns[kept], graph.values[kept])


def strongest(graph: Graph, most: int, place: Codes | None = None) -> Members:
    """The `most` partners of the largest values for each item; among equals those with lower codes.

    Where `most` reaches all other items, they all are partners, with or without a value: what leans on them is exact then. With `place`
    [items], only partners whose place is lower than the item's own count. O(cells · log cells of a row).
    """
    count = len(graph.starts) - 1
    if most >= count - 1:
        return _everybody(np.arange(count) if place is None else place, place is None)
    places = np.zeros(0, np.int32) if place is None else np.asarray(place, np.int32)
    tasks = [(first, min(first + ROWS, count)) for first in range(0, count, ROWS)]
    parts = parallel.share(lambda rows: _strongest(*rows, *graph, most, places), tasks, "choose partners")
    lengths = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    items = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.int32)
    return Members(np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), items)


def _everybody(place: Array, both: bool) -> Members:
    """All other items, or those with a lower place."""
    partners = [np.flatnonzero((place != own) if both else (place < own)).astype(np.int32) for own in place]
    starts = np.concatenate(([0], np.cumsum([len(part) for part in partners]))).astype(np.int64)
    return Members(starts, np.concatenate(partners) if partners else np.empty(0, np.int32))


@njit(cache=True, nogil=True)
def _union(starts, columns, values, other_starts, other_columns, other_values, lengths, out, weights):  # type: ignore[no-untyped-def]
    """Merge rows of two tables; with an empty `out` only the lengths are found."""
    to = 0
    for row in range(len(starts) - 1):
        begin = to
        at, end = starts[row], starts[row + 1]
        other, other_end = other_starts[row], other_starts[row + 1]
        while at < end or other < other_end:
            own = columns[at] if at < end else np.int32(2**31 - 1)
            theirs = other_columns[other] if other < other_end else np.int32(2**31 - 1)
            column = min(own, theirs)
            if len(out):
                out[to] = column
                mine = own == column and (theirs != column or row < column)
                weights[to] = values[at] if mine else other_values[other]
            at += own == column
            other += theirs == column
            to += 1
        lengths[row] = to - begin


@njit(cache=True, nogil=True)
def _strongest(first, last, starts, columns, values, most, place):  # type: ignore[no-untyped-def]
    lengths = np.zeros(last - first, np.int64)
    room = 0
    for row in range(first, last):
        room += min(most, starts[row + 1] - starts[row])
    chosen = np.empty(room, np.int32)
    to = 0
    for row in range(first, last):
        held = np.empty(starts[row + 1] - starts[row], np.int64)
        count = 0
        for at in range(starts[row], starts[row + 1]):
            if len(place) == 0 or place[columns[at]] < place[row]:
                held[count] = at
                count += 1
        kept = held[:count]
        if count > most:
            order = np.argsort(-values[kept], kind="mergesort")[:most]
            kept = np.sort(kept[order])
        for at in kept:
            chosen[to] = columns[at]
            to += 1
        lengths[row - first] = len(kept)
    return lengths, chosen[:to].copy()
