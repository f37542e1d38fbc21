"""All models by name: every module of this package and its subpackages is loaded, and the models
that it defines are found.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

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
