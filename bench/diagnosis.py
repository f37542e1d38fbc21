"""What the diagnosis adds to a sweep: checks and probes on a log of 24 M rows of which nothing was
judged before.
"""

from __future__ import annotations

from data import pairs
from harness import OURS, Outcome, Verdict, in_turn, seconds, worker

NAME = "diagnosis"
TARGET = 5 * 60.0
TOLD = 6


def run(quick: bool) -> Outcome:
    """One size, one run; no peer has anything of the kind."""
    films = pairs("generated films", "films", 2_000_000 if quick else 20_000_000)
    label = "checks and probes"
    (series,) = in_turn({label: worker(OURS, "our_diagnosis", films.folder)}, 1, warm=False)
    answer = series.samples[0].answer
    longest = sorted(answer["took"].items(), key=lambda pair: -pair[1])[:TOLD]
    remarks = [
        f"{films.says}; a fifth of the pairs come twice, at random times of 700 days: "
        f"{answer['rows']:,} rows. {answer['users']:,} users of the validation span are asked, no "
        "setting was judged by a sweep before, and one control for trends is drawn. "
        f"{answer['answered']} of {len(answer['took']) - 1} probes answer; the log has neither "
        "content nor ties.",
        f"Longest: {', '.join(f'{code} {seconds(took)}' for code, took in longest)}.",
    ]
    verdict = Verdict(
        "checks and probes beyond the sweep",
        seconds(series.median),
        f"≤ {TARGET:.0f} s",
        series.median <= TARGET,
    )
    return Outcome(NAME, f"The diagnosis of {answer['rows']:,} rows", [verdict], [series], remarks)
