"""TIFU-KNN on Ta-Feng: fit and lists for all users, beside the same equations in dense numpy."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from data import OUTSIDE
from harness import OURS, Contender, Outcome, Verdict, in_turn, worker
from peered import check_agreement, ratio

NAME = "baskets"
LOG = "nbr_tafeng_realitycheck"
TARGET = 0.05
TOLERANCE = 1e-5  # scores in float32 there and in 64 bits here


def run(quick: bool) -> Outcome:
    """Both in turn; scores must agree."""
    what = "TIFU-KNN on Ta-Feng: fit, and ten items for all users"
    remarks = [
        "300 neighbours, seven groups, decays 0.9 and 0.7, alpha 0.7, by the equations of the paper; the clock starts at the log of all baskets "
        "but the last of each of 13,858 users (a tenth of them with --quick). numpy: vectors [users, 11,997] in float32, distances by products of "
        "matrices on two threads, 1,000 users at a time, neighbours by argpartition, their mean as one product with a matrix of zeros and ones. A user "
        "is no neighbour of their own."
    ]
    if not (OUTSIDE / LOG / "interactions.parquet").exists():
        return Outcome(NAME, what, [Verdict(what, "no data", f"≤ {TARGET} × numpy", None)], [], [f"There is no log {LOG!r}."])
    os.environ.setdefault("SPADEWORK_DATA", str(OUTSIDE))
    with tempfile.TemporaryDirectory() as out:
        share = "0.1" if quick else "1"
        contenders: dict[str, Contender] = {
            name: worker(OURS, "tifu", LOG, out, who, share) for name, who in (("spadework", "ours"), ("dense numpy", "theirs"))
        }
        ours, theirs = in_turn(contenders, 1 if quick else 3)
        agreed = check_agreement("scores", Path(out) / "ours", Path(out) / "theirs", TOLERANCE)
    return Outcome(NAME, what, [ratio(what, ours, theirs, TARGET, "numpy")], [ours, theirs], [*remarks, f"{agreed}."])
