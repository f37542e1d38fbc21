"""EASE: the inverse against the machine's own rate of multiplication, the fit and the answers
beside RecTools.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from data import DataAbsent, pairs
from environments import PeerUnavailable, interpreter
from harness import OURS, Outcome, Series, Verdict, in_turn, worker
from peered import check_agreement, ratio

NAME = "ease"
TITLES = {"ml-1m": "MovieLens-1M", "s3rec_beauty": "Beauty", "gowalla_lightgcn": "Gowalla"}
PEERED = ("ml-1m",)
INVERSE_TARGET, FIT_TARGET, ANSWER_TARGET, MEMORY_TARGET = 1.3, 0.1, 0.5, 10.0
TOLERANCE = 1e-5  # of weights; both invert in float32 or better


def run(quick: bool) -> Outcome:
    """Each log in turn, the largest once."""
    what = "EASE, λ 500: fit, and ten items for all users"
    verdicts: list[Verdict] = []
    series: list[Series] = []
    remarks = [
        "Two threads each. `sw.model('ease', l2=500, dropout=0).fit(log)`; RecTools: "
        "`EASEModel(regularization=500).fit(dataset)`. n³ operations "
        "at the rate of a float32 product of two 4,096 × 4,096 matrices, the better of two "
        "measurements around the fit in the same process.",
        (
            "RecTools 0.19 learns the same weights and multiplies histories by their transpose "
            "when it answers, so weights are compared, not lists."
        ),
    ]
    for kind, title in TITLES.items():
        if quick and kind != "ml-1m":
            continue
        try:
            chosen = pairs(title, kind, 10 if quick else 1)
        except DataAbsent as reason:
            verdicts.append(Verdict(title, "no data", f"≤ {INVERSE_TARGET} × n³", None))
            remarks.append(str(reason))
            continue
        remarks.append(f"{chosen.says}.")
        with tempfile.TemporaryDirectory() as out:
            large = kind == "gowalla_lightgcn"
            (fit,) = in_turn(
                {f"{title}, fit: spadework": worker(OURS, "our_ease", chosen.folder, out, "fit")},
                1 if large else 5,
                warm=not large,
            )
            series.append(fit)
            ratios = sorted(
                one.answer["inverse"] * one.answer["rate"] / one.answer["items"] ** 3
                for one in fit.samples
            )
            middle = ratios[len(ratios) // 2]
            verdicts.append(
                Verdict(
                    f"{title}, inverse",
                    f"{middle:.2f} × n³",
                    f"≤ {INVERSE_TARGET} × n³",
                    middle <= INVERSE_TARGET,
                )
            )
            if large:
                verdicts.append(
                    Verdict(
                        f"{title}, memory",
                        f"{fit.peak_mib * 2**20 / 1e9:.1f} GB",
                        f"≤ {MEMORY_TARGET:g} GB",
                        fit.peak_mib * 2**20 <= 1e10,
                    )
                )
            if kind in PEERED:
                _beside_rectools(title, chosen.folder, Path(out), verdicts, series, remarks)
    return Outcome(NAME, what, verdicts, series, remarks)


def _beside_rectools(
    title: str,
    folder: Path,
    out: Path,
    verdicts: list[Verdict],
    series: list[Series],
    remarks: list[str],
) -> None:
    try:
        peer = interpreter("rectools")
    except PeerUnavailable as reason:
        verdicts.append(Verdict(title, "no peer", "≤ RecTools", None))
        remarks.append(f"RecTools could not be installed: {reason}")
        return
    for what, target in (("fit", FIT_TARGET), ("recommend", ANSWER_TARGET)):
        ours, theirs = in_turn(
            {
                f"{title}, {what}: spadework": worker(OURS, "our_ease", folder, out, what),
                f"{title}, {what}: RecTools": worker(peer, "rectools_ease", folder, out, what),
            },
            5,
        )
        series += [ours, theirs]
        verdicts.append(ratio(f"{title}, {what}", ours, theirs, target, "RecTools"))
    remarks.append(
        f"{check_agreement(f'{title}, weights', out / 'ours', out / 'theirs', TOLERANCE)}."
    )
