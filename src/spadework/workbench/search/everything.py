"""What is chosen on a sample of users is fitted on the whole log, or on the largest sample that
time and memory allow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from spadework import events, formatting
from spadework.data.content import ItemContent
from spadework.errors import OutOfMemory, OutOfTime
from spadework.limits import Limits, available_bytes, hand_memory_back, resident_bytes
from spadework.models.base import Recommender
from spadework.workbench.large.room import A_COLUMNS
from spadework.workbench.large.sample import Sample
from spadework.workbench.search.costs import Costs

SHARE = 0.3
"""Share of the time that fitting a model on more than the sample may take: so much is kept free
for it, and a model that would take longer is fitted on fewer users.
"""
LEAST_SHARE = 0.1
"""Share of the time that such a fit may take where nothing is left of it."""
ROOM = 0.8
"""Share of the free memory that a fit on more than the sample may be estimated to take: estimates
are within a factor of three, and a limit of a container is hard.
"""
PATIENCE = 2.0
"""A fit on more than the sample ends after so many times the time that it was given."""


@dataclass
class Everything:
    """Fits on the whole log, and the rows that each model was fitted on in the end."""

    sample: Sample
    costs: Costs
    memory: int  # bytes of this process
    budget: float  # seconds of the dig, without those of reading
    fitted_rows: dict[str, int] = field(default_factory=dict)  # label → rows

    def seconds(self, model: Recommender) -> float:
        """Estimated seconds of a fit on as much as the time allows."""
        whole = self.costs.fit(model, self.sample.whole)
        if self.sample.is_whole:
            return whole
        return min(whole, max(self.costs.fit(model, self.sample.log), SHARE * self.budget))

    def fit(
        self, setting: Recommender, items: ItemContent | None, seed: int, left: float
    ) -> Recommender:
        """The setting fitted on the whole log or, where the log is larger than what was dug, on the
        largest sample that is estimated to fit into memory and to end within `left` seconds, or a
        little later.
        """
        if self.sample.is_whole:
            fitted = setting.sharing().fit(self.sample.log, items, rng=seed)
            self.fitted_rows[setting.label] = len(self.sample.log)
            return fitted
        allowed = max(left, LEAST_SHARE * self.budget)
        for parts in self._parts(setting, allowed):
            log = self.sample.larger(parts)
            limits = Limits(time.monotonic() + PATIENCE * allowed, self.memory)
            try:
                with events.listening(limits):
                    fitted = setting.sharing().fit(log, items, rng=seed)
            except (OutOfMemory, OutOfTime, MemoryError) as error:
                why = getattr(error, "message", "The system had no memory left.")
                events.note(f"{setting.label} was not fitted on {_words(parts)}: {why}")
                hand_memory_back()
                continue
            self.fitted_rows[setting.label] = len(log)
            return fitted
        fitted = setting.sharing().fit(self.sample.log, items, rng=seed)
        self.fitted_rows[setting.label] = len(self.sample.log)
        return fitted

    def _parts(self, setting: Recommender, allowed: float) -> Iterator[int]:
        """Larger samples that the setting is estimated to be fitted on, the largest first."""
        whole = self.sample.whole
        seconds, own = self.costs.fit(setting, whole), setting.cost(whole).bytes
        least = setting.cost(self.sample.log).bytes
        parts = 1
        while parts < self.sample.parts:
            room = ROOM * min(available_bytes(), self.memory - resident_bytes())
            # a sample is a copy in memory; the whole log is read where it lies
            copied = 0 if parts == 1 else A_COLUMNS * len(whole) // parts
            need = max(own // parts, least) + copied
            if seconds / parts > allowed:
                events.note(f"{setting.label}: there is no time to fit it on {_words(parts)}")
            elif need > room:
                events.note(
                    f"{setting.label} would hold about {formatting.size(int(need))} fitted on "
                    f"{_words(parts)}, and {formatting.size(int(max(room, 0.0)))} may be used"
                )
            else:
                yield parts
            parts *= 2

    @property
    def says(self) -> list[str]:
        """What each kept model was fitted on, a sentence each; none where all are of the log that
        was dug as a whole.
        """
        if self.sample.is_whole:
            return []
        whole = len(self.sample.whole)
        return [
            f"{label} was fitted on everything: {formatting.count(whole, 'row')}."
            if rows == whole
            else f"{label} was fitted on {rows:,} of {formatting.count(whole, 'row')}: more would "
            "not fit into memory or time."
            for label, rows in self.fitted_rows.items()
        ]


def fitted_on(log_rows: int, rows: int) -> str:
    """The words of a saved model for what it was fitted on."""
    return "the whole log" if rows == log_rows else f"a sample of users, {rows} rows"


def _words(parts: int) -> str:
    return "the whole log" if parts == 1 else f"one in {parts} users"
