"""Scores become ranks: masked, tie-stable, −∞ never returned, NaN refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import oracles
from spadework.errors import SpadeworkError
from spadework.kernels.ranking import relevance, top_k

SOME = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 0.5, 2.0, np.inf])


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=SOME),
    st.integers(1, 12),
)
def test_top_k_is_what_sorting_gives(scores, k):
    before = scores.copy()
    codes, best = top_k.top_k(scores, k)
    assert codes.shape == best.shape == (len(scores), k)
    for row, expected in enumerate(oracles.top_k(scores, k)):
        found = [(int(c), float(s)) for c, s in zip(codes[row], best[row], strict=True) if c >= 0]
        assert found == [(column, float(score)) for column, score in expected]
        assert (codes[row, len(expected) :] == -1).all()
        assert np.isneginf(best[row, len(expected) :]).all()
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("k", [1, 20, 100, top_k.SHORT, top_k.SHORT + 1, 5000])
@pytest.mark.parametrize("levels", [3, 10_000])
@pytest.mark.parametrize("order", ["ascending", "descending", "random"])
def test_long_rows_and_lists_are_what_sorting_gives(k, levels, order):
    rng = np.random.default_rng(k)
    scores = rng.integers(0, levels, (3, 2000)).astype(np.float32)
    scores[1, rng.random(2000) < 0.9] = -np.inf
    if order != "random":
        scores = np.sort(scores, axis=1)[:, :: 1 if order == "ascending" else -1].copy()
    codes, best = top_k.top_k(scores, k)
    for row, expected in enumerate(oracles.top_k(scores, k)):
        assert codes[row, : len(expected)].tolist() == [column for column, _ in expected]
        assert best[row, : len(expected)].tolist() == [float(score) for _, score in expected]
        assert (codes[row, len(expected) :] == -1).all()


def test_a_score_that_is_not_a_number_is_found_in_any_run_of_columns():
    for column in (0, 127, 128, 1000, 1999):
        scores = np.ones((1, 2000), np.float32)
        scores[0, column] = np.nan
        with pytest.raises(SpadeworkError, match="not a number"):
            top_k.top_k(scores, 3)


def test_a_scorer_that_knows_nothing_gives_the_lowest_codes():
    assert top_k.top_k(np.zeros((1, 6), np.float32), 3)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("column", [0, 3, 5])
def test_a_score_that_is_not_a_number_is_refused_by_row(column):
    scores = np.ones((3, 6), np.float32)
    scores[2, column] = np.nan
    with pytest.raises(
        SpadeworkError, match=r"^Row 2 of the scores holds a value that is not a number"
    ) as caught:
        top_k.top_k(scores, 2)
    assert caught.value.hint == "The model is broken on these data; leave it out."


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=4), st.booleans())
def test_exclude_masks_the_listed_columns_or_all_others(rows, only):
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    columns = np.asarray([column for row in rows for column in sorted(row)], np.int32)
    scores = np.arange(len(rows) * 6, dtype=np.float32).reshape(-1, 6)
    before = scores.copy()
    top_k.exclude(scores, starts, columns, only=only)
    for row, listed in enumerate(rows):
        for column in range(6):
            kept = (column in listed) == only
            assert scores[row, column] == (before[row, column] if kept else -np.inf)


def test_only_candidates_keep_their_scores():
    scores = np.ones((2, 3), np.float32)
    top_k.keep_candidates(scores, np.asarray([True, False, True]))
    assert scores.tolist() == [[1, -np.inf, 1]] * 2


@given(
    st.lists(
        st.tuples(st.lists(st.integers(-1, 9), min_size=4, max_size=4), st.sets(st.integers(0, 9))),
        min_size=1,
        max_size=4,
    )
)
def test_hits_are_memberships_and_padding_never_hits(rows):
    lists = np.asarray([shown for shown, _ in rows], np.int32)
    starts = np.concatenate(([0], np.cumsum([len(targets) for _, targets in rows]))).astype(
        np.int64
    )
    targets = np.asarray([target for _, wanted in rows for target in sorted(wanted)], np.int32)
    expected = [[int(item in wanted) for item in shown] for shown, wanted in rows]
    assert relevance.hits(lists, starts, targets).tolist() == expected
