"""Sharing work among threads. Kernels release the interpreter lock, so plain threads are enough."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from spadework import events

A = TypeVar("A")
B = TypeVar("B")

_threads: ContextVar[int | None] = ContextVar("spadework_threads", default=None)
_changing = threading.Lock()


def threads() -> int:
    """Number of threads that kernels may use: the count given to `using`, else the number of
    processors that this process may run on.
    """
    chosen = _threads.get()
    if chosen is not None:
        return chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def using(count: int) -> Iterator[None]:
    """Within the block, kernels and BLAS use `count` threads."""
    restore = _limit(count, None)
    token = _threads.set(count)
    try:
        yield
    finally:
        restore()
        _threads.reset(token)


def _limit(count: int, user_api: str | None) -> Callable[[], None]:
    """Limit libraries with this `user_api` ("blas", "openmp"; None for all) to `count` threads.
    Returns a function that restores the earlier number.

    OpenBLAS has one pool for the process. From version 3.8 on, threadpoolctl lets one living thread
    change it and silently ignores requests of others, so a limit that was set in one thread could
    not be restored by another. Here it is changed in a thread of its own, which has ended when this
    returns and blocks no other. Other libraries keep a number for each thread; for them the number
    of the calling thread is set.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    files: dict[bool, list[str]] = {True: [], False: []}
    for library in controller.info():
        pooled = (
            library["internal_api"] == "openblas" and library.get("threading_layer") != "openmp"
        )
        files[pooled].append(library["filepath"])
    shared, own = (
        partial(controller.select(filepath=files[pooled]).limit, limits=count, user_api=user_api)
        for pooled in (True, False)
    )
    in_pool, in_thread = _in_own_thread(shared), own()

    def restore() -> None:
        in_thread.restore_original_limits()
        _in_own_thread(in_pool.restore_original_limits)

    return restore


def _in_own_thread(change: Callable[[], B]) -> B:
    """The result of `change`, called in a new thread that has ended when this returns."""
    with _changing, ThreadPoolExecutor(1) as pool:
        return pool.submit(change).result()


def share(function: Callable[[A], B], tasks: Sequence[A], label: str) -> list[B]:
    """Results of `function` over `tasks`, in their order. Each finished task is reported as a step,
    so limits can stop the work between two.
    """
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


_lone_lock = threading.Lock()
# number of open blocks, and the function that restores the number of threads
_lone_state: list[Any] = [0, None]


@contextmanager
def lone_blas() -> Iterator[None]:
    """Within the block, a product of matrices runs on the calling thread only.

    Otherwise tasks that already share the processors would compete for them: a small product on two
    busy processors took fifty times as long. Blocks may overlap in several threads; the last one to
    end restores the number that the first one found.
    """
    with _lone_lock:
        if not _lone_state[0]:
            _lone_state[1] = _limit(1, "blas")
        _lone_state[0] += 1
    try:
        yield
    finally:
        with _lone_lock:
            _lone_state[0] -= 1
            if not _lone_state[0]:
                _lone_state[1]()


class Crew:
    """Threads that stay alive for many small rounds of work, where `share` would start them each
    time. It reports no steps.
    """

    def __enter__(self) -> Crew:
        self._pool = ThreadPoolExecutor(threads()) if threads() > 1 else None
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[A], B], tasks: Sequence[A]) -> list[B]:
        """Results of `function` over `tasks`, in their order."""
        if self._pool is None or len(tasks) == 1:
            return [function(task) for task in tasks]
        return list(self._pool.map(function, tasks))
