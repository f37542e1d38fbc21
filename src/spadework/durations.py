"""Spans of time as users write them: `7d`, `12 h`, `5 min`, `1h30m`, `2 weeks`, `500 ms`.

| unit | written |
|---|---|
| milliseconds | ms |
| seconds | s, sec, second, seconds |
| minutes | m, min, minute, minutes |
| hours | h, hour, hours |
| days | d, day, days |
| weeks | w, week, weeks |

Capitals do not matter, but for M alone, which others write for months.
"""

from __future__ import annotations

import re
from functools import lru_cache

from spadework.errors import BadRequest

_UNITS = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
    **dict.fromkeys(("d", "day"), 86_400.0),
    **dict.fromkeys(("w", "week"), 604_800.0),
}
_PART = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE)
LONGEST = 1e12
"""Seconds of the longest span, some thirty thousand years."""


@lru_cache(maxsize=1024)  # models ask for the same few spans thousands of times
def seconds(text: str, what: str = "duration") -> float:
    """Seconds in a span such as `7d` or `5 min`; a bare number is refused, since it has no
    unit.
    """
    hint = f"Write the {what} with a unit, such as 60s, 10m, 12h, 7d or 2w."
    position, total = 0, 0.0
    written = text.strip()
    while position < len(written):
        part = _PART.match(written, position)
        unit = part.group(2) if part else ""
        if unit == "M":
            raise BadRequest(
                f"The {what} {text!r} may mean minutes or months.",
                "Write 'min' for minutes, and months as days, such as 30d.",
            )
        unit = unit.lower()
        factor = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s") if len(unit) > 2 else "")
        if part is None or factor is None:
            raise BadRequest(f"The {what} {text!r} cannot be understood.", hint)
        total += float(part.group(1)) * factor
        position = part.end()
    if total <= 0:
        raise BadRequest(f"The {what} {text!r} is not above zero.", hint)
    if total > LONGEST:
        raise BadRequest(f"The {what} {_clipped(text)!r} is longer than any log.", hint)
    return total


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def words(span: float) -> str:
    """A span of seconds as text: `40 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `36 days`."""
    if span < 0.1:
        return f"{1000 * span:.0f} ms"
    if span < 9.95:
        return f"{span:.1f} s"
    if span < 59.5:
        return f"{span:.0f} s"
    if span < 3599.5:
        minutes, rest = divmod(round(span), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if span < 2 * 86_400:
        hours, rest = divmod(round(span / 60), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days = span / 86_400
    return (
        f"{days:.0f} days" if days >= 10 or abs(days - round(days)) < 0.05 else f"{days:.1f} days"
    )
