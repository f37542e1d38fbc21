"""tifu.py LOG WHO SHARE: TIFU-KNN by spadework (WHO: ours) or dense numpy (theirs); ten items for
all users. The answer is their recall.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from counted import Array, two_processors

import spadework as sw
from spadework.data import splitting
from spadework.evaluation.dialects import dialects
from spadework.evaluation.metrics import measure, parse
from spadework.evaluation.truth import Truth
from spadework.models.baskets.purchases import Purchases

K, NEIGHBOURS, GROUPS, WITHIN, BETWEEN, ALPHA = 10, 300, 7, 0.9, 0.7, 0.7
BATCH = 1000


def baskets(log: Any) -> list[list[Array]]:
    """Items of each basket of each user, the oldest first."""
    purchases = Purchases.of_log(log, log.active_users)
    made: list[list[list[int]]] = [[[] for _ in range(count)] for count in purchases.baskets]
    owners, items = purchases.owners[purchases.entries], purchases.items[purchases.entries]
    for owner, item, ago in zip(
        owners.tolist(), items.tolist(), purchases.baskets_ago.tolist(), strict=True
    ):
        made[owner][len(made[owner]) - 1 - ago].append(item)
    return [[np.asarray(basket) for basket in own] for own in made]


def dense(histories: list[list[Array]], items: int) -> Array:
    """The ten best items of each user, by the equations of the paper: [users, 10]."""
    vectors = np.zeros((len(histories), items), np.float32)
    for user, own in enumerate(histories):
        count = min(GROUPS, len(own))
        least, more = divmod(len(own), count)
        begin = 0
        for group in range(count):
            size = least + (group >= count - more)
            for at in range(begin, begin + size):
                vectors[user, own[at]] += (
                    WITHIN ** (begin + size - 1 - at)
                    / size
                    * BETWEEN ** (count - 1 - group)
                    / count
                )
            begin += size
    squares = (vectors**2).sum(axis=1)
    best = []
    for first in range(0, len(vectors), BATCH):
        asked = vectors[first : first + BATCH]
        distances = squares[first : first + BATCH, None] + squares - 2 * (asked @ vectors.T)
        distances[np.arange(len(asked)), np.arange(first, first + len(asked))] = np.inf
        near = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        chosen = np.zeros((len(asked), len(vectors)), np.float32)
        np.put_along_axis(chosen, near, 1 / NEIGHBOURS, axis=1)
        scores = ALPHA * asked + (1 - ALPHA) * (chosen @ vectors)
        found = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
        best.append(np.take_along_axis(found, order, axis=1))
    return np.concatenate(best).astype(np.int32)


def main(name: str, who: str, share: float) -> None:
    """Arrange the log, then time fit and lists."""
    two_processors()
    frame = pl.read_parquet(Path(os.environ["SPADEWORK_DATA"]) / name / "interactions.parquet")
    log = sw.read_interactions(
        frame.select("user", "item", "timestamp", "basket"),
        user="user",
        item="item",
        time="timestamp",
        basket="basket",
    )
    split = splitting.last_basket(log)
    users = split.users[:: round(1 / share)]
    known = split.train.of_user_codes(users)
    if who == "ours":
        few = known.of_user_codes(users[:50])
        sw.model("tifu-knn").fit(few).recommend(few, k=K)
        begun = time.perf_counter()
        codes = (
            sw.model("tifu-knn", neighbours=NEIGHBOURS)
            .fit(known)
            .recommend_codes(known, k=K, fill=False, users=users)
            .items
        )
    else:
        histories = baskets(known)  # before the clock: only the equations are timed
        begun = time.perf_counter()
        codes = dense(histories, known.item_count)
    seconds = time.perf_counter() - begun
    truth = Truth.of(split)
    truth = truth.take(np.flatnonzero(np.isin(truth.users, users)))
    found = measure(np.ascontiguousarray(codes), truth, [parse("recall@10")], dialects["nbr"])[
        "recall@10"
    ]
    print(json.dumps({"seconds": seconds, "answer": {"recall@10": float(np.mean(found))}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
