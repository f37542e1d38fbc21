"""A value that is derived from learned arrays once, when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """What `make()` gives, made by the first thread that needs it and kept for all others. A copy
    or a pickle makes its own.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: list[T] = []

    def get(self) -> T:
        """The value."""
        with self._making:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    @property
    def made(self) -> T | None:
        """The value, or None where nobody needed it yet."""
        return self._made[0] if self._made else None

    def __getstate__(self) -> Callable[[], T]:
        return self._make  # a lock can be neither copied nor pickled

    def __setstate__(self, make: Any) -> None:
        self.__init__(make)  # type: ignore[misc]
