"""Progress and remarks. Work reports through `track`, `note` and `detail`; whoever wants to hear
them listens; else there is silence.

A note is a line that somebody should read. A detail is one of many lines of a kind, such as one for
each model that was judged: only listeners that have a method `detail` hear it. Within `aside` the
notes of what is called become details.

Listeners live in a context variable, so two runs in one process do not hear each other. A listener
may stop the work by raising `errors.Stopped` from `step`: that is how a time limit or a memory
limit reaches the inside of a long loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from spadework.errors import Stopped

T = TypeVar("T")
BUDGET = "budget"
"""The label under which a run tells how many seconds of its budget are spent."""


class Listener(Protocol):
    """Hears what the work says."""

    def step(self, label: str, done: int, total: int | None) -> None:
        """`done` of `total` units of `label` are finished; `total` is None when nobody knows it."""

    def note(self, message: str) -> None:
        """A remark for people."""


@runtime_checkable
class DetailListener(Listener, Protocol):
    """Hears details, too."""

    def detail(self, message: str) -> None:
        """One of many lines of a kind."""


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("spadework_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block, `listener` hears every step and note."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Within the block, notes are details to those who listen already; listeners that join inside
    hear them as notes.
    """
    token = _listeners.set(tuple(_Aside(listener) for listener in _listeners.get()))
    try:
        yield
    finally:
        _listeners.reset(token)


@dataclass(frozen=True)
class _Aside:
    """A listener to whom notes are details."""

    listener: Listener

    def step(self, label: str, done: int, total: int | None) -> None:
        self.listener.step(label, done, total)

    def note(self, message: str) -> None:
        self.detail(message)

    def detail(self, message: str) -> None:
        if isinstance(self.listener, DetailListener):
            self.listener.detail(message)


def track(things: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `things`, telling listeners how far the work has come."""
    if total is None and isinstance(things, Sized):
        total = len(things)
    step(label, 0, total)
    for done, thing in enumerate(things, start=1):
        yield thing
        step(label, done, total)


def step(label: str, done: int, total: int | None = None) -> None:
    """Tell listeners that `done` of `total` units are finished."""
    for listener in _listeners.get():
        listener.step(label, done, total)


@contextmanager
def within(label: str) -> Iterator[None]:
    """Within the block `label` runs; at its end, however that comes, it and all that began inside
    have ended for those who listen.
    """
    try:
        step(label, 0, None)
        yield
    finally:
        with suppress(Stopped):  # what has ended cannot be stopped any more
            step(label, 1, 1)


def note(message: str) -> None:
    """Tell listeners a remark for people."""
    for listener in _listeners.get():
        listener.note(message)


def detail(message: str) -> None:
    """Tell one of many lines of a kind to those who hear details."""
    for listener in _listeners.get():
        if isinstance(listener, DetailListener):
            listener.detail(message)


def is_heard() -> bool:
    """Whether anybody listens here; a thread that a kernel was started in has no listeners."""
    return bool(_listeners.get())
