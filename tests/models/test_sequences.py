"""What a network reads and learns from: latest events in order, windows that hold every event,
batches whose targets come later.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makers import DAY, START, make_log, random_rows
from spadework.models.neural import objectives
from spadework.models.neural.held_out import HeldOut, hold_out_for_validation
from spadework.models.neural.sequences import Sequences
from spadework.models.neural.training_windows import TrainingEvents, Windows

rows = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def log_of_lengths(lengths):
    """Users with `lengths` events each, item n being the n-th event of all."""
    users = np.repeat(np.arange(len(lengths)), lengths)
    return make_log(
        [f"u{user:02d}" for user in users],
        [f"i{n:04d}" for n in range(len(users))],
        [START + n for n in range(len(users))],
    )


def test_sequences_hold_the_newest_events_in_order_repeats_included():
    log = make_log(["a"] * 5 + ["b"], ["x", "y", "x", "z", "x", "y"], [START + n for n in range(6)])
    found = Sequences.of_log(log, np.asarray([1, 0], np.int32), 3)
    assert found.begins.tolist() == [0, 1, 4]
    assert log.item_vocabulary.take(found.events).to_list() == ["y", "x", "z", "x"]
    assert found.timestamps.tolist() == [START + 5, START + 2, START + 3, START + 4]
    assert found.items.tolist() == [1, 0, 1, 2], (
        "the distinct items of the full history are there, too"
    )


def training_events(log, held_out=0):
    """All histories of two events, without the last `held_out` of each."""
    firsts, ends = log.starts[:-1], log.starts[1:] - np.asarray(held_out)
    usable = ends - firsts >= 2
    return TrainingEvents(log.items, log.times, firsts[usable], ends[usable])


@given(rows, st.integers(1, 9), st.integers(0, 10))
def test_every_event_after_the_first_is_the_target_of_exactly_one_window(lengths, length, seed):
    if sum(lengths) == 0:
        return
    log = log_of_lengths(lengths)
    training = training_events(log)
    windows = training.windows(length, all_windows=True, rng=np.random.default_rng(seed))
    targets = []
    for first, end in zip(windows.firsts, windows.ends, strict=True):
        assert 2 <= end - first <= length + 1
        assert len(set(log.users[first:end])) == 1
        targets += list(range(first + 1, end))
    firsts = {int(start) for start in log.starts[:-1]}
    alone = {
        int(start)
        for start, end in zip(log.starts[:-1], log.starts[1:], strict=True)
        if end - start < 2
    }
    assert sorted(targets) == sorted(set(range(len(log))) - firsts - alone)


def test_the_latest_window_alone_and_held_out_events_are_in_no_window():
    log = log_of_lengths([10, 3])
    training = training_events(log, [2, 0])
    windows = training.windows(4, all_windows=False, rng=np.random.default_rng(0))
    assert windows.firsts.tolist() == [3, 10]
    assert windows.ends.tolist() == [8, 13]


def test_batches_hold_each_window_once_and_padding_is_little():
    rng = np.random.default_rng(1)
    log = log_of_lengths(rng.integers(2, 60, 300))
    windows = training_events(log).windows(100, all_windows=True, rng=rng)
    batches = list(windows.batches(16, rng))
    assert sorted(np.concatenate(batches)) == list(range(len(windows)))
    sizes = [windows.padded(batch, -1)[0].size for batch in batches]
    assert sum(sizes) < 1.15 * (windows.ends - windows.firsts).sum()


def hold_out(log, most) -> HeldOut:
    firsts, ends = log.starts[:-1], log.starts[1:]
    return hold_out_for_validation(log.times, firsts, ends, most, np.random.default_rng(0))


def test_held_out_are_the_latest_timestamps_of_few_users_who_keep_two_events():
    users, items, times = random_rows(4, users=60, rows=900)
    times = [time // (10 * DAY) * 10 * DAY for time in times]  # several events share a timestamp
    log = make_log(users, items, times)
    held_out = hold_out(log, 5)
    chosen = held_out.users
    assert len(chosen) == 5
    for user, count in zip(chosen, held_out.counts, strict=True):
        own = log.times[log.starts[user] : log.starts[user + 1]]
        cut = len(own) - count
        assert (own[cut:] == own[-1]).all()
        assert own[cut - 1] < own[-1]
        assert cut >= 2
    counts = np.zeros(log.user_count, np.int64)
    counts[chosen] = held_out.counts
    np.testing.assert_array_equal(held_out.before(0, log.starts[1:]), log.starts[1:] - counts)
    part = held_out.before(7, log.starts[8:31])
    np.testing.assert_array_equal(part, log.starts[8:31] - counts[7:30])
    assert len(hold_out(log, 0).users) == 0
    assert len(hold_out(log_of_lengths([2, 1]), 10).users) == 0


def test_where_there_are_no_times_the_last_event_is_held_out():
    log = log_of_lengths([3] * 10 + [2] * 5)
    firsts, ends = log.starts[:-1], log.starts[1:]
    found = hold_out_for_validation(None, firsts, ends, 9, np.random.default_rng(0))
    assert found.counts.tolist() == [1]
    assert found.users[0] < 10, "two events are left of it"


# ---- batches

# Two windows of a log: all of the first user's four events; the first two of the second user, who
# has a third at the same timestamp as the second.
ITEMS, TIMESTAMPS = np.asarray([4, 5, 6, 7, 8, 9, 3], np.int32), np.asarray([0, 0, 5, 9, 1, 2, 2])
WINDOWS = Windows(ITEMS, TIMESTAMPS, np.asarray([0, 4]), np.asarray([4, 6]), np.asarray([4, 7]))


def batch_and_pairs(objective, horizon=None, seed=0, ordered=True):
    batch = objectives.make_batch(
        objective,
        WINDOWS,
        np.asarray([0, 1]),
        99,
        np.random.default_rng(seed),
        horizon=horizon,
        ordered=ordered,
    )
    width = batch.inputs.shape[1]
    pairs = [
        (int(p) // width, int(p) % width, int(t), round(float(w), 3))
        for p, t, w in zip(batch.positions, batch.targets, batch.weights, strict=True)
    ]
    return batch, pairs


def test_next_has_at_every_event_the_one_after_it_as_target():
    batch, pairs = batch_and_pairs("next")
    assert pairs == [(0, 0, 5, 1), (0, 1, 6, 1), (0, 2, 7, 1), (1, 0, 9, 1)]
    assert batch.inputs.tolist() == [[4, 5, 6], [8, 99, 99]], "the last target is not read"
    assert batch.lengths.tolist() == [3, 1]


def test_last_has_one_target_a_window_and_over_time_every_event():
    targets_seen = {pair for seed in range(40) for pair in batch_and_pairs("last", seed=seed)[1]}
    assert targets_seen == {(0, 0, 5, 1), (0, 1, 6, 1), (0, 2, 7, 1), (1, 0, 9, 1)}
    assert len(batch_and_pairs("last")[1]) == 2


def test_set_has_at_the_end_of_a_timestamp_all_of_the_next_one_beyond_the_window_too():
    _, pairs = batch_and_pairs("set")
    first = [(0, 1, 6, 1), (0, 2, 7, 1)]
    assert pairs == [*first, (1, 0, 3, 0.5), (1, 0, 9, 0.5)], (
        "4 and 5 share a timestamp, so there is no target between them"
    )
    _, pairs = batch_and_pairs("set", horizon=9.0)
    assert pairs == [(0, 1, 6, 0.5), (0, 1, 7, 0.5), (0, 2, 7, 1), (1, 0, 3, 0.5), (1, 0, 9, 0.5)]


def test_an_item_twice_in_a_set_counts_once():
    window = Windows(
        np.asarray([1, 2, 2, 3], np.int32),
        np.asarray([0, 5, 5, 5]),
        np.asarray([0]),
        np.asarray([4]),
        np.asarray([4]),
    )
    batch = objectives.make_batch("set", window, np.asarray([0]), 9, np.random.default_rng(0))
    assert batch.targets.tolist() == [2, 3]
    assert batch.weights.tolist() == [0.5, 0.5]


@given(st.lists(st.integers(1, 5), min_size=2, max_size=8), st.integers(1, 6), st.integers(0, 5))
def test_every_item_of_every_later_timestamp_is_a_target_once_an_epoch_wherever_windows_are_cut(
    sizes, length, seed
):
    """Timestamps with `sizes` events each, of one user; all items differ."""
    timestamps = np.repeat(np.arange(len(sizes)), sizes)
    log = make_log(
        ["u"] * len(timestamps),
        [f"i{n:02d}" for n in range(len(timestamps))],
        [START + int(timestamp) for timestamp in timestamps],
    )
    windows = training_events(log).windows(
        length, all_windows=True, rng=np.random.default_rng(seed)
    )
    targets_seen = []
    for window in range(len(windows)):
        batch = objectives.make_batch(
            "set", windows, np.asarray([window]), 99, np.random.default_rng(0)
        )
        targets_seen += batch.targets.tolist()
    assert sorted(targets_seen) == log.items[sizes[0] :].tolist()


def test_without_order_windows_are_shuffled_and_hold_the_same_events():
    seen = set()
    for seed in range(30):
        batch, pairs = batch_and_pairs("next", seed=seed, ordered=False)
        window_items = [*batch.inputs[0].tolist(), pairs[2][2]]
        assert sorted(window_items) == [4, 5, 6, 7]
        assert batch.inputs[1, 1:].tolist() == [99, 99], "padding stays behind"
        seen.add(tuple(window_items))
    assert len(seen) > 10


def test_masked_hides_events_and_has_them_as_targets_at_their_positions():
    for seed in range(30):
        batch, pairs = batch_and_pairs("masked", seed=seed)
        assert batch.inputs.shape == (2, 4)
        for row, column, target, _ in pairs:
            assert batch.inputs[row, column] == 100
            assert [[4, 5, 6, 7], [8, 9]][row][column] == target
            before = batch.timestamps[row, max(column - 1, 0)]
            assert batch.timestamps[row, column] <= TIMESTAMPS[4 * row + column], (
                "its own time is hidden"
            )
            assert batch.timestamps[row, column] >= min(before, TIMESTAMPS[4 * row])
        assert {row for row, *_ in pairs} == {0, 1}, "every window has a target"
        assert (batch.inputs[1, 2:] == 99).all(), "padding is never hidden"


@pytest.mark.parametrize("objective", ["next", "last", "set"])
def test_no_target_is_read_at_or_before_its_position(objective):
    """Targets are distinct items here: none is at its position or before it."""
    batch, pairs = batch_and_pairs(objective)
    for row, column, target, _ in pairs:
        assert target not in batch.inputs[row, : column + 1]
