"""What keeps events: one small interface, and the laws that every store obeys.

Ids are text. Times are milliseconds since 1970-01-01 UTC. Events of a user come back in order of
time, those of one time in order of arrival.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_HISTORY = 500
"""Newest events of a user that are read for an answer."""
MOST_OLDER = 10_000
"""Distinct items, each with a type of event, that are known of a user's events before these."""
Older = Mapping[tuple[str, str | None], int]
"""Item and type of event → when it was last, in milliseconds."""


class Event(NamedTuple):
    """One thing that a user did. `event_id` is the caller's own name of it: the same id is the same
    event, however often it is sent.
    """

    user: str
    item: str
    time: int  # milliseconds
    event_type: str | None = None
    weight: float | None = None
    basket: str | None = None  # events of one basket have the same; None: those of one second
    event_id: str | None = None


@dataclass(frozen=True)
class History:
    """What a store knows of a user."""

    events: list[Event] = field(default_factory=list)  # in order, the newest `MOST_HISTORY`
    # items that the user must not be shown, as the log had it
    unwanted: list[str] = field(default_factory=list)
    # those of the events that are no base
    appended: list[Event] = field(default_factory=list, compare=False)
    # what the events before these were of, the newest `MOST_OLDER`
    older: Older = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Events that were accepted after a position, in order of arrival, and the position behind
    them.
    """

    events: list[Event]
    position: int


class Store(ABC):
    """Events and histories. Every method may be called from several threads and, on the same store,
    from several processes.

    Where a store cannot do what it is asked for, it raises `StoreFailed` within some seconds, and
    works again once the reason is gone. Text or numbers that no store can keep are a `BadRequest`.
    """

    name: str
    """Random, made with the store, and in its backups: another store has another."""
    remote: bool = False
    """Whether a call waits for another machine, so that it must not block a server's loop."""

    @abstractmethod
    def append(self, events: Sequence[Event]) -> list[bool]:
        """Keep events; for each whether it is new. One whose id is known is not kept again, also
        within these events. When this returns, all new ones survive the end of the process and of
        the machine. When it raises `StoreFailed`, none is kept; only where a remote store went away
        before it could answer all may be, which the same ids sent again find out.
        """

    def append_soon(self, events: Sequence[Event]) -> tuple[list[bool], Callable[[], None]] | None:
        """What `append` does, in two parts, where the first waits for nothing: for each event
        whether it is new, and what waits until they survive the end of the machine, which must be
        called, and may raise as `append` does. None where nothing was done; `append` does it.
        """
        return None

    @abstractmethod
    def of_ids(self, event_ids: Sequence[str]) -> dict[str, Event]:
        """The events that were kept under these ids, by id."""

    @abstractmethod
    def history(self, user: str) -> History:
        """A user's newest events, those of the base and those that were appended, in order, and
        what all events before these were of.
        """

    def histories(self, users: Sequence[str]) -> list[History]:
        """The history of each user."""
        return [self.history(user) for user in users]

    @abstractmethod
    def forget(self, user: str) -> int:
        """Remove all that is known of a user; the number of events that there were. A mark stays
        from which the user can be recognised in a log, and not be read. What is appended later is
        kept, also under ids of events that were removed.
        """

    @abstractmethod
    def forgotten_at(self, users: Sequence[str]) -> list[int | None]:
        """When each of these users was last forgotten, None for the others: what a log holds of
        them from before must not be used any more.
        """

    @abstractmethod
    def set_base(self, name: str, histories: Iterable[tuple[str, History]]) -> None:
        """Replace the histories that come before all events: those of the log that a model learned
        from. `name` says which log that is; what was before a user was forgotten is left out. All
        or nothing: until the end, the base before is read. Events can be appended meanwhile. Of two
        callers at the same time the one that began first gets `StoreFailed`.
        """

    @abstractmethod
    def base(self) -> str | None:
        """The name of the base; None where there is none."""

    @abstractmethod
    def after(self, position: int, most: int = 10_000) -> Batch:
        """Up to `most` events that were accepted after a position; 0 is the beginning. No event is
        ever accepted at a position that was passed.
        """

    @abstractmethod
    def count(self) -> int:
        """Number of events that were appended and not forgotten."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections."""

    @abstractmethod
    def tidy(self) -> None:
        """Remove from the disk what was left there of users who were forgotten, as far as that is
        known to the store. `forget` does it where it is quick; in a large store this takes long.
        """

    def time_of_forgetting(self, user: str) -> int:
        """Now, or the user's newest event, if that is later: clocks of callers may be ahead."""
        now = time.time_ns() // 1_000_000
        events = self.history(user).events
        return max(now, events[-1].time) if events else now

    def all_after(self, position: int = 0) -> Iterator[Batch]:
        """All batches after a position."""
        while (batch := self.after(position)).events:
            yield batch
            position = batch.position
