"""our_cosine.py FOLDER [OUT]: fit item-item cosine, 100 neighbours an item, through the public
door.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from counted import KEEP, Array, first_users, loaded, two_processors, write_similarities

import spadework as sw
from spadework.data.vocabulary import Vocabulary


def log_of(starts: Array, items: Array, item_count: int) -> sw.Interactions:
    """A log without times."""
    users = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    people, goods = (
        Vocabulary(pl.Series(np.arange(count, dtype=np.int64)))
        for count in (len(starts) - 1, item_count)
    )
    return sw.Interactions.from_codes(users, items, user_vocabulary=people, item_vocabulary=goods)


def warm_up(starts: Array, items: Array, item_count: int) -> None:
    """A few users, then a few items: rows that are nearly empty and rows that are full are counted
    in different ways.
    """
    few_starts, few_items = first_users(starts, items)
    few = log_of(few_starts, few_items, item_count)
    sw.model("cosine", keep=KEEP).fit(few).recommend(few, k=10, repeats="forbid")
    full = np.tile(np.arange(50, dtype=np.int32), 100)
    sw.model("cosine", keep=KEEP).fit(log_of(np.arange(0, len(full) + 1, 50), full, 50))


def main(folder: Path, out: Path | None) -> None:
    """Time one fit."""
    two_processors()
    starts, items, item_count = loaded(folder)
    warm_up(starts, items, item_count)
    log = log_of(starts, items, item_count)
    del starts, items
    model = sw.model("cosine", keep=KEEP)
    begun = time.perf_counter()
    model.fit(log)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "answer": {}}))
    if out is not None:
        with out.open("wb") as file:
            write_similarities(
                file, model.state["starts"], model.state["columns"], model.state["values"]
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
