"""our_sequences.py FOLDER WHAT SETTINGS: a transformer of ours on a leave-one-out cut, SETTINGS being JSON of its parameters.

Seconds are those of an epoch (WHAT: epochs), of a fit (fit), or of ten items for everybody (recommend); the answer tells the quality.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from counted import two_processors

import spadework as sw
from spadework import events
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary


class Clock:
    """Hears when each epoch begins and ends."""

    def __init__(self) -> None:
        self.marks: dict[str, float] = {}

    def step(self, label: str, done: int, total: int | None) -> None:
        """The first step under each label."""
        self.marks.setdefault(label, time.perf_counter())

    def note(self, message: str) -> None:
        """Remarks are not for here."""


def logs_of(folder: Path) -> tuple[Interactions, Interactions, Interactions, object]:
    """Train, given and expected over the same ids, and content where the folder has some."""
    frames = [pl.read_csv(folder / f"{name}.csv") for name in ("train", "given", "expected")]
    every = pl.concat(frames)
    users, items = Vocabulary.build(every["user"])[0], Vocabulary.build(every["item"])[0]
    made = [
        Interactions.from_codes(
            users.codes(frame["user"]), items.codes(frame["item"]), user_vocabulary=users, item_vocabulary=items,
            times=frame["time"].to_numpy(), order=frame["order"].to_numpy(),
        )
        for frame in frames
    ]  # fmt: skip
    table = folder / "items.parquet"
    content = sw.read_content(table, made[0], item="item") if table.exists() else None
    return made[0], made[1], made[2], content


def quality(items: np.ndarray, expected: Interactions) -> dict[str, float]:
    """Hit rate and ndcg of ten, with the intervals of a normal mean."""
    wanted = expected.items[expected.starts[expected.active_users]]
    hits = items == wanted[:, None]
    gains = (hits / np.log2(np.arange(items.shape[1]) + 2)).sum(axis=1)
    half = 1.96 * gains.std() / np.sqrt(len(gains))
    return {"recall@10": float(hits.any(axis=1).mean()), "ndcg@10": float(gains.mean()), "ndcg half": float(half), "users": len(gains)}


def main(folder: Path, what: str, settings: dict[str, object]) -> None:
    """Train, answer, judge."""
    two_processors()
    train, given, expected, content = logs_of(folder)
    one, clock = sw.model(str(settings.pop("model", "transformer")), **settings), Clock()
    begun = time.perf_counter()
    with events.listening(clock):
        one.fit(train, content)  # type: ignore[arg-type]
    fitted = time.perf_counter() - begun
    asked = expected.active_users
    one.recommend(given, 10, repeats="forbid", users=asked[:100])
    begun = time.perf_counter()
    lists = one.recommend(given, 10, repeats="forbid", users=asked)
    answering = time.perf_counter() - begun
    marks = sorted(time for label, time in clock.marks.items() if label.startswith("fit"))
    epochs = int(settings.get("epochs", 1))  # type: ignore[call-overload]
    seconds = {
        "epochs": (marks[-1] - marks[0]) / (len(marks) - 1) if len(marks) > 1 else fitted / epochs,
        "recommend": answering,
        "fit": fitted,
    }[what]
    answer = quality(lists.items, expected) | {"fit": fitted, "recommend": answering, "epochs": len(one.curve)}  # type: ignore[attr-defined]
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
