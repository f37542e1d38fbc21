"""Floor 3, recommenders: one file, one idea. A class defined in any file here is a model by name, and an attribute of this package."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():  # a module of this package that is being imported, or nothing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spadework.models.base import catalogue

    for cls in catalogue().values():
        if cls.__name__ == name:
            return cls
    raise AttributeError(f"There is no model class {name!r}; there are {', '.join(cls.__name__ for cls in catalogue().values())}.")
