"""What several fitted models propose for the same users, and their scores of every proposal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.ranking import top_k
from spadework.kernels.ranking.candidate_union import union
from spadework.models.answering import Answering
from spadework.models.base import Recommender
from spadework.models.histories import DistinctItems, Histories
from spadework.models.needs import Repeats
from spadework.models.scorer import AllScores, Reader, at_cells, best_of
from spadework.ragged import Ragged, SparseRows, row_of_cells


@dataclass(frozen=True, eq=False)
class PooledHistories(Histories):
    """Histories of items, and what each part reads of the same users."""

    shown: tuple[Histories, ...]
    log: Interactions  # that they were read from
    users: Codes  # [users] their codes in it


@dataclass(frozen=True, eq=False)
class Proposals:
    """The items that any part proposes for a block of users: row r is `items[starts[r]:starts[r +
    1]]`, ascending codes.
    """

    starts: Offsets  # [users + 1]
    items: Codes  # [cells]
    # [parts, cells] rank in the part's own list, from 0; −1 where it does not list the item
    ranks: Codes
    scores: Array  # [parts, cells] float32, the part's own score; −∞ without evidence
    # [parts, users] float64, root of the sum of squared scores of the part's list; 1 where it has
    # none
    lengths: Array
    listed: Array  # [parts, users] int64, items of the part's list

    @property
    def rows(self) -> Array:
        """Index of the user of each cell. Shape [cells]."""
        return row_of_cells(self.starts)

    def scaled(self) -> Array:
        """Scores of parts made comparable: over the length of the part's list; 0 without evidence.
        Shape [parts, cells], float64.
        """
        known = np.where(np.isneginf(self.scores), 0.0, self.scores.astype(np.float64))
        with np.errstate(invalid="ignore"):  # numbers too large to square: refused as no number
            return np.asarray(known / self.lengths[:, self.rows])


@dataclass(frozen=True, eq=False)
class Pool:
    """Fitted parts, each of which proposes its `size` best items; more, where longer lists are
    requested. What a user must not be shown is proposed by none of them.
    """

    parts: tuple[Recommender, ...]
    size: int
    # row u: codes of the items that user u of the log must not be shown; None where there is
    # nothing
    unwanted: Ragged | None = None

    def read(self, log: Interactions, users: Codes) -> PooledHistories:
        """What each part reads of these users; parts with equal readers share it."""
        own = DistinctItems().read(log, users)
        found: dict[Reader, Histories] = {DistinctItems(): own}
        for part in self.parts:
            reader = part.scorer.reader
            if reader not in found:
                found[reader] = reader.read(log, users)
        shown = tuple(found[part.scorer.reader] for part in self.parts)
        return PooledHistories(
            own.starts, own.items, own.ages, own.counts, own.seconds, own.values, shown, log, users
        )

    def among(self, block: PooledHistories, numbers: Sequence[int]) -> tuple[Pool, PooledHistories]:
        """Some of the parts, by number, and what these read."""
        if len(numbers) == len(self.parts):
            return self, block
        some = replace(self, parts=tuple(self.parts[number] for number in numbers))
        return some, replace(block, shown=tuple(block.shown[number] for number in numbers))

    def row_cells(self, k: int) -> int:
        """Scores held for a user while proposals are made."""
        size = max(k, self.size)
        every = len(self.parts[0].item_vocabulary)
        widest = max(
            part.scorer.row_cells(size) + (every if isinstance(part.scorer, AllScores) else 0)
            for part in self.parts
        )
        return widest + 8 * len(self.parts) * size

    @contextmanager
    def while_answering(self) -> Iterator[None]:
        """What the parts need once around all blocks of a request."""
        with ExitStack() as stack:
            for part in self.parts:
                stack.enter_context(part.scorer.while_answering())
            yield

    def propose(
        self,
        block: PooledHistories,
        k: int,
        repeats: Repeats,
        allowed: Mask | None,
        *,
        scored: bool = True,
    ) -> Proposals:
        """The parts' lists joined. Without `scored`, a part has scores only for items of its own
        list.

        With it, each part computes its own list, and then scores of the items that only others
        list.
        """
        size = max(k, self.size)
        listed = [
            self._listed(number, block, size, repeats, allowed) for number in range(len(self.parts))
        ]
        starts, items, ranks = union(np.stack([codes for codes, _, _ in listed]))
        scores = np.empty(ranks.shape, np.float32)
        for number, (_, best, dense) in enumerate(listed):
            scores[number] = scores_in(best, starts, ranks[number])
            there = ranks[number] >= 0
            if scored and not there.all():
                targets = SparseRows(starts, items, np.empty(0, np.float32))
                scores[number] = np.where(
                    there, scores[number], self.scores_at(number, block, targets, dense)
                )
        lengths, counts = (
            np.stack([of(best) for _, best, _ in listed]) for of in (lengths_of, counts_of)
        )
        return Proposals(starts, items, ranks, scores, lengths, counts)

    def scores_at(
        self,
        number: int,
        block: PooledHistories,
        targets: SparseRows,
        dense: Array | None = None,
    ) -> Array:
        """Scores of a part for some items of each user, listed or not: float32 [cells]. `dense` are
        all its scores, if they are already computed.
        """
        if dense is None:
            return self.parts[number].scorer.cells(block.shown[number], targets)
        return at_cells(dense, targets)

    def propose_one(self, block: PooledHistories, code: int, repeats: Repeats) -> Proposals:
        """The parts' scores of one item for one user, whether they propose it or not."""
        made = self.propose(block, 1, repeats, None, scored=False)
        starts, items = np.asarray([0, 1], np.int64), np.asarray([code], np.int32)
        found = np.flatnonzero(made.items == code)
        ranks = made.ranks[:, found] if len(found) else np.full((len(self.parts), 1), -1, np.int32)
        targets = SparseRows(starts, items, np.empty(0, np.float32))
        scores = np.stack(
            [self.scores_at(number, block, targets) for number in range(len(self.parts))]
        )
        return Proposals(starts, items, ranks, scores, made.lengths, made.listed)

    def _listed(
        self, number: int, block: PooledHistories, size: int, repeats: Repeats, allowed: Mask | None
    ) -> tuple[Codes, Array, Array | None]:
        """A part's own lists: codes and scores [users, size]; and all scores where it makes them
        anyway.
        """
        scorer, shown = self.parts[number].scorer, block.shown[number]
        if not isinstance(scorer, AllScores):
            answering = Answering(scorer, block.log, size, repeats, allowed, self.unwanted)
            return *answering.own(shown, block.users), None
        dense = scorer.scores(shown)
        is_free = repeats == "allow" and allowed is None and self.unwanted is None
        masked = dense if is_free else dense.copy()
        if self.unwanted is not None:
            unwanted = self.unwanted.take(block.users)
            top_k.exclude(masked, unwanted.starts, unwanted.values)
        return *best_of(masked, block, size, repeats, allowed), dense


