"""The two matrices of a regression from the past on the future: every step of a user but the last
is a row. A step is a distinct timestamp.

At step t, S holds past^(t − p) for an event at step t − reach ≤ p ≤ t, T holds future^(q − t − 1)
for one at q > t, and the row weighs w[t]. Rows are never written out: a pair of events adds to SᵀS
and SᵀT the sum over all rows between and after them, by sums that run along the user. Events that
are too far away are cut from S and not from SᵀS, which would no longer be positive semidefinite.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels import parallel
from spadework.kernels.compiled import kernel
from spadework.kernels.counting.count_blocks import cut
from spadework.ragged import offsets_of

TASK = 20_000_000
"""Pairs of events of one task: about a tenth of a second."""


def transitions(
    starts: Offsets,
    items: Codes,
    steps: Codes,
    weights: Array,
    width: int,
    *,
    past: float,
    future: float,
    reach: int,
    label: str,
) -> tuple[Array, Array]:
    """SᵀS and SᵀT, [width, width] float32 each; row i is the past item, column j the other one.

    Events of user u are `[starts[u]:starts[u + 1]]`, in order of `steps` [events], which count up
    one by one. `weights` [events] float32 is w of the row at the event's step. SᵀT leaves out pairs
    more than `reach` steps apart. O(Σ over events of the events in reach).
    """
    edges = np.ascontiguousarray(starts, np.int64)
    lengths = np.diff(edges)
    # where the history of each event's user begins and ends
    users = (np.repeat(edges[:-1], lengths), np.repeat(edges[1:], lengths))
    order = np.argsort(items, kind="stable")
    occurrences = offsets_of(np.bincount(items, minlength=width))
    events = (
        np.ascontiguousarray(items, np.int32),
        np.ascontiguousarray(steps, np.int32),
        np.ascontiguousarray(weights, np.float32),
    )
    later, beyond = _later(edges, events[1], events[2], past, reach)
    work = np.cumsum(
        np.minimum(np.repeat(lengths, lengths), 2 * reach + 1)[order], dtype=np.float64
    )
    powers = past ** np.arange(reach + 1, dtype=np.float64)
    # by distance q − p: the decay from q to the first row that no longer holds p
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
def _later(edges, steps, weights, past, reach):
    """Σ over the rows t ≥ p of w[t] · past^(2(t − p)) for the step p of each event, and the same
    for step p + reach + 1.

    The last step of a user is no row.
    """
    found, beyond = np.zeros(len(steps), np.float64), np.zeros(len(steps), np.float64)
    # Backwards along each user: the sum of a step is its weight plus past² times the sum of the
    # next step.
    for user in range(len(edges) - 1):
        total = 0.0
        for at in range(edges[user + 1] - 2, edges[user] - 1, -1):
            if steps[at] != steps[at + 1]:
                total = weights[at] + past * past * total
            found[at] = total
        far = edges[user]
        for at in range(edges[user], edges[user + 1]):
            while far < edges[user + 1] and steps[far] - steps[at] <= reach:
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
    steps,
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
    # An item fills only its own rows of both matrices, so no two threads write the same cell.
    for item in range(first, last):
        # Each occurrence of the item, with the events of the same user in reach.
        for slot in range(occurrences[item], occurrences[item + 1]):
            at = order[slot]
            step = steps[at]
            # The event itself, those of the same step before it, and earlier ones. They are in
            # order of time, so the first one out of reach ends the loop.
            for other in range(at, begins[at] - 1, -1):
                distance = step - steps[other]
                if distance > reach:
                    break
                own[item, items[other]] += powers[distance] * (
                    later[at] - faded[distance] * beyond[other]
                )
            # Later events. `between` is Σ over the rows t between the two of
            # w[t] · past^(t − p) · future^(q − t − 1), updated from one event to the next.
            between = 0.0
            # Events are in order of time, so the first one out of reach ends the loop.
            for other in range(at + 1, ends[at]):
                distance = steps[other] - step
                if distance > reach:
                    break
                if steps[other] != steps[other - 1]:
                    between = future * between + weights[other - 1] * powers[distance - 1]
                own[item, items[other]] += powers[distance] * (
                    later[other] - faded[distance] * beyond[at]
                )
                if distance > 0:
                    cross[item, items[other]] += between
