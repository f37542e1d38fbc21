"""Work in threads of its own: results in order, few at once, errors where they belong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from spadework import ahead, events


def test_results_come_in_the_order_of_the_values_and_few_are_worked_out_at_once() -> None:
    lock, running, most, asked = threading.Lock(), [0], [0], [0]

    def values() -> Iterator[int]:
        for value in range(20):
            asked[0] = value + 1
            yield value

    def slowly(value: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02 if value % 3 == 0 else 0.001)  # later ones would overtake
        with lock:
            running[0] -= 1
        return value * 10

    found = []
    for result in ahead.results_of(slowly, values(), 2):
        found.append(result)
        assert asked[0] <= len(found) + 2, "a value was asked for before there was room"
    assert found == [value * 10 for value in range(20)]
    assert most[0] == 2


def test_an_error_of_a_call_comes_in_place_of_its_result_and_ends_the_work() -> None:
    called = []

    def fails_at_three(value: int) -> int:
        called.append(value)
        if value == 3:
            raise ValueError("three")
        return value

    results = ahead.results_of(fails_at_three, range(100), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert max(called) <= 5


def test_calls_behind_the_caller_end_in_order_and_raise_their_errors() -> None:
    called: list[int] = []
    with ahead.Behind() as behind:
        for value in range(10):
            behind.call(called.append, value)
    assert called == list(range(10))
    for calls in (1, 2):  # of the last call, and of one before it
        with pytest.raises(ZeroDivisionError), ahead.Behind() as behind:  # noqa: PT012
            behind.call(lambda value: 1 // value, 0)
            for _ in range(calls - 1):
                behind.call(called.append, 0)


def test_reports_from_these_threads_reach_the_listeners_of_the_caller() -> None:
    class Notes:
        def __init__(self) -> None:
            self.heard: list[str] = []

        def step(self, label: str, done: int, total: int | None) -> None:
            pass

        def note(self, message: str) -> None:
            self.heard.append(message)

    notes = Notes()
    with events.listening(notes):
        list(ahead.results_of(lambda value: events.note(f"number {value}"), [1], 1))
        with ahead.Behind() as behind:
            behind.call(events.note, "behind")
    assert notes.heard == ["number 1", "behind"]
