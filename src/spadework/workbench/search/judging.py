"""Settings judged on nested samples of users: every trial of a dig's search is made here.

A rung is a sample of the users with held-out items; the last one is all of them. Settings that
learn the same are fitted once, fitted models are held for the next rung while memory allows, and
whatever goes wrong becomes a score with its reason.
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
from spadework.workbench.search.judgement import NOVEL, Judgement, bare, row_of, why
from spadework.workbench.search.rungs import Rung, rungs
from spadework.workbench.search.trial_cache import AGAIN, KILLED, Ledger

TOGETHER = "settings counted together"


@dataclass
class Judging:
    """All judgements so far, and the way to judge more."""

    protocol: Protocol  # of the validation span
    content: ItemContent | None
    ledger: Ledger
    clock: Clock
    costs: Costs
    memory: int | None
    rungs: list[Rung] = field(init=False)
    # label → judgement on the largest rung where it has a number, else its reason
    judged: dict[str, Judgement] = field(default_factory=dict)
    first: dict[str, Judgement] = field(default_factory=dict)  # label → judgement on the first rung
    held: Held = field(default_factory=Held)

    def __post_init__(self) -> None:
        self.rungs = rungs(self.protocol)

    def judge(
        self, settings: Iterable[Recommender], rung: int, until: float, *, judge_novel: bool = False
    ) -> list[Judgement]:
        """Judge settings, each once; results in their order. `until` is a deadline of the clock;
        `judge_novel` judges new items, too.

        Where time is short, a trial that started has the state "timed out", others "no time".
        """
        self.clock.look()
        distinct = list({setting.label: setting for setting in settings}.values())
        found = {
            setting.label: known
            for setting in distinct
            if (known := self._known(setting, rung, judge_novel)) is not None
        }
        waiting = [setting for setting in distinct if setting.label not in found]
        # those that a process was killed with come last
        waiting.sort(key=lambda setting: self.ledger.kills(self._key(setting, rung)))
        for setting in waiting:
            if self.ledger.kills_again(self._key(setting, rung), setting, self.protocol):
                found[setting.label] = self.without(setting, rung, "out of memory", KILLED)
        waiting = [setting for setting in waiting if setting.label not in found]
        # On a sample co-occurrence settings are counted together, and only in the rows that these
        # users need.
        together = [
            setting
            for setting in waiting
            if isinstance(setting, CoOccurrence)
            and (len(waiting) > 1 or rung < len(self.rungs) - 1)
            and self.held.find(setting, using=False) is None
        ]
        for result in self._together(together, rung, until, judge_novel):
            found[result.setting.label] = result
        for group in groups(setting for setting in waiting if setting.label not in found):
            for result in self._group(group, rung, until, judge_novel):
                found[result.setting.label] = result
        return [found[setting.label] for setting in distinct]

    def ranked(self, count: int | None = None) -> list[Judgement]:
        """Judgements with a number, those on larger rungs first, then the best first."""
        done = [result for result in self.judged.values() if result.reason is None]
        return sorted(done, key=lambda result: (-result.rung, -result.mean, result.setting.label))[
            :count
        ]

    # ---- one trial

    def _known(self, setting: Recommender, rung: int, judge_novel: bool) -> Judgement | None:
        """An earlier judgement of this start or, from the ledger, of an earlier one."""
        earlier = self.judged.get(setting.label)
        if earlier is not None and earlier.rung == rung and earlier.score.state not in AGAIN:
            return earlier
        found = self.ledger.find(self._key(setting, rung))
        if found is None:
            return None
        score, _, seconds = found
        if (
            judge_novel
            and self.rungs[rung].novel is not None
            and score.state == "done"
            and NOVEL + self.protocol.primary not in score.values
        ):
            return None  # there was no time to judge new items
        self.clock.replay(seconds)
        if score.state == "done":  # of settings counted together only a part of a fit is known
            self._learn(
                setting,
                score,
                rung,
                learns_fit=not isinstance(setting, CoOccurrence) or 0 < rung == len(self.rungs) - 1,
            )
        return self._keep(
            Judgement(
                bare(setting), rung, self.rungs[rung].rows, score, self.protocol.primary, seconds
            )
        )

    def _group(
        self, group: list[Recommender], rung: int, until: float, judge_novel: bool
    ) -> Iterator[Judgement]:
        """Judge settings that learn the same: one fit, then the lists of each."""
        model = self.held.find(group[0])
        for setting in group:
            if self.clock.now >= until:
                yield self.without(setting, rung, "no time", "There was no time for it.")
                continue
            fitted = model is not None
            tried = (
                setting.sharing()
                if model is None
                else model.sharing(**{name: getattr(setting, name) for name in setting.answering})
            )
            result = self._trial(tried, rung, until, fitted=fitted, judge_novel=judge_novel)
            if model is None and result.reason is None:
                model = tried
                if len(self.rungs) > 1:
                    self.held.hold(tried)
            yield result
            if model is None and result.score.state == "timed out":
                until = float("-inf")  # the others of the group would learn the same
        hand_memory_back()

    def _trial(
        self,
        setting: Recommender,
        rung: int,
        until: float,
        *,
        fitted: bool,
        judge_novel: bool,
        share: float | None = None,
    ) -> Judgement:
        """Fit, make lists, judge; every outcome is kept. `share` is the part of a joint fit's
        seconds that belongs to this setting.
        """
        sample, begun = self.rungs[rung], time.monotonic()
        ready = [] if fitted else self.held.parts(setting)
        # remarks of models are kept with their scores
        with (
            events.within(setting.label),
            events.aside(),
            self.ledger.trying(self._key(setting, rung)),
        ):
            score = trial(
                setting,
                sample.protocol,
                self.content,
                rng=self.protocol.seed,
                limits=self.limits(until),
                fitted=fitted,
                ready=ready,
                rehearse=self.costs.new(setting),
            )
        if fitted and score.state == "done":
            score = replace(
                score, fit_seconds=self._shared_fit_seconds(setting) if share is None else share
            )
        if ready and score.state == "done":
            score = replace(score, fit_seconds=(score.fit_seconds or 0.0) + self._spared(ready))
        if judge_novel and sample.novel is not None and score.state == "done":
            score = self._with_novel(score, setting, sample, until)
        seconds = time.monotonic() - begun
        if score.state == "done":
            self._learn(setting, score, rung, learns_fit=not fitted and not ready)
            if ready:
                self.costs.at_most(setting, self.protocol.split.train, score.fit_seconds or 0.0)
            self.held.hold_parts(setting)
        elif score.state == "timed out":
            train, spared = self.protocol.split.train, self._spared(ready)
            if not fitted and score.fit_seconds is None:
                self.costs.stopped_learning(setting, train, seconds + spared)
            elif not fitted:
                self.costs.learn_fit(setting, train, (score.fit_seconds or 0.0) + spared)
            self.costs.stopped_answering(setting, len(sample.rows), score.recommend_seconds or 0.0)
        self.ledger.keep(
            self._key(setting, rung), score, None, seconds + (share or 0.0), durable=seconds > 1
        )
        return self._keep(
            Judgement(
                bare(setting),
                rung,
                sample.rows,
                score,
                self.protocol.primary,
                seconds + (share or 0.0),
            )
        )

    def _shared_fit_seconds(self, setting: Recommender) -> float:
        """Seconds of the fit of a setting that learned the same; as estimated where only a part of
        a mixture did.
        """
        seconds = (
            other.score.fit_seconds
            for other in self.judged.values()
            if learned(other.setting) == learned(setting) and other.reason is None
        )
        return next(seconds, None) or self.costs.fit(setting, self.protocol.split.train)

    def _with_novel(self, score: Score, setting: Recommender, sample: Rung, until: float) -> Score:
        """The score with values of lists without the history on items new to the user; on failure
        the score without them.
        """
        protocol = sample.novel
        assert protocol is not None
        try:
            with events.within(setting.label), events.aside(), events.listening(self.limits(until)):
                lists = setting.recommend_codes(
                    protocol.split.given, protocol.k, repeats="forbid", users=protocol.truth.users
                ).items
        except Exception:  # whatever ends it, the score stays
            return score
        values = np.full(len(sample.rows), np.nan, np.float32)  # some users have no new items
        judged = np.isin(sample.protocol.truth.users, protocol.truth.users)
        values[judged] = judge(lists, protocol)[0][protocol.primary]
        return replace(score, values={**score.values, NOVEL + protocol.primary: values})

    def limits(self, until: float) -> Limits:
        """A trial's limits: a deadline of the clock, and the memory."""
        return Limits(self.clock.on_monotonic(until), self.memory)

    def _spared(self, parts: Sequence[Recommender]) -> float:
        return sum(self.costs.fit(part, self.protocol.split.train) for part in parts)

    def seconds(self, setting: Recommender, rung: int) -> float:
        """Estimated seconds of judging a setting, less those of fits that are held already."""
        train, users = self.protocol.split.train, len(self.rungs[rung].rows)
        fit = (
            0.0
            if self.held.find(setting, using=False) is not None
            else self.costs.fit(setting, train)
        )
        return max(
            fit - self._spared(self.held.parts(setting, using=False)), 0.1 * fit
        ) + self.costs.answer(setting, users)

    def _learn(
        self, setting: Recommender, score: Score, rung: int, *, learns_fit: bool = True
    ) -> None:
        if learns_fit and score.fit_seconds is not None:
            self.costs.learn_fit(setting, self.protocol.split.train, score.fit_seconds)
        if score.recommend_seconds is not None:
            self.costs.learn_answer(setting, len(self.rungs[rung].rows), score.recommend_seconds)

    # ---- many co-occurrence settings from few counts

    def _together(
        self, models: list[CoOccurrence], rung: int, until: float, judge_novel: bool
    ) -> Iterator[Judgement]:
        train, sample = self.protocol.split.train, self.rungs[rung]
        able: list[CoOccurrence] = []
        for setting in models:
            try:
                setting.check_needs(train, self.content)
                setting.check_weight()
                able.append(setting)
            except SpadeworkError as error:
                yield self.without(setting, rung, "skipped", error.message)
        if not able:
            return
        rows = np.zeros(train.item_count, np.bool_)
        rows[sample.protocol.truth.seen_items] = True
        counted = max(float(train.item_counts[rows].sum()) / max(len(train), 1), 0.5)
        done: set[str] = set()
        begun, total, reason = time.monotonic(), 0.0, ""
        state: State | None = None
        try:
            with events.within(TOGETHER), events.aside(), events.listening(self.limits(until)):
                for batch in CoOccurrence.fit_together(able, train, self.content, rows=rows):
                    took = time.monotonic() - begun
                    share, total = took / len(batch), total + took
                    # the seconds of all rows follow from the share of them that was counted
                    for setting in batch:
                        self.costs.at_most(setting, train, total / counted)
                    while batch:  # its tables are freed before the next are made
                        setting = batch.pop()
                        result = self._trial(
                            setting, rung, until, fitted=True, judge_novel=judge_novel, share=share
                        )
                        if result.score.state == "timed out":
                            raise OutOfTime("There was no time for it.", "Give a larger budget.")
                        done.add(setting.label)
                        if len(able) == 1:
                            self.costs.learn_fit(setting, train, share / counted)
                        yield result
                        events.step(TOGETHER, len(done), len(able))
                    hand_memory_back()
                    if len(done) < len(able) and self.clock.now + time.monotonic() - begun > until:
                        # a count that is cut short is lost entirely
                        raise OutOfTime("There was no time for it.", "Give a larger budget.")
                    begun = time.monotonic()
        except OutOfTime:
            state, reason = "no time", "There was no time for it."
        except (OutOfMemory, MemoryError) as error:
            state, reason = "out of memory", why(error)
        # one failing setting must not fail the others: each is tried alone
        except Exception:
            for group in groups(setting for setting in able if setting.label not in done):
                yield from self._group(group, rung, until, judge_novel)
        for setting in able:
            if setting.label not in done and state is not None:
                yield self.without(setting, rung, state, reason)

    # ---- what is kept

    def without(self, setting: Recommender, rung: int, state: State, reason: str) -> Judgement:
        """Record a setting without a number, and the reason."""
        score = Score(
            model=setting.name,
            label=setting.label,
            params=setting.params,
            state=state,
            reason=reason,
        )
        return self._keep(
            Judgement(bare(setting), rung, self.rungs[rung].rows, score, self.protocol.primary)
        )

    def _keep(self, result: Judgement) -> Judgement:
        """Record a judgement; one without a number does not replace one of a smaller rung."""
        self.clock.look()
        events.row(row_of(result))
        label, earlier = result.setting.label, self.judged.get(result.setting.label)
        if (
            earlier is None
            or earlier.reason is not None
            or (result.reason is None and result.rung >= earlier.rung)
        ):
            self.judged[label] = result
        if result.rung == 0 and (label not in self.first or self.first[label].reason is not None):
            self.first[label] = result
        return result

    def _key(self, setting: Recommender, rung: int) -> str:
        return self.ledger.key(
            setting, self.rungs[rung].protocol, f"validation{len(self.rungs[rung].rows)}"
        )

    def on_record(self, setting: Recommender) -> bool:
        """Whether an earlier start has judged it on the first sample."""
        return self.ledger.find(self._key(setting, 0)) is not None

    def settled(self, setting: Recommender) -> bool:
        """Whether more time would change nothing: it has a number, or a reason other than time."""
        found = self.judged.get(setting.label)
        return found is not None and not found.score.late

    def fits(self, setting: Recommender) -> bool:
        """Whether the machine has the memory that the model estimates to need; a trial of any other
        fails at once.
        """
        room = (
            available_bytes()
            if self.memory is None
            else min(available_bytes(), self.memory - resident_bytes())
        )
        return setting.cost(self.protocol.split.train).bytes <= int(0.9 * room)


def groups(settings: Iterable[Recommender]) -> list[list[Recommender]]:
    """Settings grouped by what they learn: those of a group differ only in answering."""
    found: dict[str, list[Recommender]] = {}
    for setting in settings:
        found.setdefault(learned(setting), []).append(setting)
    return list(found.values())
