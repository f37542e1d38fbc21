"""The arrays of events that weighted counts are made from, filled block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spadework.arrays import Array
from spadework.data.interactions import Interactions
from spadework.kernels.counting.grouped_events import Frequencies
from spadework.kernels.counting.instructions import aligned
from spadework.kernels.counting.weighted_counts import WIDTHS
from spadework.models.counting.channel import Channel
from spadework.models.counting.event_blocks import Summary
from spadework.models.counting.grouped_rows import GroupedRows, Totals


@dataclass(eq=False)
class EventArrays:
    """One entry for each event of a pass, in the order of groups; channels have a lane each."""

    channels: tuple[Channel, ...]
    summary: Summary
    order: Frequencies
    ranks: Array  # [events] of the item, uint16 where that is enough
    positions: Array  # [events] int32: in the history; all 0 where time does not matter
    earlier_weights: Array  # [events, lanes] float32
    later_weights: Array  # the same array where no channel decays with age
    seconds: Array | None  # [events] int64, where a channel decays with the gap
    middles: Array | None  # [events] int64: halfway between a user's first and last event
    subgroups: Array | None  # [kinds, events] int32
    subgroup: Array  # [lanes] int64: row of `subgroups`; −1 for none
    # [items] float64 by code, of channels without their settings of pairs
    sizes: dict[Channel, Array]
    groups: list[int]  # of each channel, so far
    longest: int = 0  # most steps from the first to the last event of a group

    @classmethod
    def empty(
        cls, events: int, channels: tuple[Channel, ...], summary: Summary, order: Frequencies
    ) -> EventArrays:
        """Room for so many events. Memory that is not written to is not taken."""
        lanes = next(width for width in WIDTHS if width >= len(channels))
        earlier_weights = aligned(events * lanes, np.float32).reshape(events, lanes)
        aged = any(channel.age_half_life is not None for channel in channels)
        gaps = any(channel.gap_half_life is not None for channel in channels)
        inner = [channel.group != summary.base.group for channel in channels]
        subgroup = np.full(lanes, -1, np.int64)
        subgroup[: len(inner)][inner] = np.arange(sum(inner))
        items = len(summary.item_counts)
        return cls(
            channels,
            summary,
            order,
            np.empty(events, order.dtype),
            np.zeros(events, np.int32),
            earlier_weights,
            aligned(events * lanes, np.float32).reshape(events, lanes) if aged else earlier_weights,
            np.empty(events, np.int64) if gaps else None,
            np.empty(events, np.int64) if gaps else None,
            np.empty((sum(inner), events), np.int32) if any(inner) else None,
            subgroup,
            {channel.of_items: np.zeros(items) for channel in channels},
            [0] * len(channels),
        )

    @property
    def lanes(self) -> int:
        """Channels, and lanes that count nothing."""
        return int(self.earlier_weights.shape[1])

    def fill(self, at: int, rows: GroupedRows, exact: bool) -> int:
        """Put the events of a block at this place; returns where those of the next begin."""
        part = slice(at, at + len(rows.rows))
        self.ranks[part] = self.order.rank_of_code[rows.items]
        if any(channel.ordered or channel.age_half_life is not None for channel in self.channels):
            self.positions[part] = rows.positions
            self.longest = max(self.longest, _longest(self.positions[part], rows.starts))
        for lane, channel in enumerate(self.channels):
            self._fill_lane(lane, channel, part, rows)
        times = rows.train.times
        if self.seconds is not None and self.middles is not None and times is not None:
            self.seconds[part] = times[rows.rows]
            self.middles[part] = _middles(rows.train)[rows.rows]
        for channel, sizes in self.sizes.items():
            rows.add_sizes(channel, sizes, self._totals(channel), exact)
        return part.stop

    def _fill_lane(self, lane: int, channel: Channel, part: slice, rows: GroupedRows) -> None:
        totals = self._totals(channel.of_items)
        earlier = rows.entry_weights(channel, totals) * rows.group_damping(channel)
        self.earlier_weights[part, lane] = earlier
        if self.later_weights is not self.earlier_weights:
            self.later_weights[part, lane] = earlier * rows.age_decay(channel)
        if self.subgroup[lane] < 0:
            self.groups[lane] += len(rows.starts) - 1
        elif self.subgroups is not None:
            numbers = rows.groups(channel)
            self.subgroups[self.subgroup[lane], part] = numbers + np.int32(self.groups[lane])
            self.groups[lane] += int(numbers.max(initial=-1)) + 1

    def _totals(self, channel: Channel) -> Totals | None:
        return self.summary.totals.get(channel)


def _middles(train: Interactions) -> Array:
    """The time halfway between the first and the last event of each row's user, independent of the
    group type. Shape [rows].
    """
    assert train.times is not None
    users = train.active_users
    first, last = (
        train.times[train.starts[:-1][users]],
        train.times[train.starts[1:][users] - 1],
    )
    return np.repeat((first + last) // 2, np.diff(train.starts)[users])


def _longest(positions: Array, starts: Array) -> int:
    """Most steps from the first to the last event of a group."""
    begins, ends = starts[:-1], starts[1:] - 1
    full = ends >= begins
    return int((positions[ends[full]] - positions[begins[full]]).max(initial=0))
