"""Makers of small logs, and the way to the data outside the project. Tests import from here;
fixtures stand in conftest.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from spadework.data.addresses import read_content
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "spadework"
START = 1_704_067_200  # 2024-01-01 UTC
DAY = 86_400


class Recorder:
    """A listener that keeps all notes and steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int | None]] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        self.steps.append((label, done, total))

    def note(self, message: str) -> None:
        self.notes.append(message)


def make_log(
    users: Sequence[Any],
    items: Sequence[Any],
    times: Sequence[int] | None = None,
    *,
    weights: Sequence[float] | None = None,
    baskets: Sequence[int] | None = None,
    event_types: Sequence[str] | None = None,
) -> Interactions:
    """A log from columns in any order; times are seconds."""
    user_vocabulary, user_codes = Vocabulary.build(pl.Series("user", users))
    item_vocabulary, item_codes = Vocabulary.build(pl.Series("item", items))
    event_type_names = () if event_types is None else tuple(sorted(set(event_types)))
    return Interactions.from_codes(
        user_codes,
        item_codes,
        user_vocabulary=user_vocabulary,
        item_vocabulary=item_vocabulary,
        times=None if times is None else np.asarray(times, np.int64),
        weights=None if weights is None else np.asarray(weights, np.float32),
        baskets=None if baskets is None else np.asarray(baskets, np.int32),
        event_types=None
        if event_types is None
        else np.asarray([event_type_names.index(name) for name in event_types], np.int32),
        event_type_names=event_type_names,
    )


def unwanted_of(log: Interactions) -> set[tuple[Any, Any]]:
    """Pairs of user and item, both known to the log, that are left out of lists."""
    if log.unwanted is None:
        return set()
    found = log.unwanted.of_users(log, np.arange(log.user_count, dtype=np.int32))
    users, items = log.user_vocabulary.ids, log.item_vocabulary.ids
    return set(zip(users.gather(found.owners), items.gather(found.values), strict=True))


def random_rows(
    seed: int, *, users: int = 30, items: int = 20, rows: int = 300
) -> tuple[list[str], list[str], list[int]]:
    """Rows in which no two events share a timestamp, over a hundred days."""
    rng = np.random.default_rng(seed)
    times = START + rng.choice(100 * DAY, rows, replace=False)
    skewed = np.minimum(rng.geometric(3 / items, rows), items) - 1
    return (
        [f"u{u:03d}" for u in rng.integers(0, users, rows)],
        [f"i{i:03d}" for i in skewed],
        times.tolist(),
    )


def content_of(log: Interactions) -> ItemContent:
    """Each item in one of three categories, by its code."""
    ids = log.item_vocabulary.ids
    names = ["dairy", "bread", "fruit"]
    categories = [names[code % 3] for code in range(len(ids))]
    return read_content(
        pl.DataFrame({"item_id": ids, "category": categories, "title": [f"the {x}" for x in ids]}),
        log,
    )


def outside_data(name: str) -> Path:
    """A folder of logs that cannot be shipped: under SPADEWORK_DATA, else ../shared/data from the
    project's root.
    """
    root = Path(os.environ.get("SPADEWORK_DATA") or ROOT.parent / "shared" / "data")
    found = root / name / "interactions.parquet"
    if found.is_file():
        return found
    reason = (
        f"The log {name!r} is missing: there is no {found}. Set SPADEWORK_DATA to the "
        "folder that holds it."
    )
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
