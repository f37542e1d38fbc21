"""The index of sessions and the walk over it against the plain way: look at every session, sort,
add up.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.users import nearest_sessions
from spadework.kernels.users.nearest_sessions import Queries, Sessions

SETTINGS = st.fixed_dictionaries(
    {
        "sample": st.sampled_from([1, 2, 5, 100]),
        "neighbours": st.sampled_from([1, 2, 4, 100]),
        "length_power": st.sampled_from([0.0, 0.5, 1.0]),
    }
)


def random_sessions(rng, *, count=14, item_count=9):
    """Sets of items; some sessions are empty and some items are in none."""
    return [
        set(rng.choice(item_count - 1, rng.integers(0, 5), replace=False).tolist())
        for _ in range(count)
    ], item_count


def index_of(sessions, item_count, sample):
    numbers = [n for n, items in enumerate(sessions) for _ in items]
    items = [item for own in sessions for item in own]
    return Sessions.build(
        np.asarray(numbers, np.int32),
        np.asarray(items, np.int32),
        (len(sessions), item_count),
        sample,
    )


def random_queries(rng, item_count, rows=4):
    """Rows of distinct items; weights come from few values, so that similarities tie."""
    own = [rng.choice(item_count, rng.integers(0, 5), replace=False) for _ in range(rows)]
    items = np.concatenate(own).astype(np.int32)
    weights, matches = rng.integers(1, 4, len(items)) / 4, rng.integers(1, 4, len(items)) / 3
    return Queries(np.cumsum([0, *map(len, own)]), items, weights, matches)


def plain_nearest(sessions, queries, row, *, sample, neighbours, length_power):
    """(session, similarity, match weight) of the neighbours, newest first, from the definition."""
    own = range(queries.starts[row], queries.starts[row + 1])
    found = []
    for number, items in enumerate(sessions):
        shared = [at for at in own if queries.items[at] in items]
        if shared:
            similarity = sum((float(queries.weights[at]) for at in shared), 0.0)
            found.append(
                (
                    number,
                    similarity / len(items) ** length_power if length_power else similarity,
                    float(queries.matches[shared[0]]),
                )
            )
    latest = found[:sample]
    return sorted(sorted(latest, key=lambda one: (-one[1], one[0]))[:neighbours])


def plain_scores(sessions, queries, item_weights, **settings):
    """Dense scores, added in float32 neighbour by neighbour."""
    scores = np.full((len(queries.starts) - 1, len(item_weights)), -np.inf, np.float32)
    for row in range(len(scores)):
        for number, similarity, match in plain_nearest(sessions, queries, row, **settings):
            for item in sessions[number]:
                value = np.float32(similarity * match * item_weights[item])
                scores[row, item] = (
                    value if scores[row, item] == -np.inf else scores[row, item] + value
                )
    return scores


def test_the_index_by_hand():
    # session 0 (the newest) holds items 2 and 0, session 1 item 2 twice, session 2 items 1 and 2;
    # item 3 is nowhere
    numbers, items = (
        np.asarray([0, 0, 1, 1, 2, 2], np.int32),
        np.asarray([2, 0, 2, 2, 1, 2], np.int32),
    )
    index = Sessions.build(numbers, items, (3, 4), 2)
    assert index.starts.tolist() == [0, 2, 3, 5]
    assert index.items.tolist() == [0, 2, 2, 1, 2]
    assert index.posting_starts.tolist() == [0, 1, 2, 4, 4]
    assert index.postings.tolist() == [0, 2, 0, 1], (
        "item 2 is posted in its two newest sessions only"
    )


def test_an_index_of_nothing():
    index = Sessions.build(np.zeros(0, np.int32), np.zeros(0, np.int32), (0, 3), 5)
    assert index.starts.tolist() == [0]
    assert index.posting_starts.tolist() == [0, 0, 0, 0]
    assert len(index.items) == len(index.postings) == 0


@given(seed=st.integers(0, 10_000), settings=SETTINGS)
def test_the_walk_finds_what_looking_at_every_session_finds(seed, settings):
    rng = np.random.default_rng(seed)
    sessions, item_count = random_sessions(rng)
    queries = random_queries(rng, item_count)
    index = index_of(sessions, item_count, settings["sample"])
    for row in range(len(queries.starts) - 1):
        found = nearest_sessions.nearest(index, queries, row, **settings)
        assert list(zip(*(part.tolist() for part in found), strict=True)) == plain_nearest(
            sessions, queries, row, **settings
        )


@given(seed=st.integers(0, 10_000), settings=SETTINGS)
def test_scores_are_those_of_the_definition_to_the_bit(seed, settings):
    rng = np.random.default_rng(seed)
    sessions, item_count = random_sessions(rng)
    queries, item_weights = random_queries(rng, item_count), rng.random(item_count)
    scores = np.full((len(queries.starts) - 1, item_count), np.nan, np.float32)
    nearest_sessions.score(
        index_of(sessions, item_count, settings["sample"]),
        queries,
        item_weights=item_weights,
        scores=scores,
        **settings,
    )
    np.testing.assert_array_equal(scores, plain_scores(sessions, queries, item_weights, **settings))


@given(seed=st.integers(0, 10_000), sample=st.integers(1, 6))
def test_postings_as_long_as_the_sample_lose_nothing(seed, sample):
    rng = np.random.default_rng(seed)
    sessions, item_count = random_sessions(rng)
    queries, settings = (
        random_queries(rng, item_count),
        {"sample": sample, "neighbours": 3, "length_power": 0.0},
    )
    for row in range(len(queries.starts) - 1):
        short = nearest_sessions.nearest(
            index_of(sessions, item_count, sample), queries, row, **settings
        )
        whole = nearest_sessions.nearest(
            index_of(sessions, item_count, 1000), queries, row, **settings
        )
        for one, other in zip(short, whole, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("neighbours", "expected"), [(1, [1]), (2, [0, 1]), (3, [0, 1, 2])])
def test_among_equals_the_newer_session_stays(neighbours, expected):
    index = index_of([{0}, {0, 1}, {0}, {0}], 2, 10)
    queries = Queries(
        np.asarray([0, 2]), np.asarray([0, 1], np.int32), np.asarray([0.5, 0.25]), np.ones(2)
    )
    found, _, _ = nearest_sessions.nearest(
        index, queries, 0, sample=10, neighbours=neighbours, length_power=0.0
    )
    assert found.tolist() == expected
