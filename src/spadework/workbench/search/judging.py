"""Settings judged on nested samples of users: what everything goes through that a dig tries.

A rung is a sample of the users of whom something is expected; the last one is all of them. What
learns the same is fitted once, models that were fitted are kept for the next rung while there is
room, and whatever goes wrong is a score that says why.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spadework import events
from spadework.data.content import ItemContent
from spadework.errors import OutOfMemory, OutOfTime, SpadeworkError
from spadework.evaluation.trial import Protocol, Score, State, judge, trial
from spadework.limits import Limits, available_bytes, hand_memory_back, resident_bytes
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.workbench.search.clock import Clock
from spadework.workbench.search.costs import Costs
from spadework.workbench.search.held import Held, learned
from spadework.workbench.search.judgement import NOVEL, Judgement, bare, why
from spadework.workbench.search.rungs import Rung, rungs
from spadework.workbench.search.trial_cache import AGAIN, Ledger

TOGETHER = "settings counted together"


@dataclass
class Judging:
    """Everything that was judged so far, and the way to judge more."""

    protocol: Protocol  # of the validation span
    content: ItemContent | None
    ledger: Ledger
    clock: Clock
    costs: Costs
    memory: int | None
    rungs: list[Rung] = field(init=False)
    # label → on the largest rung it has a number of, else its reason
    judged: dict[str, Judgement] = field(default_factory=dict)
    first: dict[str, Judgement] = field(default_factory=dict)  # label → on the first rung
    held: Held = field(default_factory=Held)

    def __post_init__(self) -> None:
        self.rungs = rungs(self.protocol)

    def ask(
        self, settings: Iterable[Recommender], rung: int, until: float, *, novel: bool = False
    ) -> list[Judgement]:
        """Judge settings, each once; results in their order. `until` is a moment of the clock;
        `novel` asks about new items, too.

        What the time did not suffice for has the state "timed out" where it began and "no time"
        where it did not.
        """
        distinct = list({one.label: one for one in settings}.values())
        found = {
            one.label: known
            for one in distinct
            if (known := self._known(one, rung, novel)) is not None
        }
        waiting = [one for one in distinct if one.label not in found]
        # On a sample co-occurrence settings are counted together, and only the rows that these
        # users need.
        together = [
            one
            for one in waiting
            if isinstance(one, CoOccurrence) and (len(waiting) > 1 or rung < len(self.rungs) - 1)
        ]
        for result in self._together(together, rung, until, novel):
            found[result.one.label] = result
        for group in groups(one for one in waiting if one.label not in found):
            for result in self._group(group, rung, until, novel):
                found[result.one.label] = result
        return [found[one.label] for one in distinct]

    def best(self, count: int | None = None) -> list[Judgement]:
        """What has a number, those on larger rungs first, then the best first."""
        done = [result for result in self.judged.values() if result.reason is None]
        return sorted(done, key=lambda result: (-result.rung, -result.mean, result.one.label))[
            :count
        ]

    # ---- one trial

    def _known(self, one: Recommender, rung: int, novel: bool) -> Judgement | None:
        """What was judged before, in this start or, by the ledger, in an earlier one."""
        held = self.judged.get(one.label)
        if held is not None and held.rung == rung and held.score.state not in AGAIN:
            return held
        found = self.ledger.find(self._key(one, rung))
        if found is None:
            return None
        score, _, seconds = found
        if (
            novel
            and self.rungs[rung].novel is not None
            and score.state == "done"
            and NOVEL + self.protocol.primary not in score.values
        ):
            return None  # there was no time to ask about new items
        self.clock.replay(seconds)
        if score.state == "done":  # of settings counted together only a part of a fit is known
            self._learn(
                one,
                score,
                rung,
                learns_fit=not isinstance(one, CoOccurrence) or 0 < rung == len(self.rungs) - 1,
            )
        return self._keep(
            Judgement(bare(one), rung, self.rungs[rung].rows, score, self.protocol.primary, seconds)
        )

    def _group(
        self, group: list[Recommender], rung: int, until: float, novel: bool
    ) -> Iterator[Judgement]:
        """Settings that learn the same: one fit, and each answers."""
        model = self.held.find(group[0])
        for one in group:
            if self.clock.now >= until:
                yield self.without(one, rung, "no time", "There was no time for it.")
                continue
            ready = model is not None
            asked = (
                one.sharing()
                if model is None
                else model.sharing(**{name: getattr(one, name) for name in one.answering})
            )
            result = self._trial(asked, rung, until, fitted=ready, novel=novel)
            if model is None and result.reason is None:
                model = asked
                if len(self.rungs) > 1:
                    self.held.hold(asked)
            yield result
            if model is None and result.score.state == "timed out":
                until = float("-inf")  # the others of the group would learn the same
        hand_memory_back()

    def _trial(
        self,
        one: Recommender,
        rung: int,
        until: float,
        *,
        fitted: bool,
        novel: bool,
        share: float | None = None,
    ) -> Judgement:
        """Fit, answer, judge; whatever happens is kept. `share` is what fitting took of a model
        that was fitted among others.
        """
        place, begun = self.rungs[rung], time.monotonic()
        ready = [] if fitted else self.held.parts(one)
        with events.within(one.label), events.aside():  # what models say stands beside their scores
            score = trial(
                one,
                place.protocol,
                self.content,
                rng=self.protocol.seed,
                limits=self.limits(until),
                fitted=fitted,
                ready=ready,
                rehearse=self.costs.new(one),
            )
        if fitted and score.state == "done":
            score = replace(score, fit_seconds=self._fit_of_alike(one) if share is None else share)
        if ready and score.state == "done":
            score = replace(score, fit_seconds=(score.fit_seconds or 0.0) + self._spared(ready))
        if novel and place.novel is not None and score.state == "done":
            score = self._with_novel(score, one, place, until)
        seconds = time.monotonic() - begun
        if score.state == "done":
            self._learn(one, score, rung, learns_fit=not fitted and not ready)
            if ready:
                self.costs.at_most(one, self.protocol.split.train, score.fit_seconds or 0.0)
            self.held.hold_parts(one)
        elif score.state == "timed out":
            train, spared = self.protocol.split.train, self._spared(ready)
            if not fitted and score.fit_seconds is None:
                self.costs.stopped_learning(one, train, seconds + spared)
            elif not fitted:
                self.costs.learn_fit(one, train, (score.fit_seconds or 0.0) + spared)
            self.costs.stopped_answering(one, len(place.rows), score.recommend_seconds or 0.0)
        self.ledger.keep(
            self._key(one, rung), score, None, seconds + (share or 0.0), durable=seconds > 1
        )
        return self._keep(
            Judgement(
                bare(one), rung, place.rows, score, self.protocol.primary, seconds + (share or 0.0)
            )
        )

    def _fit_of_alike(self, one: Recommender) -> float:
        """What fitting took of the setting that learned the same."""
        alike = (
            other.score.fit_seconds
            for other in self.judged.values()
            if learned(other.one) == learned(one) and other.reason is None
        )
        return next(alike, None) or 0.0

    def _with_novel(self, score: Score, one: Recommender, place: Rung, until: float) -> Score:
        """The score, and what lists without the history reach of what users had not had before;
        asked beside it, so a failure costs nothing.
        """
        asked = place.novel
        assert asked is not None
        try:
            with events.within(one.label), events.aside(), events.listening(self.limits(until)):
                lists = one.recommend_codes(
                    asked.split.given, asked.k, repeats="forbid", users=asked.truth.users
                ).items
        except Exception:  # whatever ends it, the score stands
            return score
        values = np.full(len(place.rows), np.nan, np.float32)  # some users take nothing new
        values[np.isin(place.protocol.truth.users, asked.truth.users)] = judge(lists, asked)[0][
            asked.primary
        ]
        return replace(score, values={**score.values, NOVEL + asked.primary: values})

    def limits(self, until: float) -> Limits:
        """A trial's limits: a moment of the clock, and the memory."""
        return Limits(self.clock.deadline(until), self.memory)

    def _spared(self, parts: Sequence[Recommender]) -> float:
        return sum(self.costs.fit(part, self.protocol.split.train) for part in parts)

    def seconds(self, one: Recommender, rung: int) -> float:
        """What judging a setting is foretold to take, less what was learned for it already."""
        train, users = self.protocol.split.train, len(self.rungs[rung].rows)
        fit = 0.0 if self.held.find(one, using=False) is not None else self.costs.fit(one, train)
        return max(
            fit - self._spared(self.held.parts(one, using=False)), 0.1 * fit
        ) + self.costs.answer(one, users)

    def _learn(self, one: Recommender, score: Score, rung: int, *, learns_fit: bool = True) -> None:
        if learns_fit and score.fit_seconds is not None:
            self.costs.learn_fit(one, self.protocol.split.train, score.fit_seconds)
        if score.recommend_seconds is not None:
            self.costs.learn_answer(one, len(self.rungs[rung].rows), score.recommend_seconds)

    # ---- many co-occurrence settings from few counts

    def _together(
        self, models: list[CoOccurrence], rung: int, until: float, novel: bool
    ) -> Iterator[Judgement]:
        train, place = self.protocol.split.train, self.rungs[rung]
        able: list[CoOccurrence] = []
        for one in models:
            try:
                one.check_needs(train, self.content)
                one.check_weight()
                able.append(one)
            except SpadeworkError as error:
                yield self.without(one, rung, "skipped", error.message)
        if not able:
            return
        wanted = np.zeros(train.item_count, np.bool_)
        wanted[place.protocol.truth.seen_items] = True
        counted = max(float(train.item_counts[wanted].sum()) / max(len(train), 1), 0.5)
        done: set[str] = set()
        begun, whole, reason = time.monotonic(), 0.0, ""
        state: State | None = None
        try:
            with events.within(TOGETHER), events.aside(), events.listening(self.limits(until)):
                for batch in CoOccurrence.fit_together(able, train, self.content, rows=wanted):
                    took = time.monotonic() - begun
                    share, whole = took / len(batch), whole + took
                    # how long all rows take is known from the share of them that was counted
                    for one in batch:
                        self.costs.at_most(one, train, whole / counted)
                    while batch:  # its tables are let go before the next are made
                        one = batch.pop()
                        result = self._trial(
                            one, rung, until, fitted=True, novel=novel, share=share
                        )
                        if result.score.state == "timed out":
                            raise OutOfTime("There was no time for it.", "Give a larger budget.")
                        done.add(one.label)
                        if len(able) == 1:
                            self.costs.learn_fit(one, train, share / counted)
                        yield result
                        events.step(TOGETHER, len(done), len(able))
                    hand_memory_back()
                    if len(done) < len(able) and self.clock.now + time.monotonic() - begun > until:
                        # what is cut short is lost whole
                        raise OutOfTime("There was no time for it.", "Give a larger budget.")
                    begun = time.monotonic()
        except OutOfTime:
            state, reason = "no time", "There was no time for it."
        except (OutOfMemory, MemoryError) as error:
            state, reason = "out of memory", why(error)
        # a setting that breaks must not take the others with it: each is tried alone
        except Exception:
            for group in groups(one for one in able if one.label not in done):
                yield from self._group(group, rung, until, novel)
        for one in able:
            if one.label not in done and state is not None:
                yield self.without(one, rung, state, reason)

    # ---- what is kept

    def without(self, one: Recommender, rung: int, state: State, reason: str) -> Judgement:
        """A setting that has no number, and why."""
        score = Score(
            model=one.name, label=one.label, params=one.params, state=state, reason=reason
        )
        return self._keep(
            Judgement(bare(one), rung, self.rungs[rung].rows, score, self.protocol.primary)
        )

    def _keep(self, result: Judgement) -> Judgement:
        """Without a number on a larger rung, a setting keeps what it got on a smaller one."""
        label, held = result.one.label, self.judged.get(result.one.label)
        if (
            held is None
            or held.reason is not None
            or (result.reason is None and result.rung >= held.rung)
        ):
            self.judged[label] = result
        if result.rung == 0 and (label not in self.first or self.first[label].reason is not None):
            self.first[label] = result
        return result

    def _key(self, one: Recommender, rung: int) -> str:
        return self.ledger.key(
            one, self.rungs[rung].protocol, f"validation{len(self.rungs[rung].rows)}"
        )

    def on_record(self, one: Recommender) -> bool:
        """Whether an earlier start has judged it on the first sample."""
        return self.ledger.find(self._key(one, 0)) is not None

    def settled(self, one: Recommender) -> bool:
        """Whether more time would change nothing: it has a number, or a reason of another kind."""
        held = self.judged.get(one.label)
        return held is not None and not held.score.late

    def fits(self, one: Recommender) -> bool:
        """Whether the machine can hold what the model foretells to need; what it cannot hold, a
        trial refuses at once.
        """
        room = (
            available_bytes()
            if self.memory is None
            else min(available_bytes(), self.memory - resident_bytes())
        )
        return one.cost(self.protocol.split.train).bytes <= int(0.9 * room)


def groups(settings: Iterable[Recommender]) -> list[list[Recommender]]:
    """Settings that learn the same and only answer differently, together."""
    found: dict[str, list[Recommender]] = {}
    for one in settings:
        found.setdefault(learned(one), []).append(one)
    return list(found.values())
