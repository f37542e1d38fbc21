"""MovieLens-1M to the published number of SASRec with the full softmax."""

from __future__ import annotations

from data import DataAbsent
from harness import Outcome, Verdict, in_turn
from neural_cut import absent, cut, label, ours

NAME, TITLE = "neural-films", "MovieLens-1M, leave-one-out, beside published numbers"
SETTINGS = {
    "size": "tiny",
    "max_length": 200,
    "batch": 64,
    "epochs": 28,
    "patience": 30,
    "dropout": 0.1,
}
TARGETS = {"recall@10": 0.305, "ndcg@10": 0.175}


def run(quick: bool) -> Outcome:
    """One training."""
    settings = SETTINGS | ({"epochs": 1} if quick else {})
    try:
        with cut("ml-1m") as folder:
            (one,) = in_turn({label(settings): ours(folder, "fit", settings)}, 1, warm=False)
    except DataAbsent as reason:
        return absent(NAME, TITLE, reason)
    found = one.samples[0].answer
    verdicts = [
        Verdict(
            f"MovieLens-1M, {name}",
            f"{found[name]:.4f} ± {found[f'{name} half']:.4f}",
            f"≥ {target}",
            None if quick else found[name] >= target,
        )
        for name, target in TARGETS.items()
    ]
    remark = (
        "Leave-one-out, all items ranked, fitted without the validation items, which histories "
        "hold. RecTools' SASRec has .3058 / .1779, eSASRec "
        f".3133 / .1772 (blondered/transformer_benchmark). {found['epochs']} epochs; a list for "
        f"everybody takes {found['recommend']:.1f} s."
    )
    return Outcome(NAME, TITLE, verdicts, [one], [remark])
