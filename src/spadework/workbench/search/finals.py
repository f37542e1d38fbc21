"""The test span, used once: the baselines and the kept models are judged first, then the best of
each family and of each model while there is time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spadework import durations, events, formatting
from spadework.arrays import Array
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.limits import Limits, hand_memory_back
from spadework.models.base import Recommender
from spadework.workbench.search.ending import MODELS, Ending
from spadework.workbench.search.judging import Judging

TEST = "test"
"""Name of this stage in the ledger."""
OTHERS, AT_LEAST = 0.25, 20.0
"""Share of the time spent until then that models may take on the test span which are not kept; so
many seconds in any case.
"""


@dataclass
class Finals:
    """Scores on the test span."""

    judging: Judging
    ending: Ending
    test: Protocol
    lists: dict[str, Array] = field(default_factory=dict)  # label → lists [users, k]

    def judge(
        self,
        needed: Sequence[Recommender],
        kept: Sequence[Recommender],
        others: Sequence[Recommender],
    ) -> list[Score]:
        """Scores of the needed models, however long it takes, then of the kept ones and of the
        others while they are estimated to end in time.
        """
        distinct = {model.label: model for model in [*needed, *kept, *others]}
        must = {model.label for model in needed}
        allowed = self.judging.clock.spent + max(OTHERS * self.judging.clock.spent, AT_LEAST)
        scores: list[Score] = []
        for done, model in enumerate(distinct.values()):
            events.step("test", done, len(distinct))
            known = self._known(model)
            if known is not None:
                scores.append(known)
            elif model.label in must:
                scores.append(self._trial(model, None, novel=self._room_for_novel(model, kept)))
            else:
                room = min(
                    self.judging.clock.left - self.ending.serving(list(kept), len(scores)),
                    allowed - self.judging.clock.spent,
                )
                seconds = self.judging.costs.trial(
                    model, self.test.split.train, len(self.test.truth.users)
                )
                scores.append(
                    self._trial(model, room, novel=2 * seconds <= room)
                    if seconds <= room
                    else self._left_out(model)
                )
        events.step("test", len(distinct), len(distinct))
        return scores

    def _known(self, model: Recommender) -> Score | None:
        found = self.judging.ledger.find(self._key(model))
        if found is None:
            return None
        score, lists, seconds = found
        self.judging.clock.replay(seconds)
        if lists is not None:
            self.lists[score.label] = lists
        return score

    def _room_for_novel(self, model: Recommender, kept: Sequence[Recommender]) -> bool:
        """Whether there is time to make lists a second time, for new items alone: that takes as
        long as the first time.
        """
        users = len(self.test.truth.users)
        seconds = self.judging.costs.trial(
            model, self.test.split.train, users
        ) + self.judging.costs.answer(model, users)
        return seconds <= self.judging.clock.left - self.ending.serving(list(kept), MODELS)

    def _trial(self, model: Recommender, room: float | None, *, novel: bool = True) -> Score:
        hand_memory_back()
        begun = time.monotonic()
        made: list[Array] = []
        limits = Limits(None if room is None else begun + max(room, 0.5), self.judging.memory)
        with events.within(model.label), events.aside():
            score = trial(
                model.sharing(),
                self.test,
                self.judging.content,
                rng=self.test.seed,
                limits=limits,
                lists=made,
                novel=novel,
            )
        seconds = time.monotonic() - begun
        if score.state == "timed out":
            return self._left_out(model)
        lists = made[0].astype(np.int32) if made else None
        if lists is not None:
            self.lists[score.label] = lists
            self.judging.costs.learn_fit(model, self.test.split.train, score.fit_seconds or 0.0)
        self.judging.ledger.keep(self._key(model), score, lists, seconds)
        self._tell(score)
        return score

    def _left_out(self, model: Recommender) -> Score:
        """A model that was judged on the validation span alone."""
        known = self.judging.judged.get(model.label)
        value = (
            ""
            if known is None or known.reason is not None
            else f" It has {known.primary} {known.mean:.4f} of "
            f"{formatting.count(len(known.rows), 'user')} there."
        )
        return Score(
            model=model.name,
            label=model.label,
            params=model.params,
            state="no time",
            reason=(
                "Judged on the validation span alone: there was no time to fit it again for "
                f"the test span.{value}"
            ),
        )

    def _key(self, model: Recommender) -> str:
        return self.judging.ledger.key(model, self.test, TEST)

    def _tell(self, score: Score) -> None:
        if score.state != "done":
            events.detail(f"test {score.label}: {score.state}. {score.reason}")
            return
        value = score.means(self.test.judged)[self.test.primary]
        events.detail(
            f"test {score.label}: {self.test.primary} {value:.4f}, fitted in "
            f"{durations.words(score.fit_seconds or 0)}"
        )
