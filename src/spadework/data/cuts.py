"""A cut of a log: the only module that divides rows into known, given and expected ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Codes, Mask, Seconds, distinct, members
from spadework.data.interactions import Interactions
from spadework.data.returns import known_before
from spadework.data.spans import CALENDAR
from spadework.errors import UnknownName, Unsuitable


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """A log cut into train, given and expected rows. What was `given` and what was `expected` have
    different names, so that a leak cannot confuse them.
    """

    train: Interactions  # what a model may learn from
    given: Interactions  # what a model may see of each judged user
    expected: Interactions  # what then happened
    name: str
    description: str  # the protocol in one sentence
    span: str = ""  # dates of the expected events, where there is a calendar
    leak: str | None = None  # what the way of cutting leaks, with the share
    valid: Split | None = None  # a cut of `train` made the same way, for choices
    target: str | None = None  # the event type that is expected; None expects all types
    left_out: int = 0  # rows of other types in the expected part: neither known nor expected
    remarks: tuple[str, ...] = ()  # what users should know of a cut that was made elsewhere

    @property
    def users(self) -> Codes:
        """Users with expected events, ascending."""
        return self.expected.active_users

    @cached_property
    def users_without_history(self) -> Codes:
        """Expected users without given events, ascending."""
        return self.users[~members(self.users, self.given.active_users)]

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
        judged = self.users[members(self.users, self.given.active_users)]
        return float((repeated[judged] / total[judged]).mean()) if len(judged) else 0.0

    def describe(self) -> dict[str, Any]:
        """Facts about the cut, for reports and JSON."""
        return {
            "name": self.name,
            "split": self.description,
            "span": self.span,
            "leak": self.leak,
            "remarks": list(self.remarks),
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
    description: str,
    *,
    leaks: bool = False,
    given: Mask | None = None,
    target: str | None = None,
    start: int | None = None,
    timeless: bool = False,
) -> Split:
    """Cut tested rows from the rest. Given are the other rows of the users with expected
    events.

    With a `target`, tested rows of other event types are neither known nor expected; they are
    counted. `start` is the first second that is tested, where it is the same for all users. What
    happened later, or from a user's first tested row on, is not known: items that the user must not
    be shown, and, but in a `timeless` cut, returns.
    """
    if log.unwanted is not None:
        log = replace(log, unwanted=log.unwanted.before(log, tested, start))
    is_expected, description = aim(log, tested, target, description)
    seen = np.zeros(len(log), np.bool_) if given is None else given
    expected = log.where(is_expected)
    if log.returns is None or timeless:
        train, known = log.where(~tested & ~seen), log.where(~tested)
    else:
        limits = _limits(log, tested, start)
        apart = np.bincount(log.users[seen], minlength=log.user_count) > 0
        train = known_before(log, ~tested & ~seen, limits, apart)
        known = known_before(log, ~tested, limits)
    return Split(
        train=train,
        given=known.of_user_codes(expected.active_users),
        expected=expected,
        name=name,
        description=description,
        span=dates(expected.times),
        leak=leak_of(train, expected) if leaks else None,
        target=target,
        left_out=int(tested.sum()) - len(expected),
    )


def _limits(log: Interactions, tested: Mask, start: int | None) -> Array:
    """The second from which on nothing is known of a user: `start`, else that of their first tested
    row; the largest number for users without any. Shape [users].
    """
    limits = np.full(log.user_count, np.iinfo(np.int64).max)
    if start is not None:
        limits[:] = start
    elif log.times is not None:
        np.minimum.at(limits, log.users[tested], log.times[tested])
    return limits


def has_calendar(log: Interactions) -> bool:
    """Whether times are dates, not positions in a sequence."""
    return log.times is not None and len(log) > 0 and int(log.times.max()) >= CALENDAR


def goals(log: Interactions, target: str | None) -> Mask:
    """Rows of the event type that is to be predicted; all rows without a target. Shape [rows]."""
    if target is None:
        return np.ones(len(log), np.bool_)
    if not log.event_type_names:
        raise Unsuitable(
            f"The target is {target!r}, but the log has no event types.",
            "Name the event column, or leave the target out.",
        )
    if target not in log.event_type_names:
        raise UnknownName("event type", target, log.event_type_names)
    return log.is_event_type(target)


def aim(log: Interactions, tested: Mask, target: str | None, description: str) -> tuple[Mask, str]:
    """Which of the tested rows are expected, and the description with the number of those that are
    not.
    """
    is_expected = tested & goals(log, target)
    if target is None:
        return is_expected, description
    left_out_rows = int(tested.sum() - is_expected.sum())
    addition = (
        f" ({formatting.count(left_out_rows, 'tested row')} of other event types left out)"
        if left_out_rows
        else ""
    )
    return is_expected, f"{description}; only {target!r} is expected{addition}"


def leak_of(train: Interactions, expected: Interactions) -> str | None:
    """How much of the training data is later than the events that it helps to predict."""
    if not len(expected) or not len(train):
        return None
    if train.times is None or expected.times is None:
        return "This split ignores time; without times the leak of the future is unknown."
    if int(train.times.max()) < CALENDAR:
        return (
            "This split ignores the calendar; times here are positions, so the leak of the "
            "future is unknown."
        )
    if int(train.times.min()) == int(expected.times.max()):
        return (
            "This split ignores time; all events have the same one, so the leak of the "
            "future is unknown."
        )
    ordered = np.sort(train.times)
    later = 1 - np.searchsorted(ordered, expected.times, side="right") / len(ordered)
    return (
        f"This split leaks the future: on average {later.mean():.1%} of the training rows are "
        "later than the event they help to predict."
    )


def checked(split: Split) -> Split:
    """A cut that was made elsewhere, with what it leaks and which of its test rows stand in train,
    too; cuts of our own need no such check.
    """
    train, expected = split.train, split.expected
    clean = (
        has_calendar(train)
        and has_calendar(expected)
        and int(train.times.max()) <= int(expected.times.min())  # type: ignore[union-attr]
    )
    copies = _copies(train, expected)
    return replace(
        split,
        leak=None if clean else leak_of(train, expected),
        remarks=split.remarks if copies is None else (*split.remarks, copies),
    )


def _copies(train: Interactions, expected: Interactions) -> str | None:
    """How many expected rows are rows of train."""
    timed = train.times is not None and expected.times is not None
    rows, known = (
        pl.DataFrame(
            {"user": log.users, "item": log.items, **({"time": log.times} if timed else {})}
        )
        for log in (expected, train)
    )
    found = rows.join(known, on=rows.columns, how="semi")
    if not len(found):
        return None
    user, item = found.row(0)[:2]
    what = "user, item and time" if timed else "user and item (there are no times)"
    return (
        f"Test rows that stand in train, too, with the same {what}: {len(found):,} of "
        f"{len(rows):,}, such as user {expected.user_vocabulary.ids[user]!r}, item "
        f"{expected.item_vocabulary.ids[item]!r}. Models have seen them, so the numbers are too "
        "high where repeats may be recommended."
    )


def day(seconds: int) -> str:
    """The date of epoch seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def dates(times: Seconds | None) -> str:
    """First and last date, or nothing where there is no calendar."""
    if times is None or not len(times) or int(times.max()) < CALENDAR:
        return ""
    return f"{day(int(times.min()))} … {day(int(times.max()))}"


def _pairs(log: Interactions) -> Array:
    """Distinct (user, item) pairs as single numbers, ascending."""
    return distinct(log.users.astype(np.int64) * log.item_count + log.items)
