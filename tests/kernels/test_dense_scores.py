"""Lists from a dense matrix, against plain products and the ranking of all scores."""

from __future__ import annotations

import numpy as np
import pytest

from spadework.errors import SpadeworkError
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.dense_scores import recommend_dense, score_dense
from spadework.kernels.ranking.row_choice import Choice
from spadework.ragged import SparseRows


def lists_of(seed: int, count: int, entries: int) -> SparseRows:
    rng = np.random.default_rng(seed)
    chosen = [
        np.sort(rng.choice(entries, rng.integers(0, entries + 1), replace=False))
        for _ in range(count)
    ]
    starts = np.concatenate(([0], np.cumsum([len(c) for c in chosen])))
    columns = np.concatenate(chosen).astype(np.int32)
    return SparseRows(starts.astype(np.int64), columns, rng.random(len(columns)).astype(np.float32))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_sums_of_rows_times_the_scale(seed):
    rng = np.random.default_rng(seed)
    matrix, scale = (
        rng.standard_normal((9, 30)).astype(np.float32),
        rng.standard_normal(30).astype(np.float32),
    )
    lists = lists_of(seed, 12, 9)
    found = score_dense(lists, matrix, scale)
    for row in range(12):
        cells = slice(lists.starts[row], lists.starts[row + 1])
        expected = (
            lists.values[cells].astype(float) @ matrix[lists.columns[cells]].astype(float) * scale
        )
        if cells.stop == cells.start:
            assert np.isneginf(found[row]).all(), "no history is no evidence"
        else:
            np.testing.assert_allclose(found[row], expected, rtol=1e-4, atol=1e-5)


def test_a_sum_or_a_scale_of_zero_is_no_evidence():
    lists = SparseRows(np.asarray([0, 1]), np.asarray([0], np.int32), np.ones(1, np.float32))
    found = score_dense(
        lists, np.asarray([[1.0, 0.0, 2.0]], np.float32), np.asarray([1.0, 1.0, 0.0])
    )
    np.testing.assert_array_equal(found, [[1, -np.inf, -np.inf]])


@pytest.mark.parametrize("policy", ["allow", "forbid", "only"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("k", [1, 4, 300])
def test_lists_are_the_top_of_all_scores(policy, masked, k):
    rng = np.random.default_rng(k)
    matrix = rng.integers(-3, 4, (20, 20)).astype(np.float32)  # with ties
    lists, scale = lists_of(7, 25, 20), np.ones(20)
    allowed = rng.random(20) < 0.6 if masked else None
    scores = score_dense(lists, matrix, scale)
    if policy != "allow":
        top_k.exclude(scores, lists.starts, lists.columns, only=policy == "only")
    if allowed is not None:
        top_k.keep_candidates(scores, allowed)
    choice = Choice.of(lists.starts, lists.columns, policy, allowed)
    found = recommend_dense(lists, matrix, scale, choice, k)
    for mine, expected in zip(found, top_k.top_k(scores, k), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_what_is_no_number_is_refused():
    lists = SparseRows(np.asarray([0, 1]), np.asarray([0], np.int32), np.ones(1, np.float32))
    choice = Choice.of(lists.starts, lists.columns, "allow", None)
    with pytest.raises(SpadeworkError, match="not a number"):
        recommend_dense(lists, np.full((1, 5), np.nan, np.float32), np.ones(5), choice, 3)
