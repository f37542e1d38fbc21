"""Frozen values through pools of processes and `copy.deepcopy`: made again by their constructor, so
that arrays are read-only and mappings frozen there, too.
"""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import Any


def by_constructor(value: Any) -> tuple[Any, ...]:
    """What `__reduce__` of a frozen dataclass returns."""
    held = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    plain = {
        name: dict(given) if isinstance(given, MappingProxyType) else given
        for name, given in held.items()
    }
    return _made, (type(value), plain)


def _made(kind: type[Any], held: dict[str, Any]) -> Any:
    return kind(**held)
