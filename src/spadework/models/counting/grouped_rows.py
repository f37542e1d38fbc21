"""The rows of a log by group: users, sessions or baskets, cut to their newest events, with the
weight of each event.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from spadework import events
from spadework.arrays import Array, Codes, Mask, Offsets
from spadework.data.interactions import Interactions
from spadework.kernels.counting import postings
from spadework.kernels.counting.weighted_loops import GRAIN
from spadework.kernels.similarity.entry_weights import EntryStatistics, entry_weights
from spadework.models.counting.channel import Channel
from spadework.ragged import offsets_of


@dataclass(frozen=True, eq=False)
class Totals:
    """What entry weights read of all distinct (group, item) entries of a log."""

    item_sizes: Array  # [items] int64: groups that hold the item
    entries: int
    groups: int

    def __add__(self, other: Totals) -> Totals:
        """Those of two blocks of users together."""
        return Totals(
            self.item_sizes + other.item_sizes,
            self.entries + other.entries,
            self.groups + other.groups,
        )


class _Entries(NamedTuple):
    """Distinct (group, item) entries."""

    groups: Codes
    items: Codes
    counts: Array
    values: Array | None
    newest: Array | None
    # the entry of each event; None where every event is one
    of_event: Array | None


@dataclass(frozen=True, eq=False)
class GroupedRows:
    """The rows of a pass, by group and then by time: events, or distinct (group, item) entries
    where order does not matter.
    """

    train: Interactions
    base: Channel  # its group is the group of the pass
    starts: Offsets  # [groups + 1] where each group begins
    rows: Array  # [events] rows of the log; for an entry, its newest event
    counts: Array  # [events] how often the group holds the item (1 for events)
    values: Array | None  # [events] sum of weights
    now: int
    distinct: bool  # whether no group holds an item twice
    truncated: int  # groups that were cut to their newest events

    @classmethod
    def of(
        cls,
        train: Interactions,
        channels: tuple[Channel, ...],
        now: int | None,
        *,
        note: bool = True,
    ) -> GroupedRows:
        """The rows that these channels read; `now` is the end of the log in epoch seconds, by
        default its last timestamp.

        Notes how many groups were cut to their newest events, unless `note` is false.
        """
        shared = {
            (channel.group, channel.session_gap if channel.group == "session" else 0)
            for channel in channels
        }
        base = channels[0] if len(shared) == 1 else Channel(max_length=channels[0].max_length)
        starts, rows = rows_by_group(train, base)
        items, values = train.items, train.weights
        if rows is not None:
            items, values = items[rows], None if values is None else values[rows]
        if channels[0].ordered:
            starts, kept, truncated = _cut(starts, base.max_length)
            counts = np.ones(len(items) if kept is None else int(kept.sum()), np.float32)
            values = values if values is None or kept is None else values[kept]
        else:
            entries = postings.entries(starts, items, values, train.item_count, base.max_length)
            starts, kept, counts, values, truncated = (
                entries.starts,
                entries.events,
                entries.counts,
                entries.sums,
                entries.truncated,
            )
        if note:
            note_truncated(base, truncated)
        rows = np.arange(len(train)) if rows is None else rows
        kept_rows = rows if kept is None else rows[kept]
        return cls(
            train,
            base,
            starts,
            kept_rows,
            counts,
            values,
            train.end if now is None else now,
            not channels[0].ordered,
            truncated,
        )

    @cached_property
    def owners(self) -> Codes:
        """Group of each event, ascending. Shape [events]."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def items(self) -> Codes:
        """Item of each event."""
        return self.train.items[self.rows]

    @property
    def positions(self) -> Codes:
        """Position of each event in its user's history, in steps (distinct timestamps)."""
        return self.train.steps[self.rows]

    def groups(self, channel: Channel) -> Codes:
        """Number of the channel's own group of each event, counted up from 0."""
        if channel.group == self.base.group:
            return self.owners
        return np.asarray(
            np.unique(group_numbers(self.train, channel)[self.rows], return_inverse=True)[1],
            np.int32,
        )

    def entry_weights(self, channel: Channel, totals: Totals | None = None) -> Array:
        """Weight of each event by the channel's entry weight. Shape [events] float32. `totals` are
        those of the log that these rows are a block of; by default they are all.
        """
        if channel.entry == "binary":
            return np.ones(len(self.rows), np.float32)
        own = self._entries(channel)
        totals = self.totals(channel, own) if totals is None else totals
        entry = EntryStatistics(
            counts=own.counts.astype(np.float32, copy=False),
            values=None if own.values is None else own.values.astype(np.float32, copy=False),
            ages=None if own.newest is None else self._ages(own.newest),
            group_sizes=np.bincount(own.groups)[own.groups],
            item_sizes=totals.item_sizes[own.items],
            groups=totals.groups,
            items=int((totals.item_sizes > 0).sum()),
            entries=totals.entries,
            bm25_k1=channel.bm25_k1,
            bm25_b=channel.bm25_b,
            half_life=channel.entry_half_life,
        )
        weights = entry_weights[channel.entry](entry)
        return weights if own.of_event is None else weights[own.of_event]

    def totals(self, channel: Channel, entries: _Entries | None = None) -> Totals:
        """What the entry weights of a channel read of all entries."""
        own = self._entries(channel) if entries is None else entries
        item_sizes = np.bincount(own.items, minlength=self.train.item_count)
        return Totals(item_sizes, len(own.items), int((np.bincount(own.groups) > 0).sum()))

    def _entries(self, channel: Channel) -> _Entries:
        groups, items, counts, values = self.groups(channel), self.items, self.counts, self.values
        newest = None if self.train.times is None else self.train.times[self.rows]
        if self.distinct and channel.group == self.base.group:
            return _Entries(groups, items, counts, values, newest, None)
        keys = groups * np.int64(max(self.train.item_count, 1)) + items
        _, first, entry_of = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(entry_of, weights=counts)
        values = None if values is None else np.bincount(entry_of, weights=values)
        if newest is not None:
            events_at, newest = newest, np.full(len(first), np.iinfo(np.int64).min)
            np.maximum.at(newest, entry_of, events_at)
        return _Entries(groups[first], items[first], counts, values, newest, entry_of)

    def age_decay(self, channel: Channel) -> Array:
        """Decay of each event with its age. Shape [events] float32."""
        if channel.age_half_life is None or self.train.times is None:
            return np.ones(len(self.rows), np.float32)
        ages = self._ages(self.train.times[self.rows])
        return np.exp2(-ages / channel.age_half_life).astype(np.float32)

    def _ages(self, times: Array) -> Array:
        """Seconds before the end of the log; 0 for stray rows behind it. float64."""
        return np.asarray(np.maximum(self.now - times, 0), np.float64)

    def group_damping(self, channel: Channel) -> Array:
        """|group|^(−group_power / 2) of each event, so that a pair weighs |group|^(−group_power).
        Shape [events] float32.
        """
        if channel.group_power == 0:
            return np.ones(len(self.rows), np.float32)
        groups = self.groups(channel)
        return (np.bincount(groups)[groups] ** (-channel.group_power / 2)).astype(np.float32)

    def add_sizes(
        self, channel: Channel, into: Array, totals: Totals | None = None, exact: bool = False
    ) -> None:
        """Add Σ over the groups that hold the item of the squared weight of its newest event there,
        to `into` [items] float64: one event after the other, so blocks of a log add up to the same
        bits.

        Old events count here as new ones do. If sizes decayed, the similarities of old items would
        have no bound, since a pair is only as old as its later event.
        """
        weights = self.entry_weights(channel, totals).astype(np.float64) ** 2
        if exact:
            weights = np.floor(weights * GRAIN + 0.5) / GRAIN
        last = self.last_events(channel)
        np.add.at(into, self.items[last], weights[last])

    def last_events(self, channel: Channel) -> Array | slice:
        """The newest event of each item in each of the channel's groups."""
        if channel.group == self.base.group:
            return slice(None) if self.distinct else self._last_events
        groups = self.groups(channel)
        order = np.argsort(groups, kind="stable")
        starts = offsets_of(np.bincount(groups))
        return np.asarray(
            order[
                postings.entries(
                    starts, self.items[order], None, self.train.item_count, None
                ).events
            ]
        )

    @cached_property
    def _last_events(self) -> Array:
        return postings.entries(self.starts, self.items, None, self.train.item_count, None).events


