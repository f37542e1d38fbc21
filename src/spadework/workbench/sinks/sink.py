"""What a batch is written to: part by part with a state, and whole in one step."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import polars as pl

from spadework.errors import BadRequest
from spadework.serving.stores.store_words import unread

FORMS = {
    "PostgreSQL": "postgresql://NAME:PASSWORD@HOST:PORT/DATABASE/TABLE",
    "Redis": "redis://NAME:PASSWORD@HOST:PORT/NUMBER/PREFIX",
}
"""Addresses of servers."""


@dataclass(frozen=True)
class BatchState:
    """How far a batch is, and what its lists depend on."""

    facts: Mapping[str, str]
    parts: int = 0  # that are written
    users: int = 0  # that were asked for in these parts
    lists: int = 0
    rows: int = 0

    @property
    def text(self) -> str:
        """One line of JSON."""
        return json.dumps(vars(self), ensure_ascii=False)

    @classmethod
    def of(cls, text: str | None) -> BatchState | None:
        """What `text` says; None where it says nothing that can be used."""
        try:
            found = cls(**json.loads(text or ""))
            counts = (found.parts, found.users, found.lists, found.rows)
            is_sound = all(isinstance(each, int) and each >= 0 for each in counts)
            return found if is_sound and isinstance(found.facts, dict) else None
        except (ValueError, TypeError, RecursionError):
            return None


def unreadable(kind: str) -> BadRequest:
    """An address of a server that cannot be read, of which no part is shown."""
    return unread(kind, FORMS[kind])


class Sink(ABC):
    """One place for one batch at a time."""

    name: str
    """For messages; without passwords."""

    @abstractmethod
    def state(self) -> str | None:
        """The state of a batch that was begun here and did not end; None where there is none."""

    @abstractmethod
    def begin(self, state: str) -> None:
        """Remove what such a batch left, and keep this state of a new one."""

    @abstractmethod
    def write(self, part: int, frame: pl.DataFrame, before: str, after: str) -> None:
        """Keep the next part and the state after it: both, or neither. Raises `BadRequest` where
        another process has changed the state `before`.
        """

    @abstractmethod
    def finish(self, parts: int) -> None:
        """Put all parts in place of what was there before, in one step, and remove the state."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; what was written stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
