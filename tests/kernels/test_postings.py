"""Groups by item, items by group and distinct entries, against dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spadework.kernels.counting import postings
from spadework.kernels.counting.grouped_events import Groups

ITEMS = 6
groups = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=8), max_size=6)
limits = st.none() | st.integers(1, 5)


def arranged(made):
    starts = np.concatenate(([0], np.cumsum([len(group) for group in made]))).astype(np.int64)
    return starts, np.asarray([item for group in made for item in group], np.int32)


def latest_of(group, most):
    """Item → position of its last event, for the `most` latest items, in order of these events."""
    last = {item: position for position, item in enumerate(group)}
    positions = sorted(last.values())[-most if most else 0 :]
    return {group[position]: position for position in positions}


@given(groups, limits, st.booleans())
def test_entries_are_the_last_events_of_items(made, most, weighted):
    starts, items = arranged(made)
    values = np.linspace(0.5, 2.5, len(items)).astype(np.float32) if weighted else None
    found = postings.entries(starts, items, values, ITEMS, most)
    assert found.truncated == sum(len(set(group)) > (most or ITEMS) for group in made)
    for number, group in enumerate(made):
        kept = latest_of(group, most)
        own = slice(found.starts[number], found.starts[number + 1])
        assert (found.events[own] - starts[number]).tolist() == list(kept.values())
        assert found.counts[own].tolist() == [group.count(item) for item in kept]
        if values is None:
            assert found.sums is None
        else:
            part = values[starts[number] : starts[number + 1]]
            sums = [
                sum(part[position] for position, item in enumerate(group) if item == wanted)
                for wanted in kept
            ]
            np.testing.assert_allclose(found.sums[own], sums, rtol=1e-6)


@given(groups, limits)
def test_sets_of_repeated_events_are_the_newest_distinct_items(made, most):
    found = Groups.of_sets(*arranged(made), ITEMS, most)
    kept = [set(latest_of(group, most)) for group in made]
    assert found.truncated == sum(len(set(group)) > (most or ITEMS) for group in made)
    for number, wanted in enumerate(kept):
        own = found.item_ranks[found.starts[number] : found.starts[number + 1]]
        assert (np.diff(own.astype(int)) > 0).all()
        assert set(found.code_of_rank[own].tolist()) == wanted
    for rank, item in enumerate(found.code_of_rank.tolist()):
        cells = slice(int(found.occurrence_starts[rank]), int(found.occurrence_starts[rank + 1]))
        assert found.occurrence_groups[cells].tolist() == [
            number for number, group in enumerate(kept) if item in group
        ]


@given(groups)
def test_events_by_item_keep_their_order_and_know_their_group(made):
    starts, items = arranged(made)
    found = Groups.build(starts, items, ITEMS)
    assert (found.code_of_rank[found.item_ranks] == items).all()
    owners = np.repeat(np.arange(len(made)), [len(group) for group in made])
    for rank, item in enumerate(found.code_of_rank.tolist()):
        cells = slice(int(found.occurrence_starts[rank]), int(found.occurrence_starts[rank + 1]))
        assert found.occurrences[cells].tolist() == np.flatnonzero(items == item).tolist()
        np.testing.assert_array_equal(
            found.occurrence_groups[cells], owners[found.occurrences[cells]]
        )
    assert found.additions_per_row.tolist() == [
        sum(len(group) * group.count(item) for group in made)
        for item in found.code_of_rank.tolist()
    ]


def test_a_large_catalogue_takes_four_bytes_an_item():
    starts, items = np.asarray([0, 3, 5]), np.asarray([69_999, 5, 69_999, 5, 68_000], np.int32)
    for made in (Groups.of_sets(starts, items, 70_000), Groups.build(starts, items, 70_000)):
        assert made.item_ranks.dtype == np.uint32
        assert set(made.code_of_rank[made.item_ranks].tolist()) == {5, 68_000, 69_999}
    assert Groups.of_sets(starts, items, 60_000 + 9_999 + 1).starts.tolist() == [0, 2, 4]
