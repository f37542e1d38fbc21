"""Synthetic logs whose right answer is known: a registry with one function per world."""

from __future__ import annotations

import numpy as np

from spadework import forks
from spadework.data.worlds import finer_worlds  # noqa: F401  (its worlds register themselves)
from spadework.data.worlds.world_making import (
    DAY,
    START,
    World,
    categories_of,
    log_of,
    register,
    spread,
    worlds,
)
from spadework.randomness import generator

__all__ = ["World", "world", "worlds"]


def world(name: str, seed: int = 0) -> World:
    """The world of that name; the same seed gives the same bytes."""
    forks.check()
    return worlds[name](generator(seed, f"world:{name}"))


@register
def checkerboard(rng: np.random.Generator) -> World:
    """Even users take even items, odd users odd ones, each item at most once."""
    users, items = [], []
    for user in range(400):
        items.append(2 * rng.choice(40, 24, replace=False) + user % 2)
        users.append(np.full(24, user))
    log = log_of(np.concatenate(users), np.concatenate(items), spread(rng, 400, 24))
    return World(
        name="checkerboard",
        log=log,
        answer="neighbours: items of one colour go together",
        helps=frozenset({"neighbours"}),
    )


@register
def popularity(rng: np.random.Generator) -> World:
    """All users draw from one skewed distribution; there is no other pattern to learn."""
    chances = 1 / np.arange(1, 201)
    items = np.concatenate(
        [rng.choice(200, 20, replace=False, p=chances / chances.sum()) for _ in range(400)]
    )
    log = log_of(np.repeat(np.arange(400), 20), items, spread(rng, 400, 20))
    return World(
        name="popularity", log=log, answer="popularity alone", helps=frozenset({"popularity"})
    )


@register
def order(rng: np.random.Generator) -> World:
    """The next item is the successor of the last one on a ring of 120, four times in five."""
    steps = np.where(rng.random((400, 24)) < 0.8, 1, rng.integers(0, 120, (400, 24)))
    items = (rng.integers(0, 120, (400, 1)) + np.cumsum(steps, axis=1)) % 120
    log = log_of(np.repeat(np.arange(400), 24), items.ravel(), spread(rng, 400, 24))
    return World(
        name="order",
        log=log,
        answer="direction: the last item determines the next",
        helps=frozenset({"neighbours", "order"}),
    )


@register
def repeats(rng: np.random.Generator) -> World:
    """Each user has six favourites out of 150 and repeats them, four times in five."""
    favourites = np.argsort(rng.random((300, 150)), axis=1)[:, :6]
    pick = np.take_along_axis(favourites, rng.integers(0, 6, (300, 30)), axis=1)
    items = np.where(rng.random((300, 30)) < 0.8, pick, rng.integers(0, 150, (300, 30)))
    log = log_of(
        np.repeat(np.arange(300), 30),
        items.ravel(),
        spread(rng, 300, 30),
        baskets=np.arange(9000) // 3,
    )
    return World(
        name="repeats",
        log=log,
        answer="personal frequency: users repeat their own items",
        helps=frozenset({"repeats"}),
    )


@register
def trend(rng: np.random.Generator) -> World:
    """Twenty of 300 items are in fashion, for all users, seven times in ten; every day one of them
    gives way to a new one.
    """
    times = spread(rng, 500, 20)
    day = (times - START) // DAY
    items = (
        np.where(
            rng.random(len(times)) < 0.7,
            day + rng.integers(0, 20, len(times)),
            rng.integers(0, 300, len(times)),
        )
        % 300
    )
    log = log_of(np.repeat(np.arange(500), 20), items, times)
    return World(
        name="trend",
        log=log,
        answer="time: what is popular now",
        helps=frozenset({"popularity", "time"}),
    )


@register
def content(rng: np.random.Generator) -> World:
    """Users prefer one of ten categories; items are many and have few events, so only the
    category carries over.
    """
    taste = rng.integers(0, 10, 400)
    own = taste[:, None] * 200 + rng.integers(0, 200, (400, 16))
    items = np.where(rng.random((400, 16)) < 0.85, own, rng.integers(0, 2000, (400, 16)))
    log = log_of(
        np.repeat(np.arange(400), 16), items.ravel(), spread(rng, 400, 16), item_count=2000
    )
    return World(
        name="content",
        log=log,
        answer="content: items of one category go together",
        helps=frozenset({"content", "neighbours"}),
        content=categories_of(log, 200),
    )


