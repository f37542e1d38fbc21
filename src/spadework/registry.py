"""A registry: entries by name. A registered entry appears everywhere without further lists.

Only models are listed once more, in `models/__init__.py`, for type checkers; a test compares the
two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from spadework.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Named entries of one kind, in the order of registration; an unknown name is an error that has
    the nearest known one.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def __repr__(self) -> str:
        return f"{self.kind}s: {', '.join(self._entries)}"

    def register(self, name: str, entry: T) -> T:
        """Add `entry`; a name can be used once."""
        if name in self._entries and self._entries[name] is not entry:
            raise ValueError(f"two things named {name!r} in the registry of {self.kind}s")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise UnknownName(self.kind, str(name), self._entries)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def by_file(self) -> Registry[T]:
        """The same entries in the order of their files' names, whichever was imported first; within
        a file, in the order of registration.
        """
        ordered: Registry[T] = Registry(self.kind)
        for name, entry in sorted(
            self._entries.items(), key=lambda pair: str(getattr(pair[1], "__module__", ""))
        ):
            ordered.register(name, entry)
        return ordered

    def __len__(self) -> int:
        return len(self._entries)
