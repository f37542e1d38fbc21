"""Kernels release the interpreter lock, so plain threads share the work."""

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
    """Threads that kernels may use: what `using` says, else the number of processors this process
    may run on.
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


def _limit(count: int, kind: str | None) -> Callable[[], None]:
    """Hold libraries of this kind ("blas", "openmp"; None for all) to `count` threads; what puts
    the number back.

    OpenBLAS has one pool for the whole process. From version 3.8 on, threadpoolctl lets one living
    thread change it and passes over what others ask for, without a word, so what was set in one
    thread could not be put back by another. It is changed in a thread of its own, which has ended
    when this returns and holds nobody up. Other libraries keep a number for each thread, and that
    is this one's.
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
        partial(controller.select(filepath=files[pooled]).limit, limits=count, user_api=kind)
        for pooled in (True, False)
    )
    in_pool, in_thread = _apart(shared), own()

    def restore() -> None:
        in_thread.restore_original_limits()
        _apart(in_pool.restore_original_limits)

    return restore


def _apart(change: Callable[[], B]) -> B:
    """What `change` gives, called in a thread of its own that has ended."""
    with _changing, ThreadPoolExecutor(1) as pool:
        return pool.submit(change).result()


def share(function: Callable[[A], B], tasks: Sequence[A], label: str) -> list[B]:
    """Results of `function` over `tasks`, in their order; a step is told after each, so limits can
    stop the work between two.
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
_lone: list[Any] = [0, None]  # blocks that are open, and what puts the number of threads back


@contextmanager
def lone_blas() -> Iterator[None]:
    """Within the block, a product of matrices takes the one thread that asks for it.

    Tasks that are shared already would else fight for the processors: a small product on two busy
    ones took fifty times as long. Blocks may overlap in several threads; the last one out puts back
    what the first one found.
    """
    with _lone_lock:
        if not _lone[0]:
            _lone[1] = _limit(1, "blas")
        _lone[0] += 1
    try:
        yield
    finally:
        with _lone_lock:
            _lone[0] -= 1
            if not _lone[0]:
                _lone[1]()


class Crew:
    """Threads that stay for many small rounds of work, where `share` would call them together each
    time. It tells no steps.
    """

    def __enter__(self) -> Crew:
        self._pool = ThreadPoolExecutor(threads()) if threads() > 1 else None
        return self

    def __exit__(self, *regularised: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[A], B], tasks: Sequence[A]) -> list[B]:
        """Results of `function` over `tasks`, in their order."""
        if self._pool is None or len(tasks) == 1:
            return [function(task) for task in tasks]
        return list(self._pool.map(function, tasks))
