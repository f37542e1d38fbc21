"""Coordinate descent on small Gram matrices: sparse weights at or above zero, one problem an
item.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spadework.arrays import Array
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.solvers.local_inverse import gather, tasks_of
from spadework.kernels.solvers.sparse_graph import Graph
from spadework.ragged import Ragged


def descend(
    half: Graph,
    diagonal: Array,
    scale: Array,
    members: Ragged,
    *,
    l1: float,
    rounds: int,
    tolerance: float,
    label: str,
) -> tuple[Array, int]:
    """Weights w ≥ 0 [cells of members] of each item j that minimise ½ wᵀ A w − a_jᵀ w + l1 · Σ w,
    and the number of items that did not converge.

    A is symmetric and has no entry below zero, so there is a minimum even where pairs were left
    out; A may then be indefinite, and the result is a point that no change of a single weight
    improves. `half` (each pair once) and `diagonal` [items] above zero are A with its penalties on
    the scale T: T_i · A_ij · T_j; `scale` [items] is T. A round goes over all members once; they
    end when no weight moves by more than `tolerance` times the largest one, or after `rounds`. O(Σ
    over items of rounds · members² + pairs of the members), float64.
    """
    weights = np.zeros(len(members.values))
    not_converged = np.zeros(len(diagonal), np.bool_)
    settings = (l1, rounds, tolerance)
    work = partial(_descend, half, diagonal, scale, members, settings, weights, not_converged)
    parallel.share(work, tasks_of(members.starts), label)
    return weights, int(not_converged.sum())


def _descend(
    half: Graph,
    diagonal: Array,
    scale: Array,
    members: Ragged,
    settings: tuple[float, int, float],
    weights: Array,
    not_converged: Array,
    items: tuple[int, int],
) -> None:
    _descents(
        *items,
        *half,
        diagonal,
        scale,
        members.starts,
        members.values,
        *settings,
        weights,
        not_converged,
    )


@kernel
def _descents(
    first,
    last,
    starts,
    columns,
    values,
    diagonal,
    scale,
    member_starts,
    members,
    l1,
    rounds,
    tolerance,
    weights,
    not_converged,
):
    largest = 1
    for item in range(first, last):
        largest = max(largest, member_starts[item + 1] - member_starts[item] + 1)
    a, chosen = np.empty((largest, largest)), np.empty(largest, np.int32)
    slope, floor = np.empty(largest), np.empty(largest)
    slots = np.full(len(diagonal), -1, np.int32)
    # Each item alone: gather its matrix, descend, and scale the weights back.
    for item in range(first, last):
        begin, end = member_starts[item], member_starts[item + 1]
        size = end - begin
        chosen[:size] = members[begin:end]
        chosen[size] = item
        gather(a, slots, chosen[: size + 1], starts, columns, values, diagonal, 0.0)
        # `gather` fills the upper triangle only, and the descent reads complete rows.
        for row in range(size):
            for column in range(row):
                a[row, column] = a[column, row]
            slope[row] = a[row, size]
            # w_i = v_i · T_i / T_j, so the problem in v is that in w times T_j²
            floor[row] = l1 * scale[chosen[row]] * scale[item]
        found = weights[begin:end]
        not_converged[item] = not _settle(a, size, slope, floor, rounds, tolerance, found)
        for row in range(size):
            found[row] *= scale[chosen[row]] / scale[item]


@kernel
def _settle(a, size, slope, floor, rounds, tolerance, v):
    """Minimise ½ vᵀ A v − slopeᵀ v + floorᵀ v over v ≥ 0 in place, from v = 0; returns whether it
    converged. `slope` becomes slope − A v.
    """
    # Rounds over all weights, until the largest step is small compared with the largest weight.
    for _ in range(rounds):
        moved = most = 0.0
        # The best value of one weight while the others are fixed. `slope` is kept up to date, so a
        # step costs one row.
        for k in range(size):
            row = a[k]
            before = v[k]
            after = max(0.0, (slope[k] + row[k] * before - floor[k]) / row[k])
            step = after - before
            if step != 0:
                v[k] = after
                for other in range(size):
                    slope[other] -= step * row[other]
            moved, most = max(moved, abs(step)), max(most, after)
        if moved <= tolerance * most:
            return True
    return False
