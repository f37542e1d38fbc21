"""Models by name. For all of them every module of this package and its subpackages is loaded; for
one of them its own file is, which is found by the name in its text.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from spadework.models.base import Recommender, models
from spadework.registry import Registry

NEURAL = "spadework.models.neural"
"""This subpackage imports its own models: most of its modules need PyTorch to be imported."""


def catalogue() -> Registry[type[Recommender]]:
    """Recommender classes by the names of their models, in the order of the files they are defined
    in.
    """
    _load_all()
    return _ordered(tuple(models.items()))


def find(name: str) -> type[Recommender] | None:
    """The class of one model, without loading the others; None where no model has this name."""
    if name not in models:
        for module in modules_naming(name):
            importlib.import_module(module)
    if name not in models:
        _load_all()
    return models.get(name)


def modules_naming(name: str) -> list[str]:
    """The modules with a line `name = "NAME"` in a class, as that of the model has it."""
    folder = Path(__file__).parent
    line = f'\n    name = "{name}"\n'.encode(errors="replace")
    found = [path for path in sorted(folder.rglob("*.py")) if line in path.read_bytes()]
    parts = [path.relative_to(folder).with_suffix("").parts for path in found]
    modules = [".".join(("spadework", "models", *each)) for each in parts]
    return [NEURAL if module.startswith(f"{NEURAL}.") else module for module in modules]


@cache
def _load_all() -> None:
    package = importlib.import_module("spadework.models")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith(f"{NEURAL}."):
            importlib.import_module(module.name)


@cache
def _ordered(known: tuple[tuple[str, type[Recommender]], ...]) -> Registry[type[Recommender]]:
    """The registry in its order while it has these models: boards and sweeps look up thousands of
    names.
    """
    return models.by_file()
