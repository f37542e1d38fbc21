"""Counts of four parts of a log added up, beside the time of counting them."""

from __future__ import annotations

from data import DataAbsent, pairs
from harness import OURS, Outcome, Series, Verdict, in_turn, worker

NAME = "merging"
TARGET = 0.5
TITLES = {"ml-1m": "MovieLens-1M", "s3rec_yelp": "Yelp (S3-Rec)"}


def run(quick: bool) -> Outcome:
    """Each log in a process of its own; the sum must be the counts of the log."""
    series: list[Series] = []
    verdicts: list[Verdict] = []
    remarks = ["Four parts by the hash of the user, each with items of its own; two threads."]
    for kind, title in TITLES.items():
        try:
            chosen = pairs(title, kind, 10 if quick else 1)
        except DataAbsent as reason:
            verdicts.append(Verdict(title, "no data", f"≤ {TARGET} × counting", None))
            remarks.append(str(reason))
            continue
        one = worker(OURS, "our_merging", str(chosen.folder))
        found = in_turn({f"{title}: merge": one}, 3 if quick else 5)[0]
        answer = found.samples[0].answer
        share = answer["ratio"]
        series.append(found)
        verdicts += [
            Verdict(title, f"{share:.2f} ×", f"≤ {TARGET} × counting", share <= TARGET),
            Verdict(f"{title}, as one count", str(answer["equal"]), "True", answer["equal"]),
        ]
        remarks.append(
            f"{chosen.says}; counting four parts {answer['count']:.3f} s, all as one "
            f"{answer['whole']:.3f} s, {answer['pairs']:,} pairs."
        )
    return Outcome(NAME, "Counts of parts, added up", verdicts, series, remarks)
