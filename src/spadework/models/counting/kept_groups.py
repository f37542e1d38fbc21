"""The distinct items of each user as they were counted once, kept so that rows of pairs can be
counted again after a few users did more, without the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.common_groups import common_groups
from spadework.kernels.counting.count_blocks import BLOCK_CELLS
from spadework.kernels.counting.grouped_events import Groups
from spadework.models.counting.channel import Channel
from spadework.models.counting.grouped_rows import rows_by_group
from spadework.ragged import cells_of_rows, offsets_of

ARRAYS = (
    "starts", "item_ranks", "occurrence_starts", "occurrence_groups", "code_of_rank",
    "rank_of_code",
)  # fmt: skip
"""What is kept of the groups."""


@dataclass(frozen=True, eq=False)
class KeptGroups:
    """The groups of a plain channel, a user each."""

    groups: Groups
    rows: Array  # [groups] int64: rows of the log that each user had
    users: pl.Series  # [groups] ids, ascending
    items: Vocabulary
    most: int | None  # `max_length` of the channel

    @classmethod
    def of(cls, log: Interactions, channel: Channel) -> KeptGroups:
        """The groups of a log. O(rows)."""
        starts, _ = rows_by_group(log, channel)
        groups = Groups.of_sets(starts, log.items, log.item_count, channel.max_length)
        users = log.active_users
        return cls(
            groups,
            np.diff(log.starts)[users],
            log.user_vocabulary.take(users),
            log.item_vocabulary,
            channel.max_length,
        )

    @property
    def arrays(self) -> dict[str, Array]:
        """What is written to disk, with the ids."""
        return {"rows": self.rows, **{name: getattr(self.groups, name) for name in ARRAYS}}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Array], users: pl.Series, items: pl.Series, most: int | None
    ) -> KeptGroups:
        """What `arrays` gave. Raises ValueError for arrays that do not fit one another, since
        compiled loops trust them.
        """
        given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
        groups = Groups(**given)
        if fault := _fault(groups, len(users), len(items)):
            raise ValueError(fault)
        return cls(groups, arrays["rows"], users, Vocabulary(items), most)

    def in_log(self, log: Interactions, channel: Channel) -> ChangedGroups:
        """These groups, with the users who have more rows in a later log as they are there."""
        had = np.zeros(log.user_count, np.int64)
        codes = log.user_vocabulary.codes(self.users)
        had[codes[codes >= 0]] = self.rows[codes >= 0]
        changed = np.flatnonzero(np.diff(log.starts) != had)
        return ChangedGroups(self, rows_of_users(log, changed), channel)


@dataclass(frozen=True, eq=False)
class RowCounter(SetCounter):
    """A count of a few rows that lie anywhere: the others are passed over."""

    @cached_property
    def _is_dense_row(self) -> Array:
        return np.asarray(self.groups.additions_per_row >= self.groups.item_count)

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of rows that are wanted and alike, of at most `BLOCK_CELLS` cells or one row."""
        additions, items = self.groups.additions_per_row, self.groups.item_count
        wanted = np.flatnonzero(additions)
        ranges: list[tuple[int, int]] = []
        cells = 0
        for row in wanted.tolist():
            own = min(int(additions[row]), items)
            first, last = ranges[-1] if ranges else (0, -1)
            alike = last == row and self._is_dense_row[row] == self._is_dense_row[first]
            if alike and cells + own <= BLOCK_CELLS:
                ranges[-1] = (first, row + 1)
                cells += own
            else:
                ranges.append((row, row + 1))
                cells = own
        return ranges


