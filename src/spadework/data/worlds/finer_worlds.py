"""Worlds with one planted pattern and others that look like it: pauses and order, baskets and
histories, content and behaviour.
"""

from __future__ import annotations

import numpy as np

from spadework.data.worlds.world_making import (
    DAY,
    START,
    World,
    categories_of,
    log_of,
    register,
    shared_out,
    spread,
)


@register
def errands(rng: np.random.Generator) -> World:
    """On errand days a user takes two items of one of their three sets, hours apart; between
    errands they take random items, days apart.
    """
    users, errands, alone = 900, 14, 60
    user_sets = shared_out(rng, users, 3, 30)
    chosen_sets = np.take_along_axis(
        user_sets, np.argsort(rng.random((users, errands)), axis=1) % 3, axis=1
    )[:, :, None]
    wanted = (
        chosen_sets * 16 + np.argsort(rng.random((users, errands, 16)), axis=2)[:, :, :2]
    ).reshape(users, -1)
    days = (
        rng.uniform(0, 139, (users, errands, 1))
        + rng.uniform(0.05, 0.6, (users, errands, 1)) * [0, 1]
    ).reshape(users, -1)
    items = np.concatenate([wanted, rng.integers(0, 480, (users, alone))], axis=1)
    days = np.concatenate([days, rng.uniform(0, 140, (users, alone))], axis=1)
    log = log_of(
        np.repeat(np.arange(users), items.shape[1]),
        items.ravel(),
        START + (days.ravel() * DAY).astype(np.int64),
    )
    answer = "pauses: items of the same hours belong together"
    return World(
        name="errands", log=log, answer=answer, helps=frozenset({"neighbours", "time", "order"})
    )


@register
def comebacks(rng: np.random.Generator) -> World:
    """Users take six items of one of twenty-five tastes within four days, stay away for sixty, and
    come back with another taste.
    """
    users, before, after = 1800, 6, 10
    tastes = np.repeat(np.argsort(rng.random((users, 25)), axis=1)[:, :2], [before, after], axis=1)
    begins = rng.uniform(-10, 140, (users, 1))
    first, second = rng.uniform(-64, -60, (users, before)), rng.uniform(0, 20, (users, after))
    days = begins + np.sort(np.concatenate([first, second], axis=1), axis=1)
    within = [np.argsort(rng.random((users, 25)), axis=1)[:, :size] for size in (before, after)]
    items = tastes * 25 + np.concatenate(within, axis=1)
    kept = (days >= 0) & (days < 140)
    owners = np.broadcast_to(np.arange(users)[:, None], days.shape)
    log = log_of(owners[kept], items[kept], START + (days[kept] * DAY).astype(np.int64))
    answer = "the age of a history: events before the pause carry no information"
    return World(
        name="comebacks", log=log, answer=answer, helps=frozenset({"neighbours", "time", "order"})
    )


@register
def kits(rng: np.random.Generator) -> World:
    """Every second basket holds items of one kit, the others anything; each user uses five of
    twenty kits.
    """
    users, baskets, size = 700, 20, 4
    user_kits = shared_out(rng, users, 5, 20)
    kit = np.take_along_axis(user_kits, rng.integers(0, 5, (users, baskets)), axis=1)[:, :, None]
    items = kit * 24 + np.argsort(rng.random((users, baskets, 24)), axis=2)[:, :, :size]
    items = np.where(
        rng.random((users, baskets, 1)) < 0.5, rng.integers(0, 480, items.shape), items
    )
    times = np.repeat(spread(rng, users, baskets), size)
    log = log_of(
        np.repeat(np.arange(users), baskets * size),
        items.ravel(),
        times,
        baskets=np.arange(items.size) // size,
    )
    return World(
        name="kits",
        log=log,
        answer="baskets: what is bought at once belongs together",
        helps=frozenset({"neighbours", "baskets"}),
    )


@register
def resellers(rng: np.random.Generator) -> World:
    """One user in ten takes random items, thirty times as many as the others, who each keep to one
    of thirty tastes.
    """
    lengths = np.where(np.arange(600) < 60, 480, 16)
    owners = np.repeat(np.arange(600), lengths)
    tastes = 40 * (np.arange(540) % 30)[:, None] + np.argsort(rng.random((540, 40)), axis=1)[:, :16]
    items = np.concatenate([rng.integers(0, 1200, 60 * 480), tastes.ravel()])
    times = np.concatenate([spread(rng, 1, length) for length in lengths])
    log = log_of(owners, items, times)
    answer = "users: each event of a heavy user carries less information"
    return World(name="resellers", log=log, answer=answer, helps=frozenset({"neighbours", "users"}))


@register
def refills(rng: np.random.Generator) -> World:
    """Each user refills twelve of 120 things, each after its own pause of twelve to sixty days,
    give or take a tenth.
    """
    users, things = 400, 12
    user_items = np.argsort(rng.random((users, 120)), axis=1)[:, :things]
    pause = np.linspace(12, 60, 120)[rng.permutation(120)][user_items]
    waits = pause[:, :, None] * rng.normal(1, 0.1, (users, things, 16)).clip(0.7, 1.3)
    days = rng.random((users, things, 1)) * pause[:, :, None] + np.cumsum(waits, axis=2) - waits
    kept = days < 140
    owners, items = (
        np.broadcast_to(part, days.shape)[kept]
        for part in (np.arange(users)[:, None, None], user_items[:, :, None])
    )
    log = log_of(owners, items, START + (days[kept] * DAY).astype(np.int64))
    answer = "pauses: each item is repeated when it is due"
    return World(name="refills", log=log, answer=answer, helps=frozenset({"repeats", "pauses"}))


@register
def coarse_clock(rng: np.random.Generator) -> World:
    """As in `order`, but four events at a time carry one timestamp, and only the file knows which
    came first.
    """
    steps = np.where(rng.random((500, 24)) < 0.8, 1, rng.integers(0, 240, (500, 24)))
    items = (rng.integers(0, 240, (500, 1)) + np.cumsum(steps, axis=1)) % 240
    log = log_of(np.repeat(np.arange(500), 24), items.ravel(), np.repeat(spread(rng, 500, 6), 4))
    answer = "the order of the file: within one timestamp, too, the last item determines the next"
    return World(
        name="coarse_clock", log=log, answer=answer, helps=frozenset({"neighbours", "order"})
    )


@register
def novelties(rng: np.random.Generator) -> World:
    """Users take six items of one of sixty categories of forty; each item is taken once or twice,
    so little is known of it.
    """
    users, size = 700, 6
    items = (
        rng.integers(0, 60, users)[:, None] * 40
        + np.argsort(rng.random((users, 40)), axis=1)[:, :size]
    )
    log = log_of(
        np.repeat(np.arange(users), size),
        items.ravel(),
        spread(rng, users, size),
        item_count=2400,
    )
    answer = "content: of a new thing nothing is known but what it is"
    return World(
        name="novelties",
        log=log,
        answer=answer,
        helps=frozenset({"content"}),
        content=categories_of(log, 40),
    )
