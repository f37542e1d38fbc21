"""batch_log.py FOLDER USERS: a log of so many users with about ten events each of 20,000 items, as
`log.parquet`, and a model of the first 100,000 users, as `model`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

import spadework as sw

ITEMS, EVENTS, LEARNED, KEEP = 20_000, 10, 100_000, 100
START, YEAR = 1_700_000_000, 31_536_000


def main(folder: Path, users: int) -> None:
    """Write both."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    count = users * EVENTS
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.8
    items = rng.choice(ITEMS, count, p=popularity / popularity.sum())
    owners = np.sort(rng.integers(0, users, count))
    frame = pl.DataFrame(
        {
            "user_id": owners,
            # most items of a user are near each other, so that there is something to learn
            "item_id": (items + 97 * (owners % 50)) % ITEMS,
            "time": START + rng.integers(0, YEAR, count),
        }
    )
    frame.write_parquet(folder / "log.parquet")
    learned = sw.read_interactions(frame.filter(pl.col("user_id") < LEARNED))
    sw.save(sw.model("cosine", keep=KEEP).fit(learned), folder / "model")
    (folder / "done").write_text("")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
