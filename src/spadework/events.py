"""Progress and remarks. Work reports through `track`, `note` and `detail` to registered listeners;
without listeners, reports are dropped.

A note is a line for the user. A detail is one of many similar lines, such as one for each model
that was judged: only listeners that have a method `detail` receive it. Within `aside` the notes of
called functions become details.

Listeners are in a context variable, so two runs in one process do not receive each other's
reports. A listener may stop the work by raising `errors.Stopped` from `step`: this is how a time
limit or a memory limit ends a long loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from spadework.errors import Stopped

T = TypeVar("T")
BUDGET = "budget"
"""The label of the steps that report how many seconds of its budget a run has spent."""


class Listener(Protocol):
    """Receives steps and notes."""

    def step(self, label: str, done: int, total: int | None) -> None:
        """`done` of `total` units of `label` are finished; `total` is None when it is unknown."""

    def note(self, message: str) -> None:
        """A remark for the user."""


@runtime_checkable
class DetailListener(Listener, Protocol):
    """Receives details, too."""

    def detail(self, message: str) -> None:
        """One of many similar lines."""


@runtime_checkable
class RowListener(Listener, Protocol):
    """Receives rows of a table that grows, such as one for each model that was judged."""

    def row(self, values: Mapping[str, Any]) -> None:
        """One row, of values that JSON can hold."""


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("spadework_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block, `listener` receives every step and note."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


@contextmanager
def aside() -> Iterator[None]:
    """Within the block, notes are details for the listeners outside it; listeners added inside
    receive them as notes.
    """
    token = _listeners.set(tuple(_NotesAsDetails(listener) for listener in _listeners.get()))
    try:
        yield
    finally:
        _listeners.reset(token)


@contextmanager
def without_steps() -> Iterator[None]:
    """Within the block, listeners get notes and details but no steps: those of two calls at a time
    would seem to be within each other.
    """
    token = _listeners.set(tuple(_WithoutSteps(listener) for listener in _listeners.get()))
    try:
        yield
    finally:
        _listeners.reset(token)


@dataclass(frozen=True)
class _WithoutSteps:
    """Passes notes and details to a listener."""

    listener: Listener

    def step(self, label: str, done: int, total: int | None) -> None:
        pass

    def note(self, message: str) -> None:
        self.listener.note(message)

    def detail(self, message: str) -> None:
        if isinstance(self.listener, DetailListener):
            self.listener.detail(message)


@dataclass(frozen=True)
class _NotesAsDetails:
    """Passes notes to a listener as details."""

    listener: Listener

    def step(self, label: str, done: int, total: int | None) -> None:
        self.listener.step(label, done, total)

    def note(self, message: str) -> None:
        self.detail(message)

    def detail(self, message: str) -> None:
        if isinstance(self.listener, DetailListener):
            self.listener.detail(message)


def track(values: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Iterate over `values` and report progress to listeners."""
    if total is None and isinstance(values, Sized):
        total = len(values)
    step(label, 0, total)
    for done, value in enumerate(values, start=1):
        yield value
        step(label, done, total)


def step(label: str, done: int, total: int | None = None) -> None:
    """Report to listeners that `done` of `total` units are finished."""
    for listener in _listeners.get():
        listener.step(label, done, total)


@contextmanager
def within(label: str) -> Iterator[None]:
    """Within the block `label` runs; at its end, also by an error, listeners learn that it and all
    steps begun inside have ended.
    """
    try:
        step(label, 0, None)
        yield
    finally:
        with suppress(Stopped):  # what has ended cannot be stopped any more
            step(label, 1, 1)


def note(message: str) -> None:
    """Send listeners a remark for the user."""
    for listener in _listeners.get():
        listener.note(message)


def detail(message: str) -> None:
    """Send one of many similar lines to the listeners that receive details."""
    for listener in _listeners.get():
        if isinstance(listener, DetailListener):
            listener.detail(message)


def row(values: Mapping[str, Any]) -> None:
    """Send a row to the listeners that receive rows; `aside` and `without_steps` let rows pass."""
    for listener in _listeners.get():
        while isinstance(listener, _NotesAsDetails | _WithoutSteps):
            listener = listener.listener
        if isinstance(listener, RowListener):
            listener.row(values)


def has_listeners() -> bool:
    """Whether there are listeners here; a thread that a kernel was started in has none."""
    return bool(_listeners.get())
