"""Lists for all users of a log, written in parts: does memory grow with the users?"""

from __future__ import annotations

from data import FOLDER
from harness import (
    OURS,
    WORKERS,
    BenchFailed,
    Contender,
    Outcome,
    Verdict,
    in_turn,
    process,
    say,
    worker,
)

NAME = "batch"
USERS = (100_000, 300_000, 1_000_000)
TARGET = 1.5
"""How much more memory ten times the users may take above log and model."""
MOST = 100
"""MiB above log and model."""


def run(quick: bool) -> Outcome:
    """Three numbers of users, in parts and in one piece; the lists must be the same."""
    sizes = [users // 10 if quick else users for users in USERS]
    contenders: dict[str, Contender] = {}
    for users in sizes:
        folder = FOLDER / f"batch-{users}"
        if not (folder / "done").exists():
            say(f"  generating {folder.name}")
            process([OURS, WORKERS / "batch_log.py", folder, str(users)])
        for way in ("parts", "piece"):
            contenders[f"{users:,} users, {way}"] = worker(OURS, "our_batch", folder, way)
    series = in_turn(contenders, 1 if quick else 3, warm=False)
    most: dict[str, float] = {}
    for one in series:
        most[one.label] = max(float(sample.answer["mib"]) for sample in one.samples)
    for parts, piece in zip(series[::2], series[1::2], strict=True):
        digests = {sample.answer["digest"] for one in (parts, piece) for sample in one.samples}
        if len(digests) != 1:
            raise BenchFailed(f"{parts.label}: the lists differ from those in one piece.")
    least, largest = series[0].label, series[-2].label
    grown = most[largest] / most[least]
    highest = max(mib for label, mib in most.items() if label.endswith("parts"))
    verdicts = [
        Verdict(
            f"memory above log and model, {sizes[-1]:,} users beside {sizes[0]:,}",
            f"{grown:.2f} ×",
            f"≤ {TARGET} ×",
            grown <= TARGET,
        ),
        Verdict(
            "the same, at most at any number of users",
            f"{highest:,.0f} MiB",
            f"≤ {MOST} MiB",
            highest <= MOST,
        ),
    ]
    remarks = [
        "`spadework recommend MODEL --histories log.parquet --out lists.parquet`, ten items a "
        "user, 10 events a user, 20,000 items, 100 neighbours an item, two threads. Memory is the "
        "largest while lists are made and written, less what log and model hold by then.",
        *(f"{label}: {mib:,.0f} MiB above log and model." for label, mib in most.items()),
        *(
            f"{one.label}: {sample.answer['users'] / one.median:,.0f} lists a second."
            for one in series
            for sample in one.samples[:1]
        ),
        "In parts and in one piece, the lists are the same to the bit.",
    ]
    return Outcome(NAME, "Lists for all users, in parts", verdicts, series, remarks)
