"""Fixtures for all tests, and what several workers of pytest share."""

from __future__ import annotations

import os

PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def own_processors() -> None:
    """Give each of several workers processors of its own. Otherwise the threads of one worker wait
    for those of another: two workers on two processors were hardly quicker than one. Laws about
    threads open the numbers that they compare, two among them, so one processor is enough.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker.startswith("gw") or not hasattr(os, "sched_setaffinity"):
        return
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    number, allowed = int(worker[2:]) % count, sorted(PROCESSORS)
    os.sched_setaffinity(0, allowed[number::count] or [allowed[number % len(allowed)]])


own_processors()  # before BLAS is loaded, which counts them once

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import warmed
from makers import content_of, make_log, random_rows
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.worlds.worlds import World
from spadework.data.worlds.worlds import world as make_world
from spadework.workbench.recipe import make
from spadework.workbench.run import dig

# Compiling a kernel for the first time takes seconds, which is no slowness of the tested code.
settings.register_profile(
    "house",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
settings.load_profile("house")


SLOW_FOLDERS = {"journeys", "golden"}
SLOW_FILES = {
    # networks; quick tests import no PyTorch
    *("test_excavator", "test_training", "test_large_catalogues", "test_export"),
    *("test_losses_and_negatives", "test_text_embeddings", "test_sequences", "test_network"),
    *("test_planner", "test_choosing", "test_warming", "test_no_cache"),  # searches, compiling
    *("test_processes", "test_without_torch", "test_site"),  # processes of their own
    *("test_store_crashes", "test_remote_stores"),  # servers that are stopped and killed
    "test_stores_on_servers",
    *("test_server_processes", "test_openapi", "test_stores", "test_nightly", "test_batch"),
    *("test_refusals", "test_releases", "test_events", "test_publish", "test_same_answers"),
    *("test_after_updates", "test_update_is_a_refit", "test_sqlite_store", "test_serve_command"),
    *("test_client", "test_client_page", "test_deploy", "test_batch_servers"),  # servers
    *("test_questions", "test_not_asked", "test_lines"),  # all questions of many worlds
    *("test_run_files", "test_damaged_runs", "test_report_agrees"),  # many runs
    *("test_counts", "test_cross"),
}
NETWORKS = {"transformer", "mult-vae"}
"""Models whose laws are slow."""
SLOW_FIXTURES = {"order_run", "bare", "several", "swept", "trained"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before there are workers, compile for all of them, unless that was done for these sources."""
    if getattr(session.config.option, "numprocesses", None):
        warmed.once()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no slow test is wanted, slow files are not imported: PyTorch alone takes seconds."""
    is_slow = collection_path.stem in SLOW_FILES or collection_path.parent.name in SLOW_FOLDERS
    return True if is_slow and "not slow" in str(config.option.markexpr) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys, golden logs, networks and what reads a whole run are slow, beside tests that say
    so. Files of slow tests begin, so that no worker is left with a long one at the end.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        slow_file = item.path.parent.name in SLOW_FOLDERS or item.path.stem in SLOW_FILES
        case = getattr(item, "callspec", None)
        texts = [value for value in case.params.values() if isinstance(value, str)] if case else []
        is_network = bool(NETWORKS & set(texts))
        if slow_file or fixtures & SLOW_FIXTURES or is_network:
            item.add_marker("slow")
    slow_files = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow_files)


@lru_cache
def cached_world(name: str) -> World:
    """A world, made once."""
    return make_world(name)


@pytest.fixture(scope="module")
def every_processor() -> Iterator[None]:
    """All processors, for what is told of a dig that a budget ends."""
    if not PROCESSORS:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, PROCESSORS)
    yield
    os.sched_setaffinity(0, own)


@pytest.fixture(scope="session")
def world() -> Callable[[str], World]:
    """Worlds by name, cached for the session."""
    return cached_world


@pytest.fixture(scope="session")
def shop() -> Interactions:
    """A small shop: 30 users, up to 20 items, 300 events at different times."""
    return make_log(*random_rows(1))


@pytest.fixture(scope="session")
def shelves(shop: Interactions) -> ItemContent:
    """Categories and titles of the small shop's items."""
    return content_of(shop)


@pytest.fixture(scope="session")
def order_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the world of order with three models; tests read it and do not change
    it.
    """
    folder = tmp_path_factory.mktemp("runs") / "order"
    dig(
        "world:order",
        folder=folder,
        recipe=make({"models": ["popular", "cosine", "forward"], "budget": "180s"}),
    )
    return folder
