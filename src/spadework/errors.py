"""Every exception that users can meet. Each says what happened, where and with which value; the
hint says what to do next.

    SpadeworkError ├── BadRequest        the question is wrong: an option, a name, a range, a path │
    ├── UnknownName       a model, metric, weight … that does not exist; the nearest known one is
    told │   └── OutputExists      a file or folder that would be overwritten │       └── OtherData
    a finished run of the same recipe on other data ├── BadData           the data are wrong: a
    file, a column, a value │   └── Undecided         two readings are equally good; the user has to
    say which ├── Unsuitable        the data lack what a model, a split or a metric needs (times,
    baskets, content) ├── NotFitted         a model was asked before it learned ├── MissingExtra
    a part that is not installed; the hint is the command that installs it └── Stopped
    work was given up: by the clock or by the memory limit
        ├── OutOfTime
        └── OutOfMemory

The command line prints the same two sentences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpadeworkError(Exception):
    """What happened, and what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class BadRequest(SpadeworkError):
    """An option, a name, a range or a path that cannot be served."""


MANY_NAMES, NEAR_NAMES = 100, 5
"""From so many names on, only the nearest few are told."""


class UnknownName(BadRequest, KeyError):
    """A name that is on no shelf; a KeyError as well, so that `get` of a mapping knows it."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(set(known))
        near = nearest(name, names)
        hint = f"Did you mean {near!r}? " if near else ""
        if len(names) > MANY_NAMES:
            others = difflib.get_close_matches(name.lower(), names, n=NEAR_NAMES, cutoff=0.0)
            super().__init__(
                f"There is no {kind} named {name!r}.", f"{hint}Near names: {', '.join(others)}."
            )
        else:
            super().__init__(
                f"There is no {kind} named {name!r}.", f"{hint}Known: {', '.join(names)}."
            )


class OutputExists(BadRequest):
    """A file or folder that is there already."""


class OtherData(OutputExists):
    """A finished run of the same recipe on other data."""


class BadData(SpadeworkError):
    """A file, a column or a value that cannot be read for sure."""


class Undecided(BadData):
    """Two readings are equally good, so the user is asked."""


class Unsuitable(SpadeworkError):
    """The data lack what was asked for."""


class NotFitted(SpadeworkError):
    """A model was asked before it learned."""


class MissingExtra(SpadeworkError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} is not installed.", f"Install it with: pip install 'spadework[{extra}]'"
        )


class Stopped(SpadeworkError):
    """Work was given up before its end."""


class OutOfTime(Stopped):
    """The clock ran out."""


class OutOfMemory(Stopped):
    """The memory limit was met."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, if one does."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return found[0] if found else None
