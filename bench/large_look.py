"""`look` at logs larger than a limit of memory, as rows grow, and beside an earlier build.

SPADEWORK_BEFORE names the source of that build (a worktree's `src`).
"""

from __future__ import annotations

import os
from pathlib import Path

from harness import (
    OURS,
    ROOT,
    WORKERS,
    Contender,
    Outcome,
    Sample,
    Series,
    Verdict,
    in_turn,
    process,
    say,
)
from large_logs import REMARK, ROWS, growth, parquet, peak, ratio, told

NAME = "large-look"
COMPARED = 100_000_000
LIMIT_GIB = 3
BEFORE = "SPADEWORK_BEFORE"


def run(quick: bool) -> Outcome:
    """Each size in turn under a hard limit; the earlier build without one."""
    rows = {size: size // (100 if quick else 1) for size in ROWS}
    looks = in_turn(
        {f"look, {few:,} rows": _look(parquet(few)) for few in rows.values()}, 1, warm=False
    )
    at = ROWS.index(COMPARED)
    verdicts = [
        peak("100 M rows: memory held", looks[at], float(LIMIT_GIB)),
        peak("200 M rows: memory held", looks[-1], float(LIMIT_GIB)),
    ]
    what, before = "100 M rows over the build before", _before(parquet(rows[COMPARED]))
    verdicts += (
        [ratio(what, looks[at], before[0], 0.5)]
        if before
        else [Verdict(what, "not measured", "≤ 0.5 ×", None)]
    )
    verdicts += growth("look", looks, list(rows.values()))
    series = [*looks, *before]
    remarks = [
        f"{REMARK} `look` runs in a memory group of {LIMIT_GIB} GiB where the kernel allows one, "
        "and is ended if it holds more.",
        *map(told, series),
    ]
    return Outcome(NAME, "`look` at logs larger than memory", verdicts, series, remarks)


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


def _before(source: Path) -> list[Series]:
    code = os.environ.get(BEFORE)
    if not code:
        say(f"  no earlier build: {BEFORE} is not set")
        return []
    return in_turn({"look, the build before": _look(source, code, limit=False)}, 1, warm=False)
