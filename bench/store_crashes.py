"""Kill -9 at random moments: two writers of each kind of store, and the servers under them."""

from __future__ import annotations

from harness import OURS, Outcome, Series, Verdict, in_turn, worker
from stores import KINDS

NAME = "store-crashes"
TIMES, SEED = 200, 1
TARGET = "0 lost, 0 twice, 0 batches half there"


def run(quick: bool) -> Outcome:
    """Kill, and look at what the store has, as often as asked for."""
    times = TIMES // 20 if quick else TIMES
    verdicts: list[Verdict] = []
    series: list[Series] = []
    for kind, name in KINDS.items():
        contender = worker(OURS, "store_kills", kind, str(times), str(SEED))
        (one,) = in_turn({name: contender}, 1, warm=False)
        answer = dict(one.samples[0].answer)
        if "missing" in answer:
            verdicts.append(Verdict(name, f"not tried, {answer['missing']}", TARGET, None))
            continue
        series.append(one)
        for killed, found in answer.items():
            failed = found.get("failed")
            measured = f"{found.get('accepted', 0):,} accepted events: {TARGET}"
            if failed is not None:
                measured = f"failed: {' '.join(failed.split())}"
            what = f"{name}, {killed} killed {times} times"
            verdicts.append(Verdict(what, measured, TARGET, failed is None))
    remarks = [
        "Two writers append batches until they are killed, or the server under them is, all its "
        "processes at once. What a writer was told is there must be there, once, and whole.",
    ]
    return Outcome(NAME, "Stores, killed at random moments", verdicts, series, remarks)