@register
def hits(rng: np.random.Generator) -> World:
    """Half of a user's items are hits, any of fifty; the other half is of one of twenty groups of
    twenty-five items.

    A hit carries no information about taste, yet its counts with all other items are the largest.
    """
    items = []
    for group in rng.integers(0, 20, 900):
        own = 50 + 25 * group + rng.choice(25, 10, replace=False)
        items.append(rng.permutation(np.concatenate([rng.choice(50, 10, replace=False), own])))
    log = log_of(np.repeat(np.arange(900), 20), np.concatenate(items), spread(rng, 900, 20))
    answer = "normalised rows: hits carry no information about taste"
    return World(
        name="hits", log=log, answer=answer, helps=frozenset({"neighbours", "normalisation"})
    )


@register
def habits_in_fashion(rng: np.random.Generator) -> World:
    """Three events in five are of a user's five favourites; the others are of what is in fashion
    for all users, as in `trend`.
    """
    users, events = 600, 25
    times = spread(rng, users, events)
    favourites = 300 + np.argsort(rng.random((users, 150)), axis=1)[:, :5]
    own = np.take_along_axis(favourites, rng.integers(0, 5, (users, events)), axis=1).ravel()
    worn = ((times - START) // DAY + rng.integers(0, 20, len(times))) % 300
    items = np.where(rng.random(len(times)) < 0.6, own, worn)
    log = log_of(np.repeat(np.arange(users), events), items, times)
    answer = "two patterns: users repeat their own items, and new ones come and go"
    return World(
        name="habits_in_fashion",
        log=log,
        answer=answer,
        helps=frozenset({"repeats", "popularity", "time"}),
    )


@register
def ordered_hits(rng: np.random.Generator) -> World:
    """Every second event is a hit, any of sixty; between them each item is the successor of the one
    before on a ring of 120, nine times in ten.
    """
    users, events = 600, 24
    steps = np.where(
        rng.random((users, events // 2)) < 0.9, 1, rng.integers(0, 120, (users, events // 2))
    )
    ring = 60 + (rng.integers(0, 120, (users, 1)) + np.cumsum(steps, axis=1)) % 120
    popular = np.argsort(rng.random((users, 60)), axis=1)[:, : events // 2]
    items = np.stack([popular, ring], axis=2).reshape(users, events)
    log = log_of(np.repeat(np.arange(users), events), items.ravel(), spread(rng, users, events))
    answer = "two patterns: the last item determines the next, and hits do not show taste"
    return World(
        name="ordered_hits",
        log=log,
        answer=answer,
        helps=frozenset({"neighbours", "order", "normalisation"}),
    )


@register
def crossed(rng: np.random.Generator) -> World:
    """Looking at one group of items leads to a purchase in another, the same for all users;
    purchases carry no information about one another.

    For two months each user looks at four items in each of three of forty groups; in the months
    after, for each group, one of the ten items of the group that it leads to is bought, nine times
    in ten. A method that treats all events the same finds more items to look at.
    """
    groups = np.argsort(rng.random((600, 40)), axis=1)[:, :3, None]
    viewed = groups * 10 + np.argsort(rng.random((600, 3, 10)), axis=2)[:, :, :4]
    bought = (groups + 7) % 40 * 10 + rng.integers(0, 10, (600, 3, 1))
    bought = np.where(rng.random((600, 3, 1)) < 0.9, bought, rng.integers(0, 400, (600, 3, 1)))
    begins = START + rng.integers(0, 20 * DAY, (600, 1, 1))
    views = begins + rng.integers(0, 60 * DAY, (600, 3, 4))
    times = np.concatenate(
        [views, begins + rng.integers(60 * DAY, 120 * DAY, (600, 3, 1))], axis=2
    ).ravel()
    items = np.concatenate([viewed, bought], axis=2).ravel()
    event_types = np.tile(np.asarray([1, 1, 1, 1, 0]), 1800)
    log = log_of(
        np.repeat(np.arange(600), 15),
        items,
        times,
        event_types=event_types,
        event_type_names=("purchase", "view"),
    )
    answer = "event types: views predict purchases"
    return World(
        name="crossed",
        log=log,
        answer=answer,
        helps=frozenset({"neighbours", "kinds"}),
        target="purchase",
    )


@register
def noise(rng: np.random.Generator) -> World:
    """Users, items and times are independent: there is nothing to learn, and no pattern to find."""
    items = rng.integers(0, 200, 400 * 20)
    log = log_of(np.repeat(np.arange(400), 20), items, spread(rng, 400, 20))
    return World(name="noise", log=log, answer="nothing", helps=frozenset())
