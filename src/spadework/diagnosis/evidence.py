"""What probes read: the deciding metric of each user under two settings that differ in one choice,
and how sure the difference is.

Settings that somebody judged on the same users before (a sweep) are taken as they are; the others
are fitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl

from spadework.arrays import Array, Mask
from spadework.data.cuts import has_calendar
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.answers import OVER, Answers
from spadework.diagnosis.change import CannotTell, Change, NoTime, difference
from spadework.diagnosis.common import KEEP as KEEP
from spadework.diagnosis.common import fewer_events, pairs_in
from spadework.diagnosis.controls import exchanged, first_moments, newest, users_within
from spadework.evaluation.slices import seen_targets
from spadework.evaluation.trial import Protocol, judge
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.randomness import generator

FEWEST_USERS = 20
"""Below so many users with something new, the question of new items is not asked."""
DRAWS = 3
"""Controls that are averaged: one draw is luck."""
LARGE = 1e8
"""Pairs of events of one user from which on one control is drawn: it holds enough of everything,
and counting it takes its time. It is the log that decides this, and no budget: an answer must not
depend on the time there was."""
MANY_ROWS = 2_000_000
"""Rows that are learned from where a part of the log is destroyed: it is copied and counted again,
several times.
"""


class Evidence(Answers):
    """Values of settings on a sample of the validation span's users, compared; and the same
    question to other logs, users and items.
    """

    # ---- comparisons

    def change(self, pairs: Sequence[tuple[Recommender, Recommender]]) -> Change:
        """What the second settings give beyond the first, averaged over the pairs, user by user;
        refused where one has no values.
        """
        before, after = zip(*pairs, strict=True)
        self.values([*before, *after])  # counted together
        return self.difference(self.mean_of(before), self.mean_of(after))

    def beyond_trends(self, pairs: Sequence[tuple[Recommender, Recommender]]) -> Change:
        """The same, less what the choice gives where trends are all that is left of the order, user
        by user.
        """
        before, after = zip(*pairs, strict=True)

        def gain(where: Evidence) -> Array:
            where.values([*before, *after])
            return where.mean_of(after) - where.mean_of(before)

        base = self.mean_of(before)
        return self.difference(base, base + self.less_trends(gain))

    def less_trends(self, gain: Callable[[Evidence], Array]) -> Array:
        """A gain [rows], less its mean over the controls; users without a target there are given
        what the others have. Shape [rows].
        """
        trends = np.stack([gain(control) for control in self.without_order])  # [draws, rows]
        usual = float(np.nanmean(trends)) if not np.isnan(trends).all() else 0.0
        return np.asarray(gain(self) - np.where(np.isnan(trends), usual, trends).mean(axis=0))

    def difference(self, base: Array, other: Array) -> Change:
        """The paired difference of two settings' values [users]; refused where no user's differ."""
        return difference(base, other, self.protocol.seed)

    def mean_of(self, models: Sequence[Recommender]) -> Array:
        """Values [rows] averaged over settings; refused where one has none."""
        return np.asarray(np.mean(self.all_of(self.values(models), models), axis=0))

    def on_targets(self, models: Sequence[Recommender], truth: Truth) -> list[Array]:
        """Values of each setting's lists by another truth of the same rows: [rows that have a
        target left]. Refused where a setting has none.
        """
        lists = self.all_of(self.lists_of(models), models)
        kept = np.flatnonzero(truth.sizes > 0)
        if len(kept) < FEWEST_USERS:
            raise CannotTell(f"Only {len(kept)} of {len(self.rows):,} users have such targets.")
        part = replace(self._asked)
        part.__dict__["truth"] = truth.take(kept)
        return [judge(codes[kept], part)[0][part.primary] for codes in lists]

    @property
    def truth(self) -> Truth:
        """The targets of the rows."""
        return self._asked.truth

    # ---- other questions to the same data

    @cached_property
    def new_items(self) -> Evidence:
        """The same, asked of what users take for the first time, where items of the history may
        come back; else this question.

        Users who take nothing new are left out; where hardly anybody does, it is refused.
        """
        if self.protocol.repeats == "forbid":
            return self
        users = self.protocol.truth.users[self.rows]
        protocol = replace(self.protocol, repeats="forbid", novel=True)
        truth = protocol.truth
        rows = np.flatnonzero(np.isin(truth.users, users) & truth.has_history & (truth.sizes > 0))
        if len(rows) < FEWEST_USERS:
            raise CannotTell(
                f"Only {len(rows)} of {len(users):,} users take anything that they never had."
            )
        made = self.beside(protocol, rows)
        made.common = fewer_events(self.common, self.train)
        return made

    @cached_property
    def sampled(self) -> Evidence:
        """The same question to the same users, for questions that destroy a part of the log, copy
        it and count it several times.

        It is learned from `MANY_ROWS` rows at most: of those who are asked, and of others at
        random. Where counting reads the newest events of a user alone, the others are left out
        beforehand: the newest of a reversed or shuffled history would be others.
        """
        split = self.protocol.split
        most = int(self.common.get("newest", CoOccurrence.parameters()["newest"].default))
        train, given = newest(split.train, most), newest(split.given, most)
        if len(train) > MANY_ROWS:
            users = users_within(
                train,
                self.truth.users,
                MANY_ROWS,
                generator(self.protocol.seed, "users learned from"),
            )
            train, given = train.of_user_codes(users), given.of_user_codes(users)
        if len(train) == len(split.train):
            return self
        made = self.of_logs(train=train, given=given)
        made.is_sample = True
        return made

    @cached_property
    def thrifty(self) -> Evidence:
        """The same question, counting fewer events of each user where the log has many pairs; else
        this question.
        """
        fewer = fewer_events(self.common, self.train)
        if fewer == self.common:
            return self
        made = self.of_logs()
        made.common = fewer
        return made

    @cached_property
    def without_order(self) -> tuple[Evidence, ...]:
        """The same question to logs in which items are exchanged among events of about the same
        time.

        What is popular when stays as it is; who took what after what is lost. What order gives
        here, trends give.
        """
        split = self.protocol.split
        if not self.has_control:
            raise CannotTell(
                "The log has no calendar, or histories are not part of what is learned "
                "from: trends cannot be told from order."
            )
        if self.clock.over:
            raise NoTime(OVER)
        random = generator(self.protocol.seed, "without order")
        made = []
        for _ in range(DRAWS if pairs_in(split.train) < LARGE else 1):
            train = exchanged(split.train, random)
            control = self.of_logs(train=train, given=train.of_user_codes(split.given.active_users))
            if self.protocol.repeats == "forbid":
                control.protocol.__dict__["truth"] = self._still_reachable(control.protocol.split)
            made.append(control)
        return tuple(made)

    def _still_reachable(self, control: Split) -> Truth:
        """The targets that are not in a user's exchanged history, too: what is there is forbidden,
        and nobody could hit it.
        """
        exchanged_histories = Truth.of(control)
        both = replace(
            self.protocol.truth,
            seen=exchanged_histories.seen,
            seen_items=exchanged_histories.seen_items,
        )
        return self.protocol.truth.only(~seen_targets(both))

    @cached_property
    def next_moment(self) -> Evidence:
        """The same question, asked of each user's next basket alone, or of the next moment where no
        baskets are named.
        """
        protocol = replace(
            self.protocol,
            split=replace(
                self.protocol.split,
                expected=first_moments(self.protocol.split.expected),
                valid=None,
            ),
        )
        return self.beside(protocol, self.rows)

    def of_logs(
        self, *, train: Interactions | None = None, given: Interactions | None = None
    ) -> Evidence:
        """The same question to the same users with another `train`, another `given` or both; what
        is expected stays.
        """
        split = self.protocol.split
        split = replace(
            split,
            train=split.train if train is None else train,
            given=split.given if given is None else given,
            valid=None,
        )
        protocol = replace(self.protocol, split=split)
        protocol.__dict__["truth"] = self.protocol.truth
        return self.beside(protocol, self.rows)

    @property
    def has_control(self) -> bool:
        """Whether items can be exchanged in a calendar that holds the histories, too; else trends
        cannot be told from order.
        """
        return self.has_calendar and self.learns_histories

    @cached_property
    def learns_histories(self) -> bool:
        """Whether what is given of users is part of what is learned from."""
        split = self.protocol.split
        return len(split.train.of_user_codes(split.given.active_users)) == len(split.given)

    @property
    def has_calendar(self) -> bool:
        """Whether times are dates, not positions in a sequence."""
        return has_calendar(self.train)

    def beside(self, protocol: Protocol, rows: Array) -> Evidence:
        """Evidence of another question to the same data."""
        made = Evidence(
            protocol,
            self.content,
            rows,
            common=self.common,
            until=self.until,
            memory=self.memory,
            candidates=self.candidates,
            is_sample=self.is_sample,
        )
        made.clock = self.clock
        return made

    def among_items(self, items: Mask) -> Evidence:
        """The same question, answered with some of the items [items] alone; what is learned
        stays.
        """
        made = self.of_logs()
        made.candidates = self.train.item_vocabulary.ids.filter(pl.Series(items))
        return made
