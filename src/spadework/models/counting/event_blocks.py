"""The events of a pass, arranged block by block of whole users: beside the arrays that are counted
from, they take the memory of one block.

Groups lie inside users, and numbers of groups go on from block to block. What is added up is added
in the order of the log. So a log in many blocks gives the same bits as in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spadework.arrays import Array, Codes, Offsets, counts_of
from spadework.data.interactions import Interactions
from spadework.data.mapped.user_blocks import user_blocks
from spadework.models.counting.channel import Channel
from spadework.models.counting.grouped_rows import (
    GroupedRows,
    Totals,
    note_truncated,
    rows_by_group,
)
from spadework.ragged import offsets_of

BLOCK_ROWS = 1 << 21
"""Rows that are arranged together, but for a user with more."""


def items_by_group(train: Interactions, channel: Channel) -> tuple[Offsets, Codes]:
    """Where each group's rows begin [groups + 1], and the items of the rows by group [rows]."""
    if channel.group == "user":
        return rows_by_group(train, channel)[0], train.items
    items = np.empty(len(train), np.int32) if channel.group == "basket" else train.items
    lengths = [np.zeros(0, np.int64)]
    for block in user_blocks(train, BLOCK_ROWS):
        starts, rows = rows_by_group(block.log, channel)
        lengths.append(np.diff(starts))
        if rows is not None:
            items[block.begin : block.end] = block.log.items[rows]
    return offsets_of(np.concatenate(lengths)), items


@dataclass(frozen=True, eq=False)
class EventBlocks:
    """The rows that some channels read, by block. A log of one block is arranged once."""

    train: Interactions
    channels: tuple[Channel, ...]
    now: int  # the end of the log in epoch seconds

    def __iter__(self) -> Iterator[GroupedRows]:
        if len(self.train) <= BLOCK_ROWS:
            yield self._only
            return
        for block in user_blocks(self.train, BLOCK_ROWS):
            yield GroupedRows.of(block.log, self.channels, self.now, note=False)

    @cached_property
    def _only(self) -> GroupedRows:
        return GroupedRows.of(self.train, self.channels, self.now, note=False)

    def summary(self) -> Summary:
        """A first look at all blocks. Notes how many groups were cut to their newest events."""
        base, lengths, truncated = self.channels[0], [np.zeros(0, np.uint32)], 0
        item_counts = np.zeros(self.train.item_count, np.int64)
        totals: dict[Channel, Totals] = {}
        # of one block the weights count for themselves
        weighted = [c for c in {c.of_items for c in self.channels} if c.entry != "binary"] * (
            len(self.train) > BLOCK_ROWS
        )
        for rows in self:
            base = rows.base
            lengths.append(np.diff(rows.starts).astype(np.uint32))
            item_counts += counts_of(rows.items, len(item_counts))
            truncated += rows.truncated
            for channel in weighted:
                found = rows.totals(channel)
                totals[channel] = totals[channel] + found if channel in totals else found
        note_truncated(base, truncated)
        return Summary(base, np.concatenate(lengths), item_counts, totals)


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of a pass before its arrays are filled."""

    base: Channel  # its group is the group of the pass
    lengths: Array  # [groups] uint32: events of each group
    item_counts: Array  # [items] int64: events of each item
    totals: dict[Channel, Totals]  # for the entry weights of a log of several blocks

    @property
    def starts(self) -> Array:
        """Where each group's events begin. Shape [groups + 1] uint32."""
        starts = np.zeros(len(self.lengths) + 1, np.uint32)
        np.cumsum(self.lengths, out=starts[1:])
        return starts
