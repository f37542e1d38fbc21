"""The size of the report, at few rows and at many."""

from __future__ import annotations

import csv
import itertools
import tempfile
from pathlib import Path

from data import FOLDER, made
from harness import OURS, Outcome, Sample, Series, Verdict, process, say

NAME = "report"
TARGET = 1_000_000
FEW = 20


def _few() -> Path:
    """A log of twenty rows: five users, four items each, an event a day."""
    path = FOLDER / f"log-{FEW}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["user", "item", "time"])
        for row, (day, user) in enumerate(itertools.product(range(4), range(5))):
            table.writerow([f"u{user}", f"i{(user + day) % 7}", 1_700_000_000 + day * 86_400 + row])
    return path


def _reported(source: Path, budget: str) -> tuple[Sample, int]:
    """A dig and the size of its report in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "run"
        sample = process(
            [OURS.parent / "spadework", "dig", source, "--run", where, "--budget", budget]
        )
        return sample, (where / "report.html").stat().st_size


def run(quick: bool) -> Outcome:
    """One dig each; size does not vary with the machine's mood."""
    rows = 2_000_000 if quick else 20_000_000
    series, verdicts = [], []
    for count, source, budget in (
        (FEW, _few(), "30s"),
        (rows, made("log", rows) / "by_time.parquet", "60s"),
    ):
        label = f"dig of {count:,} rows, budget {budget}"
        sample, size = _reported(source, budget)
        say(f"  {label}: {sample.seconds:.1f} s, report of {size:,} bytes")
        series.append(Series(label, (sample,)))
        verdicts.append(
            Verdict(f"report of {count:,} rows", f"{size / 1e6:.3f} MB", "≤ 1 MB", size <= TARGET)
        )
    return Outcome(
        NAME,
        "The report's size",
        verdicts,
        series,
        ["One dig each; the times are of the whole dig."],
    )
