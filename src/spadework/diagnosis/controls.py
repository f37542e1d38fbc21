"""Logs in which one thing is destroyed and the rest stays: what a choice still gives there, it does
not owe to that thing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spadework.arrays import Array, Codes
from spadework.data.interactions import Interactions
from spadework.diagnosis.change import CannotTell

BINS = 200
"""Spans of equally many first takes within which items are exchanged; wider ones where people would
keep their own.
"""
FEWEST_IN_BIN = 40
AT_HOME = 0.1
"""Share of the first takes that may keep an item of the same user."""


def newest(log: Interactions, count: int) -> Interactions:
    """The `count` newest events of each user. O(rows)."""
    return log.where(log.starts[log.users + 1] - np.arange(len(log)) <= count)


def users_within(log: Interactions, asked: Codes, rows: int, random: np.random.Generator) -> Codes:
    """These users, and others at random until all together have about so many rows. Ascending
    codes.
    """
    lengths = np.diff(log.starts)
    others = random.permutation(np.setdiff1d(log.active_users, asked))
    room = np.cumsum(lengths[others]) <= rows - int(lengths[asked].sum())
    return np.sort(np.concatenate([asked, others[room]]))


def exchanged(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with items exchanged at random among first takes of about the same time. O(rows · log
    rows).

    What is new to people when stays, and so does how often they come back to what they took; who
    took what after what goes. Spans are widened until nearly all first takes are of an item of
    somebody else.
    """
    assert log.times is not None
    pairs = log.users.astype(np.int64) * max(log.item_count, 1) + log.items
    # rows are in order of time within a user
    _, first, of_row = np.unique(pairs, return_index=True, return_inverse=True)
    users, items, times = log.users[first], log.items[first], log.times[first]
    order = np.lexsort((random.random(len(first)), times))
    size = max(len(first) // BINS, FEWEST_IN_BIN)
    while True:
        source = np.empty(len(first), np.int64)
        source[order] = order[_mixed(np.arange(len(first)) // size, random)]
        if (users[source] == users).mean() <= AT_HOME:
            return replace(log, items=items[source][of_row])
        if size >= len(first):
            raise CannotTell("Too few people act at about the same time to tell trends from order.")
        size *= 2


def reversed_in_time(log: Interactions) -> Interactions:
    """The log backwards: what came first comes last, at the same distances; what stood together
    still does. O(rows · log rows).
    """
    assert log.times is not None
    return Interactions.from_codes(
        log.users,
        log.items,
        user_vocabulary=log.user_vocabulary,
        item_vocabulary=log.item_vocabulary,
        times=log.times.max() + log.times.min() - log.times if len(log) else log.times,
        weights=log.weights,
        baskets=log.baskets,
        kinds=log.kinds,
        kind_names=log.kind_names,
    )


def shuffled(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with each user's items in any order: what they took stays, when they took it goes.
    O(rows · log rows).
    """
    return _with_items(log, _mixed(log.users, random))


def pauses_mixed(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with each user's pauses in any order: what followed what stays, and how long people
    wait; where they wait goes. O(rows · log rows).
    """
    assert log.times is not None
    begins = np.concatenate(([True], log.users[1:] != log.users[:-1]))[: len(log)]
    waited = np.diff(log.times, prepend=log.times[:1])
    waited[begins] = 0
    within = np.flatnonzero(~begins & (waited > 0))  # events of one moment stay together
    waited[within] = waited[within][_mixed(log.users[within], random)]
    walked = np.cumsum(waited)
    first = np.flatnonzero(begins)
    since = walked - np.repeat(walked[first], np.diff(np.append(first, len(log))))
    return replace(log, times=log.times[log.starts[log.users]] + since)


def ties_broken(log: Interactions, random: np.random.Generator | None) -> Interactions:
    """The log with a moment for every event: those of one timestamp stand as in the file, or at
    random with a generator. O(rows · log rows).
    """
    assert log.times is not None
    places = np.arange(len(log)) - log.starts[log.users]
    broken = replace(log, times=places.astype(np.int64), baskets=None)
    return broken if random is None else _with_items(broken, _mixed(_moments(log), random))


def tied_share(log: Interactions) -> float:
    """Share of the events whose timestamp is that of another event of the same user."""
    moments = _moments(log)
    return float((np.bincount(moments)[moments] > 1).mean()) if len(log) else 0.0


def first_moments(log: Interactions) -> Interactions:
    """Each user's first basket, or first moment where no baskets are named."""
    keys = log.basket_keys()
    first = np.full(log.user_count, np.iinfo(np.int64).max)
    np.minimum.at(first, log.users, keys.astype(np.int64))
    return log.where(keys == first[log.users])


def _moments(log: Interactions) -> Array:
    """Number of the moment of each row, counted up over (user, time). Shape [rows]."""
    assert log.times is not None
    return np.cumsum(
        np.concatenate(
            ([False], (log.users[1:] != log.users[:-1]) | (log.times[1:] != log.times[:-1]))
        )
    )[: len(log)]


def _mixed(groups: Array, random: np.random.Generator) -> Array:
    """Row numbers at random within groups, which ascend. Shape [rows]."""
    return np.argsort(groups + random.random(len(groups)), kind="stable")


def _with_items(log: Interactions, source: Array) -> Interactions:
    """The log with each row's item taken from another row."""
    return replace(log, items=log.items[source])
