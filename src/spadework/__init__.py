"""Recommender systems for people who ship one: try the spade before the excavator.

    import spadework as sw
    log = sw.read_interactions("orders.parquet")
    run = sw.dig(log, budget="5m")

Every public name is in `_HOMES`, with the module it lives in; it is imported when it is first used,
so `import spadework` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spadework import forks as _forks  # noqa: F401  (sees every fork from now on)

if TYPE_CHECKING:
    from spadework import errors, models, spark
    from spadework.artifacts.artifact import load, save
    from spadework.data import splitting as split
    from spadework.data.addresses import read_content, read_interactions
    from spadework.data.content import ItemContent
    from spadework.data.interactions import Interactions
    from spadework.data.mapped.mapped_log import open_log, save_log
    from spadework.data.presplit import read_split
    from spadework.data.splitting import Split
    from spadework.data.worlds.worlds import world
    from spadework.diagnosis.checking import diagnose
    from spadework.diagnosis.finding import Diagnosis, Finding
    from spadework.errors import SpadeworkError
    from spadework.evaluation.scoreboard import Scoreboard, evaluate, scoreboard
    from spadework.models.base import Recommender
    from spadework.models.catalogue import catalogue
    from spadework.models.cooccurrence import counts
    from spadework.models.labels import model
    from spadework.models.recommendations import Recommendations
    from spadework.workbench.glossary import describe
    from spadework.workbench.recipe import Recipe
    from spadework.workbench.run import Run, dig
    from spadework.workbench.training.excavator import train_transformer

_HOMES = {
    "Diagnosis": "spadework.diagnosis.finding",
    "Finding": "spadework.diagnosis.finding",
    "Interactions": "spadework.data.interactions",
    "ItemContent": "spadework.data.content",
    "Recipe": "spadework.workbench.recipe",
    "Recommendations": "spadework.models.recommendations",
    "Recommender": "spadework.models.base",
    "Run": "spadework.workbench.run",
    "Scoreboard": "spadework.evaluation.scoreboard",
    "SpadeworkError": "spadework.errors",
    "Split": "spadework.data.splitting",
    "catalogue": "spadework.models.catalogue",
    "describe": "spadework.workbench.glossary",
    "diagnose": "spadework.diagnosis.checking",
    "dig": "spadework.workbench.run",
    "evaluate": "spadework.evaluation.scoreboard",
    "load": "spadework.artifacts.artifact",
    "model": "spadework.models.labels",
    "open_log": "spadework.data.mapped.mapped_log",
    "read_content": "spadework.data.addresses",
    "read_interactions": "spadework.data.addresses",
    "read_split": "spadework.data.presplit",
    "save": "spadework.artifacts.artifact",
    "save_log": "spadework.data.mapped.mapped_log",
    "scoreboard": "spadework.evaluation.scoreboard",
    "train_transformer": "spadework.workbench.training.excavator",
    "world": "spadework.data.worlds.worlds",
}
_MODULES = {
    "counts": "spadework.models.cooccurrence.counts",
    "errors": "spadework.errors",
    "models": "spadework.models",
    "spark": "spadework.spark",
    "split": "spadework.data.splitting",
}

__all__ = [
    "Diagnosis",
    "Finding",
    "Interactions",
    "ItemContent",
    "Recipe",
    "Recommendations",
    "Recommender",
    "Run",
    "Scoreboard",
    "SpadeworkError",
    "Split",
    "catalogue",
    "counts",
    "describe",
    "diagnose",
    "dig",
    "errors",
    "evaluate",
    "load",
    "model",
    "models",
    "open_log",
    "read_content",
    "read_interactions",
    "read_split",
    "save",
    "save_log",
    "scoreboard",
    "spark",
    "split",
    "train_transformer",
    "world",
]


_FORMER = {
    "Counts": "counts.Counts",
    "count": "counts.count",
    "explain": "describe",
    "fit_counts": "counts.fit",
    "merge": "counts.merge",
    "train": "train_transformer",
}
"""Names of earlier versions, and what took their place."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _FORMER:
        raise AttributeError(f"sw.{name} is now sw.{_FORMER[name]}.")
    raise AttributeError(
        f"spadework has no public name {name!r}; public names: {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return __all__
