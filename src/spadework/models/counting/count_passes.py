"""Passes of the count kernels over a log: they count by the groups, directions, distances and
decays of channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spadework.arrays import Array, Mask
from spadework.data.interactions import Interactions
from spadework.data.mapped.column_files import mapping_of
from spadework.data.mapped.row_room import RowRoom
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Frequencies, Groups
from spadework.kernels.counting.weighted_counts import LANES, ChannelCounter
from spadework.models.counting.channel import Channel
from spadework.models.counting.event_arrays import EventArrays
from spadework.models.counting.event_blocks import EventBlocks, items_by_group
from spadework.models.counting.grouped_rows import note_truncated


@dataclass(frozen=True, eq=False)
class Pass:
    """One run over the log that fills some channels."""

    channels: tuple[Channel, ...]
    groups: Groups
    counter: Counter
    # per channel [items] float32, by rank, never zero: groups that hold the item, or squared
    # weights
    sizes: tuple[Array, ...]
    # of an exact pass float64, in whole grains, zero for items without events
    totals: tuple[float, ...]  # per channel: number of groups

    def of_rows(self, wanted: Mask) -> Pass:
        """The same run, in which the rows of some items alone are counted. `wanted` [items]."""
        groups = self.groups.restricted_to(wanted)
        counter: Counter = (
            SetCounter(groups)
            if isinstance(self.counter, SetCounter)
            else replace(self.counter, groups=groups)  # type: ignore[type-var]
        )
        return replace(self, groups=groups, counter=counter)


def passes(train: Interactions, channels: Sequence[Channel]) -> list[tuple[Channel, ...]]:
    """The channels that are counted together: up to eight that read the same rows; plain counts are
    alone.

    Ordered counts of different groups share the rows by user, unless some user is cut to the newest
    events: then each group would be cut separately.
    """
    longest = int(np.diff(train.starts).max(initial=0))
    by_key: dict[object, list[Channel]] = {}
    for channel in dict.fromkeys(channels):
        uncut = channel.max_length is None or longest <= channel.max_length
        group = (channel.group, channel.session_gap if channel.group == "session" else None)
        key = (
            channel
            if channel.plain
            else (channel.ordered, channel.max_length, None if channel.ordered and uncut else group)
        )
        by_key.setdefault(key, []).append(channel)
    return [
        tuple(group[at : at + LANES])
        for group in by_key.values()
        for at in range(0, len(group), LANES)
    ]


def count_pass(
    train: Interactions,
    channels: tuple[Channel, ...],
    *,
    now: int | None = None,
    exact: bool = False,
    wanted: Mask | None = None,
) -> Pass:
    """Arrange the log for one pass. `now` is the end of the log in epoch seconds, from which ages
    are counted. O(rows), by basket log-linear.

    `wanted` [items] masks the items whose rows are needed: only theirs are counted.

    With `exact`, counts and sizes come in float64 and whole grains: those of two logs without a
    common user add up to those of both.
    """
    if channels[0].plain and not exact:
        found = _plain_pass(train, channels[0])
        return found if wanted is None else found.of_rows(wanted)
    blocks = EventBlocks(train, channels, train.end if now is None else now)
    counter, sizes, totals = _channel_counter(blocks, exact)
    found = Pass(channels, counter.groups, counter, sizes, totals)
    return found if wanted is None else found.of_rows(wanted)


def _plain_pass(train: Interactions, channel: Channel) -> Pass:
    """One channel of distinct items, each of which counts one."""
    starts, items = items_by_group(train, channel)
    # of a log in files the groups are in files, too
    column = RowRoom(mapping_of(train.items) is not None).column
    groups = Groups.of_sets(starts, items, train.item_count, channel.max_length, column)
    note_truncated(channel, groups.truncated)
    sizes = np.maximum(groups.item_sizes, 1e-12).astype(np.float32)
    return Pass((channel,), groups, SetCounter(groups), (sizes,), (float(len(starts) - 1),))


def _channel_counter(
    blocks: EventBlocks, exact: bool
) -> tuple[ChannelCounter, tuple[Array, ...], tuple[float, ...]]:
    """What counts the channels, with their sizes and numbers of groups (see `Pass`)."""
    channels, summary = blocks.channels, blocks.summary()
    order = Frequencies.of(summary.item_counts)
    events = EventArrays.empty(int(summary.lengths.sum(dtype=np.int64)), channels, summary, order)
    at = 0
    for rows in blocks:
        at = events.fill(at, rows, exact)
    rates = np.asarray([0.0 if c.gap_half_life is None else 1 / c.gap_half_life for c in channels])
    # lanes without a channel count nothing
    lanes, reach = events.lanes, _reach(events.longest, channels)
    forward, backward = (np.zeros((reach + 1, lanes), np.float32) for _ in range(2))
    for lane, channel in enumerate(channels):
        forward[:, lane] = _by_distance(channel, reach)
        backward[:, lane] = forward[:, lane] * channel.backward
    counter = ChannelCounter(
        groups=Groups.of_ranks(summary.starts, events.ranks, order),
        positions=events.positions,
        earlier_weights=events.earlier_weights,
        later_weights=events.later_weights,
        forward=forward,
        backward=backward,
        seconds=events.seconds,
        middles=events.middles,
        gap_rates=None
        if events.seconds is None
        else np.append(rates, np.zeros(lanes - len(rates))),
        subgroups=events.subgroups,
        subgroup=None if events.subgroups is None else events.subgroup,
        exact=exact,
    )
    sizes = {
        channel: size[order.code_of_rank]
        if exact
        else np.maximum(size[order.code_of_rank], 1e-12).astype(np.float32)
        for channel, size in events.sizes.items()
    }
    return counter, tuple(sizes[c.of_items] for c in channels), tuple(map(float, events.groups))


def _reach(longest: int, channels: tuple[Channel, ...]) -> int:
    """The largest distance at which any channel counts, where groups are so many steps long."""
    return max(
        longest if channel.max_distance is None else min(channel.max_distance, longest)
        for channel in channels
    )


def _by_distance(channel: Channel, reach: int) -> Array:
    """Weight of a pair by distance in steps, 1 at 0 (the same timestamp). Shape [reach + 1]."""
    distance = np.arange(reach + 1, dtype=np.float64)
    table = np.ones(reach + 1)
    if channel.distance == "inverse":
        table[1:] = 1 / distance[1:]
    elif channel.distance == "log":
        table[1:] = 1 / np.log10(distance[1:] + 1.7)
    elif channel.distance == "geometric":
        table = channel.distance_decay**distance
    if channel.max_distance is not None:
        table[channel.max_distance + 1 :] = 0
    return table
