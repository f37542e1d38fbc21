"""Counting a log that is larger than memory: block by block it is the same, to the bit."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

import spadework as sw
from makers import make_log, random_rows
from spadework import arrays
from spadework.data import spans
from spadework.kernels import parallel
from spadework.kernels.counting import postings, weighted_counts
from spadework.kernels.counting.count_blocks import Workspace
from spadework.models.cooccurrence import presets
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.counting import event_blocks
from spadework.models.counting.channel import Channel, Group
from spadework.models.counting.count_passes import count_pass

PRESETS = [
    one.name
    for one in vars(presets).values()
    if isinstance(one, type) and issubclass(one, CoOccurrence)
]
SETTINGS = [
    *((name, {}) for name in PRESETS if name != CoOccurrence.name),
    *(
        (CoOccurrence.name, settings)
        for settings in (
            {"group": "session", "session_gap": "5d"},
            {"group": "basket"},
            {"group": "session", "session_gap": "5d", "entry": "count"},
            {"group": "basket", "entry": "bm25"},
            {"entry": "value"},
            {"entry": "recency"},
            {"entry": "tfidf", "group_power": 0.5},
            {"age_half_life": "20d"},
            {"distance": "log", "gap_half_life": "3d"},
            {"distance": "geometric", "gap_half_life": "1h", "entry": "bm25"},
            {"backward": 0.2, "max_distance": 3, "age_half_life": "9d", "group": "session"},
            {"distance": "inverse", "group": "basket", "entry": "tfidf", "group_power": 1.0},
        )
    ),
]


def a_log() -> sw.Interactions:
    """Repeats of items, ties in time, several baskets and sessions, users without rows."""
    rng = np.random.default_rng(4)
    users, items, times = random_rows(4, rows=500)
    log = make_log(
        users,
        items,
        [time // 7_200 * 7_200 for time in times],
        weights=rng.integers(1, 6, len(users)),
        baskets=rng.integers(0, 200, len(users)),
    )
    return log.where(log.users % 7 != 3)


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks so small that there are many of them."""
    monkeypatch.setattr(arrays, "COUNTED_AT_ONCE", 7)
    monkeypatch.setattr(spans, "PART_ROWS", 9)
    monkeypatch.setattr(event_blocks, "BLOCK_ROWS", 40)
    monkeypatch.setattr(weighted_counts, "PART_EVENTS", 11)
    monkeypatch.setattr(postings, "PART_EVENTS", 16)
    monkeypatch.setattr(postings, "PART_ITEMS", 0)
    monkeypatch.setattr(postings, "WINDOW_EVENTS", 5)
    monkeypatch.setattr(postings, "WINDOW_ITEMS", 0)


@pytest.mark.parametrize("max_length", [6, 5000])
@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_a_mapped_log_in_blocks_gives_the_table_of_one_in_memory(
    name, settings, max_length, tmp_path, tiny_blocks, monkeypatch
):
    log = a_log()
    mapped = sw.open_log(sw.save_log(log, tmp_path / "log"))
    with parallel.using(3):
        found = sw.model(name, max_length=max_length, **settings).fit(mapped)
    monkeypatch.undo()
    assert found == sw.model(name, max_length=max_length, **settings).fit(log)


def test_channels_of_different_groups_share_blocks(tmp_path, tiny_blocks, monkeypatch):
    shared = {"distance": "inverse", "entry": "bm25", "session_gap": "5d"}
    models = [sw.model("cooccurrence", group=group, **shared) for group in get_args(Group)]
    mapped = sw.open_log(sw.save_log(a_log(), tmp_path / "log"))
    (found,) = CoOccurrence.fit_together(models, mapped)
    monkeypatch.undo()
    assert found == [model.fit(a_log()) for model in models]


@pytest.mark.parametrize("settings", [{}, {"entry": "recency"}, {"gap_half_life": "3d"}])
def test_exact_counts_of_a_log_in_blocks(settings, tiny_blocks, monkeypatch):
    channel = sw.model("cooccurrence", **settings).channel
    counts = []
    for _ in range(2):
        counted = count_pass(a_log(), (channel,), exact=True)
        (rows,) = [(0, counted.groups.item_count)]
        counted.counter.prepare()
        block = counted.counter.count(rows, Workspace())
        counts.append((block.starts, block.columns.copy(), block.joint.copy(), *counted.sizes))
        monkeypatch.undo()
    for one, other in zip(*counts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_that_are_wanted_are_those_of_all(tiny_blocks):
    log, wanted = a_log(), np.arange(20) % 3 == 1
    for channel in (Channel(), Channel(entry="tfidf")):
        whole, part = (count_pass(log, (channel,), wanted=mask) for mask in (None, wanted))
        for rank, code in enumerate(whole.groups.code_of_rank):
            for cells in ("occurrence_groups", "occurrences"):
                if getattr(whole.groups, cells) is None:
                    continue
                all_cells, some_cells = (
                    getattr(found.groups, cells)[
                        found.groups.occurrence_starts[rank] : found.groups.occurrence_starts[
                            rank + 1
                        ]
                    ]
                    for found in (whole, part)
                )
                np.testing.assert_array_equal(some_cells, all_cells if wanted[code] else [])
