"""Many models under one budget: choose on validation, refit the chosen, judge them on the test span once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from spadework import durations, events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.limits import Limits, available_bytes, hand_memory_back
from spadework.models.base import Recommender, model
from spadework.workbench.ledger import Ledger
from spadework.workbench.plan import ALWAYS, Group, is_always

OUT_OF_BUDGET = "The budget"
NO_TURN = "ended before its turn; half of it is kept for the test span."
SLOW = 0.5
"""Seconds foretold from which on a trial teaches how far the foretelling is off; below it, constant costs rule."""


@dataclass
class Contest:
    """The state of a contest; the ledger holds what must survive a stop."""

    ledger: Ledger
    content: ItemContent | None
    budget: float  # seconds of fitting and judging
    memory: int | None
    seed: int
    spent: float = 0.0  # seconds of trials, those of an earlier start included
    ratios: list[float] = field(default_factory=list)  # seconds taken over seconds foretold
    lists: dict[str, Array] = field(default_factory=dict)  # label → lists of the test stage

    def validate(self, groups: list[Group], protocol: Protocol) -> list[Score]:
        """Try every configuration on the validation span, as far as the budget goes; half of it is kept for the test span."""
        scores: list[Score] = []
        for done, group in enumerate(groups):
            events.step("validation", done, len(groups))
            scores += self._try_group(group, protocol)
        events.step("validation", len(groups), len(groups))
        late = [score.label for score in scores if (score.reason or "").endswith(NO_TURN)]
        if late:  # each has its line on the board; here one line is enough
            events.note(f"validation  {len(late)} settings skipped, such as {', '.join(late[:3])}. {OUT_OF_BUDGET} {NO_TURN}")
        return scores

    def judge(self, validation: list[Score], groups: list[Group], choosing: Protocol, protocol: Protocol) -> list[Score]:
        """The best configuration of each model, refitted and judged on the test span; those without one keep their reason."""
        by_label = {member.label: member for group in groups for member in group.members}
        chosen = _best_of_each(validation, choosing)
        scores: list[Score] = []
        for done, score in enumerate(chosen):
            events.step("test", done, len(chosen))
            if score.state != "done":
                scores.append(score)
                _tell("test", score, protocol)
                continue
            one = by_label[score.label]
            took = (score.fit_seconds or 0) + (score.recommend_seconds or 0)
            always = is_always(one)
            known = self.ledger.find(self.ledger.key(one, protocol, "test"))
            if known is None and not always and self.spent + took > self.budget:
                scores.append(self._left_out(one, "ended before its refit on the test span"))
                _tell("test", scores[-1], protocol)
                continue
            scores.append(self._one(one.sharing(), protocol, "test", None if always else self.budget - self.spent))
        events.step("test", len(chosen), len(chosen))
        return scores

    def _try_group(self, group: Group, protocol: Protocol) -> list[Score]:
        scores: list[Score] = []
        fitted: Recommender | None = None
        for member in group.members:
            room = self.budget / 2 - self.spent
            model = member.sharing()  # a copy, so that what it learns goes when its group is done
            if fitted is not None:
                model = fitted.sharing(**{name: getattr(member, name) for name in member.answering})
            shares = fitted is not None and "_state" in model.__dict__
            known = self.ledger.find(self.ledger.key(model, protocol, "validation"))
            foretold = 0.0 if shares else self._foretold(model, protocol)
            if known is None and not group.always and (room <= 0 or (foretold > room and self._fits(model, protocol))):
                took = f"is too short for it: a trial takes about {durations.words(foretold)} and {durations.words(max(room, 0))} are left"
                score = self._left_out(model, "ended before its turn" if room <= 0 else took)
                if room > 0:
                    _tell("validation", score, protocol)
            else:
                learned_in = next((s.fit_seconds for s in scores if s.state == "done"), None) if shares else None
                score = self._one(model, protocol, "validation", None if group.always else room, learned_in=learned_in)
                if fitted is None and score.state == "done" and "_state" in model.__dict__:
                    fitted = model
            scores.append(score)
        return scores

    def _one(self, model: Recommender, protocol: Protocol, stage: str, room: float | None, *, learned_in: float | None = None) -> Score:
        """A trial from the ledger or a new one. `learned_in` is what fitting took for a model that shares another's arrays."""
        key = self.ledger.key(model, protocol, stage)
        known = self.ledger.find(key)
        if known is not None:
            score, lists, seconds = known
            self.spent += seconds
            if lists is not None:
                self.lists[score.label] = lists
            _tell(stage, score, protocol)
            return score
        hand_memory_back()
        begun = time.monotonic()
        limits = Limits(deadline=None if room is None else begun + max(room, 0.5), memory=self.memory)
        keep: list[Array] = []
        score = trial(model, protocol, self.content, rng=self.seed, limits=limits, fitted=learned_in is not None, lists=keep)
        if learned_in is not None and score.state == "done":
            score = replace(score, fit_seconds=learned_in)  # what it would take alone
        seconds = time.monotonic() - begun
        self.spent += seconds
        foretold = model.cost(protocol.split.train).seconds
        if score.state == "done" and learned_in is None and foretold >= SLOW:
            self.ratios.append(seconds / foretold)
        lists = keep[0].astype(np.int32) if keep and stage == "test" else None
        if lists is not None:
            self.lists[score.label] = lists
        self.ledger.keep(key, score, lists, seconds)
        _tell(stage, score, protocol)
        return score

    def _foretold(self, model: Recommender, protocol: Protocol) -> float:
        """Seconds that a trial will take: what the model says, times how far models were off so far."""
        ratio = float(np.median(self.ratios)) if self.ratios else 2.0
        return model.cost(protocol.split.train).seconds * ratio

    def _fits(self, model: Recommender, protocol: Protocol) -> bool:
        """Whether the machine could hold it; what it cannot hold is told by the trial, which ends at once."""
        return model.cost(protocol.split.train).bytes < min(available_bytes(), self.memory or available_bytes())

    def _left_out(self, model: Recommender, why: str) -> Score:
        reason = f"{OUT_OF_BUDGET} of {durations.words(self.budget)} {why}; half of it is kept for the test span."
        return Score(model=model.name, label=model.label, params=model.params, state="skipped", reason=reason)


def _best_of_each(validation: list[Score], protocol: Protocol) -> list[Score]:
    """Best finished configuration of each model, and whatever is on every board; else the model's first reason. Best first."""
    best: dict[str, Score] = {}
    for score in validation:
        held = best.get(score.model)
        if held is None or (score.state == "done" and (held.state != "done" or _mean(score, protocol) > _mean(held, protocol))):
            best[score.model] = score
    kept = {score.label: score for score in best.values()}
    labels = {model(name, **params).label for name, params in ALWAYS}
    kept |= {score.label: score for score in validation if score.label in labels}
    return sorted(kept.values(), key=lambda score: (score.state != "done", -_mean(score, protocol)))


def _mean(score: Score, protocol: Protocol) -> float:
    return score.means(protocol.judged)[protocol.primary] if score.state == "done" else float("-inf")


def _tell(stage: str, score: Score, protocol: Protocol) -> None:
    """One line per finished model; the mean is the board's, over users with history."""
    if score.state != "done":
        events.note(f"{stage:<10}  {score.label}: {score.state}. {score.reason}")
        return
    events.note(
        f"{stage:<10}  {score.label}: {protocol.primary} {_mean(score, protocol):.4f}, fitted in {durations.words(score.fit_seconds or 0)}"
    )
