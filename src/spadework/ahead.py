"""Work in threads of its own while the caller goes on: results come in order, and few at once, so
that memory stays that of few.

What is called releases the interpreter's lock for most of its time, or nothing is gained. Its notes
reach the listeners of the caller, its steps do not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from spadework import events

A = TypeVar("A")
B = TypeVar("B")


def results_of(
    function: Callable[[A], B], values: Iterable[A], at_once: int
) -> Generator[B, None, None]:
    """`function` of each value, in order. While the caller uses one result, up to `at_once` further
    ones are worked out, so that at most `at_once` + 1 values are held. An error of a call is raised
    where its result would have come; calls that have begun by then end first. An error of `values`
    is raised at once. Whoever may stop early closes the generator, so that no call goes on.
    """
    with ThreadPoolExecutor(at_once) as pool:
        begun: deque[Future[B]] = deque()
        try:
            for value in values:
                begun.append(pool.submit(copy_context().run, _called, function, value))
                if len(begun) > at_once:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def _called(function: Callable[[A], B], value: A) -> B:
    with events.without_steps():
        return function(value)


class Behind:
    """Calls in a thread of its own, one after the other. Used with `with`: at its end all calls
    have ended.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[Any] | None = None

    def call(self, function: Callable[[A], object], value: A) -> None:
        """One more call; waits until the one before has ended, and raises its error."""
        last, self._last = self._last, None
        if last is not None:
            last.result()
        self._last = self._pool.submit(copy_context().run, _called, function, value)

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, raised: object, *more: object) -> None:
        self._pool.shutdown()
        if self._last is not None and raised is None:
            self._last.result()
