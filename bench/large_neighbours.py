"""The hundred nearest items of all items: columns in files and in memory, as rows grow."""

from __future__ import annotations

from harness import OURS, Outcome, in_turn, worker
from large_logs import REMARK, ROWS, growth, mapped, peak, ratio, same, told

NAME = "large-neighbours"


def run(quick: bool) -> Outcome:
    """Each size in turn, then the largest in memory; both must give the same bits."""
    rows = [size // (100 if quick else 1) for size in ROWS]
    counted = in_turn(
        {
            f"neighbours, {few:,} rows, in files": worker(
                OURS, "our_large_counts", mapped(few), "mapped"
            )
            for few in rows
        },
        1,
        warm=False,
    )
    label = f"neighbours, {rows[-1]:,} rows, in memory"
    [beside] = in_turn(
        {label: worker(OURS, "our_large_counts", mapped(rows[-1]), "memory")}, 1, warm=False
    )
    same(counted[-1], beside)
    verdicts = [
        peak("200 M rows: memory held", counted[-1], 4.0),
        ratio("200 M rows, columns in files over columns in memory", counted[-1], beside, 1.5),
        *growth("neighbours", counted, rows),
    ]
    series = [*counted, beside]
    return Outcome(NAME, "Neighbours of large logs", verdicts, series, [REMARK, *map(told, series)])
