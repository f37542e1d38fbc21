"""Fitted models held in memory for a while: for the next sample of users, or as parts of the next
mixture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spadework.limits import hand_memory_back
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.models.ensemble.mixture import Mixture

MOST_BYTES = 400 * 2**20
"""Memory that they may take; the least recently used model goes first."""


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
        """Fitted parts of a mixture that is not fitted itself."""
        if not isinstance(model, Mixture):
            return []
        found = (self._found(_part(model, part), using) for part in model.models)
        return [part for part in found if part is not None]

    def hold(self, model: Recommender) -> None:
        """Keep a fitted model."""
        self._put(learned(model), model)

    def hold_parts(self, model: Recommender) -> None:
        """Keep the parts of a fitted mixture, for others of the same model: these draw the same
        random numbers. Co-occurrence draws none, so such a part is kept for its own trial, too.
        """
        if isinstance(model, Mixture):
            for part in model.pool.parts:
                self._put(_part(model, part), part)
                if isinstance(part, CoOccurrence):
                    self._put(learned(part), part)

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
    return f"part of {model.name}: {part.label}"


def _bytes(models: Iterable[Recommender]) -> int:
    """Bytes of all arrays, derived ones too; one that several models share counts once."""
    arrays = (
        array for model in models for array in (*model.state.values(), *model.scorer.derived())
    )
    return sum({array.__array_interface__["data"][0]: array.nbytes for array in arrays}.values())
