"""A release of a small shop, and a server of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from makers import make_log, random_rows
from released import fill_store, make_release, running
from spadework.data.interactions import Interactions
from spadework.models.labels import model
from spadework.serving import releases


@pytest.fixture(scope="session")
def orders() -> Interactions:
    """A small log with event types, weights and baskets."""
    users, items, times = random_rows(3)
    rows = np.random.default_rng(4)
    return make_log(
        users,
        items,
        times,
        weights=rows.integers(1, 4, len(users)).tolist(),
        baskets=[int(time) // 86_400 for time in times],
        event_types=rows.choice(["purchase", "view"], len(users)).tolist(),
    )


@pytest.fixture(scope="session")
def released(shop, shelves, tmp_path_factory) -> Path:
    """A folder with two releases, of which the first is live, and the histories of the shop. Tests
    copy it.
    """
    folder = tmp_path_factory.mktemp("released")
    cosine = model("cosine").fit(shop)
    first = make_release(folder, cosine, shop, shelves, similar=cosine)
    make_release(folder, model("popular").fit(shop), shop, shelves, note="other")
    releases.activate(folder, first, "a test")
    fill_store(folder, shop)
    return folder


@pytest.fixture
def served(released: Path, tmp_path: Path) -> Path:
    """A copy of the releases that a test may change."""
    return Path(shutil.copytree(released, tmp_path / "serving"))


@pytest.fixture
def client(served: Path) -> Iterator[TestClient]:
    """A server of the copy."""
    with running(served) as found:
        yield found
