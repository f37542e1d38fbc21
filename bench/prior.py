"""What personal popularity adds to models that do not count own purchases: each alone and with it
as its prior, on the next basket.

Run it as `python bench/prior.py LOG [MODEL …]`; LOG is a part of a name in `shelf.CASES`, MODELs
are labels such as "ease(l2=100)". The weight is learned on a cut of what the model may learn from;
the test basket is seen once. Differences are paired by user.
"""

from __future__ import annotations

import sys

import numpy as np

from shelf import CASES
from spadework.evaluation import statistics
from spadework.evaluation.trial import Protocol, Score, trial
from spadework.models.labels import model, parse_one

MODELS = (
    "cosine",
    "forward",
    "vmis-knn",
    "ease",
    "mrf",
    "slim",
    "sansa",
    "forward-ridge",
    "forward-ridge(itself=False)",
)


def main(part: str, labels: list[str]) -> None:
    """One line a model, as it comes."""
    name = next(one for one in CASES if part.lower() in one.lower())
    case = CASES[name]()
    protocol = Protocol.of(
        case.split, metrics=[case.metric, case.also], dialect=case.dialect, repeats=case.repeats
    )
    print(
        f"| {name}: {protocol.heading} | alone | with the prior | it adds | learned weights "
        "|\n|---|---|---|---|---|"
    )
    for label in labels or MODELS:
        alone = trial(parse_one(label), protocol, case.content)
        prior = model("prior", parts=label, cut="last")
        with_it = trial(prior, protocol, case.content)
        if alone.state == with_it.state == "done":
            values = np.stack([_values(score, protocol) for score in (alone, with_it)], axis=1)
            gain = statistics.differences(values, 0, 0)[1]
            weights = " : ".join(f"{one:.3g}" for one in prior.scorer.weights)
            means = values.mean(axis=0)
            print(
                (
                    f"| {label} | {means[0]:.4f} | {means[1]:.4f} | {gain.value:.4f} "
                    f"({gain.low:.4f} … {gain.high:.4f}) | {weights} |"
                ),
                flush=True,
            )
        else:
            print(
                (
                    f"| {label} | {alone.state}: {alone.reason} | {with_it.state}: "
                    f"{with_it.reason} | | |"
                ),
                flush=True,
            )


def _values(score: Score, protocol: Protocol) -> np.ndarray:
    return np.asarray(score.values[protocol.primary][protocol.judged], np.float64)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
