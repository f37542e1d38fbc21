"""Logs larger than memory: `look` and neighbours, as rows grow, with all columns in files.

SPADEWORK_BEFORE names the source of an earlier build (a worktree's `src`), which is measured beside
this one in the same run.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path

from harness import (
    OURS,
    ROOT,
    WORKERS,
    BenchFailed,
    Contender,
    Outcome,
    Sample,
    Series,
    Verdict,
    in_turn,
    process,
    say,
    worker,
)

NAME = "large"
ROWS = (25_000_000, 50_000_000, 100_000_000, 200_000_000)
LOOKED_AT, COUNTED = 100_000_000, 200_000_000
LIMIT_GIB = 3
BEFORE = "SPADEWORK_BEFORE"


def run(quick: bool) -> Outcome:
    """`look` beside the build before, under a hard limit, and its growth; neighbours likewise."""
    part = 100 if quick else 1
    with tempfile.TemporaryDirectory() as top:
        logs = {rows: _log(rows // part, Path(top) / f"{rows}") for rows in ROWS}
        looks = in_turn(
            {f"look, {rows // part:,} rows": _look(logs[rows] / "parquet") for rows in ROWS},
            1,
            warm=False,
        )
        before = _before(logs[LOOKED_AT] / "parquet", LOOKED_AT // part)
        counted = in_turn(
            {
                f"neighbours, {rows // part:,} rows, mapped": worker(
                    OURS, "our_large_counts", logs[rows] / "log", "mapped"
                )
                for rows in ROWS
            },
            1,
            warm=False,
        )
        [beside] = in_turn(
            {
                f"neighbours, {COUNTED // part:,} rows, in memory": worker(
                    OURS, "our_large_counts", logs[COUNTED] / "log", "memory"
                )
            },
            1,
            warm=False,
        )
    _same(counted[-1], beside)
    verdicts = [
        *_verdicts_of_look(looks, before),
        _peak("neighbours of the largest log: memory held", counted[-1], "peak", 4.0),
        _ratio("neighbours: columns in files over columns in memory", counted[-1], beside, 1.5),
        *_growth("look", looks, "held"),
        *_growth("neighbours", counted, "peak"),
    ]
    series = [*looks, *before, *counted, beside]
    remarks = [
        (
            "A log in order of time: 20 events a user on average, 500,000 items by "
            "Zipf-Mandelbrot, two years. Memory held is what cannot be given back without "
            f"swapping; `look` runs in a memory group of {LIMIT_GIB} GiB where the kernel allows "
            "one, and is ended if it holds more. One run each."
        ),
        *(f"{one.label}: {one.median:.1f} s, {_gib(one)} GiB held" for one in series),
    ]
    return Outcome(NAME, "Logs larger than memory", verdicts, series, remarks)


def _log(rows: int, folder: Path) -> Path:
    say(f"  making {rows:,} rows")
    process([OURS, WORKERS / "large_log.py", str(rows), folder / "log"])
    process([OURS, WORKERS / "large_log.py", str(rows), folder / "parquet", "--parquet"])
    return folder


def _look(source: Path, code: str = "", limit: bool = True) -> Contender:
    words = [OURS, "-m", "spadework", "look", source, "--json"]
    if limit:
        words += ["--set", f"memory={LIMIT_GIB}"]
    fence = ["--limit", str(LIMIT_GIB << 30)] if limit else []
    environment = {"PYTHONPATH": code or str(ROOT / "src")}

    def once() -> Sample:
        return process(
            [OURS, WORKERS / "watched.py", *fence, *words],
            timed_inside=True,
            environment=environment,
        )

    return once


def _before(source: Path, rows: int) -> list[Series]:
    code = os.environ.get(BEFORE)
    if not code:
        say(f"  no earlier build: {BEFORE} is not set")
        return []
    label = f"look, {rows:,} rows, the build before"
    return in_turn({label: _look(source, code, limit=False)}, 1, warm=False)


def _same(one: Series, other: Series) -> None:
    digests = {each.samples[0].answer["digest"] for each in (one, other)}
    if len(digests) > 1:
        raise BenchFailed(f"neighbours differ: {json.dumps(sorted(digests))}")


def _held(series: Series, name: str = "") -> float:
    answer = series.samples[0].answer
    return float(answer[name] if name else answer.get("held", answer.get("peak", 0)))


def _gib(series: Series) -> str:
    return f"{_held(series) / 2**30:.2f}"


def _verdicts_of_look(looks: list[Series], before: list[Series]) -> list[Verdict]:
    at = ROWS.index(LOOKED_AT)
    found = [_peak("look of 100 M rows: memory held", looks[at], "held", float(LIMIT_GIB))]
    if before:
        found.append(_ratio("look of 100 M rows over the build before", looks[at], before[0], 0.5))
    else:
        what = "look of 100 M rows over the build before"
        found.append(Verdict(what, "not measured", "≤ 0.5 ×", None))
    return found


def _peak(what: str, series: Series, name: str, most: float) -> Verdict:
    gib = _held(series, name) / 2**30
    return Verdict(what, f"{gib:.2f} GiB", f"≤ {most:g} GiB", gib <= most)


def _ratio(what: str, ours: Series, other: Series, most: float) -> Verdict:
    ratio = ours.median / other.median
    return Verdict(what, f"{ratio:.2f} ×", f"≤ {most:g} ×", ratio <= most)


def _growth(what: str, series: list[Series], name: str) -> list[Verdict]:
    """The powers of rows with which time and memory grow, over all sizes."""
    log_rows = [math.log(rows) for rows in ROWS]
    time = _slope(log_rows, [math.log(one.median) for one in series])
    held = _slope(log_rows, [math.log(max(_held(one, name), 1.0)) for one in series])
    return [
        Verdict(f"{what}: power of time with rows", f"{time:.2f}", "≤ 1.05", time <= 1.05),
        Verdict(f"{what}: power of memory with rows", f"{held:.2f}", "≤ 0.1", held <= 0.1),
    ]


def _slope(xs: list[float], ys: list[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - mean_x) ** 2 for x in xs
    )
