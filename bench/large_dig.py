"""A dig of a hundred million rows within eight GiB and twenty minutes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from harness import OURS, WORKERS, Outcome, Sample, Verdict, in_turn, process
from large_logs import REMARK, held, parquet, peak, told

NAME = "large-dig"
ROWS, LIMIT_GIB, BUDGET, SETTINGS = 100_000_000, 8, "20m", 100


def run(quick: bool) -> Outcome:
    """One dig in a memory group of that size."""
    rows, budget = (ROWS // 100, "30s") if quick else (ROWS, BUDGET)
    source = parquet(rows)
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "run"
        words = [OURS, "-m", "spadework", "dig", source, "--run", folder, "--budget", budget]
        words += ["--set", f"memory={LIMIT_GIB}", "--json"]

        def once() -> Sample:
            fence = ["--limit", str(LIMIT_GIB << 30)]
            return process([OURS, WORKERS / "watched.py", *fence, *words], timed_inside=True)

        [found] = in_turn({f"dig, {rows:,} rows": once}, 1, warm=False)
        board = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    judged = sum(entry["state"] == "done" for entry in board["validation"])
    fitted = (board.get("sample") or {}).get("fitted_rows", {}).get(board["winner"], rows)
    enough, whole = judged >= SETTINGS, fitted == rows
    verdicts = [
        Verdict("settings judged", f"{judged}", f"≥ {SETTINGS}", enough),
        Verdict("rows that the winner was fitted on", f"{fitted:,}", f"{rows:,}", whole),
        peak("memory held", found, float(LIMIT_GIB)),
    ]
    remarks = [REMARK, told(found), f"The winner is `{board['winner']}`."]
    assert held(found) > 0
    return Outcome(NAME, "A dig of a hundred million rows", verdicts, [found], remarks)
