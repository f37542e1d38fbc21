"""Tables of neighbours from counts: the same whatever the blocks, threads and order of groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework import events
from spadework.kernels import parallel
from spadework.kernels.counting import binary_counts, weighted_counts
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.weighted_counts import ChannelCounter
from spadework.kernels.similarity.neighbour_table import Table, Weighing, tables

ITEMS = 12
baskets = st.lists(st.sets(st.integers(0, ITEMS - 1), max_size=7), min_size=1, max_size=14)
ways = pytest.mark.parametrize("way", ["half", "dense", "sparse"])


def cosine(joint, left, right):
    return joint / np.sqrt(left * right)


def confidence(joint, left, right):
    return joint / left + 0 * right


def groups_of(made, items=ITEMS, *, events=False) -> Groups:
    starts = np.concatenate(([0], np.cumsum([len(group) for group in made]))).astype(np.int64)
    return (Groups.build if events else Groups.of_sets)(
        starts, np.asarray([item for group in made for item in group], np.int32), items
    )


def weighings(groups: Groups, *wanted) -> list[Weighing]:
    sizes = np.maximum(groups.item_sizes, 1).astype(np.float32)
    return [
        Weighing(0, sizes, sizes, weigh, keep)
        for weigh, keep in wanted or ((cosine, 3), (confidence, 2))
    ]


def made_tables(made, way=None, *, items=ITEMS, rows=None, wanted=()) -> list[Table]:
    groups = groups_of(made, items)
    wanted = weighings(groups, *wanted)
    if rows is not None:
        groups = groups.restricted_to(rows)
    counter = SetCounter(groups)
    if way is not None:
        counter.__dict__["by_half"] = way == "half"
        counter.__dict__["_is_dense_row"] = np.full(items, way == "dense")
    return tables(counter, groups, wanted, "count pairs")


def same(one: list[Table], other: list[Table]) -> bool:
    return all(
        (a.starts == b.starts).all()
        and np.array_equal(a.columns, b.columns)
        and np.array_equal(a.values, b.values)
        for a, b in zip(one, other, strict=True)
    )


def cells(table: Table) -> list[dict[int, float]]:
    ends = zip(table.starts[:-1], table.starts[1:], strict=True)
    return [
        dict(zip(table.columns[low:high].tolist(), table.values[low:high].tolist(), strict=True))
        for low, high in ends
    ]


@ways
@given(made=baskets)
def test_tables_hold_what_sorting_each_row_keeps(way, made):
    counts = oracles.count_sets(made, ITEMS).astype(np.float32)
    groups = groups_of(made)
    sizes = np.maximum(groups.item_sizes, 1).astype(np.float32)[groups.rank_of_code]
    for table, (weigh, keep) in zip(
        made_tables(made, way), ((cosine, 3), (confidence, 2)), strict=True
    ):
        values = weigh(counts, sizes[:, None], sizes[None, :])
        for item, found in enumerate(cells(table)):
            by_rank = {
                int(groups.rank_of_code[code]): float(values[item, code]) for code in range(ITEMS)
            }
            assert found == {
                int(groups.code_of_rank[rank]): value
                for rank, value in oracles.largest(by_rank, keep).items()
            }
            own = table.columns[table.starts[item] : table.starts[item + 1]]
            assert (np.diff(own) > 0).all(), "columns ascend"
            assert item not in own, "an item is no neighbour of itself"


@given(baskets)
def test_half_dense_and_sparse_make_the_same_tables(made):
    half = made_tables(made, "half")
    assert same(half, made_tables(made, "dense"))
    assert same(half, made_tables(made, "sparse"))


@ways
@pytest.mark.parametrize("block_cells", [1, 13, 30, 100])
def test_blocks_cut_anywhere_make_the_same_tables(way, block_cells, monkeypatch):
    made = many(3)
    whole = made_tables(made, way, items=40)
    monkeypatch.setattr(binary_counts, "BLOCK_CELLS", block_cells)
    monkeypatch.setattr(binary_counts, "TILE", 1 + block_cells % 3)
    assert same(whole, made_tables(made, way, items=40))


@ways
def test_threads_change_nothing(way, monkeypatch):
    monkeypatch.setattr(binary_counts, "BLOCK_CELLS", 50)
    found = []
    for threads in (1, 2, 4):
        with parallel.using(threads):
            found.append(made_tables(many(4), way, items=40))
    assert same(found[0], found[1])
    assert same(found[0], found[2])


@given(baskets, st.randoms(use_true_random=False))
def test_the_order_of_groups_does_not_matter(made, random):
    shuffled = list(made)
    random.shuffle(shuffled)
    assert same(made_tables(made), made_tables(shuffled))


@pytest.mark.parametrize("way", ["dense", "sparse", None])
@given(made=baskets, wanted=st.lists(st.booleans(), min_size=ITEMS, max_size=ITEMS))
def test_a_mask_gives_the_wanted_rows_as_they_are(way, made, wanted):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binary_counts, "BLOCK_CELLS", 5)
        patch.setattr(binary_counts, "TILE", 1)
        whole = made_tables(made, way)
        masked = made_tables(made, way, rows=np.asarray(wanted))
    for full, part in zip(whole, masked, strict=True):
        for item, (all_of_it, found) in enumerate(zip(cells(full), cells(part), strict=True)):
            assert found == (all_of_it if wanted[item] else {})


@given(baskets)
def test_many_weights_at_once_equal_each_alone(made):
    both = made_tables(made)
    assert same(both[:1], made_tables(made, wanted=((cosine, 3),)))
    assert same(both[1:], made_tables(made, wanted=((confidence, 2),)))


@given(baskets)
def test_channels_of_plain_pairs_make_the_tables_of_sets(made):
    groups = groups_of(made, events=True)
    ones = np.ones((len(groups.item_ranks), 2), np.float32)
    counter = (
        ChannelCounter(groups, np.zeros(len(ones), np.int32), ones, ones, ones[:1], ones[:1])
        if len(ones)
        else None
    )
    if counter is not None:
        second = [replace(one, channel=1) for one in weighings(groups)]
        assert same(tables(counter, groups, second, "count pairs"), made_tables(made, "sparse"))


def test_channels_are_the_same_on_any_number_of_threads_and_blocks(monkeypatch):
    groups = groups_of(many(5), 40, events=True)
    rng = np.random.default_rng(6)
    own = rng.random((len(groups.item_ranks), 2)).astype(np.float32)
    table = rng.random((4, 2)).astype(np.float32)
    positions = (
        np.arange(len(own)) - np.repeat(groups.starts[:-1], np.diff(groups.starts))
    ).astype(np.int32)
    found = []
    for threads, block_cells in ((1, 1 << 18), (1, 7), (2, 60)):
        monkeypatch.setattr(weighted_counts, "MOST_CELLS", block_cells)
        with parallel.using(threads):
            found.append(
                tables(
                    ChannelCounter(groups, positions, own, own, table, table),
                    groups,
                    weighings(groups),
                    "count pairs",
                )
            )
    assert same(found[0], found[1])
    assert same(found[0], found[2])


def test_what_is_no_number_and_what_is_not_positive_is_left_out():
    def odd(joint, left, right):
        return np.where(joint > 1, joint, np.where(joint > 0, np.nan, -np.inf)) + 0 * left * right

    made = [{0, 1, 2}, {0, 1}, {3}]
    for way in ("half", "dense", "sparse"):
        (table,) = made_tables(made, way, items=4, wanted=((odd, 3),))
        assert cells(table) == [{1: 2.0}, {0: 2.0}, {}, {}]


def test_no_events_and_no_items():
    (table,) = made_tables([set()], items=3, wanted=((cosine, 2),))
    assert cells(table) == [{}, {}, {}]
    (table,) = made_tables([set()], items=0, wanted=((cosine, 2),))
    assert table.starts.tolist() == [0]
    assert table.nbytes == 8


def test_every_block_is_reported_under_its_label(monkeypatch):
    steps: list[tuple[str, int, int | None]] = []

    class Listener:
        def step(self, label, done, total):
            steps.append((label, done, total))

        def note(self, message):
            raise AssertionError(message)

    monkeypatch.setattr(binary_counts, "BLOCK_CELLS", 5)
    with events.listening(Listener()):
        made_tables(many(7), "sparse", items=40)
    counted = [(done, total) for label, done, total in steps if label == "count pairs"]
    assert counted[0][0] == 0
    assert counted[-1][0] == counted[-1][1] > 3


def many(seed: int) -> list[set[int]]:
    """Fifty groups over forty items, of which few are common."""
    rng = np.random.default_rng(seed)
    return [
        set(np.minimum(rng.geometric(0.12, rng.integers(0, 9)) - 1, 39).tolist()) for _ in range(50)
    ]
