"""A timestamp as users write it: epoch seconds, a date, a datetime, or its ISO text; and the
present, before which the events of a log are.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from numbers import Real

from spadework.errors import BadRequest

LATEST = 4_102_444_800
"""2100-01-01: a larger number must be milliseconds, and refused."""
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_HINT = "Give epoch seconds, a date such as 2026-03-01, or a datetime."


def timestamp(given: float | str | date | None) -> int | None:
    """Whole epoch seconds of a time; None stays None. A datetime or text without a zone is UTC."""
    if given is None:
        return None
    if isinstance(given, str):
        given = _parsed(given)
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day)
    if isinstance(given, datetime):
        return int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp())
    _check(given)
    return int(given)


def milliseconds(given: float | str) -> int:
    """Whole epoch milliseconds of a time between 1970 and 2100, whether it is a number of seconds
    or an ISO text.
    """
    if isinstance(given, str):
        since = _parsed(given) - _BEGIN
        found = since // timedelta(milliseconds=1)
        if not 0 <= found < LATEST * 1000:
            raise BadRequest(f"The time {given!r} is not between 1970 and 2100.", _HINT)
        return found
    _check(given)
    return round(given * 1000)


def _parsed(text: str) -> datetime:
    """An ISO text; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadRequest(f"The time {text!r} cannot be understood.", _HINT) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _check(given: float) -> None:
    """Refuse what is no number of epoch seconds."""
    if isinstance(given, bool) or not isinstance(given, Real) or not math.isfinite(given):
        raise BadRequest(f"The time {given!r} is neither a finite number nor a date.", _HINT)
    if not 0 <= given < LATEST:
        raise BadRequest(
            f"The time {given!r} is not between 1970 and 2100 in epoch seconds.",
            "Milliseconds are divided by 1000 first.",
        )


_present: ContextVar[int | None] = ContextVar("spadework_present", default=None)


def present() -> int:
    """Epoch seconds of now; within `as_if`, of that time."""
    given = _present.get()
    return int(time.time()) if given is None else given


@contextmanager
def as_if(now: int) -> Iterator[None]:
    """Within the block, a log is read as it was at that time: what was in the future then still is,
    so that an unchanged file gives the same log.
    """
    token = _present.set(now)
    try:
        yield
    finally:
        _present.reset(token)
