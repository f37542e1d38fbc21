"""Ways to cut a log into what may be learned from, what is given, and what then happened. A shelf: one function, one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl

from spadework import durations
from spadework.arrays import Array, Codes, Mask, Seconds, distinct, members
from spadework.data.interactions import Interactions
from spadework.errors import BadData, BadRequest, Unsuitable
from spadework.randomness import Seed, generator
from spadework.shelf import Shelf

DAY = 86_400
_CALENDAR = 31_536_000  # seconds in 1970: smaller times are positions in a sequence, not a calendar


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """Two questions that a leak confuses have different names: what was `given`, and what was `expected` of it."""

    train: Interactions  # what a model may learn from
    given: Interactions  # what it may see of each judged user
    expected: Interactions  # what then happened
    name: str
    says: str  # the protocol in one sentence
    span: str = ""  # dates of the expected events, where there is a calendar
    leak: str | None = None  # what the way of cutting leaks, with the share
    valid: Split | None = None  # a cut of `train` made the same way, for choices

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
        """Mean over users with history of the share of their expected items that they had before."""
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
            "users": len(self.users),
            "users_without_history": len(self.users_without_history),
            "target_repeat_share": self.repeat_share,
            "cold_target_share": self.cold_share,
        }


splits: Shelf[Callable[..., Split]] = Shelf("split")
F = TypeVar("F", bound=Callable[..., Split])


def split(function: F) -> F:
    """Place a way to cut on the shelf."""
    splits.place(function.__name__, function)
    return function


@split
def by_time(log: Interactions, *, test: str | float = 0.1, valid: str | float | None = None) -> Split:
    """Everything from a moment on is expected, everything before it is known: one clock for all users.

    `test` is a duration ("7d") or the share of rows that are tested (0.1); rows of one second are never parted. With `valid`, the
    span before the test span is cut the same way; as a share it has the length in time of the test span, or holds that share of the
    train rows where such a length would leave less than half of them. O(rows).
    """
    times = _calendar(log, "by_time")
    last = int(times.max())
    start = _boundary(times, test, "test")
    train = log.where(times < start)
    inner = None
    if valid is not None:
        length = durations.seconds(valid, "valid span") if isinstance(valid, str) else _validation_length(train, start, last, valid)
        inner = _cut_at(train, round(start - length), "by_time", f"validation: {_span_words(length)} before the test span")
    return replace(_cut_at(log, start, "by_time", f"global time split: last {_span_words(last + 1 - start)}"), valid=inner)


@split
def last_item(log: Interactions, *, valid: bool = False) -> Split:
    """The last event of each user with two or more is expected (leave-one-out). It leaks the future; the share is told."""

    def cut(part: Interactions) -> Split:
        if part.times is None:
            raise Unsuitable("The split 'last_item' needs times, and the log has none.", "Name the time column, or use the split 'random'.")
        index = np.arange(len(part))
        ends = part.starts[1:][part.users]
        lengths = np.diff(part.starts)[part.users]
        return _cut(part, (index == ends - 1) & (lengths >= 2), "last_item", "leave-one-out: the last event of each user", leaks=True)

    whole = cut(log)
    return replace(whole, valid=cut(whole.train) if valid else None)


@split
def last_basket(log: Interactions, *, valid: bool = False) -> Split:
    """The last basket of each user with two or more is expected. It leaks the future; the share is told."""

    def cut(part: Interactions) -> Split:
        if part.baskets is None and part.times is None:
            raise Unsuitable("The split 'last_basket' needs baskets or times.", "Name the basket column, or use the split 'random'.")
        keys = part.basket_keys()
        latest = np.full(part.user_count, -1, np.int64)
        first = np.full(part.user_count, np.iinfo(np.int64).max)
        np.maximum.at(latest, part.users, keys)
        np.minimum.at(first, part.users, keys)
        mask = (keys == latest[part.users]) & (latest != first)[part.users]
        return _cut(part, mask, "last_basket", "the last basket of each user", leaks=True)

    whole = cut(log)
    return replace(whole, valid=cut(whole.train) if valid else None)


@split
def strong(log: Interactions, *, users: float = 0.2, given: float = 0.8, valid: bool = False, rng: Seed = None) -> Split:
    """Strong generalisation: a share of the users is unseen in training; the first part of their history is given, the rest expected.

    Without times the given part is drawn at random. Users with fewer than two events stay in training.
    """
    _share(users, "users")
    _share(given, "given")

    def cut(part: Interactions, generator_name: str) -> Split:
        random = generator(rng, generator_name)
        lengths = np.diff(part.starts)
        able = np.flatnonzero(lengths >= 2)
        held = np.zeros(part.user_count, np.bool_)
        held[random.permutation(able)[: max(round(users * len(able)), min(1, len(able)))]] = True
        place = _places(part, None if part.times is not None else random)
        quota = np.clip(np.round(lengths * given), 1, np.maximum(lengths - 1, 1))
        later = held[part.users] & (place >= quota[part.users])
        train, expected = part.where(~held[part.users]), part.where(later)
        return Split(
            train=train,
            given=part.where(held[part.users] & ~later),
            expected=expected,
            name="strong",
            says=f"strong generalisation: {users:.0%} of the users unseen, {given:.0%} of their history given",
            leak=_leak(train, expected),
        )

    whole = cut(log, "split:strong")
    return replace(whole, valid=cut(whole.train, "split:strong:valid") if valid else None)


@split
def random(log: Interactions, *, test: float = 0.2, valid: bool = False, rng: Seed = None) -> Split:
    """A random share of each user's events is expected. It knows no time, so it leaks the future; the share is told."""
    _share(test, "test")

    def cut(part: Interactions, generator_name: str) -> Split:
        lengths = np.diff(part.starts)
        place = _places(part, generator(rng, generator_name))
        quota = np.where(lengths >= 2, np.clip(np.round(lengths * test), 1, np.maximum(lengths - 1, 1)), 0)
        return _cut(part, place < quota[part.users], "random", f"random {test:.0%} of each user's events", leaks=True)

    whole = cut(log, "split:random")
    return replace(whole, valid=cut(whole.train, "split:random:valid") if valid else None)


