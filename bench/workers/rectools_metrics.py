"""rectools_metrics.py FOLDER: five metrics of RecTools' calc_metrics on the generated lists. Runs
in RecTools' own environment.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.metrics import MAP, MRR, NDCG, HitRate, Recall, calc_metrics

METRICS = {
    "recall@10": Recall(k=10),
    # the default divides by the gain of ten targets, whoever has fewer
    "ndcg@10": NDCG(k=10, divide_by_achievable=True),
    "map@10": MAP(k=10),
    "mrr@10": MRR(k=10),
    "hitrate@10": HitRate(k=10),
}


def main(folder: Path) -> None:
    """Time one call; a call on ten users before it pays for whatever is paid once."""
    lists = pd.DataFrame(
        {
            Columns.User: np.load(folder / "lists_user.npy"),
            Columns.Item: np.load(folder / "lists_item.npy"),
            Columns.Rank: np.load(folder / "lists_rank.npy"),
        }
    )
    targets = pd.DataFrame(
        {
            Columns.User: np.load(folder / "targets_user.npy"),
            Columns.Item: np.load(folder / "targets_item.npy"),
        }
    )
    calc_metrics(METRICS, lists.head(100), targets.head(30))
    begun = time.perf_counter()
    values = calc_metrics(METRICS, lists, targets)
    seconds = time.perf_counter() - begun
    print(
        json.dumps(
            {"seconds": seconds, "answer": {name: float(value) for name, value in values.items()}}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
