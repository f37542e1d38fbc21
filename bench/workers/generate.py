"""generate.py KIND SIZE FOLDER: data for the benches, from a fixed seed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[Any]
SEED = 20_261_123
ITEMS = 26_744  # of MovieLens-20M, as are the other numbers here
ROWS_PER_USER = 20_000_000 / 138_493
# of the logarithm of a user's rows: half of the users then have at most half of the mean
SPREAD = 1.177
LARGEST_ITEM_ID = 131_262
FIRST, LAST = 789_652_009, 1_427_784_002  # seconds


def popularity(rng: np.random.Generator, items: int) -> Array:
    """Cumulated share of the items, Zipf-Mandelbrot, in an order of codes that tells nothing."""
    share = 1.0 / (np.arange(items) + 50.0) ** 1.1
    cumulated: Array = np.cumsum(rng.permutation(share / share.sum()))
    return cumulated


def draw(rng: np.random.Generator, cumulated: Array, count: int) -> Array:
    """Items with probability by popularity."""
    return np.minimum(np.searchsorted(cumulated, rng.random(count)), len(cumulated) - 1).astype(
        np.int32
    )


def log(rows: int) -> pl.DataFrame:
    """A log of MovieLens-20M's shape in random order; no row occurs twice, but a user may do
    several things in one second.
    """
    rng = np.random.default_rng(SEED)
    users = max(round(rows / ROWS_PER_USER), 2)
    ids = np.sort(rng.choice(np.arange(1, LARGEST_ITEM_ID + 1), ITEMS, replace=False)).astype(
        np.int32
    )
    shares = rng.lognormal(0.0, SPREAD, users)
    counts = rng.multinomial(rows, np.minimum(shares, 60.0) / np.minimum(shares, 60.0).sum())
    user = np.repeat(np.arange(1, users + 1, dtype=np.int32), counts)
    item = ids[draw(rng, popularity(rng, ITEMS), rows)]
    gaps = rng.exponential(20.0, rows)
    walked = np.cumsum(gaps)
    starts = np.cumsum(counts) - counts
    since = walked - np.repeat(walked[np.minimum(starts, rows - 1)], counts)
    time = np.repeat(rng.integers(FIRST, LAST - 1_000_000, users), counts) + since.astype(np.int64)
    _part_doubles(user, item, time)
    order = rng.permutation(rows)
    return pl.DataFrame({"user": user[order], "item": item[order], "time": time[order]})


def _part_doubles(user: Array, item: Array, time: Array) -> None:
    """Move rows that repeat an earlier one by a second, until none does."""
    while True:
        order = np.lexsort((item, time, user))
        same = (
            (np.diff(user[order]) == 0) & (np.diff(time[order]) == 0) & (np.diff(item[order]) == 0)
        )
        if not same.any():
            return
        time[order[1:][same]] += 1


def write_log(rows: int, folder: Path) -> None:
    """`random.parquet`, `by_time.parquet` and, of the first million rows, `log.csv`; `small.…` of a
    hundred rows to warm up with.
    """
    frame = log(rows)
    frame.head(100).write_parquet(folder / "small.parquet")
    frame.head(100).write_csv(folder / "small.csv")
    frame.write_parquet(folder / "random.parquet")
    frame.head(1_000_000).write_csv(folder / "log.csv")
    frame.sort("time", maintain_order=True).write_parquet(folder / "by_time.parquet")


def write_times(rows: int, folder: Path, dates: bool) -> None:
    """`log.csv`, `log.parquet` and `small.…` with times as epoch seconds or as ISO text."""
    frame = log(rows)
    if dates:
        written = pl.from_epoch("time").dt.strftime("%Y-%m-%d %H:%M:%S")
        frame = frame.with_columns(written.alias("time"))
    for stem, part in (("small", frame.head(100)), ("log", frame)):
        part.write_parquet(folder / f"{stem}.parquet")
        part.write_csv(folder / f"{stem}.csv")


def distinct_rows(rng: np.random.Generator, cumulated: Array, rows: int, width: int) -> Array:
    """Items [rows, width], distinct within a row; rows with a repeat are drawn again."""
    drawn = draw(rng, cumulated, rows * width).reshape(rows, width)
    while True:
        ordered = np.sort(drawn, axis=1)
        again = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(again):
            return drawn
        drawn[again] = draw(rng, cumulated, len(again) * width).reshape(len(again), width)


def write_lists(users: int, folder: Path) -> None:
    """Ten recommended and three expected items per user, both drawn by popularity; long columns of
    ids.
    """
    rng = np.random.default_rng(SEED)
    cumulated = popularity(rng, ITEMS)
    lists, targets = (
        distinct_rows(rng, cumulated, users, 10),
        distinct_rows(rng, cumulated, users, 3),
    )
    ids = np.sort(rng.choice(np.arange(1, LARGEST_ITEM_ID + 1), ITEMS, replace=False)).astype(
        np.int64
    )
    user_ids = np.arange(users, dtype=np.int64) * 7 + 11  # not codes
    np.save(folder / "lists_user.npy", np.repeat(user_ids, 10))
    np.save(folder / "lists_item.npy", ids[lists].ravel())
    np.save(folder / "lists_rank.npy", np.tile(np.arange(1, 11, dtype=np.int64), users))
    np.save(folder / "targets_user.npy", np.repeat(user_ids, 3))
    np.save(folder / "targets_item.npy", ids[targets].ravel())


def main(kind: str, size: int, folder: Path) -> None:
    """Write the data, then the file that says they are whole."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {
        "log": write_log,
        "lists": write_lists,
        "seconds": partial(write_times, dates=False),
        "dates": partial(write_times, dates=True),
    }
    kinds[kind](size, folder)
    (folder / "done").touch()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
