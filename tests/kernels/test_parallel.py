"""Threads share the work without changing it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info

from spadework import events
from spadework.errors import OutOfTime
from spadework.kernels import parallel
from spadework.limits import Limits


class Listener:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        self.steps.append((label, done, total))

    def note(self, message: str) -> None:
        raise AssertionError(message)


def of_pools() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info()]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_come_in_the_order_of_the_tasks_and_every_step_is_reported(count):
    listener = Listener()
    with parallel.using(count), events.listening(listener):
        assert parallel.threads() == count
        assert parallel.share(lambda n: n * n, range(5), "squares") == [0, 1, 4, 9, 16]
    assert listener.steps == [("squares", done, 5) for done in range(6)]


def test_the_number_of_threads_reaches_the_linear_algebra_and_ends_with_the_block():
    before = parallel.threads(), of_pools()
    with parallel.using(2):  # on one processor, one thread is there without asking
        two = parallel.threads(), of_pools()
        with parallel.using(1):
            assert set(of_pools()) == {1}
        assert (parallel.threads(), of_pools()) == two
    assert (parallel.threads(), of_pools()) == before


@pytest.mark.parametrize("count", [1, 2])
def test_a_deadline_stops_the_work_between_two_tasks(count):
    done = []
    with (
        parallel.using(count),
        events.listening(Limits(deadline=time.monotonic() + 0.05)),
        pytest.raises(OutOfTime),
    ):
        parallel.share(lambda n: (time.sleep(0.02), done.append(n)), range(200), "long")
    assert len(done) < 100


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_a_task_is_raised(count):
    with parallel.using(count), pytest.raises(ZeroDivisionError):
        parallel.share(lambda n: 1 // n, [1, 0, 1], "divide")


def of_blas() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("outside", [None, 2])
@pytest.mark.parametrize("rounds", [1, 3])
def test_products_take_one_thread_whichever_threads_ask_for_it(outside, rounds):
    """The first in is the first out here, so another thread puts back what it found."""
    with parallel.using(2):
        many = of_blas()  # a library may be built for one thread

    def ask(number: int) -> set[int]:
        if number:
            entered.wait(5)
        with parallel.lone_blas():
            if number == 0:
                entered.wait(5)
            both.wait(5)
            found = of_blas()
            both.wait(5)
            if number:
                left.wait(5)
        if number == 0:
            left.wait(5)
        return found

    before = of_blas()
    with nullcontext() if outside is None else parallel.using(outside):
        within = of_blas()
        for _ in range(rounds):
            entered, both, left = Barrier(2), Barrier(2), Barrier(2)
            with ThreadPoolExecutor(2) as pool:
                assert list(pool.map(ask, range(2))) == [{1}, {1}]
            assert of_blas() == within
        with parallel.lone_blas(), parallel.lone_blas():
            assert of_blas() == {1}
        assert of_blas() == within == (before if outside is None else many)
    assert of_blas() == before


def test_the_number_of_threads_reaches_what_counts_by_thread():
    """OpenMP keeps a number for each thread that asks, so it must be set in the thread that
    works.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # loads OpenMP

    assert HistGradientBoostingRegressor is not None
    before = of_pools()
    with parallel.using(2):
        two = of_pools()
        assert 2 in two
        with parallel.using(1):
            assert set(of_pools()) == {1}
        assert of_pools() == two
    assert of_pools() == before
