"""Completing lists with common scores against the dense way: mask, then top-k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.ranking import top_k


@pytest.mark.parametrize(("forbid", "only"), [(False, False), (True, False), (False, True)])
@given(seed=st.integers(0, 10_000))
def test_empty_lists_are_filled_as_by_top_k(forbid: bool, only: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, k = 4, 9, 5
    scores = rng.integers(0, 4, columns).astype(np.float32)
    scores[rng.random(columns) < 0.2] = -np.inf
    listed = rng.random((rows, columns)) < 0.4
    starts = np.concatenate(([0], np.cumsum(listed.sum(axis=1))))
    history = np.nonzero(listed)[1].astype(np.int32)
    codes, best = top_k.nothing(rows, k)
    top_k.complete(
        codes,
        best,
        scores,
        top_k.order_of(scores),
        starts,
        history,
        forbid=forbid,
        only=only,
        below=False,
    )
    dense = np.tile(scores, (rows, 1))
    if forbid or only:
        top_k.exclude(dense, starts, history, only=only)
    expected, expected_best = top_k.top_k(dense, k)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(best, expected_best)


def test_standing_items_stay_and_scores_go_below_them() -> None:
    codes = np.array([[2, -1, -1], [0, 1, -1]], np.int32)
    best = np.array([[-3.0, -np.inf, -np.inf], [9.0, 8.0, -np.inf]], np.float32)
    scores = np.array([-0.5, -0.25, -0.1], np.float32)
    top_k.complete(
        codes,
        best,
        scores,
        top_k.order_of(scores),
        np.zeros(3, np.int64),
        np.zeros(0, np.int32),
        forbid=False,
        only=False,
        below=True,
    )
    assert codes.tolist() == [[2, 1, 0], [0, 1, 2]]
    np.testing.assert_allclose(best, [[-3.0, -3.25, -3.5], [9.0, 8.0, -0.1]])
