"""Ways to cut a log into train, given and expected rows: a registry with one function per
split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import polars as pl

from spadework import durations, formatting
from spadework.arrays import Array
from spadework.data import cuts
from spadework.data.cuts import Split
from spadework.data.interactions import Interactions
from spadework.data.split_times import (
    boundary,
    calendar_of,
    check_share,
    cut_at,
    first_second,
    times_of,
    validation_length,
)
from spadework.errors import BadData, BadRequest, Unsuitable
from spadework.randomness import Seed, generator
from spadework.registry import Registry

__all__ = [
    "Split",
    "by_time",
    "from_column",
    "last_basket",
    "last_item",
    "random",
    "splits",
    "strong",
]


splits: Registry[Callable[..., Split]] = Registry("split")
F = TypeVar("F", bound=Callable[..., Split])


def split(function: F) -> F:
    """Register a split under its function's name."""
    splits.register(function.__name__, function)
    return function


@split
def by_time(
    log: Interactions,
    *,
    test: str | float = 0.1,
    valid: str | float | None = None,
    target: str | None = None,
) -> Split:
    """Events from a timestamp on are expected, events before it are known: one clock for all
    users.

    `test` is a duration ("7d") or the share of rows that are tested (0.1); rows of one second are
    never parted. With `valid`, the span before the test span is cut the same way; as a share it has
    the length in time of the test span, or holds that share of the train rows where such a length
    would leave less than half of them. With a `target`, such as "purchase", only events of that
    type are expected; later events of other types are left out. Returns from that timestamp on are
    not known. O(rows).
    """
    calendar_of(log, "by_time")
    last = log.end
    start = boundary(log, test, "test")
    outer = cut_at(
        log,
        start,
        "by_time",
        f"global time split: last {durations.words(last + 1 - start)}",
        target,
    )
    train = outer.train
    inner = None
    if valid is not None:
        length = (
            durations.seconds(valid, "valid span")
            if isinstance(valid, str)
            else validation_length(train, start, last, valid)
        )
        inner = cut_at(
            train,
            round(start - length),
            "by_time",
            f"validation: {durations.words(length)} before the test span",
            target,
        )
    return replace(outer, valid=inner)


@split
def last_item(log: Interactions, *, valid: bool = False, target: str | None = None) -> Split:
    """The last event of each user with two or more is expected (leave-one-out). It leaks the
    future; the share is reported.

    With a `target`, it is the last event of that type that has any event before it; later events
    of the user are left out.
    """

    def cut(part: Interactions) -> Split:
        times_of(part, "last_item")
        latest = _latest(part, np.arange(len(part)), target)
        tested = (np.arange(len(part)) >= latest[part.users]) & (latest > part.starts[:-1])[
            part.users
        ]
        return cuts.cut(
            part,
            tested,
            "last_item",
            "leave-one-out: the last event of each user",
            leaks=True,
            target=target,
        )

    outer = cut(log)
    return replace(outer, valid=cut(outer.train) if valid else None)


@split
def last_basket(log: Interactions, *, valid: bool = False, target: str | None = None) -> Split:
    """The last basket of each user with two or more is expected. It leaks the future; the share is
    reported.

    With a `target`, it is the last basket with an event of that type; its events of other types,
    and later events, are left out.
    """

    def cut(part: Interactions) -> Split:
        if part.baskets is None and part.times is None:
            raise Unsuitable(
                "The split 'last_basket' needs baskets or times.",
                "Name the basket column, or use the split 'random'.",
            )
        keys = part.basket_keys()
        latest = _latest(part, keys, target)
        first = np.full(part.user_count, np.iinfo(np.int64).max)
        np.minimum.at(first, part.users, keys)
        tested = (keys >= latest[part.users]) & (latest > first)[part.users]
        return cuts.cut(
            part, tested, "last_basket", "the last basket of each user", leaks=True, target=target
        )

    outer = cut(log)
    return replace(outer, valid=cut(outer.train) if valid else None)


@split
def strong(
    log: Interactions,
    *,
    users: float = 0.2,
    given: float = 0.8,
    valid: bool = False,
    rng: Seed = None,
    target: str | None = None,
) -> Split:
    """Strong generalisation: a share of the users is unseen in training; the first part of their
    history is given, the rest expected.

    Without times the given part is drawn at random. Users with fewer than two events stay in
    training. With a `target`, so do users without an event of that type in the later part, where
    other types are left out.
    """
    check_share(users, "users")
    check_share(given, "given")

    def cut(part: Interactions, generator_name: str) -> Split:
        random = generator(rng, generator_name)
        lengths = np.diff(part.starts)
        able = np.flatnonzero(lengths >= 2)
        is_held_out = np.zeros(part.user_count, np.bool_)
        is_held_out[
            random.permutation(able)[: max(round(users * len(able)), min(1, len(able)))]
        ] = True
        positions = _positions(part, None if part.times is not None else random)
        quota = np.clip(np.round(lengths * given), 1, np.maximum(lengths - 1, 1))
        later = positions >= quota[part.users]
        is_held_out &= (
            np.bincount(part.users[later & cuts.goals(part, target)], minlength=part.user_count) > 0
        )
        unseen, tested = is_held_out[part.users], is_held_out[part.users] & later
        description = (
            f"strong generalisation: {users:.0%} of the users unseen, {given:.0%} of their "
            "history given"
        )
        result = cuts.cut(
            part, tested, "strong", description, target=target, given=unseen & ~later, leaks=True
        )
        return replace(result, span="")  # each user has a different span

    outer = cut(log, "split:strong")
    return replace(outer, valid=cut(outer.train, "split:strong:valid") if valid else None)


