"""One way to count pairs: which items are pairs, and how distance, age and weights count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Group = Literal["user", "session", "basket"]
Distance = Literal["same", "inverse", "log", "geometric"]


@dataclass(frozen=True)
class Channel:
    """One way to count pairs; equal channels share one count. Times in seconds."""

    group: Group = "user"
    session_gap: float = 1800.0
    max_distance: int | None = None
    distance: Distance = "same"
    distance_decay: float = 0.8
    backward: float = 1.0
    gap_half_life: float | None = None
    age_half_life: float | None = None
    group_power: float = 0.0
    entry: str = "binary"
    bm25_k1: float = 1.2
    bm25_b: float = 0.75
    entry_half_life: float = 30 * 86_400.0
    max_length: int | None = None

    @property
    def ordered(self) -> bool:
        """Whether each pair of events counts, by their order in time; else each pair of distinct
        items, once a group.
        """
        return (
            self.distance != "same"
            or self.backward != 1.0
            or self.max_distance is not None
            or self.gap_half_life is not None
        )

    @property
    def of_items(self) -> Channel:
        """The same channel without the settings of pairs: the sizes of items are counted by it."""
        return replace(
            self,
            max_distance=None,
            distance="same",
            distance_decay=0.8,
            backward=1.0,
            gap_half_life=None,
            age_half_life=None,
            group_power=0.0,
        )

    @property
    def plain(self) -> bool:
        """Whether the count is the number of groups with both items: nothing is weighted."""
        return (
            not self.ordered
            and self.age_half_life is None
            and self.group_power == 0
            and self.entry == "binary"
        )

    @property
    def bytes_a_row(self) -> int:
        """What a count holds for each row of a log, about: a set is two numbers an event; weights,
        positions, and times for gaps are more.
        """
        if self.plain:
            return 8 if self.group == "user" else 16
        return 32 if self.gap_half_life is None else 64

    @property
    def needs_times(self) -> bool:
        """Whether the count reads times."""
        return (
            self.ordered
            or self.age_half_life is not None
            or self.group == "session"
            or self.entry == "recency"
        )
