"""Sizes of memory as users write them: `4g`, `800m`, `1.5 GiB`, `512 MB`; all units are powers of
1,024, as in the limits of containers. A number alone is GiB.
"""

from __future__ import annotations

import math
import re

from spadework.errors import BadRequest

GIB = 2**30
_UNITS = {"": 1.0, "k": 2.0**-20, "m": 2.0**-10, "g": 1.0, "t": 2.0**10}
_SIZE = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]?)(?:i?b)?\s*", re.ASCII | re.IGNORECASE)


def in_bytes(given: str | float | None) -> int | None:
    """Bytes of a limit of memory as it is given: a text such as `4g`, or a number of GiB. None is
    no limit. Raises `BadRequest` for what is no size above zero.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return int(gibibytes(given, "memory") * GIB)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 2**30:
        raise BadRequest(
            f"The memory {str(given)[:40]} is no size.", "Write memory='4g', or a number of GiB."
        )
    return math.ceil(given * GIB)


def gibibytes(text: str, what: str = "size") -> float:
    """GiB of a size such as `4g` or `800m`. Raises `BadRequest` for what is no size above zero."""
    hint = f"Write the {what} with a unit, such as 800m or 4g; a number alone is GiB."
    found = _SIZE.fullmatch(text)
    if found is None or (not found.group(2) and text.strip()[-1].lower() == "b"):
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        raise BadRequest(f"The {what} {shown!r} cannot be understood.", hint)
    size = float(found.group(1)) * _UNITS[found.group(2).lower()]
    if size <= 0 or not math.isfinite(size):
        raise BadRequest(f"The {what} {text!r} is not above zero.", hint)
    return size


def as_text(gib: float) -> str:
    """GiB as users write them: 4g, 700m. `gibibytes` reads the same number from it."""
    for unit in "tgm":
        number = gib / _UNITS[unit]
        if number >= 1 and number == int(number):
            return f"{int(number)}{unit}"
    return f"{gib}g"
