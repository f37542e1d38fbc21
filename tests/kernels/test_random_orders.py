"""Random orders: each row meets every column once, and the head that is worked out is the head of
all scores.
"""

from __future__ import annotations

import numpy as np
import pytest

from spadework.kernels.ranking import random_orders, top_k
from spadework.kernels.ranking.row_choice import Choice

ROWS = 40


def walk_of(columns, rows=ROWS, seed=0):
    numbers = np.random.default_rng(seed).integers(0, 2**63, rows, dtype=np.uint64)
    return random_orders.walks(numbers, random_orders.prime_from(columns))


def all_scores(walk, columns):
    return random_orders.scores_of(
        walk, np.arange(len(walk.starts))[:, None], np.arange(columns)[None, :]
    )


def slowly(walk, columns):
    """Scores by walking, one step after the other."""
    scores = np.zeros((len(walk.starts), columns), np.float32)
    for row, (start, stride) in enumerate(
        zip(walk.starts.tolist(), walk.strides.tolist(), strict=True)
    ):
        for step in range(walk.prime):
            number = (start + step * stride) % walk.prime
            if number < columns:
                scores[row, number] = walk.prime - step
    return scores


@pytest.mark.parametrize(
    ("least", "prime"),
    [(0, 3), (1, 3), (3, 3), (4, 5), (8, 11), (14, 17), (25, 29), (1000, 1009), (68_509, 68_521)],
)
def test_the_prime_is_the_first_that_holds_all(least, prime):
    assert random_orders.prime_from(least) == prime


@pytest.mark.parametrize("columns", [1, 2, 3, 10, 97, 500])
def test_scores_are_those_of_the_walk_and_no_two_are_equal(columns):
    walk = walk_of(columns)
    scores = all_scores(walk, columns)
    np.testing.assert_array_equal(scores, slowly(walk, columns))
    assert all(len(set(row)) == columns for row in scores.tolist())


@pytest.mark.parametrize("columns", [1, 7, 300, 5000])
@pytest.mark.parametrize("policy", ["allow", "forbid", "only"])
@pytest.mark.parametrize("share", [None, 0.5, 0.01, 0.0])
def test_the_head_is_that_of_all_scores(columns, policy, share):
    rng = np.random.default_rng(columns)
    walk, k = walk_of(columns), 9
    seen = [
        np.sort(rng.choice(columns, min(columns, int(rng.integers(0, 30))), replace=False))
        for _ in range(ROWS)
    ]
    starts, items = (
        np.concatenate(([0], np.cumsum([len(row) for row in seen]))),
        np.concatenate(seen).astype(np.int32),
    )
    allowed = None if share is None else rng.random(columns) < share
    choice = Choice.of(starts, items, policy, allowed)
    scores = all_scores(walk, columns)
    if policy != "allow":
        top_k.exclude(scores, starts, items, only=policy == "only")
    if allowed is not None:
        top_k.keep_candidates(scores, allowed)
    codes, best = random_orders.draw(walk, columns, choice, k)
    expected, expected_best = top_k.top_k(scores, k)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(best, expected_best)


def test_every_column_is_drawn_equally_often():
    columns, k, rows = 53, 5, 20_000
    choice = Choice.of(np.zeros(rows + 1, np.int64), np.zeros(0, np.int32), "allow", None)
    codes, _ = random_orders.draw(walk_of(columns, rows), columns, choice, k)
    counts = np.bincount(codes.reshape(-1), minlength=columns)
    expected = rows * k / columns
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
    pairs = np.zeros((columns, columns), np.int64)
    np.add.at(pairs, (codes[:, 0], codes[:, 1]), 1)  # the second is no echo of the first
    off = pairs[~np.eye(columns, dtype=bool)]
    assert off.max() < off.mean() + 7 * np.sqrt(off.mean())
