"""Parts of worlds: the registry, a log from arrays, and uniform draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from spadework.arrays import Array
from spadework.data.account import RowAccount
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.item_tables import read_item_table
from spadework.data.vocabulary import Vocabulary
from spadework.registry import Registry

HELP = frozenset(
    {
        "neighbours",
        "popularity",
        "normalisation",
        "time",
        "order",
        "repeats",
        "pauses",
        "content",
        "kinds",
        "baskets",
        "users",
    }
)
"""What may help a model in a world."""
START = 1_704_067_200  # 2024-01-01 UTC
DAY = 86_400


@dataclass(frozen=True, eq=False, kw_only=True)
class World:
    """A log, the content of its items, and what helps a model on it."""

    name: str
    log: Interactions
    answer: str  # the pattern that a good method has to find
    helps: frozenset[str]  # of `HELP`
    content: ItemContent | None = None
    target: str | None = None  # the event type to predict, where there are several


worlds: Registry[Callable[[np.random.Generator], World]] = Registry("world")
F = TypeVar("F", bound=Callable[[np.random.Generator], World])


def register(function: F) -> F:
    """Register a world under its function's name."""
    worlds.register(function.__name__, function)
    return function


def anything(rng: np.random.Generator, shape: tuple[int, ...], items: int) -> Array:
    """Items in random order, all equally often: none is popular by chance. Shape `shape`."""
    cells = int(np.prod(shape))
    return np.concatenate([rng.permutation(items) for _ in range(-(-cells // items))])[
        :cells
    ].reshape(shape)


def shared_out(rng: np.random.Generator, users: int, each: int, things: int) -> Array:
    """`each` of the things for every user, all about equally often. Shape [users, each]."""
    return anything(rng, (users, each), things)


def spread(rng: np.random.Generator, users: int, events: int, days: int = 140) -> Array:
    """Timestamps over `days` days, ascending within each user. Shape [users · events]."""
    return START + np.sort(rng.integers(0, days * DAY, (users, events)), axis=1).ravel()


def log_of(
    users: Array,
    items: Array,
    times: Array,
    *,
    baskets: Array | None = None,
    event_types: Array | None = None,
    event_type_names: tuple[str, ...] = (),
    item_count: int | None = None,
) -> Interactions:
    """A log of numbered users and items, rows in any order; with `item_count` the
    catalogue has items without events, too.
    """
    user_vocabulary, user_codes = Vocabulary.build(pl.Series("user", [f"u{u:04d}" for u in users]))
    names = pl.Series("item", [f"i{i:04d}" for i in items])
    if item_count is None:
        item_vocabulary, item_codes = Vocabulary.build(names)
    else:
        item_vocabulary = Vocabulary(pl.Series("item", [f"i{i:04d}" for i in range(item_count)]))
        item_codes = item_vocabulary.codes(names)
    log = Interactions.from_codes(
        user_codes,
        item_codes,
        user_vocabulary=user_vocabulary,
        item_vocabulary=item_vocabulary,
        times=times.astype(np.int64),
        baskets=None if baskets is None else baskets.astype(np.int32),
        event_types=None if event_types is None else event_types.astype(np.int32),
        event_type_names=event_type_names,
    )
    columns = (
        {"user": "user", "item": "item", "time": "time"}
        | ({} if baskets is None else {"basket": "basket"})
        | ({} if event_types is None else {"event": "event"})
    )
    account = RowAccount(source="world", read=len(log), used=len(log), columns=columns)
    object.__setattr__(log, "account", account)
    return log


def categories_of(log: Interactions, size: int) -> ItemContent:
    """An item table whose categories hold `size` items in a row."""
    ids = log.item_vocabulary.ids
    names = [f"category {int(text[1:]) // size}" for text in ids]
    return read_item_table(
        pl.DataFrame(
            {"item_id": ids, "category": names, "title": [f"item {text}" for text in ids]}
        ),
        log,
    )
