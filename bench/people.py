"""The people most alike: exact by postings, beside an approximate index, and how it grows with the
number of people.
"""

from __future__ import annotations

from environments import PeerUnavailable, interpreter
from harness import (
    OURS,
    BenchFailed,
    Contender,
    Outcome,
    Series,
    Verdict,
    in_turn,
    say,
    seconds,
    worker,
)
from peered import ratio

NAME = "people"
BESIDE = 20_000
SIZES = (20_000, 100_000, 1_000_000)
TARGET = 1.0
EXACT = 0.999


def run(quick: bool) -> Outcome:
    """One size beside the peer, then larger ones alone."""
    what = "The 100 people most alike of 1,000, by the cosine of what they took"
    sizes = SIZES[:2] if quick else SIZES
    labels = {size: f"spadework, {size:,} people" for size in sizes}
    remarks = [
        "People are made from a seed: 22 items each on average of 50,000, three in five after one "
        "of 200 tastes, the rest after popularity (`workers/crowd.py`). spadework: "
        "`nearest_users.alike`, which is exact, on one thread. pynndescent: "
        "`NNDescent(metric='cosine', n_neighbors=30)`, prepared, and `query`, on two. Times are "
        "those of the questions; indexes are made before and told here. Recall is the share of "
        "the true 100 that are found, ties counted as found."
    ]
    peer, theirs = "pynndescent, 20,000 people", None
    contenders: dict[str, Contender] = {
        label: worker(OURS, "our_people", str(size)) for size, label in labels.items()
    }
    series = in_turn(contenders, 1 if quick else 3)
    try:
        theirs = in_turn(
            {peer: worker(interpreter("pynndescent"), "pynndescent_people", str(BESIDE))},
            1,
            warm=False,
        )[0]
    except (PeerUnavailable, BenchFailed) as reason:
        say(f"  {peer}: {reason}")
        remarks.append(f"pynndescent was not measured: {str(reason).splitlines()[-1]}")
    for one in [*series, *([theirs] if theirs else [])]:
        remarks.append(_told(one))
    ours = series[0]
    if ours.samples[0].answer["recall"] < EXACT:
        raise BenchFailed(
            f"{ours.label}: recall is {ours.samples[0].answer['recall']:.4f}, and the "
            "search is exact."
        )
    title = f"{BESIDE:,} people: exact beside approximate"
    verdicts = [
        Verdict(title, "no peer", f"≤ {TARGET} × pynndescent", None)
        if theirs is None
        else ratio(title, ours, theirs, TARGET, "pynndescent")
    ]
    verdicts.append(
        Verdict(f"{sizes[-1]:,} people, 1,000 asked", seconds(series[-1].median), "none", None)
    )
    return Outcome(NAME, what, verdicts, [*series, *([theirs] if theirs else [])], remarks)


def _told(one: Series) -> str:
    answer = one.samples[0].answer
    recall = f", recall {answer['recall']:.3f}" if "recall" in answer else ""
    return f"{one.label}: index {seconds(answer['index'])}{recall}."
