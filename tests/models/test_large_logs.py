"""Counting a log that is larger than memory: block by block it is the same, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

import spadework as sw
from makers import make_log, random_rows
from spadework import arrays
from spadework.kernels import parallel
from spadework.kernels.counting import postings
from spadework.models.cooccurrence import presets
from spadework.models.cooccurrence.operator import CoOccurrence

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
