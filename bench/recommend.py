"""Ten items for every user from a table of neighbours, beside implicit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cosine import TITLES, sizes
from data import DataAbsent, pairs
from environments import PeerUnavailable, interpreter
from harness import OURS, Contender, Outcome, Series, Verdict, in_turn, worker
from peered import check_agreement, ratio

NAME = "recommend"
TARGETS = {"gowalla_lightgcn": 0.22, "ml-1m": 0.50}
TOLERANCE = 1e-5  # sums of up to two thousand similarities in float32


def run(quick: bool) -> Outcome:
    """Each log in turn; scores must agree."""
    what = "Ten items for all users from 100 neighbours an item, items of the history left out"
    verdicts: list[Verdict] = []
    series: list[Series] = []
    remarks = [
        "Two threads each, if they are used. spadework: `model.recommend(log, k=10, "
        "repeats='forbid')` in one call. implicit: 10,000 users a call. Both read the neighbours "
        "that spadework found. A call on a slice comes before the clock starts.",
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
    for kind, target in TARGETS.items():
        try:
            chosen = pairs(TITLES[kind], kind, *sizes(kind, quick))
        except DataAbsent as reason:
            verdicts.append(Verdict(TITLES[kind], "no data", f"≤ {target} × implicit", None))
            remarks.append(str(reason))
            continue
        with tempfile.TemporaryDirectory() as out:
            contenders: dict[str, Contender] = {
                f"{chosen.title}: spadework": worker(OURS, "our_recommend", chosen.folder, out),
                f"{chosen.title}: implicit": worker(peer, "implicit_recommend", chosen.folder, out),
            }
            ours, theirs = in_turn(contenders, 3 if quick else 7)
            agreed = check_agreement(
                f"{chosen.title}, scores", Path(out) / "ours", Path(out) / "theirs", TOLERANCE
            )
        series += [ours, theirs]
        remarks += [f"{chosen.says}.", f"{agreed}."]
        verdicts.append(ratio(chosen.title, ours, theirs, target, "implicit"))
    return Outcome(NAME, what, verdicts, series, remarks)
