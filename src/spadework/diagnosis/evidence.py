"""What probes read: the deciding metric of each user under two settings that differ in one choice,
and the uncertainty of the difference.

Values of settings that a sweep judged on the same users before are reused; the other settings are
fitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Mask
from spadework.data.cuts import has_calendar
from spadework.data.interactions import Interactions
from spadework.data.splitting import Split
from spadework.diagnosis.answers import OVER, Answers
from spadework.diagnosis.change import CannotTell, Change, NoTime, difference
from spadework.diagnosis.common import KEEP as KEEP
from spadework.diagnosis.common import fewer_events, pairs_in
from spadework.diagnosis.controls import exchange_items, first_steps, latest_events, users_within
from spadework.evaluation.slices import seen_targets
from spadework.evaluation.trial import Protocol, judge
from spadework.evaluation.truth import Truth
from spadework.models.base import Recommender
from spadework.models.cooccurrence.operator import CoOccurrence
from spadework.randomness import generator

FEWEST_USERS = 20
"""Fewest users with a new item for a question about new items."""
DRAWS = 3
"""Controls that are averaged, since a single draw is noisy."""
LARGE = 1e8
"""From so many pairs of events of one user on, one control is drawn: it is large enough, and costly
to count. The log decides this, not the budget: an answer must not depend on the time available.
"""
MANY_ROWS = 2_000_000
"""Most rows to fit on where a part of the log is destroyed: such a log is copied and counted
several times.
"""


class Evidence(Answers):
    """Comparisons of settings on a sample of the validation span's users, and the same question for
    other logs, targets and items.
    """

    # ---- comparisons

    def change(self, pairs: Sequence[tuple[Recommender, Recommender]]) -> Change:
        """The change from the first to the second setting, averaged over the pairs, user by user.
        Raises `CannotTell` where a setting has no values.
        """
        before, after = zip(*pairs, strict=True)
        self.values([*before, *after])  # counted together
        return self.difference(self.mean_of(before), self.mean_of(after))

    def beyond_trends(self, pairs: Sequence[tuple[Recommender, Recommender]]) -> Change:
        """The same, less the gain of the choice on the controls, where trends are all that is left
        of the order.
        """
        before, after = zip(*pairs, strict=True)

        def gain(evidence: Evidence) -> Array:
            evidence.values([*before, *after])
            return evidence.mean_of(after) - evidence.mean_of(before)

        base = self.mean_of(before)
        return self.difference(base, base + self.less_trends(gain))

    def less_trends(self, gain: Callable[[Evidence], Array]) -> Array:
        """A gain [rows], less its mean over the controls; a user without a target there counts as
        the mean user. Shape [rows].
        """
        trends = np.stack([gain(control) for control in self.without_order])  # [draws, rows]
        mean_trend = float(np.nanmean(trends)) if not np.isnan(trends).all() else 0.0
        return np.asarray(gain(self) - np.where(np.isnan(trends), mean_trend, trends).mean(axis=0))

    def difference(self, base: Array, other: Array) -> Change:
        """The paired difference of two settings' values [users]; see `change.difference`."""
        return difference(base, other, self.protocol.seed)

    def mean_of(self, models: Sequence[Recommender]) -> Array:
        """Values [rows], averaged over settings. Raises `CannotTell` where one has none."""
        return np.asarray(np.mean(self.require_all(self.values(models), models), axis=0))

    def on_targets(self, models: Sequence[Recommender], truth: Truth) -> list[Array]:
        """Values of each setting's lists by another truth of the same rows. Shape [rows with a
        target left]. Raises `CannotTell` where a setting has no lists or too few rows are left.
        """
        lists = self.require_all(self.lists_of(models), models)
        kept = np.flatnonzero(truth.sizes > 0)
        if len(kept) < FEWEST_USERS:
            raise CannotTell(
                f"With such targets: only {len(kept)} of "
                f"{formatting.count(len(self.rows), 'user')}."
            )
        part = self._row_protocol.expecting(truth.take(kept))
        return [judge(codes[kept], part)[0][part.primary] for codes in lists]

    @property
    def truth(self) -> Truth:
        """Targets of the sampled users."""
        return self._row_protocol.truth

    # ---- other questions on the same data

    @cached_property
    def new_items(self) -> Evidence:
        """The same question for items that are new to a user, where repeats are allowed; else this
        question.

        Users without a new item are left out. Raises `CannotTell` where too few users are left.
        """
        if self.protocol.repeats == "forbid":
            return self
        users = self.protocol.truth.users[self.rows]
        protocol = replace(self.protocol, repeats="forbid", novel=True)
        truth = protocol.truth
        rows = np.flatnonzero(np.isin(truth.users, users) & truth.has_history & (truth.sizes > 0))
        if len(rows) < FEWEST_USERS:
            raise CannotTell(
                f"With an item that is new to them: only {len(rows)} of "
                f"{formatting.count(len(users), 'user')}."
            )
        other_evidence = self.for_protocol(protocol, rows)
        other_evidence.common = fewer_events(self.common, self.train)
        return other_evidence

    @cached_property
    def sampled(self) -> Evidence:
        """The same question for the same users, for probes that destroy a part of the log, copy it
        and count it several times.

        Models are fitted on at most `MANY_ROWS` rows: those of the sampled users, and of others at
        random. Where counting reads only the latest events of a user, the earlier events are left
        out before: the latest events of a reversed or shuffled history would be others.
        """
        split = self.protocol.split
        most = int(self.common.get("max_length", CoOccurrence.parameters()["max_length"].default))
        train, given = latest_events(split.train, most), latest_events(split.given, most)
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
        other_evidence = self.of_logs(train=train, given=given)
        other_evidence.is_sample = True
        return other_evidence

    @cached_property
    def with_fewer_events(self) -> Evidence:
        """The same question with fewer events counted per user where the log has many pairs; else
        this question.
        """
        fewer = fewer_events(self.common, self.train)
        if fewer == self.common:
            return self
        other_evidence = self.of_logs()
        other_evidence.common = fewer
        return other_evidence

    @cached_property
    def without_order(self) -> tuple[Evidence, ...]:
        """The controls: the same question for logs in which items are exchanged among events of
        about the same time.

        The popularity of items at each time stays; which item follows which is lost. A gain from
        order on these logs comes from trends.
        """
        split = self.protocol.split
        if not self.has_control:
            raise CannotTell(
                "The log has no calendar, or histories are not part of the training data: "
                "trends cannot be told from order."
            )
        if self.clock.over:
            raise NoTime(OVER)
        random = generator(self.protocol.seed, "without order")
        controls = []
        for _ in range(DRAWS if pairs_in(split.train) < LARGE else 1):
            train = exchange_items(split.train, random)
            control = self.of_logs(train=train, given=train.of_user_codes(split.given.active_users))
            if self.protocol.repeats == "forbid":
                reachable = self._still_reachable(control.protocol.split)
                control = self.for_protocol(control.protocol.expecting(reachable), self.rows)
            controls.append(control)
        return tuple(controls)

    def _still_reachable(self, control: Split) -> Truth:
        """The targets that are not in the user's exchanged history either: items of the history may
        not be recommended, so no model could hit them.
        """
        exchanged_histories = Truth.of(control)
        both = replace(
            self.protocol.truth,
            seen=exchanged_histories.seen,
            seen_items=exchanged_histories.seen_items,
        )
        return self.protocol.truth.only(~seen_targets(both))

    @cached_property
    def next_step(self) -> Evidence:
        """The same question for each user's next basket alone, or the events of the next timestamp
        where the log has no baskets.
        """
        protocol = replace(
            self.protocol,
            split=replace(
                self.protocol.split,
                expected=first_steps(self.protocol.split.expected),
                valid=None,
            ),
        )
        return self.for_protocol(protocol, self.rows)

    def of_logs(
        self, *, train: Interactions | None = None, given: Interactions | None = None
    ) -> Evidence:
        """The same question for the same users with another `train`, another `given` or both; the
        targets stay.
        """
        split = self.protocol.split
        split = replace(
            split,
            train=split.train if train is None else train,
            given=split.given if given is None else given,
            valid=None,
        )
        protocol = replace(self.protocol, split=split).expecting(self.protocol.truth)
        return self.for_protocol(protocol, self.rows)

    @property
    def has_control(self) -> bool:
        """Whether controls can be made: the log has dates, and histories are part of the training
        data. Else trends cannot be told from order.
        """
        return self.has_calendar and self.learns_histories

    @cached_property
    def learns_histories(self) -> bool:
        """Whether the given histories are part of the training data."""
        split = self.protocol.split
        return len(split.train.of_user_codes(split.given.active_users)) == len(split.given)

    @property
    def has_calendar(self) -> bool:
        """Whether times are dates, not positions in a sequence."""
        return has_calendar(self.train)

    def for_protocol(self, protocol: Protocol, rows: Array) -> Evidence:
        """Evidence for another protocol on the same data, with the same clock."""
        other_evidence = Evidence(
            protocol,
            self.content,
            rows,
            common=self.common,
            until=self.until,
            memory=self.memory,
            candidates=self.candidates,
            is_sample=self.is_sample,
        )
        other_evidence.clock = self.clock
        return other_evidence

    def among_items(self, items: Mask) -> Evidence:
        """The same question, where only the items of this mask [items] may be recommended; the
        training data stay.
        """
        other_evidence = self.of_logs()
        other_evidence.candidates = self.train.item_vocabulary.ids.filter(pl.Series(items))
        return other_evidence
