"""Small logs and worlds for all tests, and the way to the data outside the project."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings

from spadework.data.content import ItemContent, read_content
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.data.worlds import World
from spadework.data.worlds import world as make_world

# Compiling a kernel for the first time takes seconds, which is no slowness of the law under test.
settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "spadework"
START = 1_704_067_200  # 2024-01-01 UTC
DAY = 86_400


def make_log(
    users: Sequence[Any],
    items: Sequence[Any],
    times: Sequence[int] | None = None,
    *,
    weights: Sequence[float] | None = None,
    baskets: Sequence[int] | None = None,
) -> Interactions:
    """A log from columns in any order; times are seconds."""
    user_vocabulary, user_codes = Vocabulary.build(pl.Series("user", users))
    item_vocabulary, item_codes = Vocabulary.build(pl.Series("item", items))
    return Interactions.from_codes(
        user_codes,
        item_codes,
        user_vocabulary=user_vocabulary,
        item_vocabulary=item_vocabulary,
        times=None if times is None else np.asarray(times, np.int64),
        weights=None if weights is None else np.asarray(weights, np.float32),
        baskets=None if baskets is None else np.asarray(baskets, np.int32),
    )


def random_rows(seed: int, *, users: int = 30, items: int = 20, rows: int = 300) -> tuple[list[str], list[str], list[int]]:
    """Rows in which no two events share a moment, over a hundred days."""
    rng = np.random.default_rng(seed)
    times = START + rng.choice(100 * DAY, rows, replace=False)
    skewed = np.minimum(rng.geometric(3 / items, rows), items) - 1
    return [f"u{u:03d}" for u in rng.integers(0, users, rows)], [f"i{i:03d}" for i in skewed], times.tolist()


@lru_cache
def cached_world(name: str) -> World:
    """A world, made once."""
    return make_world(name)


@pytest.fixture(scope="session")
def world() -> Callable[[str], World]:
    """Worlds by name, cached for the session."""
    return cached_world


@pytest.fixture(scope="session")
def shop() -> Interactions:
    """A small shop: 30 users, up to 20 items, 300 events at different moments."""
    return make_log(*random_rows(1))


@pytest.fixture(scope="session")
def shelves(shop: Interactions) -> ItemContent:
    """Categories and titles of the small shop's items."""
    return content_of(shop)


def content_of(log: Interactions) -> ItemContent:
    """Each item in one of three categories, by its code."""
    ids = log.item_vocabulary.ids
    kinds = ["dairy", "bread", "fruit"]
    categories = [kinds[code % 3] for code in range(len(ids))]
    return read_content(pl.DataFrame({"item_id": ids, "category": categories, "title": [f"the {x}" for x in ids]}), log)


def outside_data(name: str) -> Path:
    """A folder of logs that may not be shipped: under SPADEWORK_DATA, else ../shared/data from the project's root."""
    root = Path(os.environ.get("SPADEWORK_DATA") or ROOT.parent / "shared" / "data")
    found = root / name / "interactions.parquet"
    if found.is_file():
        return found
    reason = f"The log {name!r} is not at hand: there is no {found}. Set SPADEWORK_DATA to the folder that holds it."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
