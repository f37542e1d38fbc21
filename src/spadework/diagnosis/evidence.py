"""What probes read: the deciding metric of each user under two settings that differ in one choice, and how sure the difference is.

Settings that somebody judged on the same users before (a sweep) are taken as they are; the others are fitted here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from spadework import events
from spadework.arrays import Array
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.errors import SpadeworkError, Stopped
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, judge
from spadework.models.base import Recommender
from spadework.models.cooccurrence import CoOccurrence
from spadework.randomness import generator

KEEP = 200
"""Neighbours of an item in probes."""
FEW_USERS = 100
"""An interval over fewer users is told with a warning."""
BINS = 200
"""Spans of equally many events within which the control for trends exchanges items."""
FEWEST_IN_BIN = 40


class CannotTell(Exception):
    """A probe cannot run on these data; the message says why."""


@dataclass(frozen=True)
class Change:
    """What one choice did: a mean of paired differences over users."""

    effect: float
    low: float  # 95 % interval
    high: float
    base: float  # mean without the choice
    users: int
    p: float  # how likely chance makes a difference as large, by flipping signs

    @property
    def share(self) -> float:
        """The effect as a share of what it was without; infinite where that was nothing."""
        return self.effect / self.base if self.base > 0 else float(np.inf) * np.sign(self.effect) if self.effect else 0.0

    @property
    def share_interval(self) -> tuple[float, float]:
        """The interval as shares of the base; nothing falls by more than all of it."""
        return (max(self.low / self.base, -1.0), self.high / self.base) if self.base > 0 else (self.low, self.high)


@dataclass
class Evidence:
    """Values of settings on a sample of the validation span's users."""

    protocol: Protocol  # of the validation span
    content: ItemContent | None
    rows: Array  # rows of the truth that settings are judged on
    known: dict[str, Array] = field(default_factory=dict)  # label → values of the deciding metric [rows]
    common: Mapping[str, Any] = field(default_factory=lambda: {"keep": KEEP})  # settings of every co-occurrence model that is asked about
    until: float | None = None  # on the clock of time.monotonic; no setting is begun after it
    refused: dict[str, str] = field(default_factory=dict)  # label → why it has no values
    spent: float = 0.0  # seconds of what was fitted here
    others: list[Evidence] = field(default_factory=list)

    @property
    def train(self) -> Interactions:
        """What settings learn from."""
        return self.protocol.split.train

    def values(self, models: Iterable[Recommender]) -> list[Array | None]:
        """Values [rows] of each setting; None where it has none, and `refused` says why."""
        wanted = list(models)
        missing = list({one.label: one for one in wanted if one.label not in self.known and one.label not in self.refused}.values())
        begun = time.monotonic()
        self._together([one for one in missing if isinstance(one, CoOccurrence)])
        for one in missing:
            if not isinstance(one, CoOccurrence):
                self._try(one)
        self.spent += time.monotonic() - begun
        return [self.known.get(one.label) for one in wanted]

    def change(self, pairs: Sequence[tuple[Recommender, Recommender]]) -> Change:
        """What the second settings give beyond the first, averaged over the pairs, user by user. Pairs without values are left out."""
        found = self.values([one for pair in pairs for one in pair])
        done = [(base, other) for base, other in zip(found[::2], found[1::2], strict=True) if base is not None and other is not None]
        if not done:
            labels = [one.label for pair in pairs for one in pair]
            raise CannotTell(next((self.refused[label] for label in labels if label in self.refused), "Nothing was judged."))
        return self.difference(*(np.mean(side, axis=0) for side in zip(*done, strict=True)))

    def difference(self, base: Array, other: Array) -> Change:
        """The paired difference of two settings' values [rows]."""
        paired = (other - base)[~np.isnan(other - base)]
        if not len(paired):
            raise CannotTell("No user has a value under both settings.")
        seed = self.protocol.seed
        low, high = statistics.interval(statistics.bootstrap(paired[:, None], seed))
        p = float(statistics.sign_flip(paired[:, None], seed)[0]) if np.any(paired) else 1.0
        return Change(float(paired.mean()), float(low[0]), float(high[0]), float(np.nanmean(base)), len(paired), p)

    @cached_property
    def new_items(self) -> Evidence:
        """The same, asked of what users take for the first time, where items of the history may come back; else this.

        Users who take nothing new are left out; where hardly anybody does, the question stays as it is.
        """
        if self.protocol.repeats != "allow":
            return self
        users = self.protocol.truth.users[self.rows]
        protocol = replace(self.protocol, repeats="forbid", novel=True)
        rows = np.flatnonzero(np.isin(protocol.truth.users, users) & protocol.judged)
        return self.beside(protocol, rows) if len(rows) >= FEW_USERS else self

    @cached_property
    def without_order(self) -> Evidence:
        """The same question to a log in which items are exchanged among events of about the same time.

        What is popular when stays as it is; who took what after what is lost. What order gives here, trends give.
        """
        if self.train.times is None:
            raise CannotTell("The log has no times.")
        random = generator(self.protocol.seed, "without order")
        split = self.protocol.split
        train = exchanged(split.train, random)
        given = train if split.given is split.train else _as_in(train, split.given)
        protocol = replace(self.protocol, split=replace(split, train=train, given=given, valid=None))
        protocol.__dict__["truth"] = self.protocol.truth
        return self.beside(protocol, self.rows)

    def beside(self, protocol: Protocol, rows: Array) -> Evidence:
        """Evidence of another question to the same data; its seconds are added to these."""
        made = Evidence(protocol, self.content, rows, common=self.common, until=self.until)
        self.others.append(made)
        return made

    @property
    def seconds(self) -> float:
        """What was spent on fitting here and beside."""
        return self.spent + sum(other.seconds for other in self.others)

    # ---- one setting

    def _together(self, models: list[CoOccurrence]) -> None:
        able = []
        for one in models:
            try:
                one.check_needs(self.train, self.content)
                able.append(one)
            except SpadeworkError as error:
                self.refused[one.label] = error.message
        if not able or self._late(able):
            return
        wanted = np.zeros(self.train.item_count, np.bool_)
        wanted[self._asked.split.given.of_users(self._asked.truth.users).items] = True
        try:
            for batch in CoOccurrence.fit_together(able, self.train, self.content, rows=wanted):
                while batch:
                    self._judge(batch.pop())
        except Stopped:
            raise
        except SpadeworkError as error:
            self.refused |= {one.label: error.message for one in able if one.label not in self.known}

    def _try(self, one: Recommender) -> None:
        if self._late([one]):
            return
        try:
            self._judge(one.sharing().fit(self.train, self.content, rng=self.protocol.seed))
        except Stopped:
            raise
        except SpadeworkError as error:
            self.refused[one.label] = error.message

    def _judge(self, fitted: Recommender) -> None:
        part = self._asked
        lists = fitted.recommend(part.split.given, part.k, repeats=part.repeats, users=part.truth.users)
        self.known[fitted.label] = judge(lists.items, part)[0][part.primary]
        events.step("probes", len(self.known), None)

    @cached_property
    def _asked(self) -> Protocol:
        return self.protocol.among(self.rows)

    def _late(self, models: Sequence[Recommender]) -> bool:
        if self.until is None or time.monotonic() < self.until:
            return False
        self.refused |= {one.label: "The time for probes was over." for one in models}
        return True


