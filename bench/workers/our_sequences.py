"""our_sequences.py FOLDER WHAT SETTINGS: a transformer of ours on a leave-one-out cut, SETTINGS
being JSON of its parameters.

Seconds are those of an epoch (WHAT: epochs, or steps, which answers nobody), of a fit (fit), or of
ten items for everybody (recommend). The answer tells the quality and the largest memory until the
fit was over.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from counted import two_processors

import spadework as sw
from spadework import events
from spadework.data.content import ItemContent
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.models.neural.transformer import Transformer


class Clock:
    """Hears when each step of each epoch begins."""

    def __init__(self) -> None:
        self.begun: dict[str, list[float]] = {}  # by label, which each epoch has of its own

    def step(self, label: str, done: int, total: int | None) -> None:
        """A step begins."""
        if label.startswith("fit"):
            self.begun.setdefault(label, []).append(time.perf_counter())

    @property
    def epoch(self) -> float:
        """Seconds of an epoch, the mean over all; its last step is taken to last as long as the
        others did.
        """
        return float(
            np.mean(
                [
                    (marks[-1] - marks[0]) * len(marks) / (len(marks) - 1)
                    for marks in self.begun.values()
                ]
            )
        )

    def note(self, message: str) -> None:
        """Remarks are not for here."""


def logs_of(folder: Path) -> tuple[dict[str, Interactions], ItemContent | None]:
    """Train, given, chosen and expected over the same ids, and content where the folder has
    some.
    """
    frames = {path.stem: pl.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    every = pl.concat(frames.values())
    users, items = Vocabulary.build(every["user"])[0], Vocabulary.build(every["item"])[0]
    made = {
        name: Interactions.from_codes(
            users.codes(frame["user"]),
            items.codes(frame["item"]),
            user_vocabulary=users,
            item_vocabulary=items,
            times=frame["time"].to_numpy(),
            order=frame["order"].to_numpy(),
        )
        for name, frame in frames.items()
    }
    table = folder / "items.parquet"
    return made, sw.read_content(table, made["train"], item="item") if table.exists() else None


def quality(items: np.ndarray, expected: Interactions) -> dict[str, float]:
    """Hit rate and ndcg of ten over users, each with half of its interval, that of a normal
    mean.
    """
    wanted = expected.items[expected.starts[expected.active_users]]
    hits = items == wanted[:, None]
    found = {
        "recall@10": hits.any(axis=1).astype(float),
        "ndcg@10": (hits / np.log2(np.arange(items.shape[1]) + 2)).sum(axis=1),
    }
    halves = {
        f"{name} half": float(1.96 * values.std() / np.sqrt(len(values)))
        for name, values in found.items()
    }
    return {name: float(values.mean()) for name, values in found.items()} | halves


def main(folder: Path, what: str, settings: dict[str, Any]) -> None:
    """Train, answer, judge."""
    two_processors()
    logs, content = logs_of(folder)
    given, expected = logs["given"], logs["expected"]
    one, clock = Transformer(**settings), Clock()
    begun = time.perf_counter()
    with events.listening(clock):
        one.fit(logs["train"], content)
    fitted = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if what == "steps":
        print(json.dumps({"seconds": clock.epoch, "answer": {"fit MiB": peak}}))
        return
    asked = expected.active_users
    one.recommend_codes(given, 10, repeats="forbid", users=asked[:100])
    begun = time.perf_counter()
    lists = one.recommend_codes(given, 10, repeats="forbid", users=asked)
    answering = time.perf_counter() - begun
    seconds = {"epochs": clock.epoch, "recommend": answering, "fit": fitted}[what]
    answer = (
        {"fit MiB": peak}
        | quality(lists.items, expected)
        | {"fit": fitted, "recommend": answering, "epochs": len(one.curve)}
    )
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
