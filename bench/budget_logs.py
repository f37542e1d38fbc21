"""The eight logs of `budgets.py`: where each stands, the recipe of its dig, and what kindling is
told of its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data import FOLDER, OUTSIDE, DataAbsent
from harness import OURS, WORKERS, process, say

SESSIONS, CLICKS, ITEMS = 200_000, 1_000_000, 40_000


@dataclass(frozen=True)
class Log:
    """A log, cut as one who knows it would cut it. Item tables are left out, so that both sides see
    the same rows.
    """

    recipe: Mapping[str, Any]  # keys of a dig's recipe
    cut: str  # in words
    orders: tuple[str, ...] = ("dates",)  # what kindling may be told of time: see the worker
    # of the public logs; empty where spadework reads it by the recipe's source, or where it is
    # generated
    folder: str = ""
    generated: tuple[int, ...] = field(default=())


_PLAIN = {"user": "user", "item": "item", "time": "timestamp"}
_LAST = {**_PLAIN, "split": "last_item"}
LOGS: dict[str, Log] = {
    # Events of a basket share their time, so whole seconds and dates are one to kindling's gate.
    "grocery": Log({"source": "sample:grocery"}, "the last tenth by time"),
    "ml-1m": Log({**_LAST, "dialect": "loo"}, "last item", ("dates", "seconds"), folder="ml-1m"),
    "s3rec_beauty": Log(
        {**_LAST, "dialect": "loo"}, "last item", ("places", "days", "rows"), folder="s3rec_beauty"
    ),
    "s3rec_yelp": Log(
        {**_LAST, "dialect": "loo"}, "last item", ("places", "days", "rows"), folder="s3rec_yelp"
    ),
    "gowalla_lightgcn": Log(
        {"user": "user", "item": "item", "split": "random"},
        "a random fifth of each user",
        ("rows",),
        folder="gowalla_lightgcn",
    ),
    "nbr_tafeng_realitycheck": Log(
        {**_PLAIN, "basket": "basket", "split": "last_basket", "dialect": "nbr"},
        "last basket",
        ("places", "days", "rows"),
        folder="nbr_tafeng_realitycheck",
    ),
    "yoochoose_100k": Log(_LAST, "last item", ("dates", "seconds"), folder="yoochoose_100k"),
    "sessions": Log(
        {"user": "session", "item": "item", "time": "timestamp", "split": "last_item"},
        "last item",
        ("dates", "seconds"),
        generated=(SESSIONS, CLICKS, ITEMS),
    ),
}


FAMILIES: dict[str, tuple[str, ...]] = {
    "session neighbours": ("v-sknn", "vmis-knn"),
    "co-occurrence": (
        "cooccurrence", "raw", "confidence", "cosine", "jaccard", "lift", "npmi", "forward",
        "item-knn-tfidf", "item-knn-bm25", "p3alpha",
        "rp3beta", "sar", "association-rules", "sequential-rules",
    ),
    "next basket": ("tifu-knn", "up-cf", "p-topfreq", "gp-topfreq", "personal"),
}  # fmt: skip
"""Families that a log of sessions calls for, by the names of their models."""


def recipe_of(name: str) -> dict[str, Any]:
    """All keys of the recipe, the source among them. Raises DataAbsent where a public log is not at
    hand.
    """
    log = LOGS[name]
    if "source" in log.recipe:
        return dict(log.recipe)
    path = (
        FOLDER / f"{name}-{CLICKS}" if log.generated else OUTSIDE / log.folder
    ) / "interactions.parquet"
    if log.generated and not (path.parent / "done").exists():
        say(f"  generating {path.parent.name}")
        process([OURS, WORKERS / "sessions.py", *map(str, log.generated), path.parent])
    if not path.exists():
        raise DataAbsent(
            f"There is no log {name!r}; set SPADEWORK_DATA to the folder that holds it."
        )
    return {"source": str(path), **log.recipe}


def settings_of(name: str) -> list[str]:
    """The recipe as words of `spadework dig`: the source, then its settings."""
    recipe = recipe_of(name)
    source: Path | str = recipe.pop("source")
    return [
        str(source),
        *(word for key, value in recipe.items() for word in ("--set", f"{key}={value}")),
    ]
