"""Lists for one history at a time, by a fitted model: what is the same for all of them is made
once, which a server needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from spadework.arrays import Array, Codes, Mask, frozen
from spadework.data.interactions import Interactions
from spadework.models.answering import Answering
from spadework.models.base import Recommender
from spadework.models.common_list import Rankings
from spadework.models.needs import Repeats
from spadework.models.scorer import Scorer
from spadework.ragged import Ragged

_FIRST = frozen(np.zeros(1, np.int32))
"""The only user of a log of one history."""


class SingleList(NamedTuple):
    """One list, best first."""

    items: Codes  # [at most k]
    scores: Array  # [at most k] float32, descending
    own: int  # so many first ones are by the model's own evidence; popular ones follow


@dataclass(frozen=True, eq=False)
class SingleLists:
    """A fitted model as it was when this was made: a later fit of it changes nothing here."""

    model: Recommender
    scorer: Scorer
    popular: Rankings  # the items that fill lists up

    @classmethod
    def of(cls, fitted: Recommender) -> Self:
        """Ready to answer. O(items · log items)."""
        held = fitted._as_it_is()
        popular = Rankings(held._popular_prior())
        popular.of(None)
        return cls(held, held.scorer, popular)

    def of_history(
        self,
        log: Interactions,
        k: int,
        repeats: Repeats,
        allowed: Mask | None = None,
        struck: Codes | None = None,
    ) -> SingleList:
        """The `k` best for the only user of a log whose items have this model's codes; `struck` are
        codes of items that must not be shown, ascending. What `recommend` answers, to the bit: a
        mask that is the same object is ranked once.
        """
        unwanted = None
        if struck is not None and len(struck):
            unwanted = Ragged(np.asarray([0, len(struck)], np.int64), struck)
        scorer = self.scorer if unwanted is None else self.scorer.without(unwanted)
        prior = self.popular.of(allowed)
        answering = Answering(scorer, log, k, repeats, allowed, unwanted, prior)
        return _lists(answering, _FIRST)[0]

    def of_histories(self, log: Interactions, k: int, repeats: Repeats) -> list[SingleList]:
        """The same for each user of a log: what users have in common is made once."""
        prior = self.popular.of(None)
        answering = Answering(self.scorer, log, k, repeats, None, None, prior)
        return _lists(answering, np.arange(len(log.starts) - 1, dtype=np.int32))


def _lists(answering: Answering, users: Codes) -> list[SingleList]:
    with answering.scorer.while_answering():
        items, scores, own = answering.lists(users)
    of_model = own.tolist()
    if min(of_model) == answering.k:
        return list(map(SingleList, items, scores, of_model))
    counts = (items >= 0).sum(axis=1).tolist()
    return [
        SingleList(codes[:count], best[:count], some)
        for codes, best, count, some in zip(items, scores, counts, of_model, strict=True)
    ]
