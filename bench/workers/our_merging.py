"""our_merging.py FOLDER: count four parts of a log and add the counts up, and time both."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from counted import first_users, loaded, two_processors
from our_cosine import log_of

import spadework as sw
from spadework.data.vocabulary import Vocabulary

PARTS = 4


def alone(log: sw.Interactions) -> sw.Interactions:
    """The same rows with the items that occur, as if the log had been read from its own file."""
    items = Vocabulary(log.item_vocabulary.take(np.unique(log.items)))
    return log.recoded(log.user_vocabulary, items)


def measured(log: sw.Interactions) -> tuple[float, float, sw.counts.Counts]:
    """Seconds of counting the parts, seconds of adding up, and the sum."""
    model = sw.model("cosine", max_length=None)
    parts = [alone(sw.counts.part_of(log, k, PARTS)) for k in range(PARTS)]
    begun = time.perf_counter()
    counts = [sw.counts.count(model, part) for part in parts]
    counted = time.perf_counter()
    whole = sw.counts.merge(*counts)
    return counted - begun, time.perf_counter() - counted, whole


def main(folder: Path) -> None:
    """A slice to warm up with, then the log twice: the second is told."""
    two_processors()
    starts, items, item_count = loaded(folder)
    measured(log_of(*first_users(starts, items), item_count))
    log = alone(log_of(starts, items, item_count))
    measured(log)
    counting, merging, found = measured(log)
    begun = time.perf_counter()
    whole = sw.counts.count(sw.model("cosine", max_length=None), log)
    of_whole = time.perf_counter() - begun
    names = ("starts", "columns", "joint", "sizes")
    equal = found.item_vocabulary == whole.item_vocabulary and all(
        np.array_equal(getattr(found, name), getattr(whole, name)) for name in names
    )
    answer = {
        "ratio": merging / counting,
        "count": counting,
        "whole": of_whole,
        "pairs": len(found.columns),
        "equal": equal,
    }
    print(json.dumps({"seconds": merging, "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
