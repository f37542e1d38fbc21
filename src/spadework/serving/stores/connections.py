"""Open connections that wait for their next use."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
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
        self._closed = False
        self._lock = threading.Lock()
        own = weakref.WeakMethod(self._set_aside)

        def after_fork() -> None:
            set_aside = own()
            if set_aside is not None:
                set_aside()

        os.register_at_fork(after_in_child=after_fork)

    def one(self) -> Lent[C]:
        """A connection, in a `with`; it is kept for the next use where it can be used again."""
        return Lent(self)

    def take(self) -> C:
        """A connection that is to be given back."""
        with self._lock:
            if self._closed:
                raise store_words.closed()
            if self._idle:
                return self._idle.pop()
        return self._make()

    def give_back(self, connection: C) -> None:
        """Keep a connection that was taken, or close it."""
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

    def _set_aside(self) -> None:
        """A fork has copies of them, which its parent still uses: not even close them. Another
        thread may have held the lock.
        """
        self._inherited, self._idle = [*self._inherited, *self._idle], []
        self._lock = threading.Lock()


class Lent(Generic[C]):
    """A connection for as long as a `with`. Each list needs one, and what `contextmanager` makes of
    a function takes four times as long.
    """

    __slots__ = "_connection", "_connections"

    def __init__(self, connections: Connections[C]) -> None:
        self._connections = connections

    def __enter__(self) -> C:
        self._connection = self._connections.take()
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connections.give_back(self._connection)
