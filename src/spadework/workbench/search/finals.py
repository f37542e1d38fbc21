"""The test span, met once: the floor and what is kept come first, then the best of each family and
of each model while there is time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spadework import durations, events
from spadework.arrays import Array
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.limits import Limits, hand_memory_back
from spadework.models.base import Recommender
from spadework.workbench.search.ending import MODELS, Ending
from spadework.workbench.search.judging import Judging

TEST = "test"
"""The stage of the ledger."""
OTHERS, AT_LEAST = 0.25, 20.0
"""Of what the dig took until then, what models may take on the test span that nobody takes into
service; so many seconds in any case.
"""


@dataclass
class Finals:
    """Scores on the test span."""

    judging: Judging
    ending: Ending
    final: Protocol
    lists: dict[str, Array] = field(default_factory=dict)  # label → lists [users, k]

    def judge(
        self,
        needed: Sequence[Recommender],
        kept: Sequence[Recommender],
        others: Sequence[Recommender],
    ) -> list[Score]:
        """Scores of what is needed, whatever it takes, then of what is kept beside it and of the
        others while they are foretold to end in time.
        """
        distinct = {one.label: one for one in [*needed, *kept, *others]}
        must = {one.label for one in needed}
        allowed = self.judging.clock.spent + max(OTHERS * self.judging.clock.spent, AT_LEAST)
        scores: list[Score] = []
        for done, one in enumerate(distinct.values()):
            events.step("test", done, len(distinct))
            known = self._known(one)
            if known is not None:
                scores.append(known)
            elif one.label in must:
                scores.append(self._trial(one, None, novel=self._room_for_novel(one, kept)))
            else:
                room = min(
                    self.judging.clock.left - self.ending.serving(list(kept), len(scores)),
                    allowed - self.judging.clock.spent,
                )
                took = self.judging.costs.trial(
                    one, self.final.split.train, len(self.final.truth.users)
                )
                scores.append(
                    self._trial(one, room, novel=2 * took <= room)
                    if took <= room
                    else self._left_out(one)
                )
        events.step("test", len(distinct), len(distinct))
        return scores

    def _known(self, one: Recommender) -> Score | None:
        found = self.judging.ledger.find(self._key(one))
        if found is None:
            return None
        score, lists, seconds = found
        self.judging.clock.replay(seconds)
        if lists is not None:
            self.lists[score.label] = lists
        return score

    def _room_for_novel(self, one: Recommender, kept: Sequence[Recommender]) -> bool:
        """Whether there is time to ask a second time, for new items alone: that takes as long as
        all lists did.
        """
        users = len(self.final.truth.users)
        took = self.judging.costs.trial(
            one, self.final.split.train, users
        ) + self.judging.costs.answer(one, users)
        return took <= self.judging.clock.left - self.ending.serving(list(kept), MODELS)

    def _trial(self, one: Recommender, room: float | None, *, novel: bool = True) -> Score:
        hand_memory_back()
        begun = time.monotonic()
        keep: list[Array] = []
        limits = Limits(None if room is None else begun + max(room, 0.5), self.judging.memory)
        with events.within(one.label), events.aside():
            score = trial(
                one.sharing(),
                self.final,
                self.judging.content,
                rng=self.final.seed,
                limits=limits,
                lists=keep,
                novel=novel,
            )
        seconds = time.monotonic() - begun
        if score.state == "timed out":
            return self._left_out(one)
        lists = keep[0].astype(np.int32) if keep else None
        if lists is not None:
            self.lists[score.label] = lists
            self.judging.costs.learn_fit(one, self.final.split.train, score.fit_seconds or 0.0)
        self.judging.ledger.keep(self._key(one), score, lists, seconds)
        self._tell(score)
        return score

    def _left_out(self, one: Recommender) -> Score:
        """A model that was judged on the validation span alone."""
        known = self.judging.judged.get(one.label)
        value = (
            ""
            if known is None or known.reason is not None
            else f" It has {known.primary} {known.mean:.4f} of {len(known.rows):,} users there."
        )
        return Score(
            model=one.name,
            label=one.label,
            params=one.params,
            state="no time",
            reason=(
                "Judged on the validation span alone: there was no time to fit it again for "
                f"the test span.{value}"
            ),
        )

    def _key(self, one: Recommender) -> str:
        return self.judging.ledger.key(one, self.final, TEST)

    def _tell(self, score: Score) -> None:
        if score.state != "done":
            events.detail(f"test {score.label}: {score.state}. {score.reason}")
            return
        value = score.means(self.final.judged)[self.final.primary]
        events.detail(
            f"test {score.label}: {self.final.primary} {value:.4f}, fitted in "
            f"{durations.words(score.fit_seconds or 0)}"
        )
