"""From scores to lists: the best of a scorer, filled up, without what a user must not be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.kernels import parallel
from spadework.models.common_list import CommonList
from spadework.models.histories import Histories
from spadework.models.needs import Repeats, check_lists
from spadework.models.recommendations import Recommendations
from spadework.models.requests import blocks_of
from spadework.models.scorer import Scorer
from spadework.models.struck_lists import lists_without
from spadework.ragged import Ragged


@dataclass(frozen=True, eq=False)
class Answering:
    """What the lists of one request have in common."""

    scorer: Scorer
    histories: Interactions  # with the codes of the model's items
    k: int
    repeats: Repeats
    allowed: Mask | None  # [items] candidates; None where all are
    # row u: codes of the items that user u must not be shown; None where there is nothing
    unwanted: Ragged | None
    prior: CommonList | None = None  # popular items that fill lists up
    label: str = "lists"  # of the model, for progress

    def of(self, users: Codes) -> Recommendations:
        """Lists of some of the users, by code; the same to the bit whoever else is asked for."""
        check_lists(self.k, len(users))
        blocks = blocks_of(users, self.scorer.row_cells(self.k))
        with self.scorer.while_answering():
            parts = parallel.share(self.lists, blocks, f"recommend {self.label}")
        none = np.full((0, self.k), -1, np.int32), np.zeros((0, self.k), np.float32)
        return Recommendations(
            users=users,
            items=np.concatenate([none[0], *(part[0] for part in parts)]),
            scores=np.concatenate([none[1], *(part[1] for part in parts)]),
            user_vocabulary=self.histories.user_vocabulary,
            item_vocabulary=self.histories.item_vocabulary,
            filled=int(sum((part[0] >= 0).sum() - part[2].sum() for part in parts)),
        )

    def lists(self, users: Codes) -> tuple[Codes, Array, Array]:
        """Lists for a block of users: codes [users, k], scores [users, k], and how many of each
        list are the scorer's own [users]; those behind them are from `prior`.
        """
        block = self.scorer.reader.read(self.histories, users)
        items, best = self.own(block, users)
        own = (items >= 0).sum(axis=1)
        if self.prior is not None and own.sum() < items.size:
            unwanted = None if self.unwanted is None else self.unwanted.take(users)
            repeats = self.scorer.filling(self.repeats)
            self.prior.complete(items, best, block, repeats, below=True, unwanted=unwanted)
        return items, best, own

    def own(self, block: Histories, users: Codes) -> tuple[Codes, Array]:
        """The scorer's own lists for a block of users that was read: codes [users, k] and scores
        [users, k], −1 and −∞ behind the last.
        """

        def make(some: Codes, k: int) -> tuple[Codes, Array]:
            is_whole = len(some) == len(users)
            read = block if is_whole else self.scorer.reader.read(self.histories, some)
            return self.scorer.lists(read, k, self.repeats, self.allowed)

        if self.unwanted is None:
            return make(users, self.k)
        return lists_without(self.unwanted, self.histories.item_count, users, self.k, make)
