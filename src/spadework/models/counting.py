"""What is counted: units, directions, distances and decays become passes of the count kernels over a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from spadework import events
from spadework.arrays import Array, Codes, Mask, Offsets, Seconds
from spadework.data.interactions import Interactions
from spadework.kernels import postings
from spadework.kernels.blocks import Counter
from spadework.kernels.channels import LANES, WIDTHS, ChannelCounter
from spadework.kernels.sets import SetCounter
from spadework.kernels.units import Units
from spadework.kernels.weighting import Entries, entry_weights
from spadework.models.histories import positions

Unit = Literal["user", "session", "basket"]
Distance = Literal["same", "inverse", "log", "geometric"]
UNIT_LEVELS: tuple[Unit, ...] = ("session", "basket")
GRAIN = 2.0**24
"""Steps a whole of exact sizes, as of exact pairs: sums of them are the same in any order."""


@dataclass(frozen=True)
class Channel:
    """One way to count pairs; equal channels share one count. Times in seconds."""

    unit: Unit = "user"
    session_gap: float = 1800.0
    window: int | None = None
    distance: Distance = "same"
    distance_decay: float = 0.8
    backward: float = 1.0
    gap_half_life: float | None = None
    age_half_life: float | None = None
    unit_power: float = 0.0
    entry: str = "binary"
    saturation: float = 1.2
    length: float = 0.75
    entry_half_life: float = 30 * 86_400.0
    newest: int | None = None

    @property
    def ordered(self) -> bool:
        """Whether each pair of events counts, by when they happened; else each pair of distinct items, once a unit."""
        return self.distance != "same" or self.backward != 1.0 or self.window is not None or self.gap_half_life is not None

    @property
    def of_items(self) -> Channel:
        """The same without what is said of pairs: sizes of items are those of this channel."""
        return replace(
            self, window=None, distance="same", distance_decay=0.8, backward=1.0, gap_half_life=None, unit_power=0.0
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """Whether the count is the number of units that hold both: nothing is weighted."""
        return not self.ordered and self.age_half_life is None and self.unit_power == 0 and self.entry == "binary"

    @property
    def needs_times(self) -> bool:
        """Whether the count reads times."""
        return self.ordered or self.age_half_life is not None or self.unit == "session" or self.entry == "recency"


@dataclass(frozen=True, eq=False)
class Pass:
    """One run over the log that fills some channels."""

    channels: tuple[Channel, ...]
    units: Units
    counter: Counter
    sizes: tuple[Array, ...]  # per channel [items] float32, by rank, never zero: units that hold the item, or squared weights
    #                           of an exact pass float64, in whole grains, zero where nothing is held
    totals: tuple[float, ...]  # per channel: number of units


def passes(train: Interactions, channels: Sequence[Channel]) -> list[tuple[Channel, ...]]:
    """Which channels are counted together: up to eight that look at the same rows in the same way; plain counts go alone."""
    together: dict[object, list[Channel]] = {}
    for channel in dict.fromkeys(channels):
        unit = None if channel.ordered else (channel.unit, channel.session_gap if channel.unit == "session" else None)
        key = channel if channel.plain else (channel.ordered, channel.newest, unit)
        together.setdefault(key, []).append(channel)
    return [tuple(group[at : at + LANES]) for group in together.values() for at in range(0, len(group), LANES)]


def count_pass(
    train: Interactions, channels: tuple[Channel, ...], *, now: int | None = None, exact: bool = False, asked: Mask | None = None
) -> Pass:
    """Arrange the log for one pass. `now` is the end of the log in epoch seconds, from which ages are counted. O(rows · log rows).

    `asked` [items] masks the items whose rows are wanted: only theirs are counted.

    With `exact`, counts and sizes come in float64 and whole grains: those of two logs without a common user add up to those of both.
    """
    if channels[0].plain and not exact:
        return _plain_pass(train, channels[0], asked)
    rows = _Rows.of(train, channels, now)
    units = Units.build(rows.starts, rows.items, train.item_count)
    by_entry: dict[Channel, Array] = {}  # channels that differ in pairs alone share their sizes, and what is made of them
    for channel in channels:
        if channel.of_items not in by_entry:
            size = rows.sizes(channel, train.item_count, exact)[units.order]
            by_entry[channel.of_items] = size if exact else np.maximum(size, 1e-12).astype(np.float32)
    sizes = tuple(by_entry[channel.of_items] for channel in channels)
    units = units if asked is None else units.asked(asked)
    counter = _channel_counter(rows, units, channels, exact)
    return Pass(channels, units, counter, sizes, tuple(float(rows.groups(channel).max(initial=-1) + 1) for channel in channels))


def _plain_pass(train: Interactions, channel: Channel, asked: Mask | None) -> Pass:
    """One channel of distinct items, each of which counts one."""
    starts, rows = unit_rows(train, channel)
    units = Units.of_sets(starts, train.items if rows is None else train.items[rows], train.item_count, channel.newest)
    _tell(channel, units.crowded)
    sizes = np.maximum(units.item_sizes, 1e-12).astype(np.float32)
    units = units if asked is None else units.asked(asked)
    return Pass((channel,), units, SetCounter(units), (sizes,), (float(len(starts) - 1),))


def _tell(channel: Channel, crowded: int) -> None:
    if crowded:
        events.note(f"{crowded} {channel.unit}s hold more than {channel.newest:,} events; only their newest ones are counted (newest).")


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a pass, by unit and then by time: events, or distinct (unit, item) entries where order plays no part."""

    train: Interactions
    base: Channel  # its unit is the unit of the pass
    starts: Offsets  # [units + 1] where each unit begins
    rows: Array  # [events] rows of the log; of an entry its newest event
    counts: Array  # [events] how often the unit holds the item (1 for events)
    values: Array | None  # [events] sum of weights
    now: int
    distinct: bool  # whether no unit holds an item twice

    @classmethod
    def of(cls, train: Interactions, channels: tuple[Channel, ...], now: int | None) -> _Rows:
        shared = {(channel.unit, channel.session_gap if channel.unit == "session" else 0) for channel in channels}
        base = channels[0] if len(shared) == 1 else Channel(newest=channels[0].newest)
        starts, rows = unit_rows(train, base)
        items, values = train.items, train.weights
        if rows is not None:
            items, values = items[rows], None if values is None else values[rows]
        if channels[0].ordered:
            starts, kept, crowded = _newest(starts, base.newest)
            counts = np.ones(len(items) if kept is None else int(kept.sum()), np.float32)
            values = values if values is None or kept is None else values[kept]
        else:
            crowded = 0 if base.newest is None else postings.distinct_items(starts, items, train.item_count, base.newest)[2]
            starts, kept, counts, sums = postings.entries(starts, items, values, train.item_count, base.newest)
            values = None if values is None else sums.astype(np.float32)
        _tell(base, crowded)
        rows = np.arange(len(train)) if rows is None else rows
        end = 0 if train.times is None else int(train.times.max(initial=0))
        kept_rows = rows if kept is None else rows[kept]
        return cls(train, base, starts, kept_rows, counts, values, end if now is None else now, not channels[0].ordered)

    @cached_property
    def owners(self) -> Codes:
        """Unit of each event, ascending. Shape [events]."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def items(self) -> Codes:
        """Item of each event."""
        return self.train.items[self.rows]

    @property
    def places(self) -> Codes:
        """Moment of each event within its user's history."""
        return positions(self.train)[self.rows]

    def groups(self, channel: Channel) -> Codes:
        """Number of the channel's own unit of each event, counted up from 0."""
        if channel.unit == self.base.unit:
            return self.owners
        return np.asarray(np.unique(unit_numbers(self.train, channel)[self.rows], return_inverse=True)[1], np.int32)

    def entry_weights(self, channel: Channel) -> Array:
        """Weight of each event by the channel's entry weight. Shape [events] float32."""
        if channel.entry == "binary":
            return np.ones(len(self.rows), np.float32)
        groups = self.groups(channel)
        first, back = self._entries(groups, channel)
        owners = groups[first]
        unit_sizes = np.bincount(owners, minlength=int(groups.max(initial=-1)) + 1)
        item_sizes = np.bincount(self.items[first], minlength=self.train.item_count)
        times = self.train.times
        newest = np.full(len(first), np.iinfo(np.int64).min)
        if times is not None:
            np.maximum.at(newest, back, times[self.rows])
        entry = Entries(
            counts=np.bincount(back, weights=self.counts).astype(np.float32),
            values=None if self.values is None else np.bincount(back, weights=self.values).astype(np.float32),
            ages=None if times is None else (self.now - newest).astype(np.float64),
            unit_sizes=unit_sizes[owners],
            item_sizes=item_sizes[self.items[first]],
            units=int((unit_sizes > 0).sum()),
            items=int((item_sizes > 0).sum()),
            saturation=channel.saturation,
            length=channel.length,
            half_life=channel.entry_half_life,
        )
        return entry_weights[channel.entry](entry)[back]

    def _entries(self, groups: Codes, channel: Channel) -> tuple[Array, Array]:
        """One event of each distinct (unit, item), and the place of each event's entry among them."""
        if self.distinct and channel.unit == self.base.unit:
            every = np.arange(len(self.rows))
            return every, every
        keys = groups * np.int64(max(self.train.item_count, 1)) + self.items
        return np.unique(keys, return_index=True, return_inverse=True)[1:]

    def ages(self, channel: Channel) -> Array:
        """Decay of each event with its age. Shape [events] float32."""
        if channel.age_half_life is None or self.train.times is None:
            return np.ones(len(self.rows), np.float32)
        return np.exp2(-(self.now - self.train.times[self.rows]) / channel.age_half_life).astype(np.float32)

    def shares(self, channel: Channel) -> Array:
        """|unit|^(−unit_power / 2) of each event, so that a pair weighs |unit|^(−unit_power). Shape [events] float32."""
        if channel.unit_power == 0:
            return np.ones(len(self.rows), np.float32)
        groups = self.groups(channel)
        return (np.bincount(groups)[groups] ** (-channel.unit_power / 2)).astype(np.float32)

    def sizes(self, channel: Channel, items: int, exact: bool = False) -> Array:
        """Σ over the units that hold the item of its squared weight, decayed as pairs are: the newest event of each. Shape [items]."""
        weights = self.entry_weights(channel).astype(np.float64) ** 2 * self.ages(channel)
        if exact:
            weights = np.floor(weights * GRAIN + 0.5) / GRAIN
        newest = self.newest(channel)
        return np.bincount(self.items[newest], weights=weights[newest], minlength=items)

    def newest(self, channel: Channel) -> Array:
        """The newest event of each item in each of the channel's units."""
        if channel.unit == self.base.unit:
            return self._newest
        groups = self.groups(channel)
        order = np.argsort(groups, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(groups)))).astype(np.int64)
        return np.asarray(order[postings.entries(starts, self.items[order], None, self.train.item_count, None)[1]])

    @cached_property
    def _newest(self) -> Array:
        return postings.entries(self.starts, self.items, None, self.train.item_count, None)[1]


