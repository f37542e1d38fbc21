"""Generated logs of the benches of large logs, made once, and what these benches tell alike."""

from __future__ import annotations

import json
import math
from pathlib import Path

from data import FOLDER
from harness import OURS, WORKERS, BenchFailed, Series, Verdict, process, say

ROWS = (25_000_000, 50_000_000, 100_000_000, 200_000_000)
REMARK = (
    "A log in order of time: 20 events a user on average, 500,000 items by Zipf-Mandelbrot, two "
    "years. Memory held is what cannot be given back without swapping. One run each."
)


def mapped(rows: int) -> Path:
    """A mapped log of so many rows."""
    return _made(rows, "log")


def parquet(rows: int) -> Path:
    """The same rows as a folder of parquet, in order of time."""
    return _made(rows, "parquet", "--parquet")


def _made(rows: int, kind: str, *options: str) -> Path:
    place = FOLDER / "large" / f"{rows}" / kind
    done = place.with_name(f"{kind}.made")
    if not done.exists():
        say(f"  making {rows:,} rows as {kind}")
        place.parent.mkdir(parents=True, exist_ok=True)
        process([OURS, WORKERS / "large_log.py", str(rows), place, *options])
        done.touch()
    return place


def same(one: Series, other: Series) -> None:
    """Refuse two models that differ."""
    digests = {each.samples[0].answer["digest"] for each in (one, other)}
    if len(digests) > 1:
        raise BenchFailed(f"neighbours differ: {json.dumps(sorted(digests))}")


def held(series: Series) -> float:
    """Bytes that a run held at most."""
    answer = series.samples[0].answer
    return float(answer.get("held", answer.get("peak", 0)))


def told(series: Series) -> str:
    """Time and memory of a run."""
    return f"{series.label}: {series.median:.1f} s, {held(series) / 2**30:.2f} GiB held"


def peak(what: str, series: Series, most: float) -> Verdict:
    """Memory against a target in GiB."""
    gib = held(series) / 2**30
    return Verdict(what, f"{gib:.2f} GiB", f"≤ {most:g} GiB", gib <= most)


def ratio(what: str, ours: Series, other: Series, most: float) -> Verdict:
    """Time against another time."""
    found = ours.median / other.median
    return Verdict(what, f"{found:.2f} ×", f"≤ {most:g} ×", found <= most)


def growth(what: str, series: list[Series], rows: list[int]) -> list[Verdict]:
    """The powers of rows with which time and memory grow, over all sizes."""
    log_rows = [math.log(one) for one in rows]
    time = _slope(log_rows, [math.log(one.median) for one in series])
    memory = _slope(log_rows, [math.log(max(held(one), 1.0)) for one in series])
    return [
        Verdict(f"{what}: power of time with rows", f"{time:.2f}", "≤ 1.05", time <= 1.05),
        Verdict(f"{what}: power of memory with rows", f"{memory:.2f}", "≤ 0.1", memory <= 0.1),
    ]


def _slope(xs: list[float], ys: list[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - mean_x) ** 2 for x in xs
    )
