"""Hundreds of co-occurrence settings for the cost of a few: count once, judge on samples of users, go on with the best.

Rungs are nested samples of users: everything is judged on the first, the better third on the next, and a search around the best
settings spends what is left of the time. What reaches the end is judged as all other models are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spadework import events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.errors import OutOfTime, SpadeworkError
from spadework.evaluation.trial import Protocol
from spadework.limits import Limits, hand_memory_back
from spadework.models.base import Recommender
from spadework.models.cooccurrence import CoOccurrence
from spadework.workbench.design import Design, design
from spadework.workbench.judging import Judged, Sample, best, rungs_of, why
from spadework.workbench.ledger import Ledger
from spadework.workbench.search import Search

FIRST_SHARE, NEXT_SHARE = 0.75, 0.7
"""Shares of the time left that the first rung and each further one may take; the search has the rest."""
KEPT = 3
"""One in so many goes on to the next rung."""
LAST = 8
"""Settings that are judged as all other models are."""
OUT_OF_SHARE = "The sweep's share of the budget was spent; a larger budget tries them."
ROUNDS, A_ROUND = 4, 6
"""Rounds of the search, and settings of each: fitted together."""


@dataclass
class Sweep:
    """A sweep under way; `until` is on the clock of `time.monotonic`."""

    protocol: Protocol
    content: ItemContent | None
    ledger: Ledger
    until: float
    memory: int | None
    design: Design = field(init=False)
    rungs: list[Array] = field(init=False)
    judged: dict[str, Judged[CoOccurrence]] = field(default_factory=dict)  # label → its judgement on the largest rung it reached
    first: dict[str, Judged[CoOccurrence]] = field(default_factory=dict)  # label → its judgement on the first rung
    spent: float = 0.0  # seconds of trials, those of an earlier start included

    def __post_init__(self) -> None:
        self.design = design(self.protocol.split.train, self.content)
        self.rungs = rungs_of(np.flatnonzero(self.protocol.judged), self.protocol.seed)

    def run(self) -> list[Recommender]:
        """Carry the sweep out; the settings that are worth judging in full, the best first."""
        everything = [one for one in [*self.design.core(), *self.design.others()] if isinstance(one, CoOccurrence)]
        found = self._judge(everything, 0, self._share(FIRST_SHARE))
        self.first = dict(self.judged)
        for rung in range(1, len(self.rungs)):
            better = best(found, max(len(found) // KEPT, 2 * LAST))
            # Where the time ends before enough of them have been judged on more users, the smaller sample decides.
            larger = self._judge([result.one for result in better], rung, self._share(NEXT_SHARE))
            found = larger if len(larger) >= LAST else better
        found += self._search(found)
        left = sum(result.reason == OUT_OF_SHARE for result in self.judged.values())
        if left:
            events.note(f"sweep       {left} settings were not tried. {OUT_OF_SHARE}")
        return [result.one for result in best(found, LAST)]

    def _share(self, share: float) -> float:
        """The end of a rung that may take this share of what is left."""
        now = time.monotonic()
        return now + share * max(self.until - now, 0.0)

    def _search(self, found: list[Judged[CoOccurrence]]) -> list[Judged[CoOccurrence]]:
        """Settings near the best, proposed from what was seen on the last rung."""
        search = Search(self.protocol, [(result.one, result.mean) for result in best(found, 4 * LAST)], self.content is not None)
        tried: list[Judged[CoOccurrence]] = []
        for turn in range(ROUNDS):
            if time.monotonic() >= self.until:
                break
            proposed = search.propose(A_ROUND)
            new = [one for one in proposed if one.label not in self.judged]
            results = self._judge(new, len(self.rungs) - 1, self.until, f"search {turn + 1}")
            search.learn({label: result.mean for label, result in self.judged.items()})
            tried += results
        return tried

    def _judge(self, models: Sequence[CoOccurrence], rung: int, until: float, what: str = "") -> list[Judged[CoOccurrence]]:
        rows = self.rungs[rung]
        sample = Sample(self.protocol.among(rows), rows, self.ledger, "sweep")
        label = what or f"sweep {rung + 1} of {len(self.rungs)}"
        events.note(f"{label:<10}  {len(models)} settings, judged on {len(rows):,} users")
        known = {one.label: result for one in models if (result := sample.known(one)) is not None}
        waiting = [one for one in models if one.label not in known]
        found = [*known.values(), *self._fit_and_judge(waiting, sample, until)]
        self.spent += sample.spent
        # Out of time on more users, a setting keeps what it got on fewer.
        self.judged |= {result.one.label: result for result in found if result.reason is None or result.one.label not in self.judged}
        return [result for result in found if result.reason is None]

    def _fit_and_judge(self, models: list[CoOccurrence], sample: Sample, until: float) -> list[Judged[CoOccurrence]]:
        """Fit in batches and judge each model of a batch; whatever goes wrong becomes a line."""
        found: list[Judged[CoOccurrence]] = []
        able: list[CoOccurrence] = []
        train = self.protocol.split.train
        for one in models:
            try:
                one.check_needs(train, self.content)
                one.check_weight()
                able.append(one)
            except SpadeworkError as error:
                found.append(sample.without(one, error.message))
        wanted = np.zeros(train.item_count, np.bool_)
        wanted[sample.protocol.truth.seen_items] = True
        done: set[str] = set()
        begun = time.monotonic()
        try:
            with events.listening(Limits(deadline=until, memory=self.memory)):
                for batch in CoOccurrence.fit_together(able, train, self.content, rows=wanted):
                    fitted = (time.monotonic() - begun) / len(batch)
                    while batch:  # its tables are let go before the next are made
                        one = batch.pop()
                        found.append(sample.judge(one, fitted))
                        done.add(one.label)
                        events.step("sweep", len(done), len(able))
                    hand_memory_back()
                    begun = time.monotonic()
        except Exception as error:  # a setting that breaks must not take the others with it
            reason = OUT_OF_SHARE if isinstance(error, OutOfTime) else why(error)
            found += [sample.without(one, reason) for one in able if one.label not in done]
        return found
