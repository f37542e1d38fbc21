"""Many small least-squares problems over one sparse symmetric matrix: gather the rows and columns
of some items, and solve.

Of M = S + diag, S a graph of pairs, each item uses the small matrix over itself and its members.
Pairs that the graph does not hold are zero, so a small matrix need not be positive definite, though
the complete matrix was before pairs were left out. Then its diagonal is raised, by a thousandth
first and by four times as much at each further try: once it outweighs the row, the matrix is
definite. So a solution is always found, and it is that of a stronger penalty.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spadework.arrays import Array, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import cut
from spadework.kernels.solvers.cholesky import FIRST_RAISE, factor, last_column_of_inverse
from spadework.kernels.solvers.sparse_graph import Graph
from spadework.ragged import Ragged

TASKS = 32
"""Tasks a thread: a limit on time is checked between two."""


def own_columns(
    half: Graph, diagonal: Array, members: Ragged, label: str
) -> tuple[Array, Array, int]:
    """For each item i the last column of (M over its members and itself)⁻¹: values [cells of
    members], and its own value [items].

    `half` holds each pair once (`sparse_graph.halved`), `diagonal` [items] is above zero. Also
    returns the number of items whose diagonals were raised. O(Σ over items of members³ / 3 + pairs
    of the members), float64 inside.
    """
    count = len(diagonal)
    values, own, regularised = (
        np.zeros(len(members.values)),
        np.zeros(count),
        np.zeros(count, np.bool_),
    )
    parallel.share(
        partial(_solve, half, diagonal, members, values, own, regularised),
        tasks_of(members.starts),
        label,
    )
    return values, own, int(regularised.sum())


def tasks_of(starts: Offsets) -> list[tuple[int, int]]:
    """Ranges of items of about equal work; a problem of n members takes about n³ / 3 operations,
    and some for gathering.
    """
    size = np.diff(starts).astype(np.float64) + 1
    work = np.cumsum(size**3 / 3 + 1000 * size)
    return cut(work, float(work[-1]) / (TASKS * parallel.threads()) + 1) if len(work) else []


def _solve(
    half: Graph,
    diagonal: Array,
    members: Ragged,
    values: Array,
    own: Array,
    regularised: Array,
    items: tuple[int, int],
) -> None:
    _own_columns(*items, *half, diagonal, members.starts, members.values, values, own, regularised)


@kernel
def gather(a, slots, chosen, starts, columns, values, diagonal, raise_by):
    """Fill the upper triangle of a [chosen, chosen] with M over the chosen items. `slots` [items]
    holds −1 everywhere, before and after.
    """
    size = len(chosen)
    for row in range(size):
        slots[chosen[row]] = row
        a[row, row:size] = 0
    # `half` holds a pair in one row only; minimum and maximum put it into the upper triangle.
    for row in range(size):
        item = chosen[row]
        a[row, row] = diagonal[item] * (1 + raise_by)
        for at in range(starts[item], starts[item + 1]):
            other = slots[columns[at]]
            if other >= 0:
                a[min(row, other), max(row, other)] = values[at]
    for row in range(size):
        slots[chosen[row]] = -1


@kernel
def factored(a, slots, chosen, starts, columns, values, diagonal):
    """Gather and factor, with diagonals raised until it succeeds; returns whether they had to be
    raised. All values are finite, so the loop ends.
    """
    raise_by = 0.0
    while True:
        gather(a, slots, chosen, starts, columns, values, diagonal, raise_by)
        if factor(a, len(chosen)):
            return raise_by > 0
        raise_by = FIRST_RAISE if raise_by == 0 else 4 * raise_by


@kernel
def _own_columns(
    first, last, starts, columns, values, diagonal, member_starts, members, out, own, regularised
):
    largest = 0
    for item in range(first, last):
        largest = max(largest, member_starts[item + 1] - member_starts[item] + 1)
    a, x = np.empty((largest, largest)), np.empty(largest)
    chosen = np.empty(largest, np.int32)
    slots = np.full(len(diagonal), -1, np.int32)
    # The item itself comes last, so its column is the last column of the inverse.
    for item in range(first, last):
        begin, end = member_starts[item], member_starts[item + 1]
        size = end - begin + 1
        chosen[: size - 1] = members[begin:end]
        chosen[size - 1] = item
        regularised[item] = factored(a, slots, chosen[:size], starts, columns, values, diagonal)
        last_column_of_inverse(a, size, x)
        out[begin:end] = x[: size - 1]
        own[item] = x[size - 1]