def group_numbers(train: Interactions, channel: Channel) -> Codes:
    """Number of the group of each row: its user, its session (a pause of more than `session_gap`
    ends one) or its basket. Shape [rows].
    """
    if channel.group == "basket":
        return train.basket_keys()
    if channel.group == "session" and train.times is not None and len(train):
        new = (np.diff(train.times) > channel.session_gap) | (np.diff(train.users) != 0)
        return offsets_of(new).astype(np.int32)
    changes = np.diff(train.users) != 0
    return offsets_of(changes).astype(np.int32) if len(train) else np.zeros(0, np.int32)


def rows_by_group(train: Interactions, channel: Channel) -> tuple[Offsets, Array | None]:
    """Where each group's rows begin [groups + 1], and the rows by group; None where the log has
    this order.
    """
    if channel.group == "user":
        starts = train.starts
        has_rows = starts[1:] > starts[:-1]
        if not has_rows.all():
            starts = np.append(starts[:-1][has_rows], len(train))
        return starts.astype(np.int64, copy=False), None
    numbers = group_numbers(train, channel)
    starts = offsets_of(np.bincount(numbers))
    return starts, np.argsort(numbers, kind="stable") if channel.group == "basket" else None


def _cut(starts: Offsets, max_rows: int | None) -> tuple[Offsets, Mask | None, int]:
    """The `max_rows` last events of each group: where they begin, a mask of them (None: all), and
    how many groups have more.
    """
    lengths = np.diff(starts)
    if max_rows is None or int(lengths.max(initial=0)) <= max_rows:
        return starts, None, 0
    kept = np.repeat(starts[1:], lengths) - np.arange(int(starts[-1])) <= max_rows
    return (
        offsets_of(np.minimum(lengths, max_rows)),
        np.asarray(kept),
        int((lengths > max_rows).sum()),
    )


def note_truncated(channel: Channel, groups: int) -> None:
    """Note how many groups were cut to their newest events, or to their newest items where order
    does not matter.
    """
    if groups:
        subject = f"{groups:,} {channel.group}s hold" if groups > 1 else f"1 {channel.group} holds"
        what = "events" if channel.ordered else "items"
        events.note(
            f"{subject} more than {channel.max_length:,} {what}; only their newest ones are "
            "counted (max_length)."
        )
