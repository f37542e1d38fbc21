"""The two matrices of a regression from the past on the future: every moment of a user but the last
one is a row.

At moment t, S holds past^(t − p) for an event at moment t − reach ≤ p ≤ t, T holds future^(q − t −
1) for one at q > t, and the row weighs w[t]. Rows are never written out: a pair of events adds to
SᵀS and SᵀT what all rows between and after them would, by sums that run along the user. What is too
far is cut from S and not from SᵀS, which would no longer be positive semidefinite.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import cut

TASK = 20_000_000
"""Pairs of events of a task: about a tenth of a second."""


def transitions(
    starts: Offsets,
    items: Codes,
    moments: Codes,
    weights: Array,
    width: int,
    *,
    past: float,
    future: float,
    reach: int,
    label: str,
) -> tuple[Array, Array]:
    """SᵀS and SᵀT, [width, width] float32 each; row i is the past item, column j the other one.

    Events of user u are `[starts[u]:starts[u + 1]]`, in order of `moments` [events], which count up
    one by one. `weights` [events] float32 is w of the row at the event's moment. SᵀT leaves out
    pairs more than `reach` moments apart. O(Σ over events of the events in reach).
    """
    edges = np.ascontiguousarray(starts, np.int64)
    lengths = np.diff(edges)
    # where the history of each event's user begins and ends
    users = (np.repeat(edges[:-1], lengths), np.repeat(edges[1:], lengths))
    order = np.argsort(items, kind="stable")
    occurrences = np.concatenate(([0], np.cumsum(np.bincount(items, minlength=width))))
    events = (
        np.ascontiguousarray(items, np.int32),
        np.ascontiguousarray(moments, np.int32),
        np.ascontiguousarray(weights, np.float32),
    )
    later, beyond = _later(edges, events[1], events[2], past, reach)
    work = np.cumsum(
        np.minimum(np.repeat(lengths, lengths), 2 * reach + 1)[order], dtype=np.float64
    )
    powers = past ** np.arange(reach + 1, dtype=np.float64)
    # by distance q − p: what the first row without p has faded by since q
    faded = past ** (2.0 * (reach + 1 - np.arange(reach + 1)))
    own, cross = np.zeros((width, width), np.float32), np.zeros((width, width), np.float32)

    def fill(block: tuple[int, int]) -> None:
        _fill(
            *block,
            occurrences,
            order,
            *users,
            *events,
            later,
            beyond,
            powers,
            faded,
            future,
            own,
            cross,
        )

    parallel.share(fill, cut(np.concatenate(([0.0], work))[occurrences[1:]], TASK), label)
    return own, cross


@kernel
def _later(edges, moments, weights, past, reach):
    """Σ over the rows t ≥ p of w[t] · past^(2(t − p)) for the moment p of each event, and the same
    for moment p + reach + 1.

    The last moment of a user is no row.
    """
    found, beyond = np.zeros(len(moments), np.float64), np.zeros(len(moments), np.float64)
    for user in range(len(edges) - 1):
        total = 0.0
        for at in range(edges[user + 1] - 2, edges[user] - 1, -1):
            if moments[at] != moments[at + 1]:
                total = weights[at] + past * past * total
            found[at] = total
        far = edges[user]
        for at in range(edges[user], edges[user + 1]):
            while far < edges[user + 1] and moments[far] - moments[at] <= reach:
                far += 1
            if far < edges[user + 1]:
                beyond[at] = found[far]
    return found, beyond


@kernel
def _fill(
    first,
    last,
    occurrences,
    order,
    begins,
    ends,
    items,
    moments,
    weights,
    later,
    beyond,
    powers,
    faded,
    future,
    own,
    cross,
):
    reach = len(powers) - 1
    for item in range(first, last):
        for place in range(occurrences[item], occurrences[item + 1]):
            at = order[place]
            moment = moments[at]
            # itself, those of the same moment that stand before it, and earlier ones
            for other in range(at, begins[at] - 1, -1):
                distance = moment - moments[other]
                if distance > reach:
                    break
                own[item, items[other]] += powers[distance] * (
                    later[at] - faded[distance] * beyond[other]
                )
            # Σ over the rows t between the two of w[t] · past^(t − p) · future^(q − t − 1)
            between = 0.0
            for other in range(at + 1, ends[at]):
                distance = moments[other] - moment
                if distance > reach:
                    break
                if moments[other] != moments[other - 1]:
                    between = future * between + weights[other - 1] * powers[distance - 1]
                own[item, items[other]] += powers[distance] * (
                    later[other] - faded[distance] * beyond[at]
                )
                if distance > 0:
                    cross[item, items[other]] += between
