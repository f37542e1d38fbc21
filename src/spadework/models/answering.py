"""From scores to lists: the best of a scorer, filled up, without what a user must not be shown."""

from __future__ import annotations

from dataclasses import dataclass

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.models.common_list import CommonList
from spadework.models.histories import Histories
from spadework.models.needs import Repeats
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

    def lists(self, users: Codes) -> tuple[Codes, Array, int]:
        """Lists for a block of users: codes [users, k], scores [users, k], number of slots filled
        from `prior`.
        """
        block = self.scorer.reader.read(self.histories, users)
        items, best = self.own(block, users)
        own = int((items >= 0).sum())
        if self.prior is not None and own < items.size:
            unwanted = None if self.unwanted is None else self.unwanted.take(users)
            repeats = self.scorer.filling(self.repeats)
            self.prior.complete(items, best, block, repeats, below=True, unwanted=unwanted)
        return items, best, int((items >= 0).sum()) - own

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
