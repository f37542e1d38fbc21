"""Five metrics over many users' top-10 lists, beside RecTools."""

from __future__ import annotations

from data import made
from environments import PeerUnavailable, interpreter
from harness import OURS, Contender, Outcome, Verdict, check_equal, in_turn, worker

NAME = "metrics"
TARGET = 0.05
WAYS = {
    "codes": "spadework, lists and targets in codes",
    "frame": "spadework, lists as a table with ids (sw.evaluate)",
    "frames": "spadework, both as tables with ids (read, then sw.evaluate)",
}
PEER = "RecTools calc_metrics, both as tables with ids"


def run(quick: bool) -> Outcome:
    """All ways and the peer in turn; the metrics must agree."""
    users = 100_000 if quick else 1_000_000
    folder = made("lists", users)
    contenders: dict[str, Contender] = {
        label: worker(OURS, "our_metrics", folder, way) for way, label in WAYS.items()
    }
    remarks = [
        (
            "Ten items recommended and three expected per user, drawn by popularity. Per-user "
            "values are kept by spadework, and means taken."
        ),
        (
            "Nothing is given and nothing trained on in the split, since RecTools is not told "
            "such things either."
        ),
        (
            "A call on ten users comes before the clock starts, in every process. NDCG of "
            "RecTools with divide_by_achievable=True."
        ),
    ]
    try:
        contenders[PEER] = worker(interpreter("rectools"), "rectools_metrics", folder)
    except PeerUnavailable as reason:
        remarks.append(f"RecTools could not be installed: {reason}")
    series = in_turn(contenders, 3 if quick else 5)
    what = f"recall, NDCG, MAP, MRR and hit rate @10 of {users:,} users"
    if PEER not in contenders:
        return Outcome(
            NAME, what, [Verdict(what, "no peer", f"≤ {TARGET} × RecTools", None)], series, remarks
        )
    theirs = series[-1]
    verdicts = []
    for ours in series[:-1]:
        check_equal(ours.label, ours.samples[0].answer, theirs.samples[0].answer, 1e-6)
        ratio = ours.median / theirs.median
        verdicts.append(
            Verdict(
                ours.label.removeprefix("spadework, "),
                f"{ratio:.3f} ×",
                f"≤ {TARGET} × RecTools",
                ratio <= TARGET,
            )
        )
    remarks.append("All five means agree with RecTools' to 10⁻⁶.")
    return Outcome(NAME, what, verdicts, series, remarks)
