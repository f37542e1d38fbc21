"""our_metrics.py FOLDER WAY: five metrics on the generated lists. WAY is what is given: `frames`,
`frame` or `codes`.

frames  both tables with ids, as RecTools takes them: the log of the targets is read, then
`sw.evaluate` frame   the lists as a table with ids, the targets as a split: `sw.evaluate` codes
lists and targets in codes, as a board has them: `judge`
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

import spadework as sw
from spadework.evaluation.trial import Protocol, judge

METRICS = ("recall@10", "ndcg@10", "map@10", "mrr@10", "hitrate@10")


def split_of(targets: pl.DataFrame) -> sw.Split:
    """A split that expects these rows; nothing is given and nothing trained on, since RecTools is
    not told such things either.
    """
    expected = sw.read_interactions(targets, user="user_id", item="item_id", time="-")
    nothing = expected.where(np.zeros(len(expected), np.bool_))
    return sw.Split(
        train=nothing, given=nothing, expected=expected, name="bench", description="bench"
    )


def by_evaluate(lists: pl.DataFrame, split: sw.Split) -> dict[str, float]:
    """Means of the per-user values, which the score keeps."""
    return sw.evaluate(lists, split, metrics=METRICS).scores[0].means()


def in_codes(lists: pl.DataFrame, split: sw.Split) -> sw.Recommendations:
    """The same lists as a fitted model would hand them over."""
    users, items = split.expected.user_vocabulary, split.expected.item_vocabulary
    codes = items.codes(lists["item_id"]).reshape(-1, 10)
    return sw.Recommendations(
        users.codes(lists["user_id"][::10]), codes, np.zeros(codes.shape, np.float32), users, items
    )


def by_judge(lists: sw.Recommendations, split: sw.Split) -> dict[str, float]:
    """Arrange the targets, judge, average."""
    values, _ = judge(lists.items, Protocol.of(split, metrics=METRICS, repeats="allow"))
    return {name: float(value.mean(dtype=np.float64)) for name, value in values.items()}


def measured(
    way: str, lists: pl.DataFrame, targets: pl.DataFrame
) -> tuple[float, dict[str, float]]:
    """Seconds and means of one call."""
    if way == "frames":
        begun = time.perf_counter()
        values = by_evaluate(lists, split_of(targets))
        return time.perf_counter() - begun, values
    split = split_of(targets)
    if way == "frame":
        begun = time.perf_counter()
        values = by_evaluate(lists, split)
        return time.perf_counter() - begun, values
    coded = in_codes(lists, split)
    begun = time.perf_counter()
    values = by_judge(coded, split)
    return time.perf_counter() - begun, values


def main(folder: Path, way: str) -> None:
    """Time one call; a call on ten users before it pays for whatever is paid once."""
    names = {"user_id": "user", "item_id": "item", "rank": "rank"}
    lists = pl.DataFrame(
        {column: np.load(folder / f"lists_{name}.npy") for column, name in names.items()}
    )
    targets = pl.DataFrame(
        {
            column: np.load(folder / f"targets_{name}.npy")
            for column, name in list(names.items())[:2]
        }
    )
    measured(way, lists.head(100), targets.head(30))
    seconds, values = measured(way, lists, targets)
    print(json.dumps({"seconds": seconds, "answer": values}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