def unit_numbers(train: Interactions, channel: Channel) -> Codes:
    """Number of the unit of each row: its user, its session (a pause of more than `session_gap` ends one) or its basket. Shape [rows]."""
    if channel.unit == "basket":
        return train.basket_keys()
    if channel.unit == "session" and train.times is not None and len(train):
        new = (np.diff(train.times) > channel.session_gap) | (np.diff(train.users) != 0)
        return np.concatenate(([0], np.cumsum(new))).astype(np.int32)
    changes = np.diff(train.users) != 0
    return np.concatenate(([0], np.cumsum(changes))).astype(np.int32) if len(train) else np.zeros(0, np.int32)


def unit_rows(train: Interactions, channel: Channel) -> tuple[Offsets, Array | None]:
    """Where each unit's rows begin [units + 1], and the rows by unit; None where they stand so in the log."""
    if channel.unit == "user":
        return np.append(train.starts[train.active_users], len(train)).astype(np.int64), None
    numbers = unit_numbers(train, channel)
    starts = np.concatenate(([0], np.cumsum(np.bincount(numbers)))).astype(np.int64)
    return starts, np.argsort(numbers, kind="stable") if channel.unit == "basket" else None


def _newest(starts: Offsets, most: int | None) -> tuple[Offsets, Mask | None, int]:
    """The `most` last events of each unit: where they begin, which they are (None: all), and how many units have more."""
    lengths = np.diff(starts)
    if most is None or int(lengths.max(initial=0)) <= most:
        return starts, None, 0
    kept = np.repeat(starts[1:], lengths) - np.arange(int(starts[-1])) <= most
    return np.concatenate(([0], np.cumsum(np.minimum(lengths, most)))), np.asarray(kept), int((lengths > most).sum())


