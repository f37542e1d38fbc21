"""The largest of rows that ascend, and counts of single pairs, beside plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.counting.common_groups import common_groups
from spadework.kernels.similarity.ascending_rows import copy_largest, count_above, look_up
from spadework.ragged import offsets_of


@given(seed=st.integers(0, 100_000), keep=st.integers(1, 40))
def test_the_largest_stay_in_their_order_and_equals_by_rank(seed, keep):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 60, 12)
    starts, begins = offsets_of(lengths), offsets_of(np.minimum(lengths, keep))
    columns = np.concatenate([np.sort(rng.permutation(100)[:size]) for size in lengths])
    columns = columns.astype(np.int32)
    values = (rng.integers(-1, 8, len(columns)) / 3).astype(np.float32)
    values[rng.random(len(values)) < 0.02] = np.nan
    values[rng.random(len(values)) < 0.02] = np.inf
    ranks = rng.permutation(100).astype(np.uint32)
    found, kept = np.zeros(begins[-1], np.int32), np.zeros(begins[-1], np.float32)
    counts, room = np.zeros(len(lengths), np.int64), np.zeros((2, 60), np.int32)
    copy_largest(
        starts,
        columns,
        values.view(np.int32),
        keep,
        ranks,
        *room,
        begins[:-1],
        found,
        kept.view(np.int32),
        counts,
    )
    above = np.zeros(len(lengths), np.int64)
    count_above(starts, values, np.full(len(lengths), 0.5), above)
    for row, (first, last) in enumerate(zip(starts, starts[1:], strict=False)):
        own, other = columns[first:last], values[first:last]
        assert above[row] == (other > 0.5).sum()
        own, other = own[other > 0], other[other > 0]
        order = np.sort(np.lexsort((ranks[own], -other))[:keep])
        cells = slice(begins[row], begins[row] + counts[row])
        np.testing.assert_array_equal(found[cells], own[order])
        np.testing.assert_array_equal(kept[cells], other[order])


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
    left, right = np.sort(rng.integers(0, 9, 50)), rng.integers(0, 9, 50)
    found = common_groups(offsets_of(holds.sum(axis=1)), groups, counts.view(np.uint8), left, right)
    np.testing.assert_array_equal(found, (holds[left] & holds[right] & counts).sum(axis=1))
