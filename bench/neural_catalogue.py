"""A catalogue of a million items: what a step costs where only sampled items are touched."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from environments import PeerUnavailable, interpreter
from harness import OURS, WORKERS, Outcome, Series, Verdict, in_turn, process, worker
from neural_cut import ours

NAME, PEER = "neural-catalogue", "rectools-torch"
ITEMS, USERS, BATCH = 1_000_000, 20_000, 128
OURS_OF = {
    "width": 64, "blocks": 2, "heads": 2, "block": "sasrec", "feed": 1, "max_length": 100,
    "batch": BATCH, "sample_by": "user", "validation_users": 0,
    "loss": "sampled", "samples": 256, "negatives": "uniform", "epochs": 1,
}  # fmt: skip
THEIRS_OF = {
    "n_factors": 64, "n_blocks": 2, "n_heads": 2, "session_max_len": 100, "batch_size": BATCH,
    "loss": "sampled_softmax", "n_negatives": 256,
    "epochs": 1,
}  # fmt: skip


def run(quick: bool) -> Outcome:
    """One epoch of each, in turn."""
    users, items = (USERS // 10, ITEMS // 10) if quick else (USERS, ITEMS)
    what = (
        f"A made-up log of {items:,} items and {users:,} users: one epoch of SASRec, width 64, "
        f"length 100, batch {BATCH}, 256 sampled items"
    )
    steps = -(-users // BATCH)
    remarks = [
        f"An epoch is {steps} steps. spadework draws 256 items for all places of a batch, "
        "RecTools 256 for each place; spadework touches the vectors of a batch alone, in memory "
        "as in the optimiser. There is no target; the peer's time is the measure."
    ]
    contenders = {}
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process([OURS, WORKERS / "sequences_made.py", folder, str(users), str(items)])
        contenders["spadework"] = ours(folder, "steps", OURS_OF)
        try:
            contenders["RecTools"] = worker(
                interpreter(PEER), "rectools_sequences", folder, "steps", json.dumps(THEIRS_OF)
            )
        except PeerUnavailable as reason:
            remarks.append(str(reason))
        series: list[Series] = in_turn(contenders, 1, warm=False)
    for one in series:
        told = f"{one.median / steps:.2f} s, {one.samples[0].answer['fit MiB'] / 1024:.1f} GiB"
        verdicts.append(
            Verdict(f"{items:,} items, a step of {one.label}; memory of the fit", told, "", None)
        )
    return Outcome(NAME, what, verdicts, series, remarks)
