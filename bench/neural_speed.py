"""One epoch and ten items for everybody, by the same network here and in RecTools."""

from __future__ import annotations

import json
from pathlib import Path

from data import DataAbsent
from environments import PeerUnavailable, interpreter
from harness import Outcome, Series, Verdict, in_turn, worker
from neural_cut import absent, cut, ours
from peered import ratio

PEER = "rectools-torch"
OURS_OF = {
    "width": 256, "blocks": 2, "heads": 4, "block": "sasrec", "feed": 1, "max_length": 100,
    "batch": 128, "sample_by": "user", "validation_users": 0,
}  # fmt: skip
THEIRS_OF = {
    "n_factors": 256,
    "n_blocks": 2,
    "n_heads": 4,
    "session_max_len": 100,
    "batch_size": 128,
    "loss": "softmax",
}
NAME = "neural-speed"
TITLE = (
    "MovieLens-1M: one epoch of SASRec, width 256, two blocks, four heads, length 100, batch "
    "128, full softmax"
)
EPOCHS = 3
EPOCH_TARGET, ANSWER_TARGET = 0.6, 0.5


def run(quick: bool) -> Outcome:
    """Three epochs of each, then a list for everybody, in turn."""
    epochs = 1 if quick else EPOCHS
    remarks = [
        "Both learn from the newest 100 events of each user, the last two left out. Seconds are "
        "of an epoch, the mean over all, or of ten items for 6,040 users, items of the history "
        "left out, by a network of one epoch, after an uncounted answer for a hundred.",
        "Each has its own recipe around the same network: spadework sorts windows by length, pads "
        "to the longest of a batch, warms up and lets the rate fall as a cosine; RecTools pads to "
        "100 and keeps its rate. One seed each: ndcg after so few epochs says that no quality was "
        "traded for speed, and nothing of the end.",
    ]
    try:
        peer = interpreter(PEER)
    except PeerUnavailable as reason:
        return Outcome(
            NAME, TITLE, [Verdict("RecTools", "no peer", "", None)], [], [*remarks, str(reason)]
        )
    try:
        with cut("ml-1m") as folder:
            verdicts, series = _measured(folder, peer, epochs, quick)
    except DataAbsent as reason:
        return absent(NAME, TITLE, reason)
    return Outcome(NAME, TITLE, verdicts, series, remarks)


def _measured(
    folder: Path, peer: Path, epochs: int, quick: bool
) -> tuple[list[Verdict], list[Series]]:
    verdicts: list[Verdict] = []
    series: list[Series] = []
    for asked, count, target in (("epochs", epochs, EPOCH_TARGET), ("recommend", 1, ANSWER_TARGET)):
        mine, theirs = in_turn(
            {
                f"{asked}: spadework": ours(folder, asked, OURS_OF | {"epochs": count}),
                f"{asked}: RecTools": worker(
                    peer,
                    "rectools_sequences",
                    folder,
                    asked,
                    json.dumps(THEIRS_OF | {"epochs": count}),
                ),
            },
            1,
            warm=False,
        )
        series += [mine, theirs]
        verdicts.append(ratio(f"MovieLens-1M, {asked}", mine, theirs, target, "RecTools"))
        if asked == "epochs":
            found, other = (one.samples[0].answer["ndcg@10"] for one in (mine, theirs))
            told = f"{found:.4f}, RecTools {other:.4f}"
            verdicts.append(
                Verdict(
                    f"ndcg@10 after {count} epochs",
                    told,
                    "no less",
                    None if quick else found >= other,
                )
            )
    return verdicts, series