@split
def from_column(
    log: Interactions, labels: Any, *, train: str = "train", test: str = "test", valid: str | None = None, given: str | None = None
) -> Split:
    """A cut that somebody else made: one label per row of the log, in the order of `log.frame()`.

    `sw.read_split(source, column)` reads a table and its split column in one step. Rows labelled `valid` are trained on in the final
    fit and expected in the validation cut. Rows labelled `given` are seen only when asked. An unknown label is an error.
    """
    names = pl.Series(labels).cast(pl.String)
    if len(names) != len(log):
        raise BadRequest(f"There are {len(names)} labels for {len(log)} rows.", "Give one label per row, in the order of log.frame().")
    known = [name for name in (train, valid, given, test) if name is not None]
    strange = names.filter(~names.is_in(known) | names.is_null())
    if len(strange):
        raise BadData(
            f"The split column holds {strange[0]!r} ({len(strange)} rows), which is none of {', '.join(known)}.",
            "Name the labels with train=, valid=, given= and test=.",
        )
    is_valid = (names == valid).to_numpy() if valid is not None else np.zeros(len(log), np.bool_)
    is_test = (names == test).to_numpy()
    is_given = (names == given).to_numpy() if given is not None else np.zeros(len(log), np.bool_)
    whole = _cut(log, is_test, "from_column", f"the split of the data: rows labelled {test!r}", given=is_given)
    if valid is None:
        return whole
    inner = _cut(whole.train, is_valid[~is_test & ~is_given], "from_column", f"rows labelled {valid!r}")
    return replace(whole, valid=inner)


