"""An older window beside the validation span: one window may choose badly, and where the calendar
allows a second one has a say.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spadework import events
from spadework.data import splitting
from spadework.data.splitting import Split
from spadework.errors import SpadeworkError
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.models.base import Recommender
from spadework.workbench.search import model_families
from spadework.workbench.search.choice import Window
from spadework.workbench.search.judgement import Judgement
from spadework.workbench.search.judging import Judging
from spadework.workbench.search.rungs import rungs_of

ENOUGH = 100
"""Users that an older window must judge."""


@dataclass
class Windows:
    """The windows that a choice rests on."""

    judging: Judging
    target: str | None
    why_one: str = ""  # why there is no older one
    _scores: dict[str, Score] = field(default_factory=dict)

    def of(self, candidates: Sequence[Judgement], left: float) -> list[Window]:
        """The validation span and, where candidates are level there, an older one, if it is
        foretold to take no more than `left` seconds.
        """
        main = Window(
            self.judging.protocol.split.says,
            {result.one.label: result.values for result in candidates},
        )
        asked = [result.one for result in candidates]
        floor = [
            one
            for one in model_families.floor()
            if model_families.is_popular(one) and one.label in main.values
        ]
        if len([one for one in asked if not model_families.is_floor(one)]) < 2:
            self.why_one = "nothing comes near the best"
            return [main]
        protocol = self._older()
        if protocol is None:
            return [main]
        both = list({one.label: one for one in [*asked, *floor]}.values())
        train, users = protocol.split.train, int(protocol.judged.sum())
        waiting = [
            one for one in both if self.judging.ledger.find(self._key(one, protocol)) is None
        ]
        seconds = sum(self.judging.costs.trial(one, train, users) for one in waiting)
        if seconds > left:
            self.why_one = f"an older one takes about {seconds:.0f} s, and there was no time"
            return [main]
        events.note(f"older window  {len(both)} settings, judged on {users:,} users")
        values = self._judge(both, protocol, self.judging.clock.moment(left))
        # a model without a number there would leave the choice without being worse
        if len(values) < len(both):
            self.why_one = "not every candidate could be judged on the older one"
            return [main]
        return [main, Window(f"older window: {protocol.split.says}", values)]

    def _judge(
        self, models: Sequence[Recommender], protocol: Protocol, until: float
    ) -> dict[str, np.ndarray]:
        found = {}
        for one in models:
            key = self._key(one, protocol)
            known = self.judging.ledger.find(key)
            if known is None:
                begun = time.monotonic()
                with events.within(one.label), events.aside():
                    score = trial(
                        one.sharing(),
                        protocol,
                        self.judging.content,
                        rng=protocol.seed,
                        limits=self.judging.limits(until),
                    )
                self.judging.ledger.keep(key, score, None, time.monotonic() - begun)
            else:
                score = known[0]
                self.judging.clock.replay(known[2])
            if score.state == "done":
                found[one.label] = score.values[protocol.primary]
        return found

    def _key(self, one: Recommender, protocol: Protocol) -> str:
        return self.judging.ledger.key(one, protocol, "older")

    def _older(self) -> Protocol | None:
        """The question of the validation span, asked of the span of the same length before it; None
        where it cannot be.
        """
        split = self.judging.protocol.split
        cut = older(split, self.target)
        if cut is None:
            self.why_one = "the log cannot be cut by time once more"
            return None
        protocol = replace(self.judging.protocol, split=cut)
        rows = np.flatnonzero(protocol.judged)
        if len(rows) < ENOUGH:
            self.why_one = f"an older one has {len(rows)} users"
            return None
        return protocol.among(rungs_of(rows, protocol.seed)[0])


def older(split: Split, target: str | None) -> Split | None:
    """The cut of a validation span's train log by time, as long as the span; None where it cannot
    be made.
    """
    expected = split.expected
    if split.name != "by_time" or expected.times is None or not len(expected):
        return None
    length = int(expected.times.max() - expected.times.min()) + 1
    try:
        return splitting.by_time(split.train, test=f"{length}s", target=target)
    except SpadeworkError:
        return None
