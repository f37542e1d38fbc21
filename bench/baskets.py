"""TIFU-KNN on Ta-Feng: fit and lists for all users, beside the same equations in dense numpy."""

from __future__ import annotations

import os

from data import OUTSIDE
from harness import OURS, Contender, Outcome, Verdict, check_equal, in_turn, worker
from peered import ratio

NAME = "baskets"
LOG = "nbr_tafeng_realitycheck"
TARGET = 0.05
TOLERANCE = 5e-4  # of recall: which of equally near users are neighbours is a matter of order


def run(quick: bool) -> Outcome:
    """Both in turn; recall must agree."""
    what = "TIFU-KNN on Ta-Feng: fit, and ten items for all users"
    remarks = [
        "300 neighbours, seven groups, decays 0.9 and 0.7, alpha 0.7, by the equations of the "
        "paper; the clock starts at the log of all baskets but the last of each of 13,858 users "
        "(a tenth of them with --quick). numpy: vectors [users, 11,997] in float32, distances by "
        "products of matrices on two threads, 1,000 users at a time, neighbours by argpartition, "
        "their mean as one product with a matrix of zeros and ones. A user is no neighbour of "
        "their own."
    ]
    if not (OUTSIDE / LOG / "interactions.parquet").exists():
        return Outcome(
            NAME,
            what,
            [Verdict(what, "no data", f"≤ {TARGET} × numpy", None)],
            [],
            [f"There is no log {LOG!r}."],
        )
    os.environ.setdefault("SPADEWORK_DATA", str(OUTSIDE))
    share = "0.1" if quick else "1"
    contenders: dict[str, Contender] = {
        name: worker(OURS, "tifu", LOG, who, share)
        for name, who in (("spadework", "ours"), ("dense numpy", "theirs"))
    }
    ours, theirs = in_turn(contenders, 1 if quick else 3)
    recalls = [one.samples[0].answer for one in (ours, theirs)]
    check_equal(what, recalls[0], recalls[1], TOLERANCE)
    remarks.append(
        f"Recall@10 {recalls[0]['recall@10']:.4f} and {recalls[1]['recall@10']:.4f}: "
        "neighbours at equal distances are chosen differently."
    )
    return Outcome(
        NAME, what, [ratio(what, ours, theirs, TARGET, "numpy")], [ours, theirs], remarks
    )
