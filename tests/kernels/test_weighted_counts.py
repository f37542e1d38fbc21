"""Counting pairs of events in channels, against a double loop over the events of each group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from spadework.kernels.counting import weighted_counts
from spadework.kernels.counting.count_blocks import Workspace
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.weighted_counts import ChannelCounter
from spadework.kernels.counting.weighted_loops import GAP_HALVINGS

ITEMS = 6
LANES = 3


@dataclass(frozen=True)
class Log:
    """A small log, and the weights that every channel gives its events."""

    starts: np.ndarray
    items: np.ndarray
    positions: np.ndarray
    earlier_weights: np.ndarray
    later_weights: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    seconds: np.ndarray
    middles: np.ndarray
    rates: np.ndarray
    subgroups: np.ndarray
    subgroup: np.ndarray

    def counter(self, *lanes: int, **changes: Any) -> ChannelCounter:
        """Counts the named lanes, all of them if none is named."""
        chosen = list(lanes or range(LANES))
        given = {
            "groups": Groups.build(self.starts, self.items, ITEMS),
            "positions": self.positions,
            "earlier_weights": self.earlier_weights[:, chosen],
            "later_weights": self.later_weights[:, chosen],
            "forward": self.forward[:, chosen],
            "backward": self.backward[:, chosen],
            "seconds": self.seconds,
            "middles": self.middles,
            "gap_rates": self.rates[chosen],
            "subgroups": self.subgroups,
            "subgroup": self.subgroup[chosen],
        }
        return ChannelCounter(
            **{
                name: np.ascontiguousarray(v) if isinstance(v, np.ndarray) else v
                for name, v in (given | changes).items()
            }
        )

    def expected(self, lane: int) -> np.ndarray:
        """Counts by the loops."""
        groups = [
            [(int(self.items[at]), at) for at in range(*ends)]
            for ends in zip(self.starts[:-1], self.starts[1:], strict=True)
        ]
        return oracles.count_events(groups, ITEMS, lambda one, other: self.weight(lane, one, other))

    def weight(self, lane: int, one: int, other: int) -> float:
        """What a pair of events weighs, from the definition."""
        distance = int(self.positions[other]) - int(self.positions[one])
        early, late = (one, other) if distance >= 0 else (other, one)
        table = self.forward if distance >= 0 else self.backward
        if abs(distance) >= len(table):
            return 0.0
        subgroup = self.subgroup[lane]
        if subgroup >= 0 and self.subgroups[subgroup, one] != self.subgroups[subgroup, other]:
            return 0.0
        decay = 2.0 ** (-abs(int(self.seconds[one]) - int(self.seconds[other])) * self.rates[lane])
        return (
            float(self.earlier_weights[early, lane])
            * float(self.later_weights[late, lane])
            * float(table[abs(distance), lane])
            * decay
        )


@st.composite
def logs(draw) -> Log:
    """Up to five groups of up to seven events; positions rise and may tie; the tables may be
    shorter than a group.
    """
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=5))
    size = sum(lengths)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    gaps = [rng.integers(0, draw(st.integers(1, 4)), n) for n in lengths]
    positions = np.concatenate([np.cumsum(step) for step in gaps]).astype(np.int32)
    reach = draw(st.integers(0, int(positions.max(initial=0)) + 1))
    earlier_weights = rng.choice([0.0, 0.3, 1.0, 2.5], (size, LANES)).astype(np.float32)
    return Log(
        starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        items=rng.integers(0, ITEMS, size).astype(np.int32),
        positions=positions,
        earlier_weights=earlier_weights,
        later_weights=earlier_weights
        * rng.choice([0.25, 0.7, 1.0], (size, LANES)).astype(np.float32),
        forward=rng.random((reach + 1, LANES)).astype(np.float32),
        backward=rng.choice([0.0, 0.5, 1.0], (reach + 1, LANES)).astype(np.float32),
        # equal positions are at the same time
        seconds=positions * rng.integers(1, 2000) + positions**2,
        middles=np.repeat(rng.integers(0, 5000, len(lengths)), lengths),
        rates=rng.choice([0.0, 1e-4, 3e-3, 1.0], LANES),
        # one ascends, as sessions do
        subgroups=np.stack([np.sort(rng.integers(0, 3, size)), rng.integers(0, 2, size)]).astype(
            np.int32
        ),
        subgroup=rng.integers(-1, 2, LANES),
    )


def counted(counter: ChannelCounter, ranges=None) -> np.ndarray:
    """Counts [channels, items, items] by item code."""
    groups, workspace = counter.groups, Workspace()
    counter.prepare()
    out = np.zeros((counter.channels, ITEMS, ITEMS))
    for rows in counter.blocks() if ranges is None else ranges:
        block = counter.count(rows, workspace)
        for row in range(block.rows):
            columns = block.columns[block.starts[row] : block.starts[row + 1]]
            assert len(set(columns.tolist())) == len(columns), "each column once"
            assert block.first + row not in columns, "an item is no neighbour of itself"
        for lane in range(counter.channels):
            out[lane, block.first : block.last] = oracles.dense(
                block.starts, block.columns, block.joint[:, lane], ITEMS
            )
    return out[:, groups.rank_of_code[:, None], groups.rank_of_code[None, :]]


@given(logs())
def test_counts_are_what_the_loops_count(log):
    found = counted(log.counter())
    for lane in range(LANES):
        np.testing.assert_allclose(found[lane], log.expected(lane), rtol=1e-5, atol=1e-7)


@given(logs())
def test_without_gaps_and_subgroups(log):
    plain = replace(log, rates=np.zeros(LANES), subgroup=np.full(LANES, -1))
    found = counted(plain.counter(seconds=None, gap_rates=None, subgroups=None, subgroup=None))
    for lane in range(LANES):
        np.testing.assert_allclose(found[lane], plain.expected(lane), rtol=1e-6, atol=1e-7)


@given(logs())
def test_gaps_without_subgroups_and_subgroups_without_gaps(log):
    gaps, nested = replace(log, subgroup=np.full(LANES, -1)), replace(log, rates=np.zeros(LANES))
    for found, known in (
        (counted(log.counter(subgroups=None, subgroup=None)), gaps),
        (counted(log.counter(seconds=None, gap_rates=None)), nested),
    ):
        for lane in range(LANES):
            np.testing.assert_allclose(found[lane], known.expected(lane), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("exact", [False, True])
@given(log=logs())
def test_channels_together_equal_each_alone_bit_for_bit(exact, log):
    together = counted(log.counter(exact=exact))
    for lane in range(LANES):
        np.testing.assert_array_equal(together[lane], counted(log.counter(lane, exact=exact))[0])


@given(logs(), st.integers(1, ITEMS - 1))
def test_rows_may_be_counted_in_any_ranges(log, edge):
    counter = log.counter()
    np.testing.assert_array_equal(
        counted(counter, [(0, edge), (edge, ITEMS)]), counted(counter, [(0, ITEMS)])
    )


@given(logs())
def test_small_blocks_cover_every_row_once(log):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_counts, "MOST_CELLS", 3)
        counter = log.counter()
        assert [row for first, last in counter.blocks() for row in range(first, last)] == list(
            range(ITEMS)
        )
        small = counted(counter)
    np.testing.assert_array_equal(small, counted(log.counter()))


@given(logs(), st.lists(st.booleans(), min_size=5, max_size=5))
def test_exact_counts_of_parts_add_up_to_the_whole(log, chosen):
    groups = len(log.starts) - 1
    whole = counted(log.counter(exact=True))
    parts = [
        counted(
            part(log, [group for group in range(groups) if chosen[group] is side]).counter(
                exact=True
            )
        )
        for side in (True, False)
    ]
    np.testing.assert_array_equal(parts[0] + parts[1], whole)


@given(logs(), st.randoms(use_true_random=False))
def test_exact_counts_do_not_depend_on_the_order_of_groups(log, random):
    order = list(range(len(log.starts) - 1))
    random.shuffle(order)
    np.testing.assert_array_equal(
        counted(part(log, order).counter(exact=True)), counted(log.counter(exact=True))
    )


@given(logs())
def test_exact_counts_are_close_to_the_loops(log):
    found = counted(log.counter(exact=True))
    for lane in range(LANES):
        np.testing.assert_allclose(found[lane], log.expected(lane), rtol=1e-5, atol=1e-5)


def part(log: Log, groups: list[int]) -> Log:
    """The log of these groups, in this order."""
    rows = np.concatenate(
        [np.arange(log.starts[group], log.starts[group + 1]) for group in groups]
        or [np.zeros(0, np.int64)]
    ).astype(np.int64)
    starts = np.concatenate(
        ([0], np.cumsum([log.starts[group + 1] - log.starts[group] for group in groups]))
    ).astype(np.int64)
    by_event = {
        name: getattr(log, name)[rows]
        for name in ("items", "positions", "earlier_weights", "later_weights", "seconds", "middles")
    }
    return replace(log, starts=starts, subgroups=log.subgroups[:, rows], **by_event)


def simple(items, positions, forward, backward, **changes) -> np.ndarray:
    """Counts of one group in one channel where each event weighs one."""
    table = {
        name: np.asarray(values, np.float32)[:, None]
        for name, values in (("forward", forward), ("backward", backward))
    }
    ones = np.ones((len(items), 1), np.float32)
    groups = Groups.build(np.asarray([0, len(items)]), np.asarray(items, np.int32), ITEMS)
    if "seconds" in changes and changes.pop("folded", True):
        changes["middles"] = np.full(len(items), int(np.mean(changes["seconds"])))
    given = {
        "groups": groups,
        "positions": np.asarray(positions, np.int32),
        "earlier_weights": ones,
        "later_weights": ones,
        **table,
    }
    return counted(ChannelCounter(**(given | changes)))[0]


def test_the_same_position_counts_in_both_directions_by_the_forward_table():
    found = simple([0, 1, 2], [0, 0, 1], [1.0, 0.25], [9.0, 0.125])
    np.testing.assert_array_equal(found[:3, :3], [[0, 1, 0.25], [1, 0, 0.25], [0.125, 0.125, 0]])


def test_a_group_of_one_event_counts_nothing():
    assert not simple([3], [0], [1.0], [1.0]).any()


def test_events_beyond_the_reach_do_not_count():
    found = simple([0, 1, 2, 3, 4], [0, 2, 3, 7, 8], [1, 1, 1], [1, 1, 1])
    assert {(int(i), int(j)) for i, j in np.argwhere(found)} == {
        (0, 1),
        (1, 0),
        (1, 2),
        (2, 1),
        (3, 4),
        (4, 3),
    }


def test_the_later_event_of_a_pair_ages_it_in_both_directions():
    later_weights = np.asarray([[0.5], [0.25]], np.float32)
    np.testing.assert_array_equal(
        simple([0, 1], [0, 1], [1, 1], [1, 1], later_weights=later_weights)[:2, :2],
        [[0, 0.25], [0.25, 0]],
    )


@pytest.mark.parametrize(("exact", "folded"), [(False, True), (False, False), (True, False)])
@pytest.mark.parametrize(
    "halvings", [0.0, 0.001, 0.37, 1.0, 5.5, 20.03, 63.99, GAP_HALVINGS, 150.0, 1e9]
)
def test_gaps_decay_by_halves_down_to_nothing(halvings, exact, folded):
    rates = np.asarray([halvings / 100_000])
    found = simple(
        [0, 1],
        [0, 1],
        [1, 1],
        [1, 1],
        seconds=np.asarray([0, 100_000]),
        gap_rates=rates,
        exact=exact,
        folded=folded,
    )
    np.testing.assert_allclose(
        found[0, 1],
        2.0**-halvings,
        rtol=0 if exact else 1e-5,
        atol=1e-6 if exact else 2.0**-GAP_HALVINGS,
    )
    assert found[0, 1] == found[1, 0]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("half_life", [1.0, 60.0, 86_400.0])
def test_decay_is_exact_to_a_hundred_thousandth_over_many_gaps(half_life, folded):
    for gap in np.random.default_rng(3).integers(0, int(60 * half_life), 60):
        rates = np.asarray([1 / half_life])
        found = simple(
            [0, 1],
            [0, 1],
            [1, 1],
            [1, 1],
            seconds=np.asarray([0, gap]),
            gap_rates=rates,
            folded=folded,
        )[0, 1]
        np.testing.assert_allclose(found, 2.0 ** (-gap / half_life), rtol=1e-5)


@pytest.mark.parametrize("weight", [1e-20, 1.0, 1e9, 1e25])
def test_a_decay_is_folded_only_where_float32_holds_its_factors(weight):
    """Two hundred half-lives in a group, and events that weigh very much or next to nothing:
    neighbours keep their weights.
    """
    seconds = np.arange(5) * 50_000
    earlier_weights = np.full((5, 1), weight, np.float32)
    given = {
        "seconds": seconds,
        "gap_rates": np.asarray([1 / 1000.0]),
        "later_weights": np.ones((5, 1), np.float32),
        "earlier_weights": earlier_weights,
    }
    found = simple([0, 1, 2, 3, 4], np.arange(5), [1, 1], [1, 1], **given)
    for one in range(4):
        np.testing.assert_allclose(found[one, one + 1], weight * 2.0**-50, rtol=1e-5)


def test_a_log_without_events():
    empty = part(simple_log(), [])
    assert not counted(empty.counter()).any()


def simple_log() -> Log:
    """Two events of one group."""
    ones = np.ones((2, LANES), np.float32)
    return Log(
        np.asarray([0, 2]),
        np.asarray([0, 1], np.int32),
        np.zeros(2, np.int32),
        ones,
        ones,
        ones[:1],
        ones[:1],
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        np.zeros(LANES),
        np.zeros((1, 2), np.int32),
        np.full(LANES, -1),
    )
