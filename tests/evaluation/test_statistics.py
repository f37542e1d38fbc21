"""How sure a number is: intervals that cover, permutation against enumeration, corrections by
hand.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework.evaluation import statistics


def test_bootstrap_intervals_cover_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        values = rng.normal(0.3, 1.0, (120, 1)).astype(np.float32)
        found = statistics.estimates(values, seed=trial, resamples=400)[0]
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_width_is_that_of_the_normal_approximation():
    values = np.random.default_rng(1).normal(0, 2.0, (1000, 1)).astype(np.float32)
    found = statistics.estimates(values, seed=0)[0]
    assert found.value == pytest.approx(values.mean(), abs=1e-6)
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * 2.0 / 1000**0.5, rel=0.1)


def test_users_without_a_value_do_not_count():
    values = np.asarray([[1.0, 1.0], [np.nan, 0.0], [1.0, 0.5]] * 50, np.float32)
    first, second = statistics.estimates(values, seed=0)
    assert (first.value, first.low, first.high) == (1.0, 1.0, 1.0)
    assert second.value == pytest.approx(0.5)


def test_paired_intervals_are_narrower_where_users_differ_more_than_models():
    rng = np.random.default_rng(2)
    base = rng.normal(0, 5, 300)
    values = np.column_stack([base, base + 0.1 + rng.normal(0, 0.05, 300)]).astype(np.float32)
    gap = statistics.differences(values, 0, seed=0)
    assert gap[0].value == 0.0
    assert gap[1].low > 0.09
    assert gap[1].high < 0.11
    assert 0 < gap[1].p < 1e-9


@given(
    st.integers(0, 10_000), st.sampled_from([1, 2, 5, 40, 99, 100, 300]), st.integers(2, 5),
    st.floats(-0.6, 0.6), st.sampled_from([40, 79, 400, 2000]),
    st.booleans(),
)  # fmt: skip
def test_the_interval_leaves_zero_out_exactly_where_p_is_below_one_in_twenty(
    seed, users, models, shift, resamples, coarse
):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (users, models)) + shift * np.arange(models) / np.sqrt(
        max(users / 10, 1)
    )
    values = (np.round(values) if coarse else values).astype(np.float32)
    for gap in statistics.differences(values, 0, seed=seed, resamples=resamples):
        assert (gap.low > 0 or gap.high < 0) == (gap.p < 0.05), gap
        assert gap.low <= gap.high
        assert 0 < gap.p <= 1
        assert gap.p_holm >= gap.p or gap.value == 0


def test_p_by_hand():
    """Of 40 resamples one is below zero: twice two in 41. Of none: twice one in 41, and the
    interval leaves zero out.
    """
    one_below = np.concatenate([[-1.0], np.ones(39)])[:, None]
    assert statistics.two_sided(one_below, users=50).tolist() == pytest.approx([4 / 41])
    assert [float(end[0]) for end in statistics.interval(one_below)] == [-1.0, 1.0]
    assert statistics.two_sided(np.ones((40, 1)), users=50).tolist() == pytest.approx([2 / 41])
    assert [float(end[0]) for end in statistics.interval(np.arange(1.0, 81.0)[:, None])] == [
        2.0,
        79.0,
    ]
    assert statistics.two_sided(np.zeros((400, 1)), users=50).tolist() == [1.0]


def test_over_many_users_p_tells_more_than_the_number_of_resamples():
    values = np.random.default_rng(7).normal([0.0, 0.3], 1.0, (2000, 2)).astype(np.float32)
    gap = statistics.differences(values, 0, seed=0, resamples=400)[1]
    assert 0 < gap.p < 1e-6 < 2 / 401
    assert statistics.differences(values[:60], 0, seed=0, resamples=400)[1].p >= 2 / 401


@given(st.lists(st.integers(-4, 4), min_size=8, max_size=8))
def test_sign_flip_agrees_with_all_256_patterns(differences):
    paired = np.asarray(differences, np.float32)[:, None]
    found = statistics.sign_flip(paired, seed=3, resamples=4000)[0]
    assert found == pytest.approx(oracles.sign_flip_exact(differences), abs=0.04)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_against_the_definition(p):
    np.testing.assert_allclose(statistics.holm(np.asarray(p)), oracles.holm(p))


def test_holm_by_hand():
    assert statistics.holm(np.asarray([0.04, 0.01, 0.03])).tolist() == pytest.approx(
        [0.06, 0.03, 0.06]
    )
    assert statistics.holm(np.asarray([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_corrected_is_never_more_certain_than_bare():
    values = np.random.default_rng(4).normal(0, 1, (60, 5)).astype(np.float32)
    for gap in statistics.differences(values, 2, seed=0):
        assert gap.p_holm >= gap.p or gap.value == 0


@given(st.integers(0, 200))
def test_shared_ranks_never_fall_while_means_fall(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.normal(0, 0.3, 6), 1.0, (80, 6)).astype(np.float32)
    ranks = statistics.shared_ranks(values, seed=0, resamples=300)
    order = np.argsort(-values.mean(axis=0, dtype=np.float64), kind="stable")
    assert (np.diff(ranks[order]) >= 0).all()
    assert ranks[order[0]] == 1
    for position, column in enumerate(order):
        assert ranks[column] <= position + 1


def test_ranks_are_shared_where_models_do_not_differ():
    same = np.tile(np.random.default_rng(5).random((50, 1)), (1, 3)).astype(np.float32)
    assert statistics.shared_ranks(same, seed=0).tolist() == [1, 1, 1]
    apart = np.column_stack([np.zeros(50), np.ones(50), np.full(50, 2.0)]).astype(np.float32)
    assert statistics.shared_ranks(apart, seed=0).tolist() == [3, 2, 1]


def test_the_same_seed_gives_the_same_numbers():
    values = np.random.default_rng(6).random((100, 3)).astype(np.float32)
    assert statistics.estimates(values, 1) == statistics.estimates(values, 1)
    assert statistics.differences(values, 0, 1) == statistics.differences(values, 0, 1)
    assert statistics.estimates(values, 1) != statistics.estimates(values, 2)
