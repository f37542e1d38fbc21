"""A list that is the same for all users: ranked once, then completed row by row."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.kernels.ranking import top_k
from spadework.models.histories import Histories
from spadework.models.needs import Repeats
from spadework.models.scorer import Scorer
from spadework.ragged import Ragged, SparseRows, offsets_of


@dataclass(frozen=True, eq=False)
class CommonList:
    """Scores that are the same for all users, ranked once."""

    scores: Array  # [items]
    order: Codes  # items by descending score

    @classmethod
    def of(cls, scores: Array, allowed: Mask | None) -> CommonList:
        """Rank scores [items], of the allowed items only."""
        masked = (
            scores if allowed is None else np.where(allowed, scores, -np.inf).astype(np.float32)
        )
        return cls(masked, top_k.order_of(masked))

    def among(self, allowed: Mask) -> CommonList:
        """The same list of the allowed items alone. O(items)."""
        scores = np.where(allowed, self.scores, -np.inf).astype(np.float32)
        return CommonList(scores, self.order[allowed[self.order]])

    def complete(
        self,
        items: Codes,
        best: Array,
        histories: Histories,
        repeats: Repeats,
        *,
        below: bool,
        unwanted: Ragged | None = None,
    ) -> None:
        """Fill the free slots of lists in place, but for what each user must not be shown; `below`
        puts the scores of the filled slots below the list's own.
        """
        named = Ragged(histories.starts, histories.items)
        if unwanted is not None:
            named = _named(named, unwanted, repeats, len(self.scores))
            repeats = "only" if repeats == "only" else "forbid"
        policy = {"forbid": repeats == "forbid", "only": repeats == "only"}
        top_k.complete(
            items,
            best,
            self.scores,
            self.order,
            named.starts,
            named.values,
            **policy,
            below=below,
        )


def _named(histories: Ragged, unwanted: Ragged, repeats: Repeats, items: int) -> Ragged:
    """The only items that lists may be filled with, for "only"; else those that they must not be:
    ascending codes of each user.
    """
    own, struck = (rows.owners * items + rows.values for rows in (histories, unwanted))
    if repeats == "only":
        keys = np.setdiff1d(own, struck, assume_unique=True)
    else:
        keys = struck if repeats == "allow" else np.union1d(own, struck)
    owners, codes = np.divmod(keys, items)
    return Ragged(offsets_of(np.bincount(owners, minlength=len(histories))), codes.astype(np.int32))


class Rankings:
    """The list of all items, kept once it was needed, and the list of some items, kept as long as
    their mask is there, which is for a request. Threads that need one wait for the first.
    """

    def __init__(self, scores: Array) -> None:
        self._scores = scores
        self._ranking = threading.Lock()
        self._all: CommonList | None = None
        self._of_masks: dict[int, tuple[weakref.ref[Mask], CommonList]] = {}

    def of(self, allowed: Mask | None) -> CommonList:
        """The list of the allowed items. O(items · log items) the first time, O(items) for each
        further mask.
        """
        with self._ranking:
            self._all = self._all or CommonList.of(self._scores, None)
            if allowed is None:
                return self._all
            key, known = id(allowed), self._of_masks
            if key not in known:
                gone = weakref.ref(allowed, lambda _: known.pop(key, None))
                known[key] = gone, self._all.among(allowed)
            return known[key][1]

    def arrays(self) -> Sequence[Array]:
        """The arrays that are kept with the scores."""
        return () if self._all is None else (self._all.order,)

    def __reduce__(self) -> tuple[type[Rankings], tuple[Array]]:
        return Rankings, (self._scores,)  # a lock can be neither copied nor pickled


@dataclass(frozen=True, eq=False)
class SameForAll(Scorer):
    """Every user has the same scores [items] float32, −∞ where there is no evidence. They are
    ranked once for all blocks of a request.
    """

    common: Array
    rankings: Rankings = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rankings", Rankings(self.common))

    def from_history(self, items: Codes, history: Codes) -> Mask:
        """None."""
        return np.full(len(items), False)

    def derived(self) -> Sequence[Array]:
        return (self.common, *self.rankings.arrays())

    def wrong(self, items: int) -> str | None:
        fits = self.common.shape == (items,) and self.common.dtype == np.float32
        if not fits or not (self.common < np.inf).all():  # NaN is not below, either
            return "the scores of items do not fit the items"
        return None

    def scores(self, histories: Histories) -> Array:
        return np.tile(self.common, (len(histories), 1))

    def cells(self, histories: Histories, targets: SparseRows) -> Array:
        return np.asarray(self.common[targets.columns])

    def lists(
        self, histories: Histories, k: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array]:
        items, best = top_k.nothing(len(histories), k)
        self.rankings.of(allowed).complete(items, best, histories, repeats, below=False)
        return items, best

    def row_cells(self, k: int) -> int:
        return k
