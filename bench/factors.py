"""Ten items for every user from vectors of equal width: iALS and ELSA beside implicit's ALS."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cosine import TITLES, sizes
from data import DataAbsent, pairs
from environments import PeerUnavailable, interpreter
from harness import OURS, Contender, Outcome, Series, Verdict, in_turn, worker
from peered import check_agreement, ratio

NAME = "factors"
KINDS = ("gowalla_lightgcn", "ml-1m")
TARGET = 0.5
TOLERANCE = 1e-4  # of scores about 1, multiplied in float32 there and decided in 64 bits here


def run(quick: bool) -> Outcome:
    """Each log in turn; the scores of iALS must agree."""
    what = "Ten items for all users from vectors of 128 numbers, items of the history left out"
    verdicts: list[Verdict] = []
    series: list[Series] = []
    remarks = [
        "Two threads each, BLAS at one, as implicit asks. spadework: `model.recommend(log, k=10, "
        "repeats='forbid')` in one call, which makes each user's vector of the history first. "
        "implicit: `AlternatingLeastSquares.recommend`, 10,000 users a call, with the vectors "
        "that spadework's iALS found: folded, it makes users' vectors of their histories too "
        "(`recalculate_user=True`), with its own λ, 0.01; stored, it takes those of known users. "
        "A call on a slice comes before the clock starts.",
        "ELSA is timed beside the same run of implicit: the width is equal, the vectors are not. "
        "Its vectors have one length, so no user is done early.",
    ]
    try:
        peer = interpreter("implicit")
    except PeerUnavailable as reason:
        return Outcome(
            NAME,
            what,
            [Verdict(what, "no peer", "≤ implicit", None)],
            [],
            [f"implicit could not be installed: {reason}"],
        )
    for kind in KINDS:
        try:
            chosen = pairs(TITLES[kind], kind, *sizes(kind, quick))
        except DataAbsent as reason:
            verdicts.append(Verdict(TITLES[kind], "no data", f"≤ {TARGET} × implicit", None))
            remarks.append(str(reason))
            continue
        with tempfile.TemporaryDirectory() as out:
            contenders: dict[str, Contender] = {
                f"{chosen.title}: spadework, ials": worker(
                    OURS, "our_factors", chosen.folder, out, "ials"
                ),
                f"{chosen.title}: implicit, folded": worker(
                    peer, "implicit_factors", chosen.folder, out, "folded"
                ),
                f"{chosen.title}: implicit, stored": worker(
                    peer, "implicit_factors", chosen.folder, out, "stored"
                ),
                f"{chosen.title}: spadework, elsa": worker(
                    OURS, "our_factors", chosen.folder, out, "elsa"
                ),
            }
            ials, folded, stored, elsa = in_turn(contenders, 3 if quick else 5)
            agreed = check_agreement(
                f"{chosen.title}, scores of iALS",
                Path(out) / "ours",
                Path(out) / "theirs",
                TOLERANCE,
            )
        series += [ials, folded, stored, elsa]
        remarks += [f"{chosen.says}.", f"{agreed}."]
        verdicts += [
            ratio(f"{chosen.title}, {name} beside {how}", ours, theirs, TARGET, "implicit")
            for name, ours in (("ials", ials), ("elsa", elsa))
            for how, theirs in (("folded", folded), ("stored", stored))
        ]
    return Outcome(NAME, what, verdicts, series, remarks)
