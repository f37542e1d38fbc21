"""From scores to lists: the best of a scorer, filled up, without what a user must not be shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask, members
from spadework.data.interactions import Interactions
from spadework.models.common_list import CommonList
from spadework.models.needs import Repeats
from spadework.models.scorer import Scorer
from spadework.ragged import Ragged, cells_of_rows, row_of_cells


@dataclass(frozen=True, eq=False)
class Answering:
    """What the lists of one request have in common."""

    scorer: Scorer
    histories: Interactions  # with the codes of the model's items
    k: int
    repeats: Repeats
    allowed: Mask | None  # [items] candidates; None where all are
    prior: CommonList | None  # popular items that fill lists up
    # what users must not be shown, by their codes; None where there is nothing
    unwanted: Ragged | None

    def lists(self, users: Codes) -> tuple[Codes, Array, int]:
        """Lists for a block of users: codes [users, k], scores [users, k], number of slots filled
        from `prior`.

        A list with unwanted items is made again, longer by as many as it holds, until enough
        others are in it: so these move up, and their scores stay the same, but for models that join
        lists and propose more where longer ones are asked for.
        """
        items, best, own = self._lists(users, self.k)
        if self.unwanted is not None:
            found = self._is_unwanted(users, items).sum(axis=1)
            rows, more = np.flatnonzero(found), found[found > 0]
            while len(rows):
                # users with about as many are answered together
                more = 1 << np.ceil(np.log2(more)).astype(np.int64)
                found = np.zeros(len(rows), np.int64)
                for size in np.unique(more):
                    some = more == size
                    at = rows[some]
                    items[at], best[at], own[at], found[some] = self._without(users[at], int(size))
                rows, more = rows[found > more], found[found > more]
        return items, best, int((items >= 0).sum() - own.sum())

    def _lists(self, users: Codes, k: int) -> tuple[Codes, Array, Array]:
        """Lists [users, k], their scores, and how many slots [users] are the scorer's own."""
        block = self.scorer.reader.read(self.histories, users)
        items, best = self.scorer.lists(block, k, self.repeats, self.allowed)
        own = (items >= 0).sum(axis=1)
        if self.prior is not None and (own < k).any():
            self.prior.complete(items, best, block, self.scorer.filling(self.repeats), below=True)
        return items, best, own

    def _without(self, users: Codes, more: int) -> tuple[Codes, Array, Array, Array]:
        """`_lists` that are longer by `more`, cut to the asked length without unwanted items, and
        how many of these they held: where that is not above `more`, nothing is missing.
        """
        longest = max(self.k, min(self.k + more, self.histories.item_count))
        items, best, own = self._lists(users, longest)
        is_unwanted = self._is_unwanted(users, items)
        kept = (items >= 0) & ~is_unwanted
        order = np.argsort(~kept, axis=1, kind="stable")[:, : self.k]
        is_own = kept & (np.arange(longest) < own[:, None])
        items, best = np.where(kept, items, -1), np.where(kept, best, -np.inf)
        shown = [np.take_along_axis(array, order, axis=1) for array in (items, best, is_own)]
        return (
            shown[0].astype(np.int32),
            shown[1].astype(np.float32),
            shown[2].sum(axis=1),
            is_unwanted.sum(axis=1),
        )

    def _is_unwanted(self, users: Codes, items: Codes) -> Mask:
        """Which items of lists [users, k] the user must not be shown; padding is none of them."""
        assert self.unwanted is not None
        cells, starts = cells_of_rows(self.unwanted.starts, users)
        width = self.histories.item_count + 1  # padding is −1
        pairs = row_of_cells(starts) * width + self.unwanted.values[cells] + 1
        asked = np.arange(len(users))[:, None] * width + items + 1
        return members(asked.ravel(), pairs).reshape(items.shape)
