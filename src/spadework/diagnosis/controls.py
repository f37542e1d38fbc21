"""Controls: copies of a log in which one property is destroyed and the rest stays. What a choice
still gains there does not come from that property.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spadework.arrays import Array, Codes, Mask
from spadework.data.interactions import Interactions
from spadework.data.mapped.row_facts import rows_where
from spadework.diagnosis.change import CannotTell

BINS = 200
"""Time spans with equally many first events of a (user, item) pair, within which items are
exchanged; fewer and wider spans where too many users would keep their own items.
"""
FEWEST_IN_BIN = 40
MOST_KEPT = 0.1
"""Largest share of these first events that may keep an item of the same user."""


def latest_events(log: Interactions, count: int) -> Interactions:
    """The latest `count` events of each user. O(rows)."""
    return log.where(log.starts[log.users + 1] - np.arange(len(log)) <= count)


def users_within(
    log: Interactions, required: Codes, rows: int, random: np.random.Generator
) -> Codes:
    """The `required` users, and others at random until all together have about `rows` rows.
    Ascending codes.
    """
    lengths = np.diff(log.starts)
    others = random.permutation(np.setdiff1d(log.active_users, required))
    fits_in = np.cumsum(lengths[others]) <= rows - int(lengths[required].sum())
    return np.sort(np.concatenate([required, others[fits_in]]))


def exchange_items(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with items exchanged at random among first events of (user, item) pairs of about the
    same time. O(rows · log rows).

    The popularity of items at each time stays, and so do a user's repeats; which item follows which
    is lost. Spans are widened until nearly all first events have an item of another user.
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
        source[order] = order[_shuffled_within(np.arange(len(first)) // size, random)]
        if (users[source] == users).mean() <= MOST_KEPT:
            return replace(log, items=items[source][of_row], returns=None)
        if size >= len(first):
            raise CannotTell(
                "Too few users are active at about the same time to tell trends from order."
            )
        size *= 2


def reverse_time(log: Interactions) -> Interactions:
    """The log with time reversed: the first event becomes the last, at the same distances; events
    of one time stay together. O(rows · log rows).
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
        event_types=log.event_types,
        event_type_names=log.event_type_names,
    )


def shuffle_items(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with each user's items in random order: the items stay, their times are lost. O(rows
    · log rows).
    """
    return _with_items(log, _shuffled_within(log.users, random))


def shuffle_pauses(log: Interactions, random: np.random.Generator) -> Interactions:
    """The log with each user's pauses in random order: the sequence of items and the lengths of
    pauses stay; which events a pause lies between is lost. O(rows · log rows).
    """
    assert log.times is not None
    first_of_user = np.concatenate(([True], log.users[1:] != log.users[:-1]))[: len(log)]
    pauses = np.diff(log.times, prepend=log.times[:1])
    pauses[first_of_user] = 0
    within = np.flatnonzero(~first_of_user & (pauses > 0))  # events of one time stay together
    pauses[within] = pauses[within][_shuffled_within(log.users[within], random)]
    elapsed = np.cumsum(pauses)
    first = np.flatnonzero(first_of_user)
    since = elapsed - np.repeat(elapsed[first], np.diff(np.append(first, len(log))))
    return replace(log, times=log.times[log.starts[log.users]] + since, returns=None)


def break_ties(log: Interactions, random: np.random.Generator | None) -> Interactions:
    """The log with a time of its own for every event: events of one timestamp are in the order of
    the file, or in random order where a generator is given. O(rows · log rows).
    """
    assert log.times is not None
    positions = np.arange(len(log)) - log.starts[log.users]
    broken = replace(log, times=positions.astype(np.int64), baskets=None, returns=None)
    return (
        broken
        if random is None
        else _with_items(broken, _shuffled_within(_step_numbers(log), random))
    )


def tied_share(log: Interactions) -> float:
    """Share of the events that share their timestamp with another event of the same user."""
    return rows_where(log, _are_tied) / len(log) if len(log) else 0.0


def _are_tied(log: Interactions) -> Mask:
    steps = _step_numbers(log)
    return np.asarray(np.bincount(steps)[steps] > 1)


def first_steps(log: Interactions) -> Interactions:
    """Each user's first basket, or the events of their first timestamp where the log has no
    baskets.
    """
    keys = log.basket_keys()
    first = np.full(log.user_count, np.iinfo(np.int64).max)
    np.minimum.at(first, log.users, keys.astype(np.int64))
    return log.where(keys == first[log.users])


def _step_numbers(log: Interactions) -> Array:
    """Step of each row: events of one user and time are one step, numbered over the whole log.
    Shape [rows].
    """
    assert log.times is not None
    return np.cumsum(
        np.concatenate(
            ([False], (log.users[1:] != log.users[:-1]) | (log.times[1:] != log.times[:-1]))
        )
    )[: len(log)]


def _shuffled_within(groups: Array, random: np.random.Generator) -> Array:
    """Row numbers shuffled within groups; `groups` [rows] ascends. Shape [rows]."""
    return np.argsort(groups + random.random(len(groups)), kind="stable")


def _with_items(log: Interactions, source: Array) -> Interactions:
    """The log with the item of row `source[i]` in row i."""
    return replace(log, items=log.items[source], returns=None)
