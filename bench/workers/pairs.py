"""pairs.py KIND FOLDER SIZE…: distinct pairs of user and item, to count; by user, items ascending.

films EVENTS         generated in MovieLens-20M's shape: 26,744 items, few light users, Σ n² of 9.7
G at 20 M events shop EVENTS ITEMS    generated: many light users, a long tail of items; 20 events a
user ml-1m PART, gowalla_lightgcn PART    from the folder of data; every PART-th user (Gowalla: of
what is marked as train)

Writes `starts.npy` [users + 1] int64, `items.npy` [pairs] int32 and `shape.json`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SEED = 20_261_124
FILMS_USERS_PER_EVENT = 138_493 / 20_000_000
FILMS = 26_744


def generated(
    rng: np.random.Generator,
    users: int,
    items: int,
    events: int,
    *,
    spread: float,
    most: int,
    flat: float,
    steep: float,
) -> Array:
    """Keys user · items + item, ascending: lengths lognormal with this spread, at most `most`;
    items by 1 / (rank + flat)^steep.
    """
    shares = np.exp(rng.normal(0, spread, users))
    lengths = np.clip(shares / shares.mean() * events / users, 1, most)
    lengths = np.rint(np.clip(lengths * (events / lengths.sum()), 1, most)).astype(np.int64)
    popularity = (np.arange(items) + flat) ** -steep
    cumulated = np.cumsum(popularity / popularity.sum())
    codes = rng.permutation(items)
    keys = np.zeros(0, np.int64)
    missing = lengths
    for _ in range(8):  # what is drawn twice is drawn again; the heaviest users end a little short
        owners = np.repeat(np.arange(users), missing)
        drawn = codes[np.minimum(np.searchsorted(cumulated, rng.random(len(owners))), items - 1)]
        keys = np.sort(np.concatenate((keys, owners * items + drawn)))
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
        missing = lengths - np.bincount(keys // items, minlength=users)
        if missing.sum() < events // 10_000:
            break
    return keys


def films(events: int) -> tuple[Array, int]:
    """Keys and number of items."""
    users = round(events * FILMS_USERS_PER_EVENT)
    rng = np.random.default_rng(SEED)
    return generated(rng, users, FILMS, events, spread=1.13, most=4195, flat=150, steep=1.1), FILMS


def shop(events: int, items: int) -> tuple[Array, int]:
    """Keys and number of items."""
    rng = np.random.default_rng(SEED + 1)
    return generated(
        rng, events // 20, items, events, spread=0.75, most=861, flat=20, steep=0.9
    ), items


def outside(name: str, part: int) -> tuple[Array, int]:
    """Keys and number of items of a log in the folder of data."""
    import polars as pl

    frame = pl.read_parquet(Path(os.environ["SPADEWORK_DATA"]) / name / "interactions.parquet")
    if "split" in frame.columns:
        frame = frame.filter(pl.col("split") == "train")
    users = frame["user"].rank("dense").to_numpy().astype(np.int64) - 1
    items = frame["item"].rank("dense").to_numpy().astype(np.int64) - 1
    count = int(items.max()) + 1
    chosen = users % part == 0
    return np.sort(np.unique(users[chosen] // part * count + items[chosen])), count


def write(keys: Array, items: int, folder: Path) -> None:
    """The three files, then the one that says they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = np.bincount(keys // items)
    np.save(folder / "starts.npy", np.concatenate(([0], np.cumsum(lengths))).astype(np.int64))
    np.save(folder / "items.npy", (keys % items).astype(np.int32))
    shape = {
        "users": len(lengths),
        "items": items,
        "pairs": len(keys),
        "squared": int((lengths.astype(np.int64) ** 2).sum()),
    }
    (folder / "shape.json").write_text(json.dumps(shape), encoding="utf-8")
    (folder / "done").touch()


def main(kind: str, folder: Path, sizes: list[int]) -> None:
    """Make one set of pairs."""
    made = {"films": films, "shop": shop}.get(kind)
    keys, items = made(*sizes) if made else outside(kind, *sizes)
    write(keys, items, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(size) for size in sys.argv[3:]])
