"""Kernels by this build and by that of another checkout, in turn, on the same data: at most 5% more
time and memory.

    .venv/bin/python bench/kernels.py TREE [--only NAME]… [--repeats 7] [--quick]

TREE holds the other build's `src` and `bench`: its own workers are run, so its names may differ.
The kernels are those of `make bench`. Exit 1 where this build needs more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from data import OUTSIDE, DataAbsent, pairs
from harness import OURS, ROOT, Contender, Sample, Verdict, in_turn, process, say

TARGET = 1.05  # × the time and the memory of the other build


def kernels(quick: bool) -> dict[str, tuple[str, list[str]]]:
    """Kernel → worker and its arguments; OUT is a folder for what the worker writes."""
    events = 2_000_000 if quick else 20_000_000
    part = 10 if quick else 1
    generated = str(pairs("generated films", "films", events).folder)
    outside = {}
    for name in ("ml-1m", "gowalla_lightgcn"):
        try:
            outside[name] = str(pairs(name, name, part).folder)
        except DataAbsent as reason:
            say(str(reason))
    found: dict[str, tuple[str, list[str]]] = {
        "similar users, 20,000": ("our_people", ["20000"]),
        "twelve weights on one count, films": ("our_together", ["weights", "all", generated]),
        "eight counts in one pass, grocery": ("our_together", ["distances", "all", "whole"]),
    }
    for name, folder in outside.items():
        found |= {
            f"cosine, {name}": ("our_cosine", [folder]),
            f"lists from neighbours, {name}": ("our_recommend", [folder, "OUT"]),
        }
    if "ml-1m" in outside:
        films = outside["ml-1m"]
        found |= {
            "EASE, ml-1m: fit": ("our_ease", [films, "OUT", "fit"]),
            "EASE, ml-1m: lists": ("our_ease", [films, "OUT", "recommend"]),
            "iALS, ml-1m: lists": ("our_factors", [films, "OUT", "ials"]),
            "ELSA, ml-1m: lists": ("our_factors", [films, "OUT", "elsa"]),
        }
    if "gowalla_lightgcn" in outside:
        checkins = outside["gowalla_lightgcn"]
        found |= {
            "MRF, gowalla_lightgcn: fit": ("our_sparse", [checkins, "-", "mrf"]),
            "SANSA, gowalla_lightgcn: fit": ("our_sparse", [checkins, "-", "sansa"]),
        }
    baskets = "nbr_tafeng_realitycheck"
    if (OUTSIDE / baskets).exists():
        found["TIFU-KNN, tafeng"] = ("tifu", [baskets, "ours", "0.1" if quick else "1"])
    return found


def of_build(tree: Path, worker: str, arguments: list[str], out: str) -> Contender:
    """The worker of a build, with that build's source."""

    def run() -> Sample:
        return process(
            [OURS, tree / "bench" / "workers" / f"{worker}.py"]
            + [out if argument == "OUT" else argument for argument in arguments],
            timed_inside=True,
            environment={"PYTHONPATH": str(tree / "src")},
        )

    return run


def beside(
    tree: Path, title: str, worker: str, arguments: list[str], repeats: int
) -> list[Verdict]:
    """Both builds, A B A B …: the median of ratios of neighbouring runs, since a machine's speed
    drifts.
    """
    with tempfile.TemporaryDirectory() as out:
        here, there = in_turn(
            {
                f"{title}: this build": of_build(ROOT, worker, arguments, out),
                f"{title}: {tree.name}": of_build(tree, worker, arguments, out),
            },
            repeats,
        )
    time = statistics.median(
        ours.seconds / theirs.seconds
        for ours, theirs in zip(here.samples, there.samples, strict=True)
    )
    memory = here.peak_mib / there.peak_mib
    return [
        Verdict(
            f"{title}: time",
            f"{time:.3f} × ({here.median:.3g} of {there.median:.3g} s)",
            f"≤ {TARGET} ×",
            time <= TARGET,
        ),
        Verdict(
            f"{title}: memory",
            f"{memory:.3f} × ({here.peak_mib:,.0f} of {there.peak_mib:,.0f} MiB)",
            f"≤ {TARGET} ×",
            memory <= TARGET,
        ),
    ]


def main() -> int:
    """Print a line for each kernel's time and memory."""
    options = argparse.ArgumentParser(prog="bench/kernels.py", description=__doc__)
    options.add_argument("tree", type=Path)
    options.add_argument("--only", action="append", help="part of a kernel's title; repeatable")
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--quick", action="store_true", help="a tenth of the data")
    asked = options.parse_args()
    missed = 0
    for title, (worker, arguments) in kernels(asked.quick).items():
        if asked.only and not any(part in title for part in asked.only):
            continue
        for verdict in beside(asked.tree.resolve(), title, worker, arguments, asked.repeats):
            missed += not verdict.met
            met = "met" if verdict.met else "MISSED"
            print(f"{verdict.what}: {verdict.measured}, {verdict.target}: {met}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
