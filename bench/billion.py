"""One billion events on this machine: the exact hundred nearest items of all items."""

from __future__ import annotations

from harness import OURS, Outcome, Verdict, in_turn, worker
from large_logs import REMARK, mapped, peak, told

NAME = "billion"
ROWS = 1_000_000_000
MINUTES = 30


def run(quick: bool) -> Outcome:
    """One run, of a log that is in files."""
    rows = ROWS // (1000 if quick else 1)
    [found] = in_turn(
        {f"neighbours, {rows:,} rows": worker(OURS, "our_large_counts", mapped(rows), "mapped")},
        1,
        warm=False,
    )
    minutes = found.median / 60
    verdicts = [
        peak("memory held", found, 12.0),
        Verdict("time", f"{minutes:.1f} min", f"≤ {MINUTES} min", minutes <= MINUTES),
    ]
    return Outcome(NAME, "A billion events", verdicts, [found], [REMARK, told(found)])
