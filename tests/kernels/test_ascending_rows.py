"""The largest of rows that ascend, and counts of single pairs, beside plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.counting.common_groups import common_groups
from spadework.kernels.similarity.ascending_rows import (
    copy_largest,
    find_columns,
    least_kept,
    look_up,
)
from spadework.ragged import offsets_of

TINY = np.finfo(np.float32).tiny
NONE = np.zeros(0, np.float32)


@given(seed=st.integers(0, 100_000), keep=st.integers(1, 40), is_weighed=st.booleans())
def test_the_largest_stay_in_their_order_and_equals_by_rank(seed, keep, is_weighed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 60, 12)
    starts, begins = offsets_of(lengths), offsets_of(np.minimum(lengths, keep))
    columns = np.concatenate([np.sort(rng.permutation(100)[:size]) for size in lengths])
    columns = columns.astype(np.int32)
    values = (rng.integers(-1, 8, len(columns)) / 3).astype(np.float32)
    values[rng.random(len(values)) < 0.02] = np.nan
    values[rng.random(len(values)) < 0.02] = np.inf
    right, by = ((rng.integers(1, 4, size) / 2).astype(np.float32) for size in (100, len(lengths)))
    ranks = rng.permutation(100).astype(np.uint32)
    found, kept = np.full(begins[-1] + 1, -7, np.int32), np.full(begins[-1] + 1, -7, np.float32)
    counts, least = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.float32)
    room = np.zeros(60, np.int32), np.zeros(60, np.float32)
    weigh, divide = (NONE, NONE) if is_weighed else (right, by)
    copy_largest(
        starts, columns, values, weigh, divide, TINY, keep, ranks, *room, begins[:-1], found, kept,
        counts, least,
    )  # fmt: skip
    again = np.zeros_like(least)
    least_kept(starts, columns, values, weigh, keep, *room, again)
    np.testing.assert_array_equal(again, least)
    weights = values if is_weighed else values / right[columns]
    for row, (first, last) in enumerate(zip(starts, starts[1:], strict=False)):
        own, other = columns[first:last], weights[first:last]
        own, other = own[other > 0], other[other > 0]
        order = np.sort(np.lexsort((ranks[own], -other))[:keep])
        cells = slice(begins[row], begins[row] + counts[row])
        np.testing.assert_array_equal(found[cells], own[order])
        divided = other[order] if is_weighed else np.maximum(other[order] / by[row], TINY)
        np.testing.assert_array_equal(kept[cells], divided)
        assert least[row] == (other[order].min() if len(order) == keep else 0)
    assert found[-1] == kept[-1] == -7  # nothing is written behind a row


@given(seed=st.integers(0, 100_000))
def test_columns_are_found_where_they_belong(seed):
    rng = np.random.default_rng(seed)
    rows, wanted = (
        [np.flatnonzero(rng.random(30) < rng.random()).astype(np.int32) for _ in range(6)]
        for _ in range(2)
    )
    starts, wanted_starts = (offsets_of([len(row) for row in each]) for each in (rows, wanted))
    places, is_there = np.empty(wanted_starts[-1], np.int64), np.empty(wanted_starts[-1], np.bool_)
    find_columns(
        starts, np.concatenate(rows), wanted_starts, np.concatenate(wanted), places, is_there
    )
    for row, (own, sought) in enumerate(zip(rows, wanted, strict=True)):
        cells = slice(wanted_starts[row], wanted_starts[row + 1])
        np.testing.assert_array_equal(places[cells] - starts[row], np.searchsorted(own, sought))
        np.testing.assert_array_equal(is_there[cells], np.isin(sought, own))


def test_values_are_looked_up():
    out = np.zeros(3, np.float32)
    look_up(np.asarray([0.5, 2, 7], np.float32), np.asarray([2, 0, 2], np.int32), out)
    assert out.tolist() == [7, 0.5, 7]


@given(seed=st.integers(0, 100_000))
def test_common_groups_are_those_of_both(seed):
    rng = np.random.default_rng(seed)
    holds = rng.random((9, 30)) < 0.4
    counts = rng.random(30) < 0.8
    groups = np.concatenate([np.flatnonzero(row) for row in holds]).astype(np.uint32)
    left, right = rng.integers(0, 9, (2, 50))
    found = common_groups(offsets_of(holds.sum(axis=1)), groups, counts.view(np.uint8), left, right)
    np.testing.assert_array_equal(found, (holds[left] & holds[right] & counts).sum(axis=1))