def _cut_at(log: Interactions, start: int, name: str, says: str) -> Split:
    assert log.times is not None
    expected = log.times >= start
    if expected.all() or not expected.any():
        side = "nothing before" if expected.all() else "nothing from"
        raise Unsuitable(f"The cut at {_day(start)} leaves {side} it.", "Choose a shorter test span, such as test='7d' or test=0.1.")
    return _cut(log, expected, name, says)


def _cut(log: Interactions, expected: Mask, name: str, says: str, *, leaks: bool = False, given: Mask | None = None) -> Split:
    """Expected rows against the rest; what is given are the rest's rows of the users of whom something is expected."""
    seen = np.zeros(len(log), np.bool_) if given is None else given
    train = log.where(~expected & ~seen)
    target = log.where(expected)
    history = log.where(~expected).of_users(target.active_users)
    return Split(
        train=train,
        given=history,
        expected=target,
        name=name,
        says=says,
        span=_dates(target.times),
        leak=_leak(train, target) if leaks else None,
    )


def _leak(train: Interactions, expected: Interactions) -> str | None:
    """How much of the training data lies after the events it is asked to predict."""
    if not len(expected) or not len(train):
        return None
    if train.times is None or expected.times is None:
        return "This split ignores time; without times nobody can say how much of the future it leaks."
    if int(train.times.max()) < _CALENDAR:
        return "This split ignores the calendar; times here are positions, so nobody can say how much of the future it leaks."
    ordered = np.sort(train.times)
    later = 1 - np.searchsorted(ordered, expected.times, side="right") / len(ordered)
    return f"This split leaks the future: on average {later.mean():.1%} of the training rows are later than the event they help to predict."


def _pairs(log: Interactions) -> Array:
    """Distinct (user, item) pairs as single numbers, ascending."""
    return distinct(log.users.astype(np.int64) * log.item_count + log.items)


def _places(log: Interactions, random: np.random.Generator | None) -> Array:
    """Place of each row among its user's rows: in order of time, or drawn at random. Shape [rows]."""
    if random is None:
        return np.arange(len(log)) - log.starts[log.users]
    order = np.lexsort((random.random(len(log)), log.users))
    places = np.empty(len(log), np.int64)
    places[order] = np.arange(len(log)) - log.starts[log.users]
    return places


def _calendar(log: Interactions, name: str) -> Seconds:
    if log.times is None or not len(log):
        raise Unsuitable(f"The split {name!r} needs times, and the log has none.", "Name the time column, or use the split 'random'.")
    if int(log.times.max()) < _CALENDAR:
        raise Unsuitable(
            f"The split {name!r} needs a calendar, but the times are positions (largest {int(log.times.max())}).",
            "Use the split 'last_item'.",
        )
    return log.times


def _boundary(times: Seconds, span: str | float, what: str) -> int:
    if isinstance(span, str):
        return round(int(times.max()) + 1 - durations.seconds(span, f"{what} span"))
    _share(span, what)
    return int(np.partition(times, int(len(times) * (1 - span)))[int(len(times) * (1 - span))])


def _validation_length(train: Interactions, start: int, last: int, share: float) -> int:
    """As long as the test span, unless the log thins out so much that less than half of the train rows would remain."""
    assert train.times is not None
    length = last + 1 - start
    if int((train.times < start - length).sum()) >= len(train) / 2:
        return length
    return start - _boundary(train.times, share, "valid")


def _share(value: float, what: str) -> None:
    if not 0 < value < 1:
        raise BadRequest(f"The share {what}={value} is not between 0 and 1.", "Give a share such as 0.1, or a duration such as '7d'.")


def _span_words(span: float) -> str:
    return durations.words(span)


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _dates(times: Seconds | None) -> str:
    if times is None or not len(times) or int(times.max()) < _CALENDAR:
        return ""
    return f"{_day(int(times.min()))} … {_day(int(times.max()))}"
