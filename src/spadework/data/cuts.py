"""What a cut of a log is, and the one place where rows become known, given and expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from spadework.arrays import Array, Codes, Mask, Seconds, distinct, members
from spadework.data.interactions import Interactions
from spadework.errors import UnknownName, Unsuitable

CALENDAR = 31_536_000  # seconds in 1970: smaller times are positions in a sequence, not a calendar


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """Two questions that a leak confuses have different names: what was `given`, and what was
    `expected` of it.
    """

    train: Interactions  # what a model may learn from
    given: Interactions  # what it may see of each judged user
    expected: Interactions  # what then happened
    name: str
    says: str  # the protocol in one sentence
    span: str = ""  # dates of the expected events, where there is a calendar
    leak: str | None = None  # what the way of cutting leaks, with the share
    valid: Split | None = None  # a cut of `train` made the same way, for choices
    target: str | None = None  # the kind of event that is expected; None expects all kinds
    left_out: int = 0  # rows of other kinds in the expected part: neither known nor expected

    @property
    def users(self) -> Codes:
        """Users of whom something is expected, ascending."""
        return self.expected.active_users

    @property
    def users_without_history(self) -> Codes:
        """Expected users of whom nothing is given."""
        return np.setdiff1d(self.users, self.given.active_users).astype(np.int32)

    @property
    def cold_share(self) -> float:
        """Share of expected events whose item is not in train. They count as misses."""
        if not len(self.expected):
            return 0.0
        return float((self.train.item_counts[self.expected.items] == 0).mean())

    @cached_property
    def repeat_share(self) -> float:
        """Mean over users with history of the share of their expected items that they had
        before.
        """
        expected = _pairs(self.expected)
        seen = members(expected, _pairs(self.given))
        users = expected // self.expected.item_count
        total = np.bincount(users, minlength=self.expected.user_count)
        repeated = np.bincount(users, weights=seen, minlength=self.expected.user_count)
        judged = np.setdiff1d(self.users, self.users_without_history)
        return float((repeated[judged] / total[judged]).mean()) if len(judged) else 0.0

    def describe(self) -> dict[str, Any]:
        """Facts about the cut, for reports and JSON."""
        return {
            "name": self.name,
            "split": self.says,
            "span": self.span,
            "leak": self.leak,
            "train_rows": len(self.train),
            "expected_rows": len(self.expected),
            "target": self.target,
            "left_out_rows": self.left_out,
            "users": len(self.users),
            "users_without_history": len(self.users_without_history),
            "target_repeat_share": self.repeat_share,
            "cold_target_share": self.cold_share,
        }


def cut(
    log: Interactions,
    tested: Mask,
    name: str,
    says: str,
    *,
    leaks: bool = False,
    given: Mask | None = None,
    target: str | None = None,
) -> Split:
    """Tested rows against the rest. Given are the rest's rows of the users of whom something is
    expected.

    With a `target`, tested rows of other kinds are neither known nor expected; they are counted.
    """
    wanted, says = aim(log, tested, target, says)
    seen = np.zeros(len(log), np.bool_) if given is None else given
    train = log.where(~tested & ~seen)
    expected = log.where(wanted)
    return Split(
        train=train,
        given=log.where(~tested).of_user_codes(expected.active_users),
        expected=expected,
        name=name,
        says=says,
        span=dates(expected.times),
        leak=leak_of(train, expected) if leaks else None,
        target=target,
        left_out=int(tested.sum()) - len(expected),
    )


def has_calendar(log: Interactions) -> bool:
    """Whether times are dates, not positions in a sequence."""
    return log.times is not None and len(log) > 0 and int(log.times.max()) >= CALENDAR


def goals(log: Interactions, target: str | None) -> Mask:
    """Rows of the kind that is to be predicted; all rows without a target. Shape [rows]."""
    if target is None:
        return np.ones(len(log), np.bool_)
    if not log.kind_names:
        raise Unsuitable(
            f"The target is {target!r}, but nothing says what kind the events of the log are.",
            "Name the event column, or leave the target out.",
        )
    if target not in log.kind_names:
        raise UnknownName("kind of event", target, log.kind_names)
    return log.is_kind(target)


def aim(log: Interactions, tested: Mask, target: str | None, says: str) -> tuple[Mask, str]:
    """Which of the tested rows are expected, and the protocol with the rows that are not."""
    wanted = tested & goals(log, target)
    if target is None:
        return wanted, says
    others = int(tested.sum() - wanted.sum())
    aside = f" ({others:,} tested rows of other kinds left out)" if others else ""
    return wanted, f"{says}; only {target!r} is expected{aside}"


def leak_of(train: Interactions, expected: Interactions) -> str | None:
    """How much of the training data lies after the events it is asked to predict."""
    if not len(expected) or not len(train):
        return None
    if train.times is None or expected.times is None:
        return (
            "This split ignores time; without times nobody can say how much of the future it leaks."
        )
    if int(train.times.max()) < CALENDAR:
        return (
            "This split ignores the calendar; times here are positions, so nobody can say how "
            "much of the future it leaks."
        )
    if int(train.times.min()) == int(expected.times.max()):
        return (
            "This split ignores time; all events have the same one, so nobody can say how much "
            "of the future it leaks."
        )
    ordered = np.sort(train.times)
    later = 1 - np.searchsorted(ordered, expected.times, side="right") / len(ordered)
    return (
        f"This split leaks the future: on average {later.mean():.1%} of the training rows are "
        "later than the event they help to predict."
    )


def day(moment: int) -> str:
    """The date of a moment."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def dates(times: Seconds | None) -> str:
    """First and last date, or nothing where there is no calendar."""
    if times is None or not len(times) or int(times.max()) < CALENDAR:
        return ""
    return f"{day(int(times.min()))} … {day(int(times.max()))}"


def _pairs(log: Interactions) -> Array:
    """Distinct (user, item) pairs as single numbers, ascending."""
    return distinct(log.users.astype(np.int64) * log.item_count + log.items)
