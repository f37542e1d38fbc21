"""A registry: things by name. Registering one is all that is needed for it to appear everywhere.

Models alone are listed once more, in `models/__init__.py`, for type checkers; a test compares the
two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from spadework.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Named things of one kind, in the order in which they were registered; an unknown name is an
    error that tells the nearest one.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def __repr__(self) -> str:
        return f"{self.kind}s: {', '.join(self._things)}"

    def register(self, name: str, thing: T) -> T:
        """Add `thing`; a name can be used once."""
        if name in self._things and self._things[name] is not thing:
            raise ValueError(f"two things named {name!r} in the registry of {self.kind}s")
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            raise UnknownName(self.kind, str(name), self._things)
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def by_file(self) -> Registry[T]:
        """The same things in the order of the files they are defined in, whichever was imported
        first; within a file, as they stand.
        """
        ordered: Registry[T] = Registry(self.kind)
        for name, thing in sorted(
            self._things.items(), key=lambda pair: str(getattr(pair[1], "__module__", ""))
        ):
            ordered.register(name, thing)
        return ordered

    def __len__(self) -> int:
        return len(self._things)
