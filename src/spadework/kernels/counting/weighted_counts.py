"""Weighted counts of pairs, up to eight channels in one pass.

A channel defines the weight of an ordered pair of events: a weight per event (entry weight, size of
the group), a decay with the age of the later event, a weight per distance in either direction, a
decay with the time between the two, and the subgroup (session, basket) that both must share. Each
visit of a pair adds to all channels at once, so eight cost little more than one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spadework.arrays import Array, Mask
from spadework.kernels.counting import weighted_loops as kernels
from spadework.kernels.counting.count_blocks import Block, Workspace, cut
from spadework.kernels.counting.grouped_events import Groups
from spadework.kernels.counting.instructions import LINE, aligned
from spadework.kernels.counting.weighted_loops import (
    SPAN,
    Buffers,
    EventIndex,
    SeparateLanes,
    Weights,
)

MOST_CELLS = 1 << 20
"""Most cells that a block of several rows can hold; in long histories a quarter of them is filled.
Smaller blocks cost more calls than they save.
"""
LANES = 8
"""Channels that one pass fills at once: one vector register of float32."""
WIDTHS = (1, 2, 4, LANES)
"""Numbers of lanes to choose from: whole registers."""
# Folding: 2^(−(t₂−t₁)/h) = 2^((t₁−m)/h) / 2^((t₂−m)/h), so a gap decay becomes two factors per
# event; m keeps them in range.
SAFE = 2.0**120
"""Weights of events between this and its inverse can be multiplied in float32."""
PART_EVENTS = 1 << 20
"""Events whose decays are worked out together."""
FARTHEST = 500.0
"""Half-lives from the middle beyond which a decay is never folded into the weights: float64 would
not hold its factors.
"""


@dataclass(frozen=True, eq=False)
class ChannelCounter:
    """Counts of pairs of events, all channels at once. C channels.

    Events of a group ascend by `positions`; equal positions are at the same time. An item is no
    neighbour of itself.
    """

    groups: Groups
    positions: Array  # [events] int32: position in the group
    earlier_weights: Array  # [events, C] float32: of each event as the earlier one of a pair
    later_weights: Array  # [events, C] float32: as the later one
    # [reach + 1, C] float32: weight by distance where the partner comes later; 0 is the same
    # position
    forward: Array
    backward: Array  # [reach + 1, C] float32: where the partner comes earlier
    seconds: Array | None = None  # [events] int64, for gaps
    # [events] int64: one timestamp for all events of a group, best in the middle of them; for
    # folding
    middles: Array | None = None
    gap_rates: Array | None = None  # [C] float64: halvings a second
    subgroups: Array | None = None  # [kinds, events] int32: the event's session, basket …
    # [C] int64: row of `subgroups` in which both events must agree; −1 for none
    subgroup: Array | None = None
    # weights in steps of 2⁻²⁴ and sums in float64, so that sums of parts equal the sum of all
    exact: bool = False

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.earlier_weights.shape[1])

    def prepare(self) -> None:
        """Arrange the arrays that all blocks read."""
        self._weights  # noqa: B018  (made on first use, and then kept; not by several threads at once)
        self._separate  # noqa: B018

    @cached_property
    def _cells(self) -> Array:
        return np.asarray(np.minimum(self.groups.additions_per_row, self.groups.item_count))

    def blocks(self) -> list[tuple[int, int]]:
        """Ranges of ranks that fill at most `MOST_CELLS` cells, but hold at least one row."""
        return cut(np.cumsum(self._cells), MOST_CELLS)

    def count(self, rows: tuple[int, int], workspace: Workspace) -> Block:
        """Counts of a range of ranks with all others, columns ascending. O(Σ over groups of length
        · reach + rows · items / 512).
        """
        groups, (first, last) = self.groups, rows
        lanes, items = self.channels, groups.item_count
        dtype = np.float64 if self.exact else np.float32
        capacity = int(self._cells[first:last].sum()) + 1
        spans = -(-items // SPAN)
        assert groups.occurrences is not None
        index = EventIndex(
            groups.starts,
            groups.item_ranks,
            groups.occurrence_starts,
            groups.occurrence_groups,
            groups.occurrences,
            self.positions,
        )
        buffers = Buffers(
            sums=workspace.accumulator(dtype, items * lanes),
            touched=workspace.array("touched marks", SPAN * spans, np.uint8, zeroed=True)[
                : SPAN * spans
            ],
            spans=workspace.array("spans", -(-spans // 8) * 8, np.uint8, zeroed=True)[
                : -(-spans // 8) * 8
            ],
            starts=np.zeros(last - first + 1, np.int64),
            columns=workspace.columns(capacity),
            values=workspace.array(f"values {dtype.__name__}", lanes * capacity, dtype),
        )
        kernel = kernels.count_exact if self.exact else kernels.count
        filled = kernel(first, last, (0,) * lanes, index, self._weights, self._separate, buffers)
        joint = buffers.values[: lanes * filled].reshape(filled, lanes)
        return Block(first, last, buffers.starts, buffers.columns[:filled], joint, ascending=True)

    # ---- weights of the lanes

    def _parts(self) -> Iterator[slice]:
        """The events part by part: what is worked out for each takes much memory."""
        for begin in range(0, len(self.positions), PART_EVENTS):
            yield slice(begin, begin + PART_EVENTS)

    def _halvings(self, lane: int, part: slice) -> Array | None:
        """t − m of some events, t and the middle m in half-lives of the lane. None where the lane
        has no decay by the gap that could be folded.

        The decay of a pair is 2^(t − m) of the earlier event over that of the later one, so folded
        into both weights it costs nothing.
        """
        if (
            self.seconds is None
            or self.middles is None
            or self.gap_rates is None
            or self.exact
            or not self.gap_rates[lane]
        ):
            return None
        return np.asarray((self.seconds[part] - self.middles[part]) * self.gap_rates[lane])

    def _can_fold(self, lane: int) -> bool:
        """Whether the lane has a decay by the gap, and float32 can hold it."""
        for part in self._parts():
            halvings = self._halvings(lane, part)
            if halvings is None or float(np.abs(halvings).max(initial=0)) > FARTHEST:
                return False
            growth = np.exp2(halvings)
            for values in (
                self.earlier_weights[part, lane] * growth,
                self.later_weights[part, lane] / growth,
            ):
                if values.max(initial=0) > SAFE or values[values > 0].min(initial=SAFE) < 1 / SAFE:
                    return False
        return self._halvings(lane, slice(0)) is not None

    @cached_property
    def _folded(self) -> list[bool]:
        """Whether the decay of each lane's events is folded into their weights."""
        return [self._can_fold(lane) for lane in range(self.channels)]

    @cached_property
    def _is_separate(self) -> Mask:
        """Which lanes are added separately: those with a subgroup, or with a decay by the gap that
        is not folded. Shape [C].
        """
        decays = (
            np.zeros(self.channels, np.bool_)
            if self.seconds is None or self.gap_rates is None
            else self.gap_rates > 0
        )
        has_subgroup = (
            np.zeros(self.channels, np.bool_) if self.subgroup is None else self.subgroup >= 0
        )
        return np.asarray(has_subgroup | (decays & ~np.asarray(self._folded)))

    def _put_lane(self, lane: int, earlier: Array, later: Array) -> None:
        """Write the weights of events in a lane, as the earlier and as the later one of a pair, to
        two arrays [events].
        """
        for part in self._parts():
            earlier[part], later[part] = (
                self.earlier_weights[part, lane],
                self.later_weights[part, lane],
            )
            halvings = self._halvings(lane, part) if self._folded[lane] else None
            if halvings is not None:
                growth = np.exp2(halvings)
                earlier[part] = self.earlier_weights[part, lane] * growth
                later[part] = self.later_weights[part, lane] / growth

    @cached_property
    def _weights(self) -> Weights:
        forward, backward = (_flat(table) for table in (self.forward, self.backward))
        given = self.exact or not (any(self._folded) or self._is_separate.any())
        if given:
            return Weights(
                _flat(self.earlier_weights), _flat(self.later_weights), forward, backward
            )
        earlier, later = (
            aligned(table.size, np.float32) for table in (self.earlier_weights, self.later_weights)
        )
        for lane in np.flatnonzero(~self._is_separate).tolist():
            self._put_lane(lane, earlier[lane :: self.channels], later[lane :: self.channels])
        return Weights(earlier, later, forward, backward)

    @cached_property
    def _separate(self) -> SeparateLanes:
        lanes = np.flatnonzero(self._is_separate)
        size = len(self.positions)
        # no lane reads what is not there
        subgroups = (
            np.zeros((1, 0), np.int32)
            if self.subgroups is None or not len(self.subgroups)
            else self.subgroups
        )
        own = np.zeros((2, size, len(lanes)), np.float32)
        for slot, lane in enumerate(lanes):
            self._put_lane(int(lane), own[0, :, slot], own[1, :, slot])
        rates = np.zeros(self.channels) if self.gap_rates is None else self.gap_rates
        return SeparateLanes(
            lanes=lanes,
            earlier_weights=own[0],
            later_weights=own[1],
            rates=np.asarray(
                [0.0 if self._folded[lane] else rates[lane] for lane in lanes],
                np.float64,
            ),
            subgroup=np.full(len(lanes), -1, np.int64)
            if self.subgroup is None
            else self.subgroup[lanes],
            seconds=np.zeros(0, np.int64) if self.seconds is None else self.seconds,
            subgroups=subgroups,
            ascending=np.asarray((subgroups[:, 1:] >= subgroups[:, :-1]).all(axis=1)),
            halvings=kernels.halvings(),
        )


def _flat(table: Array) -> Array:
    """The values of a table [rows, lanes] one after the other, from a cache line on: the same
    memory where it is that already.
    """
    values = np.ascontiguousarray(table, np.float32).reshape(-1)
    if values.ctypes.data % LINE == 0 and values.flags.writeable:
        return values
    found = aligned(table.size, np.float32)
    found[:] = values
    return found
