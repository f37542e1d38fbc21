"""Open connections that wait for their next use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from spadework.serving.stores import store_words

C = TypeVar("C")


class Connections(Generic[C]):
    """As many as are used at the same time. One is used by one thread at a time."""

    def __init__(
        self,
        make: Callable[[], C],
        close: Callable[[C], None],
        usable: Callable[[C], bool] = lambda _: True,
    ) -> None:
        self._make, self._close, self._usable = make, close, usable
        self._idle: list[C] = []
        self._inherited: list[C] = []
        self._process = os.getpid()
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[C]:
        """A connection; it is kept for the next use where it can be used again."""
        connection = self._take()
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed and self._usable(connection)
                if keep:
                    self._idle.append(connection)
            if not keep:
                self._close(connection)

    def drop(self) -> None:
        """Close those that wait; the next use makes a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)

    def close(self) -> None:
        """Close all; those in use when their use ends."""
        self._closed = True
        self.drop()

    def _take(self) -> C:
        with self._lock:
            if self._closed:
                raise store_words.closed()
            if self._process != os.getpid():
                # a fork has copies of them, which its parent still uses: not even close them
                self._inherited, self._idle = [*self._inherited, *self._idle], []
                self._process = os.getpid()
            if self._idle:
                return self._idle.pop()
        return self._make()
