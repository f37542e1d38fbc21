"""Fitted models that are kept for a while: for the next sample of users, or as parts of the next
mixture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spadework.limits import hand_memory_back
from spadework.models.base import Recommender
from spadework.models.ensemble.mixture import Mixture

MOST_BYTES = 400 * 2**20
"""Memory that they may take; what was not used for longest goes first."""


@dataclass
class Held:
    """Fitted models by what they learned. All are of one train log and one seed."""

    _models: dict[str, Recommender] = field(default_factory=dict)

    def find(self, one: Recommender, *, using: bool = True) -> Recommender | None:
        """A fitted model that learned what this setting would learn; a look at it that is not
        `using` it leaves its turn to go as it is.
        """
        return self._found(learned(one), using)

    def parts(self, one: Recommender, *, using: bool = True) -> list[Recommender]:
        """Fitted parts of a mixture that has not learned yet."""
        if not isinstance(one, Mixture):
            return []
        found = (self._found(_part(one, part), using) for part in one.models)
        return [part for part in found if part is not None]

    def hold(self, one: Recommender) -> None:
        """Keep a fitted model."""
        self._put(learned(one), one)

    def hold_parts(self, one: Recommender) -> None:
        """Keep the parts of a fitted mixture, for others of its kind: these draw the same random
        numbers.
        """
        if isinstance(one, Mixture):
            for part in one.pool.parts:
                self._put(_part(one, part), part)

    def let_go(self) -> None:
        """Free all of them."""
        self._models.clear()
        hand_memory_back()

    def _found(self, key: str, using: bool) -> Recommender | None:
        found = self._models.get(key)
        if found is not None and using:
            self._models[key] = self._models.pop(key)  # now the one that was used last
        return found

    def _put(self, key: str, one: Recommender) -> None:
        self._models.pop(key, None)
        self._models[key] = one
        while self._models and _bytes(self._models.values()) > MOST_BYTES:
            self._models.pop(next(iter(self._models)))


def learned(one: Recommender) -> str:
    """A name for what a setting learns: that of its model and the parameters that are not about
    answering.
    """
    matters = [(name, repr(of)) for name, of in one.params.items() if name not in one.answering]
    return f"{one.name} {sorted(matters)}"


def _part(one: Mixture, part: Recommender) -> str:
    return f"part of {one.name}: {part.label}"


def _bytes(models: Iterable[Recommender]) -> int:
    """Bytes of all arrays; one that several models share counts once."""
    arrays = (array for model in models for array in model.state.values())
    return sum({array.__array_interface__["data"][0]: array.nbytes for array in arrays}.values())