@dataclass(frozen=True, eq=False)
class ChangedGroups:
    """Kept groups, in which some users were replaced or added."""

    kept: KeptGroups
    after: Interactions
    channel: Channel

    def counter(self, rows: Mask) -> tuple[SetCounter, Groups]:
        """What counts the pairs of these items [items] alone, by the codes of `after`."""
        kept, groups, stale = self.kept.groups, self._ranked(), self._stale
        wanted = np.flatnonzero(rows[groups.code_of_rank])
        old = wanted[wanted < kept.item_count]
        cells, begins = cells_of_rows(kept.occurrence_starts.astype(np.int64), old)
        holders = kept.occurrence_groups[cells]
        ranks = np.repeat(old, np.diff(begins))
        fresh = ~stale[holders]
        new_starts = self._new.starts.astype(np.int64)
        new_items = groups.rank_of_code[self._new.code_of_rank[self._new.item_ranks]]
        owners = np.repeat(np.arange(len(new_starts) - 1), np.diff(new_starts))
        chosen = rows[groups.code_of_rank[new_items]]
        ranks = np.concatenate([ranks[fresh], new_items[chosen]]).astype(np.int64)
        holders = np.concatenate([holders[fresh], owners[chosen] + kept.group_count])
        order = np.argsort(ranks, kind="stable")
        sizes = np.bincount(ranks, minlength=groups.item_count)
        restricted = Groups(
            starts=np.concatenate(
                [kept.starts, (new_starts[1:] + int(kept.starts[-1])).astype(np.uint32)]
            ),
            item_ranks=np.concatenate(
                [
                    kept.item_ranks.astype(groups.item_ranks.dtype, copy=False),
                    new_items.astype(groups.item_ranks.dtype),
                ]
            ),
            occurrence_starts=offsets_of(sizes).astype(np.uint32),
            occurrence_groups=holders[order].astype(np.uint32),
            code_of_rank=groups.code_of_rank,
            rank_of_code=groups.rank_of_code,
            has_all_rows=False,
        )
        return RowCounter(restricted), restricted

    def joint(self, left: Codes, right: Codes) -> Array:
        """How many groups hold both items of each pair [pairs]."""
        found = np.zeros(len(left))
        old = self.kept.groups
        known = self.after.item_vocabulary.codes(self.kept.items.ids)
        rank_of_code = np.full(self.after.item_count, -1, np.int64)
        rank_of_code[known] = old.rank_of_code
        fresh = np.ones(self._new.group_count, np.bool_)
        for groups, ranks, counts in (
            (old, rank_of_code, ~self._stale),
            (self._new, self._new.rank_of_code.astype(np.int64), fresh),
        ):
            own, other = ranks[left], ranks[right]
            there = (own >= 0) & (other >= 0)
            found[there] += common_groups(
                groups.occurrence_starts.astype(np.int64),
                groups.occurrence_groups,
                counts.view(np.uint8),
                own[there],
                other[there],
            )
        return found

    def _ranked(self) -> Groups:
        """No events, but the ranks of all items: those that were kept, and then the new ones."""
        kept, vocabulary = self.kept.groups, self.after.item_vocabulary
        codes = vocabulary.codes(self.kept.items.ids)
        is_new = np.ones(len(vocabulary), np.bool_)
        is_new[codes] = False
        code_of_rank = np.concatenate([codes[kept.code_of_rank], np.flatnonzero(is_new)])
        rank_of_code = np.empty(len(vocabulary), np.uint32)
        rank_of_code[code_of_rank] = np.arange(len(vocabulary), dtype=np.uint32)
        narrow = np.uint16 if len(vocabulary) < 2**16 else np.uint32
        return Groups(
            starts=np.zeros(1, np.uint32),
            item_ranks=np.zeros(0, narrow),
            occurrence_starts=np.zeros(len(vocabulary) + 1, np.uint32),
            occurrence_groups=np.zeros(0, np.uint32),
            code_of_rank=code_of_rank.astype(np.int32),
            rank_of_code=rank_of_code,
        )

    @cached_property
    def _stale(self) -> Mask:
        """The kept groups of users that changed. Shape [groups]."""
        stale = np.zeros(self.kept.groups.group_count, np.bool_)
        users = self.after.user_vocabulary.take(self.after.active_users)
        known = Vocabulary(self.kept.users).codes(users)
        stale[known[known >= 0]] = True
        return stale

    @cached_property
    def _new(self) -> Groups:
        """The distinct items of the users that changed."""
        after = self.after
        starts, _ = rows_by_group(after, self.channel)
        return Groups.of_sets(starts, after.items, after.item_count, self.channel.max_length)


def _fault(groups: Groups, users: int, items: int) -> str | None:
    """What is wrong with groups that come from a file."""
    for field in fields(groups):
        array = getattr(groups, field.name)
        if isinstance(array, np.ndarray) and array.ndim != 1:
            return f"{field.name} is no list"
    events = len(groups.item_ranks)
    fits = (
        len(groups.starts) == users + 1
        and len(groups.occurrence_starts) == items + 1
        and len(groups.code_of_rank) == len(groups.rank_of_code) == items
        and len(groups.occurrence_groups) == events
    )
    if not fits:
        return "the groups do not fit the users and items"
    for starts in (groups.starts, groups.occurrence_starts):
        if starts[0] != 0 or starts[-1] != events or (starts[1:] < starts[:-1]).any():
            return "the starts of groups do not ascend"
    inside = (
        int(groups.item_ranks.max(initial=0)) < max(items, 1)
        and int(groups.occurrence_groups.max(initial=0)) < max(users, 1)
        and np.array_equal(np.sort(groups.code_of_rank), np.arange(items))
        and int(groups.rank_of_code.max(initial=0)) < max(items, 1)
    )
    return None if inside else "the groups name what is not there"


def rows_of_users(log: Interactions, users: Array) -> Interactions:
    """The rows of a few users, by code, without a look at the others."""
    rows, _ = cells_of_rows(log.starts, users)
    columns: dict[str, Any] = {
        name: None if (column := getattr(log, name)) is None else column[rows]
        for name in ("users", "items", "times", "weights", "baskets", "event_types")
    }
    return replace(log, **columns, unwanted=None, returns=None, account=None)
