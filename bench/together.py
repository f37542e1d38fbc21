"""Many models from few counts: twelve pair weights, and eight ways to count, beside the time of
one.
"""

from __future__ import annotations

from data import pairs
from harness import OURS, Contender, Outcome, Series, Verdict, check_equal, in_turn, worker

NAME = "together"
TARGETS = {"weights": 1.8, "distances": 2.5, "levels": 2.5}
TITLES = {
    "weights": "twelve pair weights from one count",
    "distances": "eight count channels of distances and ages",
    "levels": "eight count channels, one of gaps and one of sessions",
}


def run(quick: bool) -> Outcome:
    """One model by `fit`, then many by `fit_together`; the one among the many must be the same."""
    films = pairs("generated films", "films", 2_000_000 if quick else 20_000_000)
    series: list[Series] = []
    verdicts = []
    for what, target in TARGETS.items():
        labels = {way: f"{TITLES[what]}: {way}" for way in ("one", "all")}
        folder = str(films.folder) if what == "weights" else "tenth" if quick else "whole"
        contenders: dict[str, Contender] = {
            labels[way]: worker(OURS, "our_together", what, way, folder) for way in labels
        }
        one, many = in_turn(contenders, 3 if quick else 5)
        check_equal(TITLES[what], one.samples[0].answer, many.samples[0].answer, 1e-6)
        series += [one, many]
        share = many.median / one.median
        verdicts.append(
            Verdict(
                TITLES[what], f"{share:.2f} ×", f"≤ {target} × the time of one", share <= target
            )
        )
    remarks = [
        f"Weights: {films.says}; one is cosine; 100 neighbours an item.",
        (
            "Channels: the grocery log with times; the same pair weight; one is the channel of "
            "the model `forward`; 100 neighbours an item."
        ),
        (
            "The one among the many has as many neighbours and the same mean similarity, to "
            "10⁻⁶, as the one alone."
        ),
        "Two threads; a fit of a slice comes before the clock starts.",
    ]
    return Outcome(NAME, "Many models from one count", verdicts, series, remarks)
