"""The log that a network learns from, read shard by shard, so that a training holds one shard and
not the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from spadework.arrays import Array, Codes, Mask, Offsets, Seconds, counts_of
from spadework.data.interactions import Interactions
from spadework.data.mapped.column_files import Place
from spadework.data.mapped.user_blocks import user_ranges
from spadework.models.neural.held_out import HeldOut, hold_out_for_validation
from spadework.models.neural.training_windows import TrainingEvents
from spadework.models.newest_span import first_rows
from spadework.ragged import offsets_of

SHARD_ROWS = 1 << 22
"""Events of a shard: 50 MB. A log that is not larger is one shard, so all of its windows are
shuffled together.
"""
BLOCK_ROWS = 1 << 16
"""Events of a block of neighbouring users, 768 KiB. A shard has 64 blocks from anywhere in the log:
enough for batches that are random, and each is long enough to be read from a disk in one go.
"""
_MAPPED = ("items", "times", "firsts", "ends")


@dataclass(frozen=True, eq=False)
class TrainingLog:
    """What a network learns from: columns of the log, which may be files, and which of their rows
    and items count.

    Pickled, columns that are files are their paths, so that other processes map them, too.
    """

    items: Codes  # [rows] codes of the log
    times: Seconds | None  # [rows]
    firsts: Offsets  # [users] where each history begins
    ends: Offsets  # [users]
    held_out: HeldOut
    # [items] code in the network of each item of the log; −1: it is not learned
    network_codes: Codes = field(default_factory=lambda: np.zeros(0, np.int32))

    @classmethod
    def of_log(
        cls, log: Interactions, window: str | None, validation_users: int, rng: np.random.Generator
    ) -> TrainingLog:
        """The last `window` of the log, or all of it, with all of its items; the latest timestamp
        of at most so many users is held out.
        """
        firsts, ends = first_rows(log, window), log.starts[1:]
        held_out = hold_out_for_validation(log.times, firsts, ends, validation_users, rng)
        every = np.arange(log.item_count, dtype=np.int32)
        return cls(log.items, log.times, firsts, ends, held_out, every)

    def learning(self, network_codes: Codes) -> TrainingLog:
        """The same rows; of the items, those with a code of the network."""
        return replace(self, network_codes=network_codes)

    def counts(self) -> Array:
        """Events of each item in histories of two events or more. Shape [items], float64."""
        counts = np.zeros(len(self.network_codes), np.int64)
        for first, last in self._blocks(SHARD_ROWS):
            rows, firsts, ends = self._rows_of(first, last)
            long = ends - firsts >= 2
            inside = _inside(firsts[long], ends[long], rows.stop - rows.start)
            counts += counts_of(self.items[rows][inside], len(counts))
        return counts.astype(np.float64)

    def shards(self, rng: np.random.Generator) -> Iterator[TrainingEvents]:
        """The histories of an epoch, `SHARD_ROWS` events at a time: blocks in random order, as many
        as a shard holds. Of a log of one shard nothing is random.
        """
        blocks = self._blocks(BLOCK_ROWS)
        shards = -(-len(self.items) // SHARD_ROWS)
        if shards <= 1:
            yield self._read(blocks)
            return
        for chosen in np.array_split(rng.permutation(len(blocks)), shards):
            # in the order of the file; the windows of a shard are shuffled anyway
            yield self._read([blocks[number] for number in np.sort(chosen)])

    def history(self, user: int) -> tuple[Array, Array, Array]:
        """Learned items of a validation user before the held-out timestamp, their timestamps, and
        the held-out items that are learned.
        """
        first, end = int(self.firsts[user]), int(self.ends[user])
        cut = int(self.held_out.before(user, self.ends[user : user + 1])[0])
        before, after = (
            self.network_codes[self.items[rows]] for rows in (slice(first, cut), slice(cut, end))
        )
        known = before >= 0
        return before[known], self._times(slice(first, cut))[known], after[after >= 0]

    @property
    def is_empty(self) -> bool:
        """Whether no history has two learned events."""
        return not any(len(part.firsts) for part in self._parts())

    @property
    def has_two_timestamps(self) -> bool:
        """Whether any history has two timestamps."""
        return any(part.has_two_timestamps for part in self._parts())

    @cached_property
    def target_counts(self) -> Mapping[int, int]:
        """How many histories have each number of targets, ascending. O(rows) once."""
        found: dict[int, int] = {}
        for part in self._parts():
            numbers, counts = np.unique(part.ends - part.firsts - 1, return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                found[number] = found.get(number, 0) + count
        return dict(sorted(found.items()))

    def _parts(self) -> Iterator[TrainingEvents]:
        for block in self._blocks(BLOCK_ROWS):
            yield self._read([block])

    def _blocks(self, rows: int) -> list[tuple[int, int]]:
        """First and last code of the users of each block of so many rows."""
        return list(user_ranges(self.ends, rows))

    def _rows_of(self, first: int, last: int) -> tuple[slice, Offsets, Offsets]:
        """The rows of the users `first` to `last`, and where their histories begin and end among
        these.
        """
        begins, ends = self.firsts[first:last], self.ends[first:last]
        rows = slice(int(begins[0]), int(ends[-1]))
        return rows, begins - rows.start, self.held_out.before(first, ends) - rows.start

    def _times(self, rows: slice) -> Seconds:
        """Times of rows, zeros where the log has none."""
        if self.times is None:
            return np.zeros(rows.stop - rows.start, np.int64)
        return self.times[rows]

    def _read(self, blocks: Sequence[tuple[int, int]]) -> TrainingEvents:
        """The histories of these users, in memory and one behind the other. O(rows)."""
        items, times, lengths = [], [], []
        for first, last in blocks:
            rows, firsts, ends = self._rows_of(first, last)
            codes = self.network_codes[self.items[rows]]
            kept = _inside(firsts, ends, len(codes)) & (codes >= 0)
            before = offsets_of(kept)
            items.append(codes[kept])
            times.append(self._times(rows)[kept])
            lengths.append(before[ends] - before[firsts])
        starts = offsets_of(np.concatenate([np.zeros(0, np.int64), *lengths]))
        usable = np.flatnonzero(np.diff(starts) >= 2)
        return TrainingEvents(
            np.concatenate([np.zeros(0, np.int32), *items]),
            np.concatenate([np.zeros(0, np.int64), *times]),
            starts[:-1][usable],
            starts[1:][usable],
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        for name in _MAPPED:
            state[name] = None if state[name] is None else Place.of(state[name]) or state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            self.__dict__[name] = value.mapped() if isinstance(value, Place) else value


def _inside(firsts: Offsets, ends: Offsets, rows: int) -> Mask:
    """Which rows are in one of the histories, which lie one behind the other. Shape [rows]."""
    steps = np.zeros(rows + 1, np.int8)
    # a history may begin where another one ends, and be empty
    np.add.at(steps, firsts, np.int8(1))
    np.add.at(steps, ends, np.int8(-1))
    return np.asarray(np.cumsum(steps[:-1], dtype=np.int8) > 0)
