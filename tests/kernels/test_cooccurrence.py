"""The pair count and the selection of the largest, against loops over pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework.kernels import cooccurrence
from spadework.kernels.cooccurrence import Units, keep_largest

ITEMS = 7


@st.composite
def units(draw):
    """Up to five units of up to six events over seven items; positions rise and may tie."""
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=5))
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    items = np.asarray(draw(st.lists(st.integers(0, ITEMS - 1), min_size=sum(lengths), max_size=sum(lengths))), np.int32)
    steps = [draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)) for n in lengths]
    positions = np.concatenate([np.cumsum(s) for s in steps]).astype(np.int32) if starts[-1] else np.zeros(0, np.int32)
    return starts, items, positions


def counted(built: Units, kernel, backward, weights, rows=(0, ITEMS)):
    return built.count(rows, np.asarray(kernel, np.float64), backward, np.asarray(weights, np.float32))


@given(units(), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from(["same", "inverse", "zero"]), st.data())
def test_count_is_what_the_loops_count(made, backward, kind, data):
    starts, items, positions = made
    longest = int(positions.max(initial=0))
    kernel = {"same": np.ones(longest + 1), "inverse": 1 / np.maximum(np.arange(longest + 1), 1), "zero": np.zeros(longest + 1)}[kind]
    weights = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=len(items), max_size=len(items)))
    built = Units.build(starts, items, positions, ITEMS)
    out_starts, columns, values = counted(built, kernel, backward, weights)
    expected = oracles.count_pairs(starts, items, positions, ITEMS, kernel, backward, weights)
    np.testing.assert_allclose(oracles.dense(out_starts, columns, values, ITEMS), expected, rtol=1e-6)
    assert (values > 0).all(), "a cell is written only where something was counted"
    for row in range(ITEMS):
        own = columns[out_starts[row] : out_starts[row + 1]]
        assert (np.diff(own) > 0).all(), "columns ascend within a row, each once"
        assert row not in own, "the diagonal is left out"


@given(units(), st.integers(1, ITEMS - 1))
def test_blocks_of_rows_give_the_same_cells_as_all_rows_at_once(made, cut):
    starts, items, positions = made
    kernel, weights = np.ones(int(positions.max(initial=0)) + 1), np.ones(len(items))
    built = Units.build(starts, items, positions, ITEMS)
    whole = oracles.dense(*counted(built, kernel, 0.5, weights), ITEMS)
    parts = [oracles.dense(*counted(built, kernel, 0.5, weights, rows), ITEMS) for rows in ((0, cut), (cut, ITEMS))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@given(units())
def test_row_bounds_hold_and_blocks_cover_every_row_once(made):
    starts, items, positions = made
    built = Units.build(starts, items, positions, ITEMS)
    filled = np.diff(counted(built, np.ones(int(positions.max(initial=0)) + 1), 1.0, np.ones(len(items)))[0])
    assert (filled <= built.row_bounds).all()
    rows = [row for first, last in built.blocks() for row in range(first, last)]
    assert rows == list(range(ITEMS))


def test_blocks_are_cut_where_they_would_grow_too_large(monkeypatch):
    monkeypatch.setattr(cooccurrence, "BLOCK_CELLS", 4)
    built = Units.build(np.asarray([0, 4]), np.asarray([0, 1, 2, 3], np.int32), np.zeros(4, np.int32), 4)
    assert built.blocks() == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_events_of_one_basket_count_one_in_both_directions_whatever_the_kernel():
    built = Units.build(np.asarray([0, 3]), np.asarray([0, 1, 2], np.int32), np.asarray([0, 0, 1], np.int32), 3)
    counts = oracles.dense(*built.count((0, 3), np.asarray([9.0, 0.25]), 0.5, np.ones(3, np.float32)), 3)
    np.testing.assert_allclose(counts, [[0, 1, 0.25], [1, 0, 0.25], [0.125, 0.125, 0]])


@given(
    st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.5, 1.0, 2.0]), min_size=0, max_size=9), min_size=1, max_size=5),
    st.integers(1, 5),
)
def test_keep_largest_keeps_what_sorting_keeps(rows, keep):
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    columns = np.concatenate([np.arange(len(row)) * 2 for row in rows]).astype(np.int32)
    values = np.asarray([value for row in rows for value in row], np.float32)
    out_starts = np.zeros(len(rows) + 1, np.int64)
    out_columns, out_values = np.empty(len(values), np.int32), np.empty(len(values), np.float32)
    kept = keep_largest(starts, columns, values, keep, out_starts, out_columns, out_values)
    assert kept == out_starts[-1]
    for number, row in enumerate(rows):
        cells = slice(out_starts[number], out_starts[number + 1])
        expected = oracles.largest({2 * at: value for at, value in enumerate(row)}, keep)
        assert dict(zip(out_columns[cells].tolist(), out_values[cells].tolist(), strict=True)) == expected
        assert (np.diff(out_columns[cells]) > 0).all()


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_among_equal_values_the_lower_column_stays(keep):
    out_starts, out_columns, out_values = np.zeros(2, np.int64), np.empty(4, np.int32), np.empty(4, np.float32)
    keep_largest(np.asarray([0, 4]), np.asarray([1, 3, 5, 7], np.int32), np.ones(4, np.float32), keep, out_starts, out_columns, out_values)
    assert out_columns[: out_starts[1]].tolist() == [1, 3, 5, 7][:keep]
