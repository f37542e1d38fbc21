"""A timestamp as users write it: epoch seconds, a date, a datetime, or its ISO text."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from numbers import Real

from spadework.errors import BadRequest

LATEST = 4_102_444_800
"""2100-01-01: a larger number must be milliseconds, and refused."""
_HINT = "Give epoch seconds, a date such as 2026-03-01, or a datetime."


def timestamp(given: float | str | date | None) -> int | None:
    """Whole epoch seconds of a time; None stays None. A datetime or text without a zone is UTC."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given.strip())
        except ValueError:
            raise BadRequest(f"The time {given!r} cannot be understood.", _HINT) from None
    if isinstance(given, date) and not isinstance(given, datetime):
        given = datetime(given.year, given.month, given.day)
    if isinstance(given, datetime):
        return int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp())
    if isinstance(given, bool) or not isinstance(given, Real) or not math.isfinite(given):
        raise BadRequest(f"The time {given!r} is neither a finite number nor a date.", _HINT)
    if not 0 <= given < LATEST:
        raise BadRequest(
            f"The time {given!r} is not between 1970 and 2100 in epoch seconds.",
            "Milliseconds are divided by 1000 first.",
        )
    return int(given)
