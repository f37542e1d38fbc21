"""Cosine through Spark on two local slots, beside Spark's own self-join and beside one process."""

from __future__ import annotations

from data import DataAbsent, pairs
from harness import OURS, Outcome, Series, Verdict, check_equal, in_turn, seconds, worker

NAME = "spark"
JOINS = {"ml-1m": ("MovieLens-1M", 30.0, "join1"), "s3rec_yelp": ("Yelp (S3-Rec)", 2.0, "join")}
BESIDE_ONE = 1.6
EQUAL = ("neighbours", "sum")
TOLERANCE = 1e-4
"""Share of the sum of similarities: the join has other roundings, which decide among ties."""


def run(quick: bool) -> Outcome:
    """Each way in a process of its own, with a session of its own; the second run in it is told."""
    series: list[Series] = []
    verdicts: list[Verdict] = []
    remarks = [
        "Two slots on this machine, Java 17. The session stands and one run is done before the "
        "clock starts (but for the join of MovieLens-1M, which is run once). Seconds of processors "
        "are those of all processes: the JVM, workers of Python, the driver."
    ]
    for kind, (title, target, way) in JOINS.items():
        aim = f"≥ {target:g} × the self-join"
        try:
            chosen = pairs(title, kind, 10 if quick else 1)
        except DataAbsent as reason:
            verdicts.append(Verdict(title, "no data", aim, None))
            remarks.append(str(reason))
            continue
        labels = {"spark": f"{title}: spadework in Spark", way: f"{title}: self-join in Spark"}
        contenders = {
            label: worker(OURS, "our_spark", str(chosen.folder), each)
            for each, label in labels.items()
        }
        ours, join = in_turn(contenders, 1, warm=False)
        _check(title, ours, join)
        times = join.median / ours.median
        verdicts.append(Verdict(title, f"{times:.1f} ×", aim, times >= target))
        series += [ours, join]
        remarks += [f"{chosen.says}.", *map(_told, (ours, join))]
    films = pairs("generated films", "films", 2_000_000 if quick else 20_000_000)
    contenders = {
        f"generated films: {label}": worker(OURS, "our_spark", str(films.folder), way)
        for way, label in (("one", "one process"), ("spark", "spadework in Spark"))
    }
    one, ours = in_turn(contenders, 1, warm=False)
    _check("generated films", ours, one)
    share = ours.median / one.median
    aim = f"≤ {BESIDE_ONE} × one process with two threads"
    verdicts.append(Verdict("generated films", f"{share:.2f} ×", aim, share <= BESIDE_ONE))
    series += [one, ours]
    remarks += [f"{films.says}.", *map(_told, (one, ours))]
    return Outcome(NAME, "Logs in Spark", verdicts, series, remarks)


def _check(title: str, ours: Series, theirs: Series) -> None:
    """As many neighbours, and the same sum of similarities."""
    mine, other = ({name: one.samples[0].answer[name] for name in EQUAL} for one in (ours, theirs))
    check_equal(title, mine, other, TOLERANCE * mine["sum"])


def _told(one: Series) -> str:
    answer = one.samples[0].answer
    return (
        f"{one.label}: {seconds(answer['processor'])} of processors; the first run "
        f"{seconds(answer['first'])}, the session {seconds(answer['start'])}."
    )