def exchanged(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with items exchanged at random among events of about the same time. O(rows · log rows)."""
    assert log.times is not None
    order = np.argsort(log.times, kind="stable")
    size = max(len(log) // BINS, FEWEST_IN_BIN)
    keys = np.arange(len(log)) // size + random.random(len(log))  # in [bin, bin + 1)
    items = np.empty_like(log.items)
    items[order] = log.items[order[np.argsort(keys, kind="stable")]]
    return Interactions.from_codes(
        log.users, items, user_vocabulary=log.user_vocabulary, item_vocabulary=log.item_vocabulary, times=log.times,
        weights=log.weights, baskets=log.baskets, kinds=log.kinds, kind_names=log.kind_names,
    )  # fmt: skip


def _as_in(train: Interactions, given: Interactions) -> Interactions:
    """The rows of the users of `given`, as they now stand in train."""
    return train.of_users(given.active_users)


def beyond_trends(evidence: Evidence, pairs: list[tuple[Recommender, Recommender]]) -> Change:
    """What a choice gives, less what it gives where trends are all that is left of the order, user by user."""
    control = evidence.without_order
    columns = []
    for where in (evidence, control):
        values = [where.values(side) for side in zip(*pairs, strict=True)]
        kept = [(base, other) for base, other in zip(*values, strict=True) if base is not None and other is not None]
        if not kept:
            raise CannotTell(next(iter(where.refused.values()), "Nothing was judged."))
        columns.append([np.mean(side, axis=0) for side in zip(*kept, strict=True)])
    (base, other), (control_base, control_other) = columns
    return evidence.difference(base, other - (control_other - control_base))
