"""The main job on the embedded grocery log: time and memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import OURS, Contender, Outcome, Sample, Verdict, in_turn, process, seconds

NAME = "dig"
SECONDS_TARGET, MEMORY_TARGET = 300.0, 3 * 1024


def _dig() -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        return process(
            [OURS.parent / "spadework", "dig", "sample:grocery", "--run", Path(folder) / "run"]
        )


def run(quick: bool) -> Outcome:
    """`spadework dig` with its own defaults, in a fresh folder each time."""
    contenders: dict[str, Contender] = {"spadework dig sample:grocery": _dig}
    (series,) = in_turn(contenders, 1 if quick else 5, warm=False)
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
    ]
    repeats = len(series.samples)
    return Outcome(
        NAME,
        "The main job on the grocery log",
        verdicts,
        [series],
        [f"{repeats} run{'s' * (repeats > 1)}, default budget."],
    )
