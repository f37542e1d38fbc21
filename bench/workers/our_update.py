"""our_update.py LOG.parquet MODEL FOLDER: one day of a log taken into a model, beside a fit of all.

Prints seconds of both, and how far the tables are from each other.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    clocks = {"": time.perf_counter, " of processors": time.process_time}
    seconds: dict[str, list[float]] = {}

    def timed(what: str, work: Callable[[], Any]) -> Any:
        begun = {name: clock() for name, clock in clocks.items()}
        result = work()
        for name, clock in clocks.items():
            seconds.setdefault(f"{what}{name}", []).append(clock() - begun[name])
        return result

    for _ in range(3):
        found = generations.Generation(folder, 1)
        statistics, groups = timed("load", lambda f=found: (f.statistics(label), f.groups()))
        updated = timed(
            "update",
            lambda s=statistics, g=groups: made(one, s, Change.of(was, log, g), log, None, 0),
        )
        fitted = timed("fit", lambda: model(label).fit(log))
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    far = 0.0
    for name, array in fitted.state.items():
        other = updated.model.state[name]
        same = array.shape == other.shape
        far = max(
            far,
            float(np.abs(np.subtract(array, other, dtype=np.float64)).max(initial=0))
            if same
            else np.inf,
        )
    answer = {
        **medians,
        "ratio": medians["update"] / medians["fit"],
        "ratio of processor time": medians["update of processors"] / medians["fit of processors"],
        "ratio with loading": (medians["update"] + medians["load"]) / medians["fit"],
        "largest difference": far,
        "new rows": len(log) - len(was),
        "says": updated.says,
    }
    print(json.dumps({"seconds": medians["update"], "answer": answer}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
