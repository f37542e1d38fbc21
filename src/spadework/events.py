"""Progress and remarks. Work reports through `track` and `note`; whoever wants to hear them listens; else there is silence.

Listeners live in a context variable, so two runs in one process do not hear each other. A listener may stop the work by raising
`errors.Stopped` from `step`: that is how a time limit or a memory limit reaches the inside of a long loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Hears what the work says."""

    def step(self, label: str, done: int, total: int | None) -> None:
        """`done` of `total` units of `label` are finished; `total` is None when nobody knows it."""

    def note(self, message: str) -> None:
        """A remark for people."""


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("spadework_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block, `listener` hears every step and note."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


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


def note(message: str) -> None:
    """Tell listeners a remark for people."""
    for listener in _listeners.get():
        listener.note(message)


def is_heard() -> bool:
    """Whether anybody listens here; a thread that a kernel was started in has no listeners."""
    return bool(_listeners.get())