def fitted_parts(
    models: Sequence[Recommender], state_of: Sequence[Mapping[str, Array]], items: Vocabulary
) -> tuple[Recommender, ...]:
    """Copies of the models with these learned arrays and items."""
    made = []
    for model, arrays in zip(models, state_of, strict=True):
        copy = model.sharing()
        copy._restore(arrays, items)
        made.append(copy)
    return tuple(made)


def counts_of(best: Array) -> Array:
    """Items in each list, by their scores [users, k], −∞ behind the last. Shape [users]."""
    return np.asarray((best > -np.inf).sum(axis=1))


def lengths_of(best: Array) -> Array:
    """Root of the sum of squares of each list of scores [rows, k]; 1 where that is 0. Shape [rows],
    float64.
    """
    squares = np.where(np.isneginf(best), 0.0, best.astype(np.float64)) ** 2
    # added in a fixed order, so that a row's sum is the same in any block
    total = squares.cumsum(axis=1)[:, -1]
    return np.where(total > 0, np.sqrt(total), 1.0)


def scores_in(best: Array, starts: Offsets, ranks: Codes) -> Array:
    """Scores of a list's items in the cells of a union; −∞ where it lacks them. Shape [cells],
    float32.
    """
    rows = row_of_cells(starts)
    return np.where(ranks >= 0, best[rows, np.maximum(ranks, 0)], -np.inf).astype(np.float32)
