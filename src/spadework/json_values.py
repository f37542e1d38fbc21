"""JSON that may hold anything, such as a file that a person has changed, read with tolerance: what
is not of the wanted type is empty or None, never an exception.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_DEEPEST = 40
Map = Mapping[str, Any]


def clean(value: object, depth: int = 0) -> Any:
    """The JSON value without text that cannot be shown and without numbers that are not finite."""
    if isinstance(value, str):
        return _UNSHOWABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 10**18 else as_number(value)
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {clean(str(key)): clean(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner, depth + 1) for inner in value]
    return value


def as_map(value: object) -> Map:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def maps(value: object) -> Iterator[Map]:
    """The objects in a list."""
    return (row for row in as_list(value) if isinstance(row, Mapping))


def as_number(value: object) -> float | None:
    """The value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def numbers(value: object) -> list[float | None]:
    """A list of numbers, with None for what is not one."""
    return [as_number(inner) for inner in as_list(value)]


def as_text(value: object, absent: str = "") -> str:
    """A text as it is, a number as text, `absent` for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else absent


def as_interval(value: object) -> tuple[float, float] | None:
    """Two ends, or None."""
    ends = numbers(value)
    return (
        (ends[0], ends[1])
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None
        else None
    )
