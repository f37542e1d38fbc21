"""Threads share the work without changing it."""

from __future__ import annotations

import time

import pytest
from threadpoolctl import threadpool_info

from spadework import events
from spadework.errors import OutOfTime
from spadework.kernels import parallel
from spadework.limits import Limits


class Heard:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def step(self, label: str, done: int, total: int | None) -> None:
        self.steps.append((label, done, total))

    def note(self, message: str) -> None:
        raise AssertionError(message)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_come_in_the_order_of_the_tasks_and_every_step_is_told(count):
    heard = Heard()
    with parallel.using(count), events.listening(heard):
        assert parallel.threads() == count
        assert parallel.share(lambda n: n * n, range(5), "squares") == [0, 1, 4, 9, 16]
    assert heard.steps == [("squares", done, 5) for done in range(6)]


def test_the_number_of_threads_reaches_the_linear_algebra_and_ends_with_the_block():
    before = parallel.threads(), [pool["num_threads"] for pool in threadpool_info()]
    with parallel.using(1):
        assert all(pool["num_threads"] == 1 for pool in threadpool_info())
    assert (parallel.threads(), [pool["num_threads"] for pool in threadpool_info()]) == before


@pytest.mark.parametrize("count", [1, 2])
def test_a_clock_stops_the_work_between_two_tasks(count):
    done = []
    with parallel.using(count), events.listening(Limits(deadline=time.monotonic() + 0.05)), pytest.raises(OutOfTime):
        parallel.share(lambda n: (time.sleep(0.02), done.append(n)), range(200), "long")
    assert len(done) < 100


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_a_task_is_the_error_of_the_whole(count):
    with parallel.using(count), pytest.raises(ZeroDivisionError):
        parallel.share(lambda n: 1 // n, [1, 0, 1], "divide")
