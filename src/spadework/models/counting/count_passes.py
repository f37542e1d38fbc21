"""Passes of the count kernels over a log: they count by the groups, directions, distances and
decays of channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array, Codes, Mask, Seconds
from spadework.data.interactions import Interactions
from spadework.kernels.counting.binary_counts import SetCounter
from spadework.kernels.counting.count_blocks import Counter
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.weighted_counts import LANES, WIDTHS, ChannelCounter
from spadework.models.counting.channel import Channel
from spadework.models.counting.grouped_rows import GroupedRows, note_truncated, rows_by_group


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
        return _plain_pass(train, channels[0], wanted)
    rows = GroupedRows.of(train, channels, now)
    groups = Groups.build(rows.starts, rows.items, train.item_count)
    # channels that differ only in settings of pairs share their sizes
    by_entry: dict[Channel, Array] = {}
    for channel in channels:
        if channel.of_items not in by_entry:
            size = rows.sizes(channel, train.item_count, exact)[groups.code_of_rank]
            by_entry[channel.of_items] = (
                size if exact else np.maximum(size, 1e-12).astype(np.float32)
            )
    sizes = tuple(by_entry[channel.of_items] for channel in channels)
    groups = groups if wanted is None else groups.restricted_to(wanted)
    counter = _channel_counter(rows, groups, channels, exact)
    return Pass(
        channels,
        groups,
        counter,
        sizes,
        tuple(float(rows.groups(channel).max(initial=-1) + 1) for channel in channels),
    )


def _plain_pass(train: Interactions, channel: Channel, wanted: Mask | None) -> Pass:
    """One channel of distinct items, each of which counts one."""
    starts, rows = rows_by_group(train, channel)
    groups = Groups.of_sets(
        starts,
        train.items if rows is None else train.items[rows],
        train.item_count,
        channel.max_length,
    )
    note_truncated(channel, groups.truncated)
    sizes = np.maximum(groups.item_sizes, 1e-12).astype(np.float32)
    groups = groups if wanted is None else groups.restricted_to(wanted)
    return Pass((channel,), groups, SetCounter(groups), (sizes,), (float(len(starts) - 1),))


def _channel_counter(
    rows: GroupedRows, groups: Groups, channels: tuple[Channel, ...], exact: bool
) -> ChannelCounter:
    # lanes without a channel count nothing
    lanes = next(width for width in WIDTHS if width >= len(channels))
    timed = any(channel.ordered or channel.age_half_life is not None for channel in channels)
    positions = rows.positions if timed else np.zeros(len(rows.rows), np.int32)
    reach = _reach(positions, rows.owners, channels)
    earlier_weights = np.zeros((len(rows.rows), lanes), np.float32)
    later_weights = np.zeros_like(earlier_weights)
    forward, backward = (
        np.zeros((reach + 1, lanes), np.float32),
        np.zeros((reach + 1, lanes), np.float32),
    )
    rates = np.zeros(lanes)
    subgroup = np.full(lanes, -1, np.int64)
    subgroups: list[Array] = []
    for lane, channel in enumerate(channels):
        earlier_weights[:, lane] = rows.entry_weights(channel) * rows.group_damping(channel)
        later_weights[:, lane] = earlier_weights[:, lane] * rows.age_decay(channel)
        forward[:, lane] = _by_distance(channel, reach)
        backward[:, lane] = forward[:, lane] * channel.backward
        rates[lane] = 0.0 if channel.gap_half_life is None else 1 / channel.gap_half_life
        if channel.group != rows.base.group:
            subgroup[lane] = len(subgroups)
            subgroups.append(rows.groups(channel))
    times = rows.train.times if rates.any() else None
    return ChannelCounter(
        groups=groups,
        positions=positions,
        earlier_weights=earlier_weights,
        later_weights=later_weights,
        forward=forward,
        backward=backward,
        seconds=None if times is None else times[rows.rows],
        middles=None if times is None else _middles(rows.train, times)[rows.rows],
        gap_rates=None if times is None else rates,
        subgroups=np.stack(subgroups) if subgroups else None,
        subgroup=subgroup if subgroups else None,
        exact=exact,
    )


def _middles(train: Interactions, times: Seconds) -> Array:
    """The time halfway between the first and the last event of each row's user, independent of the
    group type. Shape [rows].
    """
    users = train.active_users
    first, last = times[train.starts[:-1][users]], times[train.starts[1:][users] - 1]
    return np.repeat((first + last) // 2, np.diff(train.starts)[users])


def _reach(positions: Codes, owners: Codes, channels: tuple[Channel, ...]) -> int:
    """The largest distance at which any channel counts."""
    if not len(positions):
        return 0
    ends = np.flatnonzero(np.concatenate((owners[1:] != owners[:-1], [True])))
    begins = np.concatenate(([0], ends[:-1] + 1))
    longest = int((positions[ends] - positions[begins]).max())
    windows = [
        longest if channel.max_distance is None else min(channel.max_distance, longest)
        for channel in channels
    ]
    return max(windows)


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
