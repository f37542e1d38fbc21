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


def parts_of(log: sw.Interactions) -> list[sw.Interactions]:
    """Parts by the hash of the user; each with the items that occur in it, as if read alone."""
    found = []
    for k in range(PARTS):
        part = sw.counts.part_of(log, k, PARTS)
        items = Vocabulary(part.item_vocabulary.take(np.unique(part.items)))
        found.append(part.recoded(part.user_vocabulary, items))
    return found


def measured(log: sw.Interactions) -> tuple[float, float, sw.counts.Counts]:
    """Seconds of counting the parts, seconds of adding up, and the sum."""
    model, parts = sw.model("cosine", max_length=None), parts_of(log)
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
    log = log_of(starts, items, item_count)
    measured(log)
    counting, merging, found = measured(log)
    begun = time.perf_counter()
    whole = sw.counts.count(sw.model("cosine", max_length=None), log)
    of_whole = time.perf_counter() - begun
    names = ("starts", "columns", "joint", "sizes")
    known = np.flatnonzero(whole.popularity)
    equal = len(known) == len(whole.popularity) and all(
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
