"""sessions.py SESSIONS CLICKS ITEMS FOLDER: short sessions of clicks as a shop's log has them, from
a fixed seed.

A session lasts 2 to 30 clicks, with a heavy tail. It begins at an item of a latent group of items;
each further click follows one of the few usual successors of the last item, or comes back to an
earlier one, or takes another of the group, or any. What is popular follows Zipf's law, and drifts
over thirty days, in which new items appear that are looked at more in their first days.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[Any]
SEED = 20_261_128
DAYS, DAY, FIRST = 30, 86_400, 1_711_929_600  # of April 2024
SHORTEST, LONGEST, TAIL = 2, 30, 1.9
GROUP = 50  # items of a latent group, on average
FOLLOW, RETURN, SAME = 0.42, 0.14, 0.32  # how the next click is made; the rest is any item
HABITS = (0.42, 0.24, 0.14, 0.10, 0.06, 0.04)  # shares of an item's usual successors
# share of items that appear within the thirty days, and how much more their first days bring
NEW, FRESH_DAYS, FRESH = 0.15, 4.0, 4.0


def lengths_of(rng: np.random.Generator, sessions: int, clicks: int) -> Array:
    """Clicks of each session, which sum up to what is asked for. Shape [sessions]."""
    sizes = np.arange(SHORTEST, LONGEST + 1)
    share = (sizes - 1.0) ** -TAIL
    drawn = rng.choice(sizes, sessions, p=share / share.sum())
    while (missing := clicks - int(drawn.sum())) != 0:
        able = np.flatnonzero(drawn < LONGEST if missing > 0 else drawn > SHORTEST)
        drawn[rng.choice(able, min(abs(missing), len(able)), replace=False)] += np.sign(missing)
    return drawn


def popularity(rng: np.random.Generator, items: int, groups: Array) -> tuple[Array, Array]:
    """What share of the clicks of each day an item has, and the day it appears on: [days, items],
    [items].
    """
    base = rng.permutation(1.0 / (np.arange(items) + 30.0) ** 0.95)
    born = np.where(
        rng.random(items) < NEW, rng.uniform(0, DAYS, items), -rng.exponential(60.0, items)
    )
    walks = (
        np.cumsum(rng.normal(0, 0.12, (DAYS, items)), axis=0)
        + np.cumsum(rng.normal(0, 0.15, (DAYS, groups.max() + 1)), axis=0)[:, groups]
    )
    age = np.arange(DAYS)[:, None] + 1 - born
    shares = (
        base * np.exp(walks) * (1 + FRESH * np.exp(-np.maximum(age, 0) / FRESH_DAYS)) * (age > 0)
    )
    return shares / shares.sum(axis=1, keepdims=True), born


def successors(rng: np.random.Generator, share: Array, groups: Array) -> Array:
    """The usual next items of each item, of its own group and by popularity. Shape [items,
    habits].
    """
    made = np.empty((len(groups), len(HABITS)), np.int64)
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        weights = share[members] ** 0.7
        made[members] = rng.choice(members, (len(members), len(HABITS)), p=weights / weights.sum())
    return made


def clicked(rng: np.random.Generator, day: Array, lengths: Array, items: int) -> Array:
    """Items of all sessions, padded: [sessions, longest]. Items are numbered group by group, so a
    group is a run of codes.
    """
    groups = np.sort(rng.integers(0, max(items // GROUP, 1), items))
    groups = np.unique(groups, return_inverse=True)[1]
    shares, born = popularity(rng, items, groups)
    usual = successors(rng, shares.mean(axis=0), groups)
    first = np.searchsorted(groups, np.arange(groups.max() + 2))  # where each group begins
    summed = np.concatenate([np.zeros((DAYS, 1)), np.cumsum(shares, axis=1)], axis=1)
    habits = np.cumsum(HABITS)

    def draw(of: Array, low: Array, high: Array) -> Array:
        """An item of the codes from low to high, by what is popular on the session's day."""
        made = np.empty(len(of), np.int64)
        for one in range(DAYS):
            here = day[of] == one
            edges = summed[one][low[here]], summed[one][high[here]]
            made[here] = (
                np.searchsorted(
                    summed[one],
                    edges[0] + rng.random(here.sum()) * (edges[1] - edges[0]),
                    side="right",
                )
                - 1
            )
        return np.clip(made, low, high - 1)

    out = np.full((len(day), LONGEST), -1, np.int64)
    everyone = np.arange(len(day))
    out[:, 0] = draw(everyone, np.zeros(len(day), np.int64), np.full(len(day), items))
    for place in range(1, LONGEST):
        on = everyone[lengths > place]
        last, how = out[on, place - 1], rng.random(len(on))
        low, high = first[groups[last]], first[groups[last] + 1]
        anywhere = how >= FOLLOW + RETURN + SAME
        low, high = np.where(anywhere, 0, low), np.where(anywhere, items, high)
        chosen = draw(on, low, high)
        follows = usual[
            last, np.minimum(np.searchsorted(habits, rng.random(len(on))), len(HABITS) - 1)
        ]
        there = (how < FOLLOW) & (born[follows] < day[on] + 1)
        chosen[there] = follows[there]
        back = (how >= FOLLOW) & (how < FOLLOW + RETURN)
        chosen[back] = out[on[back], rng.integers(0, place, back.sum())]
        out[on, place] = chosen
    return out


def log(sessions: int, clicks: int, items: int) -> pl.DataFrame:
    """Rows of session, item and time in order of time."""
    rng = np.random.default_rng(SEED)
    lengths = lengths_of(rng, sessions, clicks)
    day = rng.integers(0, DAYS, sessions)
    hour = rng.normal(16.0, 4.5, sessions) % 24
    table = clicked(rng, day, lengths, items)
    owner, place = np.nonzero(table >= 0)
    gaps = np.maximum(rng.lognormal(3.7, 1.0, len(owner)), 1.0).astype(np.int64)
    walked = np.cumsum(gaps)
    begins = np.cumsum(lengths) - lengths
    time = (
        FIRST
        + day[owner] * DAY
        + (hour[owner] * 3600).astype(np.int64)
        + walked
        - walked[begins][owner]
    )
    names = rng.permutation(np.arange(items) * 7 + 100_003)
    frame = pl.DataFrame({"session": owner, "item": names[table[owner, place]], "timestamp": time})
    order = frame.group_by("session").agg(pl.col("timestamp").min()).sort("timestamp", "session")
    numbers = order.select("session", pl.int_range(1, pl.len() + 1).alias("number"))
    return (
        frame.join(numbers, on="session")
        .select(pl.col("number").alias("session"), "item", "timestamp")
        .sort("timestamp", "session")
    )


def main(sessions: int, clicks: int, items: int, folder: Path) -> None:
    """Write the log, then the file that says it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    log(sessions, clicks, items).write_parquet(folder / "interactions.parquet")
    (folder / "done").touch()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), Path(sys.argv[4]))
