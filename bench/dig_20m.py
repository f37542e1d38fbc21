"""The main job on a generated log of twenty million rows: time, memory, and how many settings it
judged.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from data import made
from harness import OURS, Contender, Outcome, Sample, Verdict, in_turn, process, seconds

NAME = "dig-20m"
BUDGET, SETTINGS_TARGET = "15m", 150
SECONDS_TARGET = 1.1 * 15 * 60 + 5
MEMORY_TARGET = 5_367
"""MiB that the build before this planner took for 122 settings."""


def _dig(path: Path, budget: str) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        done = process([OURS.parent / "spadework", "dig", path, "--run", run, "--budget", budget])
        board = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    judged = sum(score["state"] == "done" for score in board["validation"])
    return Sample(
        done.seconds,
        done.cpu_seconds,
        done.peak_mib,
        {"judged": judged, "not tried": len(board["not_tried"])},
    )


def run(quick: bool) -> Outcome:
    """One run, in a fresh folder."""
    rows, budget = (2_000_000, "1m") if quick else (20_000_000, BUDGET)
    path = made("log", rows) / "random.parquet"
    label = f"spadework dig, {rows:,} rows, budget {budget}"
    contenders: dict[str, Contender] = {label: lambda: _dig(path, budget)}
    (series,) = in_turn(contenders, 1, warm=False)
    judged, left = series.samples[0].answer["judged"], series.samples[0].answer["not tried"]
    verdicts = [
        Verdict(
            "time",
            seconds(series.median),
            f"≤ {SECONDS_TARGET:.0f} s",
            series.median <= SECONDS_TARGET,
        ),
        Verdict(
            "peak memory",
            f"{series.peak_mib:,.0f} MiB",
            f"≤ {MEMORY_TARGET:,} MiB",
            series.peak_mib <= MEMORY_TARGET,
        ),
        Verdict("settings judged", f"{judged}", f"≥ {SETTINGS_TARGET}", judged >= SETTINGS_TARGET),
    ]
    remarks = [
        (
            f"One run. {judged} settings were judged on the validation span; {left} were not "
            "tried, for want of time or of what they need."
        )
    ]
    return Outcome(NAME, f"The main job on {rows:,} rows", verdicts, [series], remarks)
