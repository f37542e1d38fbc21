"""Every exception that users can meet. Each has a message (what happened, where, with which value)
and a hint (what to do next).

    SpadeworkError
    ├── BadRequest            a wrong option, name, range or path
    │   ├── UnknownName       no such model, metric, weight …; the hint has the nearest known one
    │   ├── Busy              another change of the same thing goes on
    │   └── OutputExists      a file or folder that would be overwritten
    │       └── OtherData     a finished run of the same recipe on other data
    ├── BadData               the data are wrong: a file, a column, a value
    │   └── Undecided         two readings are equally good; the user has to decide
    ├── Unsuitable            the data lack what a model, a split or a metric needs (times, baskets)
    ├── NotFitted             a model was used before its fit
    ├── MissingExtra          a part that is not installed; the hint is the command that installs it
    ├── StoreFailed           events could not be kept or read: no room, no connection
    └── Stopped               work was ended early, by the clock, the memory limit or a full disk
        ├── OutOfTime
        ├── OutOfMemory
        └── OutOfDisk

The command line prints message and hint.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class SpadeworkError(Exception):
    """What happened, and what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # errors come back from other processes without their own constructors, whose parameters
        # differ
        return _again, (type(self), self.args, dict(self.__dict__))


def _again(kind: type[SpadeworkError], args: tuple[Any, ...], held: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(held)
    return error


class BadRequest(SpadeworkError):
    """A wrong option, name, range or path."""


MANY_NAMES, NEAR_NAMES = 100, 5
"""With more names than that, the hint lists only the nearest few."""


class UnknownName(BadRequest, KeyError):
    """A name that is in no registry; also a KeyError, so that `get` of a mapping handles it."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        near = nearest(name, names)
        hint = f"Did you mean {near!r}? " if near else ""
        if len(names) > MANY_NAMES:
            by_lower_case = {known_name.lower(): known_name for known_name in names}
            matches = difflib.get_close_matches(
                name.lower(), by_lower_case, n=NEAR_NAMES, cutoff=0.0
            )
            super().__init__(
                f"There is no {kind} named {name!r}.",
                f"{hint}Near names: {', '.join(by_lower_case[match] for match in matches)}.",
            )
        else:
            super().__init__(
                f"There is no {kind} named {name!r}.", f"{hint}Known: {', '.join(names)}."
            )


class Busy(BadRequest):
    """Another change of the same thing goes on."""


class OutputExists(BadRequest):
    """A file or folder that exists already."""


class OtherData(OutputExists):
    """A finished run of the same recipe on other data."""


class BadData(SpadeworkError):
    """A file, a column or a value that cannot be read for sure."""


class Undecided(BadData):
    """Two readings are equally good, so the user has to choose."""


class Unsuitable(SpadeworkError):
    """The data lack what the request needs."""


class NotFitted(SpadeworkError):
    """A model was used before it was fitted."""


class MissingExtra(SpadeworkError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed.", f"Install it with: pip install 'spadework[{extra}]'"
        )


class StoreFailed(SpadeworkError):
    """A store of events could not do what it was asked for; nothing was kept."""


class Stopped(SpadeworkError):
    """Work was stopped before its end."""


class OutOfTime(Stopped):
    """The time limit was reached."""


class OutOfMemory(Stopped):
    """The memory limit was reached."""


class OutOfDisk(Stopped):
    """A disk is full."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to `name`, or None if none is similar."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return found[0] if found else None