def _channel_counter(rows: _Rows, units: Units, channels: tuple[Channel, ...], exact: bool) -> ChannelCounter:
    lanes = next(width for width in WIDTHS if width >= len(channels))  # lanes that nobody asked for count nothing
    timed = any(channel.ordered or channel.age_half_life is not None for channel in channels)
    places = rows.places if timed else np.zeros(len(rows.rows), np.int32)
    reach = _reach(places, rows.owners, channels)
    own = np.zeros((len(rows.rows), lanes), np.float32)
    later = np.zeros_like(own)
    forward, backward = np.zeros((reach + 1, lanes), np.float32), np.zeros((reach + 1, lanes), np.float32)
    rates = np.zeros(lanes)
    level = np.full(lanes, -1, np.int64)
    levels: list[Array] = []
    for lane, channel in enumerate(channels):
        own[:, lane] = rows.entry_weights(channel) * rows.shares(channel)
        later[:, lane] = own[:, lane] * rows.ages(channel)
        forward[:, lane] = _by_distance(channel, reach)
        backward[:, lane] = forward[:, lane] * channel.backward
        rates[lane] = 0.0 if channel.gap_half_life is None else 1 / channel.gap_half_life
        if channel.unit != rows.base.unit:
            level[lane] = len(levels)
            levels.append(rows.groups(channel))
    times = rows.train.times if rates.any() else None
    return ChannelCounter(
        units=units, places=places, events=own, later=later, forward=forward, backward=backward,
        seconds=None if times is None else times[rows.rows],
        middles=None if times is None else _middles(rows.train, times)[rows.rows],
        gap_rates=None if times is None else rates,
        levels=np.stack(levels) if levels else None, level=level if levels else None, exact=exact,
    )  # fmt: skip


