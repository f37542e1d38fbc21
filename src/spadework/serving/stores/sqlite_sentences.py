"""What SQLite or the system refuses, in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType

from spadework.errors import StoreFailed
from spadework.serving.stores import store_words

_HINTS = {
    sqlite3.SQLITE_FULL: "Make room on the disk; nothing of this request was kept.",
    sqlite3.SQLITE_IOERR: "Look at the disk and its room; nothing of this request was kept.",
    sqlite3.SQLITE_BUSY: "Another process holds the file for long. Ask again.",
    sqlite3.SQLITE_NOTADB: "Name another file for the store.",
    sqlite3.SQLITE_CORRUPT: "Put back a backup of the file.",
}
_RIGHTS = "Check that this user may write the file and its folder."


class InWords:
    """A `with` whose errors name the file and what was to be `done` with it. A class, since each
    list enters one, and what `contextmanager` makes of a function takes four times as long.
    """

    __slots__ = "_done", "_path"

    def __init__(self, path: Path, done: str) -> None:
        self._path, self._done = path, done

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more exactly why
            raise StoreFailed(
                f"{self._path} cannot be {self._done}: {error}.", _HINTS.get(code, _RIGHTS)
            ) from error
        if isinstance(error, OSError):
            raise StoreFailed(
                f"{self._path} cannot be {self._done}: {error.strerror or error}.", _RIGHTS
            ) from error
        if isinstance(error, UnicodeEncodeError | OverflowError):
            raise store_words.unkept() from None
