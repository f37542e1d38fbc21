"""An older window in addition to the validation span: one window may choose badly, so where the
calendar allows a second one counts, too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spadework import durations, events, formatting
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
"""Least number of users in an older window."""


@dataclass
class Windows:
    """The windows that a choice rests on."""

    judging: Judging
    target: str | None
    why_none: str = ""  # why there is no older window
    _scores: dict[str, Score] = field(default_factory=dict)

    def of(self, candidates: Sequence[Judgement], left: float) -> list[Window]:
        """The validation span and, where several candidates are near the best there, an older
        window, if it is estimated to take no more than `left` seconds.
        """
        main = Window(
            self.judging.protocol.split.description,
            {result.setting.label: result.values for result in candidates},
        )
        models = [result.setting for result in candidates]
        baselines = [
            model
            for model in model_families.baselines()
            if model_families.is_popular(model) and model.label in main.values
        ]
        if len([model for model in models if not model_families.is_baseline(model)]) < 2:
            self.why_none = "nothing comes near the best"
            return [main]
        protocol = self._older()
        if protocol is None:
            return [main]
        both = list({model.label: model for model in [*models, *baselines]}.values())
        train, users = protocol.split.train, int(protocol.judged.sum())
        waiting = [
            model for model in both if self.judging.ledger.find(self._key(model, protocol)) is None
        ]
        seconds = sum(self.judging.costs.trial(model, train, users) for model in waiting)
        if seconds > left:
            needed = durations.words(seconds)
            self.why_none = f"an older one takes about {needed}, and there was no time"
            return [main]
        events.note(
            f"older window  {len(both)} settings, judged on {formatting.count(users, 'user')}"
        )
        values = self._judge(both, protocol, self.judging.clock.deadline_in(left))
        # a model without a number there would drop out without being worse
        if len(values) < len(both):
            self.why_none = "not every candidate could be judged on the older one"
            return [main]
        return [main, Window(f"older window: {protocol.split.description}", values)]

    def _judge(
        self, models: Sequence[Recommender], protocol: Protocol, until: float
    ) -> dict[str, np.ndarray]:
        found = {}
        for model in models:
            key = self._key(model, protocol)
            known = self.judging.ledger.find(key)
            if known is None:
                begun = time.monotonic()
                with events.within(model.label), events.aside():
                    score = trial(
                        model.sharing(),
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
                found[model.label] = score.values[protocol.primary]
        return found

    def _key(self, model: Recommender, protocol: Protocol) -> str:
        return self.judging.ledger.key(model, protocol, "older")

    def _older(self) -> Protocol | None:
        """The protocol of the validation span for the span of the same length before it; None
        where that is not possible.
        """
        split = self.judging.protocol.split
        cut = older(split, self.target)
        if cut is None:
            self.why_none = "the log cannot be cut by time once more"
            return None
        protocol = replace(self.judging.protocol, split=cut)
        rows = np.flatnonzero(protocol.judged)
        if len(rows) < ENOUGH:
            self.why_none = f"an older one has {formatting.count(len(rows), 'user')}"
            return None
        return protocol.among(rungs_of(rows, protocol.seed)[0])


def older(split: Split, target: str | None) -> Split | None:
    """A cut by time of a validation span's train log, with a test span of the same length; None
    where it cannot be made.
    """
    expected = split.expected
    if split.name != "by_time" or expected.times is None or not len(expected):
        return None
    first, last = expected.span
    length = last - first + 1
    try:
        return splitting.by_time(split.train, test=f"{length}s", target=target)
    except SpadeworkError:
        return None
