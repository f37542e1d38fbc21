"""sequences_made.py OUT USERS ITEMS: a made-up log with a catalogue as large as a marketplace's,
cut as `sequences_cut.py` cuts one.

Each user takes 40 popular items (Zipf) and then 50 that hardly anybody else takes; the last is
expected, the one before it chosen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

POPULAR, RARE = 40, 50


def main(out: Path, users: int, items: int) -> None:
    """The files of one log."""
    rng = np.random.default_rng(7)
    chances = np.cumsum(1 / np.arange(1, items + 1))
    popular = np.searchsorted(chances / chances[-1], rng.random((users, POPULAR)))
    rare = np.resize(rng.permutation(items), (users, RARE))
    log = np.concatenate([popular, rare], axis=1)  # [users, POPULAR + RARE]
    frame = pl.DataFrame({"user": np.repeat(np.arange(users), log.shape[1]), "item": log.ravel()})
    frame = (
        frame.with_row_index("order")
        .with_columns(pl.col("order").cast(pl.Int64))
        .with_columns(time=pl.col("order"))
    )
    # from the end: −1 is the last
    place = pl.int_range(pl.len()).over("user") - pl.len().over("user")
    for name, part in (
        ("train", frame.filter(place < -2)),
        ("given", frame.filter(place < -1)),
        ("chosen", frame.filter(place == -2)),
        ("expected", frame.filter(place == -1)),
    ):
        part.select("user", "item", "time", "order").write_csv(out / f"{name}.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
