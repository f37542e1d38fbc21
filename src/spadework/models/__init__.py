"""Floor 3, recommenders: one file, one idea. A class with a `name` of its own, in any file here, is
a model, and an attribute of this package.

Classes are imported when they are first used; type checkers and editors see them by the list below,
which a test compares with the catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spadework.models.baskets.basket_neighbours import TifuKnn, UserPopularity
    from spadework.models.baskets.personal import Personal, PersonalThenPopular, PersonalTop
    from spadework.models.content_neighbours import ContentNeighbours
    from spadework.models.cooccurrence.cross import CrossOccurrence
    from spadework.models.cooccurrence.operator import CoOccurrence
    from spadework.models.cooccurrence.presets import (
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
    from spadework.models.ensemble.blend import Blend
    from spadework.models.ensemble.boosted import Boosted
    from spadework.models.ensemble.prior import Prior
    from spadework.models.factors.elsa import Elsa
    from spadework.models.factors.gf_cf import GraphFilter
    from spadework.models.factors.ials import ImplicitAls
    from spadework.models.linear.content_ease import AddEase, CollectiveEase
    from spadework.models.linear.ease import Ease
    from spadework.models.linear.edlae import Edlae
    from spadework.models.linear.forward_ridge import ForwardRidge
    from spadework.models.linear.mrf import MarkovField
    from spadework.models.linear.sansa import Sansa
    from spadework.models.linear.slim import Slim
    from spadework.models.neural.mult_vae import MultVae
    from spadework.models.neural.transformer import Transformer
    from spadework.models.popular import Popular, PopularByCategory, Random
    from spadework.models.session_neighbours import VmisKnn, VSknn

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
    "Edlae",
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
    from spadework.models.catalogue import catalogue

    for cls in catalogue().values():
        if cls.__name__ == name:
            return cls
    raise AttributeError(
        f"There is no model class {name!r}; there are "
        f"{', '.join(cls.__name__ for cls in catalogue().values())}."
    )


def __dir__() -> list[str]:
    return __all__
