"""Floor 3, recommenders: one file, one idea. A class defined in any file here is a model by name, and an attribute of this package.

Classes are imported when they are first used; type checkers and editors see them by the list below, which a test compares with the catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spadework.models.blend import Blend
    from spadework.models.content import ContentNeighbours
    from spadework.models.content_ease import AddEase, CollectiveEase
    from spadework.models.cooccurrence import CoOccurrence
    from spadework.models.cross import CrossOccurrence
    from spadework.models.ease import Ease
    from spadework.models.elsa import Elsa
    from spadework.models.forward_ridge import ForwardRidge
    from spadework.models.graph_filter import GraphFilter
    from spadework.models.implicit_als import ImplicitAls
    from spadework.models.markov import MarkovField
    from spadework.models.neighbours import (
        AssociationRules,
        Confidence,
        Cosine,
        Forward,
        ItemKnnBm25,
        ItemKnnTfidf,
        Jaccard,
        Lift,
        Npmi,
        P3Alpha,
        Raw,
        Rp3Beta,
        Sar,
        SequentialRules,
    )
    from spadework.models.neural.mult_vae import MultVae
    from spadework.models.neural.transformer import Transformer
    from spadework.models.people import TifuKnn, UserPopularity
    from spadework.models.personal import Personal, PersonalThenPopular, PersonalTop
    from spadework.models.popular import Popular, PopularByCategory, Random
    from spadework.models.prior import Prior
    from spadework.models.sansa import Sansa
    from spadework.models.second_stage import Boosted
    from spadework.models.sessions import VmisKnn, VSknn
    from spadework.models.slim import Slim

__all__ = [
    "AddEase",
    "AssociationRules",
    "Blend",
    "Boosted",
    "CoOccurrence",
    "CollectiveEase",
    "Confidence",
    "ContentNeighbours",
    "Cosine",
    "CrossOccurrence",
    "Ease",
    "Elsa",
    "Forward",
    "ForwardRidge",
    "GraphFilter",
    "ImplicitAls",
    "ItemKnnBm25",
    "ItemKnnTfidf",
    "Jaccard",
    "Lift",
    "MarkovField",
    "MultVae",
    "Npmi",
    "P3Alpha",
    "Personal",
    "PersonalThenPopular",
    "PersonalTop",
    "Popular",
    "PopularByCategory",
    "Prior",
    "Random",
    "Raw",
    "Rp3Beta",
    "Sansa",
    "Sar",
    "SequentialRules",
    "Slim",
    "TifuKnn",
    "Transformer",
    "UserPopularity",
    "VSknn",
    "VmisKnn",
]


def __getattr__(name: str) -> Any:
    if not name[:1].isupper():  # a module of this package that is being imported, or nothing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spadework.models.base import catalogue

    for cls in catalogue().values():
        if cls.__name__ == name:
            return cls
    raise AttributeError(f"There is no model class {name!r}; there are {', '.join(cls.__name__ for cls in catalogue().values())}.")


def __dir__() -> list[str]:
    return __all__
