"""our_large_counts.py FOLDER (mapped | memory) [MODEL] [USERS]: fit a model on the log of a folder,
100 neighbours an item, and make lists for so many users in parts.

Memory is what cannot be given back without swapping (RssAnon): pages of a mapped file are not
counted.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
from counted import KEEP, two_processors

import spadework as sw
from spadework.data.interactions import COLUMNS

WARM_UP = 100_000
"""Rows of the first fit, in which compiled code is loaded."""
PART = 10_000
"""Users for whom lists are made at once."""


def held() -> int:
    """Bytes of this process that no file holds."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


class Watch:
    """The largest memory from here on, looked at a hundred times a second."""

    def __init__(self) -> None:
        self.largest, self._ended = held(), threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.01):
            self.largest = max(self.largest, held())

    def end(self) -> int:
        """Stop looking."""
        self._ended.set()
        self._thread.join()
        return self.largest


def in_memory(log: sw.Interactions) -> sw.Interactions:
    """The same log with columns of its own."""
    columns = {
        name: None if (column := getattr(log, name)) is None else np.array(column)
        for name in COLUMNS
    }
    vocabularies = {name: getattr(log, name) for name in ("user_vocabulary", "item_vocabulary")}
    copy = sw.Interactions(**columns, **vocabularies, event_type_names=log.event_type_names)
    copy.__dict__["starts"] = np.array(log.starts)
    return copy


def main(folder: Path, where: str, name: str, users: int) -> None:
    """Time one fit, and lists."""
    two_processors()
    log = sw.open_log(folder)
    few = log.of_user_codes(np.arange(log.starts.searchsorted(WARM_UP)))
    sw.model(name, keep=KEEP).fit(few).recommend(few, k=10, repeats="forbid")
    del few
    log = log if where == "mapped" else in_memory(log)
    model, before = sw.model(name, keep=KEEP), held()
    watch, begun, worked = Watch(), time.perf_counter(), time.process_time()
    model.fit(log)
    seconds, worked, peak = time.perf_counter() - begun, time.process_time() - worked, watch.end()
    hasher = hashlib.sha256()
    for key in sorted(model.state):
        hasher.update(np.ascontiguousarray(model.state[key]).data)
    answer = {
        "rows": len(log),
        "cpu seconds": worked,
        "before": before,
        "peak": peak,
        "cells": len(model.state["columns"]),
        "digest": hasher.hexdigest()[:16],
    }
    if users:
        watch, begun = Watch(), time.perf_counter()
        for first in range(0, users, PART):
            codes = np.arange(first, min(first + PART, users))
            model.recommend_codes(log, k=10, repeats="forbid", users=codes)
        answer |= {"lists seconds": time.perf_counter() - begun, "lists peak": watch.end()}
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    given = sys.argv[3:]
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        given[0] if given else "cosine",
        int(given[1]) if len(given) > 1 else 0,
    )