def _middles(train: Interactions, times: Seconds) -> Array:
    """Halfway between the first and the last event of the user of each row: the same whatever the unit is. Shape [rows]."""
    users = train.active_users
    first, last = times[train.starts[:-1][users]], times[train.starts[1:][users] - 1]
    return np.repeat((first + last) // 2, np.diff(train.starts)[users])


def _reach(places: Codes, owners: Codes, channels: tuple[Channel, ...]) -> int:
    """The largest distance at which any channel counts."""
    if not len(places):
        return 0
    ends = np.flatnonzero(np.concatenate((owners[1:] != owners[:-1], [True])))
    begins = np.concatenate(([0], ends[:-1] + 1))
    longest = int((places[ends] - places[begins]).max())
    windows = [longest if channel.window is None else min(channel.window, longest) for channel in channels]
    return max(windows)


def _by_distance(channel: Channel, reach: int) -> Array:
    """Weight of a pair by distance; 0 (the same moment) counts one. Shape [reach + 1]."""
    distance = np.arange(reach + 1, dtype=np.float64)
    table = np.ones(reach + 1)
    if channel.distance == "inverse":
        table[1:] = 1 / distance[1:]
    elif channel.distance == "log":
        table[1:] = 1 / np.log10(distance[1:] + 1.7)
    elif channel.distance == "geometric":
        table = channel.distance_decay**distance
    if channel.window is not None:
        table[channel.window + 1 :] = 0
    return table
