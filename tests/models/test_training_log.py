"""A log on disk is read shard by shard, and a network learns from it what it learns from the log in
memory.
"""

from __future__ import annotations

import pickle
import tracemalloc
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

import spadework as sw
from makers import DAY, START, make_log, random_rows
from spadework.data.mapped.column_files import Place
from spadework.models.labels import model
from spadework.models.neural import training_log
from spadework.models.neural.training_log import TrainingLog
from spadework.models.newest_span import first_rows, in_window

SMALL = {
    "width": 8,
    "blocks": 1,
    "heads": 1,
    "epochs": 2,
    "batch": 8,
    "max_length": 8,
    "validation_users": 5,
}


@pytest.fixture(scope="module")
def log():
    users, items, times = random_rows(3, users=80, rows=1200)
    return make_log(users, items, times)


@pytest.fixture(scope="module")
def mapped(log, tmp_path_factory):
    return sw.open_log(sw.save_log(log, tmp_path_factory.mktemp("logs") / "log"))


@pytest.fixture
def many_shards(monkeypatch):
    """A log of a thousand rows has several shards of several blocks."""
    monkeypatch.setattr(training_log, "SHARD_ROWS", 400)
    monkeypatch.setattr(training_log, "BLOCK_ROWS", 60)


def reading(log, window=None, validation_users=5):
    return TrainingLog.of_log(log, window, validation_users, np.random.default_rng(0))


def histories(shards):
    """The items of each history and its first time, sorted."""
    return sorted(
        (int(shard.timestamps[first]), *shard.items[first:end].tolist())
        for shard in shards
        for first, end in zip(shard.firsts, shard.ends, strict=True)
    )


@pytest.mark.parametrize(
    "params",
    [{}, {"objective": "set"}, {"loss": "sampled", "samples": 8}, {"window": "60d"}],
    ids=str,
)
def test_a_log_on_disk_gives_the_same_network_to_the_bit(params, log, mapped, many_shards):
    one, two = (model("transformer", **SMALL, **params).fit(each) for each in (log, mapped))
    assert one.state.keys() == two.state.keys()
    assert all(one.state[key].tobytes() == two.state[key].tobytes() for key in one.state)
    assert len(one.curve) == 2
    assert np.isfinite(one.curve["ndcg"].to_numpy()).all()


def test_shards_hold_each_history_once_in_an_order_of_the_seed(log, monkeypatch):
    whole = list(reading(log).shards(np.random.default_rng(0)))
    assert len(whole) == 1, "a small log is one shard, so all of its windows are shuffled together"
    monkeypatch.setattr(training_log, "SHARD_ROWS", 400)
    monkeypatch.setattr(training_log, "BLOCK_ROWS", 60)
    shards = [list(reading(log).shards(np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert len(shards[0]) == 3
    assert all(len(shard.items) < 800 for shard in shards[0])
    assert histories(shards[0]) == histories(shards[2]) == histories(whole)
    first, again, other = ([shard.items.tolist() for shard in found] for found in shards)
    assert first == again
    assert first != other


def test_counts_lengths_and_histories_are_those_of_the_rows(log, many_shards):
    found = reading(log)
    held_out = dict(zip(found.held_out.users.tolist(), found.held_out.counts.tolist(), strict=True))
    assert len(held_out) == 5
    counts, targets = np.zeros(log.item_count), []
    for user, (first, end) in enumerate(zip(log.starts[:-1], log.starts[1:], strict=True)):
        cut = end - held_out.get(user, 0)
        if cut - first >= 2:
            np.add.at(counts, log.items[first:cut], 1)
            targets.append(cut - first - 1)
        if user in held_out:
            before, times, after = found.history(user)
            assert before.tolist() == log.items[first:cut].tolist()
            assert times.tolist() == log.times[first:cut].tolist()
            assert after.tolist() == log.items[cut:end].tolist()
    np.testing.assert_array_equal(found.counts(), counts)
    numbers, users = np.unique(targets, return_counts=True)
    assert dict(zip(numbers.tolist(), users.tolist(), strict=True)) == found.target_counts


def test_items_that_are_not_learned_are_in_no_history(log, many_shards):
    codes = np.where(np.arange(log.item_count) % 3 == 0, -1, np.arange(log.item_count))
    found = reading(log).learning(codes.astype(np.int32))
    for shard in found.shards(np.random.default_rng(0)):
        assert (shard.items % 3 != 0).all()
        assert (shard.ends - shard.firsts >= 2).all()
    nothing = found.learning(np.full(log.item_count, -1, np.int32))
    assert nothing.is_empty
    assert not found.is_empty


@pytest.mark.parametrize("window", ["10d", "60d", "9000d"])
def test_a_window_begins_in_each_history_where_its_rows_do(window, log, many_shards):
    newest = in_window(log, window)
    np.testing.assert_array_equal(first_rows(log, window), log.starts[1:] - np.diff(newest.starts))
    assert histories(reading(log, window).shards(np.random.default_rng(0))) == histories(
        reading(newest).shards(np.random.default_rng(0))
    )


def test_another_process_maps_the_same_files(log, mapped, many_shards):
    sizes = []
    for each in (log, mapped):
        sent = bytes(ForkingPickler.dumps(reading(each)))
        sizes.append(len(sent))
        received = pickle.loads(sent)
        assert histories(received.shards(np.random.default_rng(1))) == histories(
            reading(each).shards(np.random.default_rng(1))
        )
    assert sizes[1] < sizes[0] / 4, "files are sent by their paths"
    assert Place.of(mapped.items[3:9]).mapped().tolist() == log.items[3:9].tolist()
    assert Place.of(mapped.items[3:3]).mapped().tolist() == []
    assert Place.of(log.items) is None


def test_a_log_without_times_and_users_of_one_event_are_read():
    log = make_log(["a", "a", "b", "c", "c", "c"], list("xyzxyz"))
    found = reading(log, validation_users=0)
    assert histories(found.shards(np.random.default_rng(0))) == [(0, 0, 1), (0, 0, 1, 2)]
    assert not found.has_two_timestamps
    timed = make_log(["a", "a"], ["x", "y"], [START, START + DAY])
    assert reading(timed).has_two_timestamps


def test_what_is_held_is_a_shard_and_not_a_column_of_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(training_log, "SHARD_ROWS", 1 << 13)
    monkeypatch.setattr(training_log, "BLOCK_ROWS", 1 << 10)
    users, items, times = random_rows(5, users=2_000, items=300, rows=200_000)
    sw.save_log(make_log(users, items, times), tmp_path)
    log = sw.open_log(tmp_path)
    tracemalloc.start()
    try:
        found = reading(log)
        found.counts()
        assert sum(found.target_counts.values()) == 2_000
        rng, windows = np.random.default_rng(0), 0
        for shard in found.shards(rng):
            cut = shard.windows(20, all_windows=True, rng=rng)
            windows += sum(len(cut.padded(chosen, -1)[2]) for chosen in cut.batches(64, rng))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert windows > 10_000
    assert peak < log.items.nbytes