@split
def random(
    log: Interactions,
    *,
    test: float = 0.2,
    valid: bool = False,
    rng: Seed = None,
    target: str | None = None,
) -> Split:
    """A random share of each user's events is expected. It ignores time, so it leaks the future;
    the share is reported.

    With a `target`, it is a share of the events of that type; events of other types are all known.
    """
    check_share(test, "test")

    def cut(part: Interactions, generator_name: str) -> Split:
        is_target = cuts.goals(part, target)
        target_log = part.where(is_target)
        # one event is kept as history, whatever its type
        lengths, able = np.diff(target_log.starts), np.diff(part.starts) - 1
        quota = np.minimum(np.maximum(np.round(lengths * test), 1), np.minimum(lengths, able))
        tested = np.zeros(len(part), np.bool_)
        tested[is_target] = (
            _positions(target_log, generator(rng, generator_name)) < quota[target_log.users]
        )
        return cuts.cut(
            part,
            tested,
            "random",
            f"random {test:.0%} of each user's events",
            leaks=True,
            target=target,
            timeless=True,
        )

    outer = cut(log, "split:random")
    return replace(outer, valid=cut(outer.train, "split:random:valid") if valid else None)


@split
def from_column(
    log: Interactions,
    labels: Any,
    *,
    train: str = "train",
    test: str = "test",
    valid: str | None = None,
    given: str | None = None,
    target: str | None = None,
) -> Split:
    """A cut that was made elsewhere: one label per row of the log, in the order of `log.frame()`.

    `sw.read_split(source, column)` reads a table and its split column in one step. Rows labelled
    `valid` are trained on in the final fit and expected in the validation cut. Rows labelled
    `given` are seen only when lists are made. An unknown label is an error. With a `target`, only
    tested rows of that event type are expected; the others are left out. What the cut leaks, and
    test rows that stand in train, are told in `.leak` and `.remarks`.
    """
    names = pl.Series(labels).cast(pl.String)
    if len(names) != len(log):
        raise BadRequest(
            f"Here are {formatting.count(len(names), 'label')} for "
            f"{formatting.count(len(log), 'row')}.",
            "Give one label per row, in the order of log.frame().",
        )
    known = [name for name in (train, valid, given, test) if name is not None]
    unknown_labels = names.filter(~names.is_in(known) | names.is_null())
    if len(unknown_labels):
        raise BadData(
            (
                f"The split column holds {unknown_labels[0]!r} "
                f"({formatting.count(len(unknown_labels), 'row')}), which "
                f"is none of {', '.join(known)}."
            ),
            "Name the labels with train=, valid=, given= and test=.",
        )
    is_valid = (names == valid).to_numpy() if valid is not None else np.zeros(len(log), np.bool_)
    is_test = (names == test).to_numpy()
    is_given = (names == given).to_numpy() if given is not None else np.zeros(len(log), np.bool_)
    outer = cuts.checked(
        cuts.cut(
            log,
            is_test,
            "from_column",
            f"the split of the data: rows labelled {test!r}",
            given=is_given,
            target=target,
            start=first_second(log, is_test),
        )
    )
    if valid is None:
        return outer
    # the labels are of this log's rows, not of purchases that were returned later
    rest, is_inner = log.where(~is_test & ~is_given), is_valid[~is_test & ~is_given]
    inner = cuts.cut(
        rest,
        is_inner,
        "from_column",
        f"rows labelled {valid!r}",
        target=target,
        start=first_second(rest, is_inner),
    )
    return replace(outer, valid=cuts.checked(inner))


def _latest(log: Interactions, numbers: Array, target: str | None) -> Array:
    """The largest number among each user's rows of the target's type; −1 for users without one.
    Shape [users].
    """
    is_target = cuts.goals(log, target)
    latest = np.full(log.user_count, -1, np.int64)
    np.maximum.at(latest, log.users[is_target], numbers[is_target])
    return latest


def _positions(log: Interactions, random: np.random.Generator | None) -> Array:
    """Position of each row among its user's rows: in order of time, or drawn at random. Shape
    [rows].
    """
    if random is None:
        return np.arange(len(log)) - log.starts[log.users]
    order = np.lexsort((random.random(len(log)), log.users))
    positions = np.empty(len(log), np.int64)
    positions[order] = np.arange(len(log)) - log.starts[log.users]
    return positions
