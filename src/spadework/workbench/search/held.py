"""Fitted models held in memory for a while: for the next sample of users, or as parts of the next
mixture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spadework.limits import hand_memory_back
from spadework.models.base import Recommender
from spadework.models.baskets.basket_neighbours import TifuKnn, UserPopularity
from spadework.models.baskets.personal import Personal, PersonalTop
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.ensemble.mixture import Mixture
from spadework.models.popular import Popular

MOST_BYTES = 400 * 2**20
"""Memory that they may take; the least recently used model goes first."""
DRAW_NOTHING = (CoOccurrence, Popular, Personal, PersonalTop, TifuKnn, UserPopularity)
"""Models that learn without random numbers: the same as parts of any mixture as alone."""


@dataclass
class Held:
    """Fitted models by what they learned. All have the same train log and seed."""

    _models: dict[str, Recommender] = field(default_factory=dict)

    def find(self, model: Recommender, *, using: bool = True) -> Recommender | None:
        """A fitted model that learned what this setting would learn. With `using` it counts as
        used now.
        """
        return self._found(learned(model), using)

    def parts(self, model: Recommender, *, using: bool = True) -> list[Recommender]:
        """Fitted parts of a mixture that is not fitted itself, with its parameters of answering."""
        if not isinstance(model, Mixture):
            return []
        found = ((part, self._found(_part(model, part), using)) for part in model.models)
        return [
            fitted.sharing(**{name: getattr(part, name) for name in part.answering})
            for part, fitted in found
            if fitted is not None
        ]

    def hold(self, model: Recommender) -> None:
        """Keep a fitted model."""
        self._put(learned(model), model)

    def hold_parts(self, model: Recommender) -> None:
        """Keep the parts of a fitted mixture, for others of the same model and, where they draw no
        random numbers, for all and for themselves.
        """
        if isinstance(model, Mixture):
            for part in model.pool.parts:
                self._put(_part(model, part), part)

    def let_go(self) -> None:
        """Free all of them."""
        self._models.clear()
        hand_memory_back()

    def _found(self, key: str, using: bool) -> Recommender | None:
        found = self._models.get(key)
        if found is not None and using:
            self._models[key] = self._models.pop(key)  # now the most recently used one
        return found

    def _put(self, key: str, model: Recommender) -> None:
        self._models.pop(key, None)
        self._models[key] = model
        while self._models and _bytes(self._models.values()) > MOST_BYTES:
            self._models.pop(next(iter(self._models)))


def learned(model: Recommender) -> str:
    """A key for what a setting learns: its model's name and the parameters that change its fit."""
    matters = [
        (name, repr(value)) for name, value in model.params.items() if name not in model.answering
    ]
    return f"{model.name} {sorted(matters)}"


def _part(model: Mixture, part: Recommender) -> str:
    """A key for what a part of a mixture learns: all parts of one mixture model draw the same
    random numbers.
    """
    return learned(part) if isinstance(part, DRAW_NOTHING) else f"{model.name}: {learned(part)}"


def _bytes(models: Iterable[Recommender]) -> int:
    """Bytes of all arrays, derived ones too; one that several models share counts once."""
    arrays = (
        array for model in models for array in (*model.state.values(), *model.scorer.derived())
    )
    return sum({array.__array_interface__["data"][0]: array.nbytes for array in arrays}.values())
