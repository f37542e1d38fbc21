"""One day of a large log taken into a model, beside a fit of all of it; and the judge of a night,
tried with many seeds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from data import made
from harness import OURS, Outcome, Series, Verdict, in_turn, worker

NAME = "update"
TARGET, TOLERANCE, SEEDS = 0.05, 1e-6, 200
MODELS = ("cosine(keep=100)", "cosine", "popular", "personal")


def run(quick: bool) -> Outcome:
    """Each model in a process of its own, which fits and updates three times."""
    log = made("log", 2_000_000 if quick else 20_000_000) / "by_time.parquet"
    series: list[Series] = []
    verdicts: list[Verdict] = []
    remarks = [
        "A fit of the whole log in memory, beside an update from what was kept: the day's events "
        "joined to the log in memory, what was kept mapped from disk. Loading that, with its "
        "digests checked, is told apart.",
    ]
    for label in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            contender = worker(OURS, "our_update", log, label, folder)
            found = in_turn({label: contender}, 1, warm=False)[0]
        answer: Mapping[str, Any] = found.samples[0].answer
        series.append(found)
        ratio, far = answer["ratio"], answer["largest difference"]
        verdicts += [
            Verdict(f"{label}, a day", f"{ratio:.3f} ×", f"≤ {TARGET} × a fit", ratio <= TARGET),
            Verdict(f"{label}, from a fit", f"{far:.2g}", f"≤ {TOLERANCE:g}", far <= TOLERANCE),
        ]
        remarks.append(
            f"{label}: {answer['new rows']:,} new rows; update {answer['update']:.3f} s, loading "
            f"{answer['load']:.3f} s, fit {answer['fit']:.3f} s; with loading "
            f"{answer['ratio with loading']:.3f} ×, of processor time "
            f"{answer['ratio of processor time']:.3f} ×. It {answer['says']}."
        )
    tried = worker(OURS, "our_judge", str(20 if quick else SEEDS))().answer
    verdicts += [
        Verdict(
            "the judge, the same model refused",
            f"{tried['same refused']} of {tried['seeds']}",
            "none",
            tried["same refused"] == 0,
        ),
        Verdict(
            "the judge, permuted items refused",
            f"{tried['permuted refused']} of {tried['seeds']}",
            "all",
            tried["permuted refused"] == tried["seeds"],
        ),
    ]
    return Outcome(NAME, "A day of new events", verdicts, series, remarks)
