"""recall.py LISTS.npy…: recall@20 and ndcg@20 of lists for Gowalla's users against its test part,
by the protocol of LightGCN.

Users and items are numbered by their ids, as `pairs.py` numbers those of the train part. Prints
JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from spadework.data import splitting
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth

LOG = "gowalla_lightgcn"
METRICS = ("recall@20", "ndcg@20")


def split_of(frame: pl.DataFrame) -> splitting.Split:
    """The published split."""
    users, user_codes = Vocabulary.build(frame["user"])
    items, item_codes = Vocabulary.build(frame["item"])
    log = Interactions.from_codes(
        user_codes, item_codes, user_vocabulary=users, item_vocabulary=items
    )
    order = np.lexsort((np.arange(len(frame)), frame["user"].to_numpy()))
    return splitting.from_column(log, frame["split"].gather(pl.Series(order)))


def main(paths: list[str]) -> None:
    """Judge the lists one after the other."""
    begun = time.perf_counter()
    frame = pl.read_parquet(Path(os.environ["SPADEWORK_DATA"]) / LOG / "interactions.parquet")
    split = split_of(frame)
    truth = Truth.of(split)
    train = frame.filter(pl.col("split") == "train")
    users, items = (train[column].unique().sort() for column in ("user", "item"))
    row_of = np.full(split.given.user_count, -1)
    row_of[split.given.user_vocabulary.codes(users)] = np.arange(len(users))
    code_of = np.append(split.train.item_vocabulary.codes(items), -1).astype(np.int32)
    answer = {}
    for path in paths:
        asked = row_of[truth.users]
        if (asked < 0).any():
            raise SystemExit(
                f"{(asked < 0).sum():,} users of the test part have no row in the train part."
            )
        lists = code_of[np.load(path)[asked]]
        found = measure(
            np.ascontiguousarray(lists),
            truth,
            [parse(name) for name in METRICS],
            dialects["lightgcn"],
        )
        answer[Path(path).stem] = {name: float(np.mean(found[name])) for name in METRICS}
    print(json.dumps({"seconds": time.perf_counter() - begun, "answer": answer}))


if __name__ == "__main__":
    main(sys.argv[1:])
