"""our_together.py WHAT WAY DATA: fit one co-occurrence model, or all, and time it.

WHAT  weights (twelve on one count; DATA is a folder of pairs), distances or levels (eight counts;
DATA is `whole` or `tenth` of the
      grocery log)
WAY   one (`fit`) or all (`fit_together`)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from counted import KEEP, first_users, loaded, two_processors
from our_cosine import log_of

import spadework as sw
from spadework.data.samples import sample
from spadework.models.cooccurrence.operator import CoOccurrence

WEIGHTS = (
    "cosine", "confidence", "asymmetric", "jaccard", "dice", "tversky", "inclusion", "lift",
    "power", "pmi", "npmi", "lexicographers_mi",
)  # fmt: skip


def twelve() -> list[CoOccurrence]:
    """One count, twelve pair weights; the first is the one."""
    return [CoOccurrence(weight=weight, keep=KEEP) for weight in WEIGHTS]


def channel(**choices: Any) -> CoOccurrence:
    """One way to count, under the pair weight that all share."""
    chosen = {
        "weight": "power",
        "left_power": 0.7,
        "right_power": 0.3,
        "keep": KEEP,
        "distance": "inverse",
        "backward": 0.5,
    }
    return CoOccurrence(**{**chosen, **choices})


def six() -> list[CoOccurrence]:
    """Six counts: directions, distances, a window, ages; the first is the one."""
    changes: list[dict[str, Any]] = [
        {}, {"backward": 0.0}, {"distance": "same"}, {"distance": "log"}, {"max_distance": 10},
        {"age_half_life": "60d"},
    ]  # fmt: skip
    return [channel(**change) for change in changes]


def distances() -> list[CoOccurrence]:
    """Eight counts that weigh a pair by distance and age alone."""
    return [*six(), channel(distance="geometric"), channel(max_distance=30, backward=0.2)]


def levels() -> list[CoOccurrence]:
    """Eight counts, of which one looks at the time between two events and one at sessions."""
    return [*six(), channel(gap_half_life="7d"), channel(group="session", session_gap="1d")]


def fitted(models: list[CoOccurrence], log: sw.Interactions) -> tuple[float, CoOccurrence]:
    """Seconds, and the first of the models. What is done with is let go, as a sweep does."""
    begun = time.perf_counter()
    if len(models) == 1:
        models[0].fit(log)
        return time.perf_counter() - begun, models[0]
    kept: CoOccurrence | None = None
    for batch in CoOccurrence.fit_together(models, log):
        kept = next((one for one in batch if one.label == models[0].label), kept)
    assert kept is not None
    return time.perf_counter() - begun, kept


def logs(what: str, data: str) -> tuple[sw.Interactions, sw.Interactions]:
    """The log, and a slice of it to warm up with."""
    if what == "weights":
        starts, items, item_count = loaded(Path(data))
        return log_of(starts, items, item_count), log_of(*first_users(starts, items), item_count)
    log = sample("grocery")
    part = log if data == "whole" else log.where(log.users % 10 == 0)
    return part, log.where(log.users < 20)


def main(what: str, way: str, data: str) -> None:
    """Time one call, and say what the first model found."""
    two_processors()
    log, small = logs(what, data)
    models = {"weights": twelve, "distances": distances, "levels": levels}[what]()
    chosen = models if way == "all" else models[:1]
    fitted(chosen, small)
    seconds, first = fitted(chosen, log)
    values = first.state["values"]
    answer = {"neighbours": len(values), "mean": float(values.mean(dtype=np.float64))}
    print(json.dumps({"seconds": seconds, "answer": answer}))


if __name__ == "__main__":
    main(*sys.argv[1:])
