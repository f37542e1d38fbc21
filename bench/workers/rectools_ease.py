"""rectools_ease.py FOLDER OUT WHAT: the same by RecTools' EASEModel. Runs in RecTools' own
environment. OUT gets `theirs`, the weights of the first items."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from counted import loaded, two_processors
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel

L2 = 500.0
CORNER = 200


def main(folder: Path, out: Path, what: str) -> None:
    """Time one fit, and one call that answers everybody."""
    two_processors()
    starts, items, _ = loaded(folder)
    users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    frame = pd.DataFrame(
        {
            Columns.User: users,
            Columns.Item: items,
            Columns.Weight: 1.0,
            Columns.Datetime: pd.Timestamp("2026-01-01"),
        }
    )
    dataset = Dataset.construct(frame)
    model = EASEModel(regularization=L2)
    begun = time.perf_counter()
    model.fit(dataset)
    seconds = time.perf_counter() - begun
    if what == "recommend":
        people = np.arange(len(starts) - 1)
        model.recommend(people[:100], dataset, k=10, filter_viewed=True)
        begun = time.perf_counter()
        model.recommend(people, dataset, k=10, filter_viewed=True)
        seconds = time.perf_counter() - begun
        places = dataset.item_id_map.convert_to_internal(np.unique(items)[:CORNER])
        model.weight[np.ix_(places, places)].astype(np.float32).tofile(out / "theirs")
    print(json.dumps({"seconds": seconds, "answer": {}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
