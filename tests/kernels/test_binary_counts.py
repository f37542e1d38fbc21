"""Counting sets by half, dense and sparse: each of the three against a double loop over the items
of each group.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework.kernels import parallel
from spadework.kernels.counting import binary_counts, count_blocks
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.count_blocks import Workspace
from spadework.kernels.counting.grouped_events import Groups

ITEMS = 9
ways = pytest.mark.parametrize("way", ["half", "dense", "sparse"])
baskets = st.lists(st.sets(st.integers(0, ITEMS - 1), max_size=7), max_size=9)


def arranged(made, items=ITEMS) -> Groups:
    starts = np.concatenate(([0], np.cumsum([len(group) for group in made]))).astype(np.int64)
    return Groups.of_sets(
        starts, np.asarray([item for group in made for item in group], np.int32), items
    )


def forced(groups: Groups, way: str) -> SetCounter:
    """A counter that uses this way, whatever suits the data."""
    counter = SetCounter(groups)
    counter.__dict__["by_half"] = way == "half"
    counter.__dict__["_is_dense_row"] = np.full(groups.item_count, way == "dense")
    return counter


def counted(counter: SetCounter, ranges=None) -> np.ndarray:
    """Counts of all rows by item code, the workspace used again from block to block."""
    groups, workspace = counter.groups, Workspace()
    counter.prepare()
    out = np.zeros((groups.item_count, groups.item_count))
    for rows in counter.blocks() if ranges is None else ranges:
        block = counter.count(rows, workspace)
        if block.columns is None:
            own = block.joint.reshape(block.rows, -1)
        else:
            own = oracles.dense(block.starts, block.columns, block.joint[:, 0], groups.item_count)
            assert (block.joint[:, 0] > 0).all(), (
                "a sparse cell is written only where something was counted"
            )
        out[block.first : block.last] = own
    return out[np.ix_(groups.rank_of_code, groups.rank_of_code)]


@ways
@given(baskets)
def test_counts_are_what_the_loops_count(way, made):
    np.testing.assert_array_equal(
        counted(forced(arranged(made), way)), oracles.count_sets(made, ITEMS)
    )


@given(baskets)
def test_the_way_that_suits_the_data_counts_the_same(made):
    np.testing.assert_array_equal(
        counted(SetCounter(arranged(made))), oracles.count_sets(made, ITEMS)
    )


@ways
@given(baskets, st.integers(1, ITEMS - 1))
def test_rows_may_be_counted_in_any_ranges(way, made, edge):
    counter = forced(arranged(made), way)
    np.testing.assert_array_equal(
        counted(counter, [(0, edge), (edge, ITEMS)]), counted(counter, [(0, ITEMS)])
    )


@ways
@pytest.mark.parametrize("cells", [1, 5, 20])
def test_ranges_cover_every_row_once_however_small_the_blocks(way, cells, monkeypatch):
    made = [{1, 2, 3}, {2, 3, 4, 5}, {0}, set(), {1, 2}, {2, 6, 7, 8}]
    expected = oracles.count_sets(made, ITEMS)
    for name, value in (("BLOCK_CELLS", cells), ("TILE", 2)):
        monkeypatch.setattr(binary_counts, name, value)
    counter = forced(arranged(made), way)
    assert [row for first, last in counter.blocks() for row in range(first, last)] == list(
        range(ITEMS)
    )
    assert len(counter.blocks()) > 1
    np.testing.assert_array_equal(counted(counter), expected)


@given(baskets, st.lists(st.booleans(), min_size=ITEMS, max_size=ITEMS))
def test_rows_that_are_not_requested_stay_empty_and_the_others_are_complete(made, requested):
    groups = arranged(made)
    mask = np.asarray(requested)
    expected = np.where(mask[:, None], oracles.count_sets(made, ITEMS), 0)
    np.testing.assert_array_equal(counted(SetCounter(groups.restricted_to(mask))), expected)


def test_dense_rows_come_first_and_no_block_mixes_them_with_sparse_ones():
    rng = np.random.default_rng(1)
    made = [set(np.minimum(rng.geometric(0.08, 12) - 1, 199).tolist()) for _ in range(60)]
    counter = SetCounter(arranged(made, 200))
    dense = counter._is_dense_row
    assert 0 < dense.sum() < 200, "the log has dense and sparse rows"
    assert not counter.by_half
    assert (np.diff(dense.astype(int)) <= 0).all()
    assert all(len(set(dense[first:last].tolist())) == 1 for first, last in counter.blocks())
    np.testing.assert_array_equal(counted(counter), oracles.count_sets(made, 200))


@ways
def test_groups_of_one_item_and_items_without_events_count_nothing(way):
    assert not counted(forced(arranged([{3}, {3}, {5}]), way)).any()


@ways
def test_everything_in_one_group(way):
    np.testing.assert_array_equal(
        counted(forced(arranged([set(range(ITEMS))]), way)), 1 - np.eye(ITEMS)
    )


@pytest.mark.parametrize("items", [0, 1, 2])
def test_tiny_catalogues(items):
    counter = SetCounter(arranged([set(range(items))], items))
    np.testing.assert_array_equal(counted(counter), 1 - np.eye(items))


@ways
def test_counts_above_sixteen_bits(way):
    made = [{0, 1}] * 70_000 + [{0, 2}]
    counter = forced(arranged(made, 3), way)
    assert counter.accumulator == np.uint32
    np.testing.assert_array_equal(counted(counter), [[0, 70_000, 1], [70_000, 0, 0], [1, 0, 0]])


@ways
def test_the_largest_count_of_sixteen_bits(way):
    counter = forced(arranged([{0, 1}] * 65_535, 2), way)
    assert counter.accumulator == np.uint16
    np.testing.assert_array_equal(counted(counter), [[0, 65_535], [65_535, 0]])


def test_the_triangle_is_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(2)
    groups = arranged([set(rng.integers(0, 40, 9).tolist()) for _ in range(300)], 40)
    triangles = []
    for threads in (1, 2, 3):
        with parallel.using(threads):
            triangles.append(forced(groups, "half")._triangle)
    assert all((triangle == triangles[0]).all() for triangle in triangles)


@given(baskets)
def test_groups_are_the_log_by_rank(made):
    groups = arranged(made)
    for number, group in enumerate(made):
        own = groups.item_ranks[groups.starts[number] : groups.starts[number + 1]]
        assert (np.diff(own.astype(int)) > 0).all(), "common items come first"
        assert set(groups.code_of_rank[own].tolist()) == group
    assert (np.diff(groups.item_sizes) <= 0).all()
    assert (groups.rank_of_code[groups.code_of_rank] == np.arange(ITEMS)).all()
    for rank in range(ITEMS):
        cells = slice(int(groups.occurrence_starts[rank]), int(groups.occurrence_starts[rank + 1]))
        assert groups.additions_per_row[rank] == sum(
            len(group) for group in made if groups.code_of_rank[rank] in group
        )
        assert groups.occurrence_groups[cells].tolist() == [
            number for number, group in enumerate(made) if groups.code_of_rank[rank] in group
        ]


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(1, 40), st.integers(1, 4))
def test_cuts_hold_what_they_may_and_tile_what_they_must(costs, most, tile):
    ranges = count_blocks.cut(np.cumsum(costs), most, tile)
    assert [row for first, last in ranges for row in range(first, last)] == list(range(len(costs)))
    for first, last in ranges:
        assert first < last
        assert sum(costs[first:last]) <= most or last - first <= tile
