"""our_update.py LOG.parquet MODEL FOLDER: one day of a log taken into a model, beside a fit of all.

Prints seconds of both, and how far the tables are from each other.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

import spadework as sw
from spadework.models.counting.kept_groups import KeptGroups
from spadework.models.labels import model
from spadework.workbench.updating import generations
from spadework.workbench.updating.additive_models import Change, made

DAY = 86_400


def main(path: Path, label: str, folder: Path) -> None:
    log = sw.read_interactions(path)
    assert log.times is not None
    was = log.where(log.times < log.end - DAY)
    was.starts, log.starts  # noqa: B018  (a log has them once anything was fitted)
    one = model(label)
    small = log.where(log.users < log.user_count // 100)
    warm = made(one, None, None, small, None, 0)  # compiles
    part = small.where(small.times < np.sort(small.times)[-len(small) // 50])
    first = made(one, None, None, part, None, 0)
    groups = KeptGroups.of(part, one.channel) if hasattr(one, "channel") else None
    made(one, first.statistics, Change.of(part, small, groups), small, None, 0)
    del warm, first

    kept = made(one, None, None, was, None, 0).statistics
    assert kept is not None
    generations.write_statistics(folder, {label: kept})
    if hasattr(one, "channel") and one.channel.plain:
        generations.write_groups(folder, KeptGroups.of(was, one.channel))
    (folder / "made.json").write_text(json.dumps({"statistics": {label: "0"}}))
    del kept
    seconds: dict[str, list[float]] = {"load": [], "update": [], "fit": []}
    for _ in range(3):
        begun = time.perf_counter()
        found = generations.Generation(folder, 1)
        statistics, groups = found.statistics(label), found.groups()
        seconds["load"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        change = Change.of(was, log, groups)
        updated = made(one, statistics, change, log, None, 0)
        seconds["update"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        fitted = model(label).fit(log)
        seconds["fit"].append(time.perf_counter() - begun)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    far = 0.0
    for name, array in fitted.state.items():
        other = updated.model.state[name]
        same = array.shape == other.shape
        far = max(far, float(np.abs(array - other).max(initial=0)) if same else np.inf)
    answer = {
        **medians,
        "ratio": medians["update"] / medians["fit"],
        "ratio with loading": (medians["update"] + medians["load"]) / medians["fit"],
        "largest difference": far,
        "new rows": len(log) - len(was),
        "says": updated.says,
    }
    print(json.dumps({"seconds": medians["update"], "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
