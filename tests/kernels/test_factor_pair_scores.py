"""Scores through two factors against dense products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from spadework.errors import SpadeworkError
from spadework.kernels.ranking import factor_pair_scores, top_k
from spadework.kernels.ranking.row_choice import Choice
from spadework.ragged import SparseRows


def rows_of(cells: np.ndarray) -> SparseRows:
    made = csr_array(cells)
    return SparseRows(
        made.indptr.astype(np.int64), made.indices.astype(np.int32), made.data.astype(np.float32)
    )


def made(seed: int, users: int, items: int, factors: int, share: float):
    """Lists, factors, and the scores that they define."""
    rng = np.random.default_rng(seed)
    lists = np.where(rng.random((users, items)) < share, rng.uniform(0.5, 2, (users, items)), 0)
    u = np.where(rng.random((items, factors)) < share, rng.normal(size=(items, factors)), 0)
    spread, own = rng.uniform(0.5, 2, factors), -rng.uniform(0.5, 2, items)
    weights = (u * spread) @ u.T * own
    np.fill_diagonal(weights, 0)
    linked = (u != 0).astype(int) @ (u != 0).T
    np.fill_diagonal(linked, 0)
    scores = np.where((lists != 0).astype(int) @ linked > 0, lists @ weights, -np.inf)
    return (
        rows_of(lists),
        factor_pair_scores.Factors(
            rows_of(u), rows_of(u.T), spread.astype(np.float32), own.astype(np.float32)
        ),
        scores,
    )


problems = st.tuples(
    st.integers(0, 10_000),
    st.integers(1, 6),
    st.integers(1, 25),
    st.integers(1, 25),
    st.sampled_from([0.05, 0.2, 0.6]),
)


@given(problems)
def test_scores_are_products_without_the_items_own_part(problem):
    lists, factors, expected = made(*problem)
    found = factor_pair_scores.score_rows(lists, factors)
    np.testing.assert_array_equal(np.isneginf(found), np.isneginf(expected))
    reached = np.isfinite(expected)
    np.testing.assert_allclose(found[reached], expected[reached], rtol=1e-4, atol=1e-4)


@given(problems, st.integers(1, 30), st.sampled_from(["allow", "forbid", "only"]), st.booleans())
def test_lists_are_those_of_the_scores(problem, k, repeats, some):
    lists, factors, _ = made(*problem)
    scores = factor_pair_scores.score_rows(lists, factors)
    allowed = np.random.default_rng(1).random(scores.shape[1]) < 0.5 if some else None
    if repeats != "allow":
        top_k.exclude(scores, lists.starts, lists.columns, only=repeats == "only")
    if allowed is not None:
        top_k.keep_candidates(scores, allowed)
    choice = Choice.of(lists.starts, lists.columns, repeats, allowed)
    codes, best = factor_pair_scores.recommend_rows(lists, factors, choice, k)
    for mine, yours in zip((codes, best), top_k.top_k(scores, k), strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_a_broken_factor_is_refused():
    lists, factors, _ = made(1, 2, 10, 10, 0.6)
    broken = factors._replace(inverse_pivots=np.full(10, np.nan, np.float32))
    choice = Choice.of(lists.starts, lists.columns, "allow", None)
    with pytest.raises(SpadeworkError, match="not a number"):
        factor_pair_scores.recommend_rows(lists, broken, choice, 3)
