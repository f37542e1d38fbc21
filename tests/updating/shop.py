"""A shop whose customers buy from a shelf of their own: a run on its first weeks, and what came
later.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from makers import DAY, START
from served_run import served_run
from spadework.serving import live_file
from spadework.serving.stores.store import Event
from spadework.workbench.updating import generations

CUT = START + 80 * DAY


def rows(seed: int = 0, users: int = 200, each: int = 24) -> pl.DataFrame:
    """A hundred days of purchases; nine of ten from the user's shelf."""
    rng = np.random.default_rng(seed)
    count = users * each
    user = np.repeat(np.arange(users), each)
    own = user % 8 * 10 + rng.integers(0, 10, count)
    item = np.where(rng.random(count) < 0.9, own, rng.integers(0, 80, count))
    time = START + rng.choice(100 * DAY, count, replace=False)
    return pl.DataFrame(
        {
            "user_id": [f"u{each:03d}" for each in user],
            "item_id": [f"i{each:02d}" for each in item],
            "timestamp": time,
        }
    ).sort("timestamp")


def shop(folder: Path, label: str = "cosine") -> tuple[Path, Path]:
    """A run on the first 80 days, and a file of the rest."""
    log = rows()
    folder.mkdir(parents=True, exist_ok=True)
    old, new = folder / "orders.csv", folder / "new.csv"
    log.filter(pl.col("timestamp") < CUT).write_csv(old)
    log.filter(pl.col("timestamp") >= CUT).write_csv(new)
    run = served_run(folder / "run", {"source": str(old)}, label)
    return run, new


def live(run: Path) -> str:
    """The release that is live."""
    found = live_file.read_live(run / "serving")
    assert found is not None
    return found.active


def kept(run: Path) -> generations.Generation:
    """The newest update."""
    found = generations.current(run / generations.FOLDER)
    assert found is not None
    return found


def events_of(frame: pl.DataFrame) -> list[Event]:
    """Rows as events of a store."""
    return [
        Event(user, item, time * 1000, event_id=f"{at}")
        for at, (user, item, time) in enumerate(frame.iter_rows())
    ]
