"""The largest of each row, against sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework.kernels.similarity.sparse_top_k import BUCKETS, keep_largest, scratch_cells

DENORMAL = float(np.float32(1e-42))
ODD = [
    -1.0,
    -0.0,
    0.0,
    0.25,
    0.5,
    0.5,
    1.0,
    2.0,
    DENORMAL,
    2 * DENORMAL,
    -DENORMAL,
    np.inf,
    -np.inf,
    np.nan,
    -np.nan,
]


def kept(rows, keep, *, columns=None, order=None):
    """Rows of {column: value}, and the raw arrays. Rows of equal length without `columns` are
    dense.
    """
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    values = np.asarray([value for row in rows for value in row], np.float32)
    flat = (
        np.zeros(0, np.uint32)
        if columns is None
        else np.asarray([column for row in columns for column in row], np.uint32)
    )
    longest = max(len(row) for row in rows)
    order = (
        np.arange(10 * longest + 10, dtype=np.int32)
        if order is None
        else np.asarray(order, np.int32)
    )
    capacity = sum(min(len(row), keep) for row in rows)
    out_starts, out_columns, out_values = (
        np.zeros(len(rows) + 1, np.int64),
        np.empty(capacity + 1, np.int32),
        np.empty(capacity + 1, np.float32),
    )
    out_columns[capacity] = -77
    room = np.full(scratch_cells(longest), 0xABCDEF01, np.uint32)  # left from an earlier use
    filled = keep_largest(
        starts,
        flat,
        values.view(np.uint32),
        keep,
        order,
        np.full(2 * BUCKETS, 5, np.int32),
        room,
        np.empty(longest, np.int64),
        out_starts,
        out_columns,
        out_values.view(np.uint32),
    )
    assert filled == out_starts[-1]
    assert out_columns[capacity] == -77, "nothing is written beyond what may stay"
    found = []
    for low, high in zip(out_starts[:-1], out_starts[1:], strict=True):
        assert (np.diff(out_columns[low:high]) > 0).all(), "columns ascend"
        found.append(
            dict(zip(out_columns[low:high].tolist(), out_values[low:high].tolist(), strict=True))
        )
    return found


def sorted_rows(rows, keep, columns=None):
    """The same by sorting."""
    names = columns or [range(len(row)) for row in rows]
    return [
        oracles.largest({int(c): float(np.float32(v)) for c, v in zip(own, row, strict=True)}, keep)
        for own, row in zip(names, rows, strict=True)
    ]


@given(
    st.lists(st.lists(st.sampled_from(ODD), max_size=9), min_size=1, max_size=5),
    st.integers(1, 5),
    st.data(),
)
def test_short_rows_of_odd_values(rows, keep, data):
    columns = [data.draw(st.permutations(range(0, 3 * len(row), 3))) for row in rows]
    assert kept(rows, keep, columns=columns) == sorted_rows(rows, keep, columns)


@st.composite
def long_rows(draw):
    """Rows of very different shape, one after the other: what the guess from the row before must
    survive.
    """
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    size = draw(st.sampled_from([33, 64, 97, 200, 421]))
    chosen = draw(
        st.lists(
            st.sampled_from(
                ["even", "equal", "few", "ties", "steep", "high", "low", "odd", "nans", "none"]
            ),
            min_size=1,
            max_size=6,
        )
    )
    return np.stack([row_of(shape, size, rng) for shape in chosen]).astype(np.float32)


def row_of(shape, size, rng):
    """One row of `size` values."""
    if shape == "few":
        return np.where(rng.random(size) < 0.02, rng.random(size), 0)
    if shape == "odd":
        return rng.choice(ODD, size)
    if shape == "nans":
        return np.where(rng.random(size) < 0.9, np.nan, rng.random(size))
    shapes = {
        "even": rng.random(size),
        "equal": np.full(size, 0.7),
        "ties": rng.choice([0.5, 0.25, 0.25, 0.75], size),
        "steep": np.exp(-20 * rng.random(size)),
        "high": 1e30 * rng.random(size),
        "low": DENORMAL * rng.integers(0, 9, size),
        "none": -rng.random(size),
    }
    return shapes[shape]


@given(long_rows(), st.integers(1, 6))
def test_long_dense_rows_keep_what_sorting_keeps(rows, keep):
    assert kept(rows, keep) == sorted_rows(rows, keep)


@given(long_rows(), st.integers(1, 6), st.integers(0, 1000))
def test_dense_and_sparse_rows_keep_the_same_in_any_order_of_the_cells(rows, keep, seed):
    rng = np.random.default_rng(seed)
    columns = [rng.permutation(rows.shape[1]) for _ in rows]
    assert kept(
        [row[own] for row, own in zip(rows, columns, strict=True)], keep, columns=columns
    ) == kept(rows, keep)


@pytest.mark.parametrize("keep", [1, 2, 3, 4, 9])
def test_among_equal_values_the_lower_column_stays(keep):
    assert kept([np.ones(4)], keep) == [dict.fromkeys(range(min(keep, 4)), 1.0)]
    assert kept([np.ones(4)], keep, columns=[[7, 1, 5, 3]]) == [
        dict.fromkeys([1, 3, 5, 7][:keep], 1.0)
    ]


def test_the_lower_column_is_the_one_before_renaming():
    order = [5, 4, 3, 2, 1, 0]
    assert kept([np.ones(6)], 2, order=order) == [{4: 1.0, 5: 1.0}]


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 200, 5000])
def test_rows_of_one_value_everywhere(size):
    for keep in (1, 4, 100):
        assert kept([np.full(size, 0.3)], keep) == [
            dict.fromkeys(range(min(keep, size)), float(np.float32(0.3)))
        ]


@pytest.mark.parametrize(
    "odd", [0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF], ids=hex
)
def test_what_is_no_number_is_never_kept_and_hides_no_number(odd):
    rows = np.full((3, 400), 0.0, np.float32)
    rows.view(np.uint32)[:, ::2] = odd
    rows[:, 1:40:2] = np.arange(20) + 1
    assert kept(rows, 3) == sorted_rows(np.nan_to_num(rows), 3)


def test_infinity_is_a_value_like_others():
    row = np.linspace(0, 1, 300)
    row[[7, 100, 250]] = np.inf
    assert kept([row, row], 2) == [{7: np.inf, 100: np.inf}] * 2
    assert kept([row], 4) == sorted_rows([row], 4)


def test_many_long_rows_with_an_edge_that_moves():
    rng = np.random.default_rng(4)
    rows = (rng.random((60, 3000)) ** 4 * 2.0 ** rng.integers(-40, 40, 60)[:, None]).astype(
        np.float32
    )
    rows = np.round(rows, 3)
    assert kept(rows, 20) == sorted_rows(rows, 20)


def test_empty_rows_between_others():
    assert kept([[], [1.0, 2.0], [], [3.0]], 1, columns=[[], [4, 6], [], [0]]) == [
        {},
        {6: 2.0},
        {},
        {0: 3.0},
    ]
