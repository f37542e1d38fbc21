"""Kernels release the interpreter lock, so plain threads share the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from spadework import events

A = TypeVar("A")
B = TypeVar("B")

_threads: ContextVar[int | None] = ContextVar("spadework_threads", default=None)


def threads() -> int:
    """Threads that kernels may use: what `using` says, else the number of processors this process may run on."""
    chosen = _threads.get()
    if chosen is not None:
        return chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def using(count: int) -> Iterator[None]:
    """Within the block, kernels and BLAS use `count` threads."""
    from threadpoolctl import threadpool_limits

    token = _threads.set(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        _threads.reset(token)


def share(function: Callable[[A], B], tasks: Sequence[A], label: str) -> list[B]:
    """Results of `function` over `tasks`, in their order; a step is told after each, so limits can stop the work between two."""
    if threads() == 1 or len(tasks) == 1:
        return [function(task) for task in events.track(tasks, label)]
    with ThreadPoolExecutor(threads()) as pool:
        futures = [pool.submit(function, task) for task in tasks]
        try:
            return [future.result() for future in events.track(futures, label)]
        except BaseException:
            for future in futures:
                future.cancel()
            raise
