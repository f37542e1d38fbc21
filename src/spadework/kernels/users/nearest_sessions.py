"""Nearest sessions: which past sessions share items with the present one, and the items they hold.

Sessions are numbered from the newest on, so "more recent" is "lower number" and no times are needed
here. The postings of an item are the sessions that hold it, ascending. Merging the postings of all
query items gives the sessions that share any item in order of recency, each with its complete
similarity. The merge ends when enough are found: no table of all sessions is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Offsets
from spadework.kernels.compiled import kernel
from spadework.ragged import offsets_of

_END = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Sessions:
    """Past sessions, newest first, and where each item occurs."""

    starts: Offsets  # [sessions + 1]
    items: Codes  # [entries] distinct items of each session, ascending
    posting_starts: Offsets  # [items + 1]
    postings: Codes  # [posted] sessions of each item, ascending

    @classmethod
    def build(cls, numbers: Codes, items: Codes, shape: tuple[int, int], sample: int) -> Sessions:
        """Index events by (session, item); an item is posted in its `sample` newest sessions.
        O(events · log events).

        `numbers` [events] are those of the sessions; `shape` is (sessions, items).
        """
        sessions, item_count = shape
        ordered = np.sort(numbers.astype(np.int64) * item_count + items)
        keys = (
            ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
            if len(ordered)
            else ordered
        )
        owners, held = (keys // item_count).astype(np.int32), (keys % item_count).astype(np.int32)
        by_item = np.argsort(held, kind="stable")
        sizes = np.bincount(held, minlength=item_count)
        ends = np.cumsum(sizes)
        ranks = np.arange(len(held)) - np.repeat(ends - sizes, sizes)
        posted = owners[by_item][ranks < sample]
        return cls(
            offsets_of(np.bincount(owners, minlength=sessions)),
            held,
            offsets_of(np.minimum(sizes, sample)),
            posted,
        )


@dataclass(frozen=True, eq=False)
class Queries:
    """Present sessions: their items, newest first, and the weights of these."""

    starts: Offsets  # [rows + 1]
    items: Codes  # [entries]
    weights: Array  # [entries] float64, above zero: added to the similarity for sharing the item
    # [entries] float64, above zero: the weight of a neighbour whose newest shared item is this one
    matches: Array


def nearest(
    sessions: Sessions,
    queries: Queries,
    row: int,
    *,
    sample: int,
    neighbours: int,
    length_power: float,
) -> tuple[Codes, Array, Array]:
    """The neighbours of one row, newest first: sessions, similarities and match weights, each
    [found].

    Of the sessions that share an item with the row, the `sample` newest are compared and the
    `neighbours` most similar stay; among equals the newer one. A similarity is the sum of the
    weights of shared items over the neighbour's number of items to the power `length_power`.
    O(items of the row · sample).
    """
    own = slice(queries.starts[row], queries.starts[row + 1])
    count = int(own.stop - own.start)
    found, similarities, matches = np.empty(sample, np.int32), np.empty(sample), np.empty(sample)
    size = _nearest(
        queries.items[own],
        queries.weights[own],
        queries.matches[own],
        sessions.starts,
        sessions.posting_starts,
        sessions.postings,
        length_power,
        neighbours,
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        found,
        similarities,
        matches,
    )
    return found[:size], similarities[:size], matches[:size]


def score(
    sessions: Sessions,
    queries: Queries,
    *,
    sample: int,
    neighbours: int,
    length_power: float,
    item_weights: Array,
    scores: Array,
) -> None:
    """scores[r, j] = item_weights[j] · Σ over the `nearest` neighbours of row r that hold j of
    similarity · match weight.

    `scores` is [rows, items] float32, written in full; cells that no neighbour reaches are −∞.
    `item_weights` [items] float64. O(items of the row · sample + Σ lengths of its neighbours +
    items) a row.
    """
    _score(
        queries.starts,
        queries.items,
        queries.weights,
        queries.matches,
        sessions.starts,
        sessions.items,
        sessions.posting_starts,
        sessions.postings,
        length_power,
        item_weights,
        sample,
        neighbours,
        scores,
    )


@kernel
def _nearest(
    items,
    weights,
    matches,
    session_starts,
    posting_starts,
    postings,
    length_power,
    neighbours,
    at,
    heads,
    found,
    similarities,
    found_matches,
):
    """Fill `found`, `similarities` and `found_matches` (each as long as the sample) and return how
    many sessions stay. `at` and `heads` are scratch arrays [items].
    """
    for entry in range(len(items)):
        at[entry] = posting_starts[items[entry]]
        heads[entry] = postings[at[entry]] if at[entry] < posting_starts[items[entry] + 1] else _END
    size = 0
    session = np.int32(-1)
    # Merge the postings: each round finds the lowest session number, that is the newest session,
    # and the walk ends when the sample is full.
    while size < len(found):
        before = session
        session = np.int32(_END)
        similarity = match = 0.0
        # Advance the heads that are at the session before; add the weights of those at the lowest.
        for entry in range(len(items)):
            if heads[entry] == before:
                at[entry] += 1
                heads[entry] = (
                    postings[at[entry]] if at[entry] < posting_starts[items[entry] + 1] else _END
                )
            if heads[entry] < session:
                session = heads[entry]
                similarity = weights[entry]
                # Entries come newest first: this is the newest item that is shared.
                match = matches[entry]
            elif heads[entry] == session:
                similarity += weights[entry]
        if session == _END:
            break
        found[size] = session
        if length_power > 0:
            similarity /= (
                float(session_starts[session + 1] - session_starts[session]) ** length_power
            )
        similarities[size] = similarity
        found_matches[size] = match
        size += 1
    if size <= neighbours:
        return size
    chosen = np.partition(similarities[:size], size - neighbours)
    threshold = chosen[size - neighbours]
    # `room` is how many of the similarities equal to the threshold may stay.
    room = 0
    for slot in range(size - neighbours, size):
        room += chosen[slot] == threshold
    kept = 0
    # Keep sessions above the threshold, and of those equal to it the newest, in their order.
    for slot in range(size):
        similarity = similarities[slot]
        if similarity > threshold or (similarity == threshold and room > 0):
            room -= similarity == threshold
            found[kept], similarities[kept], found_matches[kept] = (
                found[slot],
                similarity,
                found_matches[slot],
            )
            kept += 1
    return kept


@kernel
def _score(
    starts,
    items,
    weights,
    matches,
    session_starts,
    session_items,
    posting_starts,
    postings,
    length_power,
    item_weights,
    sample,
    neighbours,
    scores,
):
    longest = 0
    for row in range(len(starts) - 1):
        longest = max(longest, starts[row + 1] - starts[row])
    at, heads = np.empty(longest, np.int64), np.empty(longest, np.int32)
    found, similarities, found_matches = (
        np.empty(sample, np.int32),
        np.empty(sample, np.float64),
        np.empty(sample, np.float64),
    )
    # Neighbours are added in order of recency, so the float32 sums have fixed bits.
    for row in range(len(starts) - 1):
        scores[row, :] = -np.inf
        first, last = starts[row], starts[row + 1]
        size = _nearest(
            items[first:last],
            weights[first:last],
            matches[first:last],
            session_starts,
            posting_starts,
            postings,
            length_power,
            neighbours,
            at,
            heads,
            found,
            similarities,
            found_matches,
        )
        # Each neighbour contributes to all items that it holds.
        for slot in range(size):
            contribution = similarities[slot] * found_matches[slot]
            # −∞ marks an item that no neighbour has reached yet.
            for cell in range(session_starts[found[slot]], session_starts[found[slot] + 1]):
                item = session_items[cell]
                value = np.float32(contribution * item_weights[item])
                if scores[row, item] == -np.inf:
                    scores[row, item] = value
                else:
                    scores[row, item] += value
