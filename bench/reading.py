"""Reading a large parquet file into a sorted log, beside polars; and a million rows of csv.

    .venv/bin/python bench/reading.py --beside TREE [--rows 1000000]…

reads csv and parquet with epoch seconds and with ISO dates by this build and by that of another
checkout in turn, and says whether this one needs at most 5 % more time and memory. Exit 1 where
not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data import made
from harness import (
    OURS,
    ROOT,
    WORKERS,
    Contender,
    Outcome,
    Verdict,
    check_equal,
    in_turn,
    process,
    worker,
)

NAME = "reading"
TARGET = 1.5
CSV_TARGET = 0.4  # million rows a second
CSV_ROWS = 1_000_000
BESIDE_TARGET = 1.05  # × the time and the memory of another build
BESIDE_REPEATS = 5


def run(quick: bool) -> Outcome:
    """Two files of the same rows and one csv; spadework and polars in turn; codes must agree."""
    rows = 2_000_000 if quick else 20_000_000
    folder = made("log", rows)
    repeats = 3 if quick else 5
    verdicts, series = [], []
    for file, order in (("random", "random order"), ("by_time", "order of time")):
        path = folder / f"{file}.parquet"
        contenders: dict[str, Contender] = {
            f"spadework, parquet in {order}, sorted": worker(OURS, "our_reading", path),
            f"polars, parquet in {order}, unique + join": worker(OURS, "polars_reading", path),
        }
        ours, theirs = in_turn(contenders, repeats)
        check_equal(order, ours.samples[0].answer, theirs.samples[0].answer, 0)
        ratio = ours.median / theirs.median
        verdicts.append(
            Verdict(
                f"parquet, rows in {order}",
                f"{ratio:.2f} ×",
                f"≤ {TARGET} × polars",
                ratio <= TARGET,
            )
        )
        series += [ours, theirs]
    path = folder / "log.csv"
    contenders = {
        "spadework, csv, sorted": worker(OURS, "our_reading", path),
        "polars, csv, unique + join": worker(OURS, "polars_reading", path),
    }
    ours, theirs = in_turn(contenders, repeats)
    rate = CSV_ROWS / ours.median / 1e6
    verdicts.append(
        Verdict(
            f"csv, {CSV_ROWS:,} rows",
            f"{rate:.2f} M rows/s",
            f"≥ {CSV_TARGET} M rows/s",
            rate >= CSV_TARGET,
        )
    )
    remarks = [
        (
            "A synthetic log of MovieLens-20M's shape: user int32, item int32, time int64; "
            "files stand in the page cache."
        ),
        (
            "A file of a hundred rows is read before the clock starts, in every process, so "
            "imports are not counted."
        ),
        (
            "spadework checks ids and times, counts exact duplicates and sorts by user, time "
            "and arrival; polars only encodes both ids."
        ),
        (
            "Numbers of rows, users and items and the sums of codes are equal for parquet. Csv "
            "ids are text in spadework, so codes differ."
        ),
    ]
    return Outcome(
        NAME, f"Reading {rows:,} rows into a sorted log", verdicts, [*series, ours, theirs], remarks
    )


def beside(tree: Path, rows: int) -> list[Verdict]:
    """This build and the one of another checkout, in turn, on the same files; logs must agree."""
    verdicts = []
    for times in ("seconds", "dates"):
        folder = made(times, rows)
        for ending in ("csv", "parquet"):
            path = folder / f"log.{ending}"
            here, there = in_turn(
                {
                    f"this build, {path.parent.name}, {ending}": _of_build(ROOT, path),
                    f"{tree.name}, {path.parent.name}, {ending}": _of_build(tree, path),
                },
                BESIDE_REPEATS,
            )
            check_equal(str(path), here.samples[0].answer, there.samples[0].answer, 0)
            for what, ours, theirs in (
                ("time", here.median, there.median),
                ("memory", here.peak_mib, there.peak_mib),
            ):
                verdicts.append(
                    Verdict(
                        f"{ending}, {rows:,} rows, {times}: {what}",
                        f"{ours / theirs:.3f} × ({ours:.3g} of {theirs:.3g})",
                        f"≤ {BESIDE_TARGET} ×",
                        ours / theirs <= BESIDE_TARGET,
                    )
                )
    return verdicts


def _of_build(tree: Path, path: Path) -> Contender:
    return lambda: process(
        [OURS, WORKERS / "our_reading.py", path],
        timed_inside=True,
        environment={"PYTHONPATH": str(tree / "src")},
    )


def main() -> int:
    options = argparse.ArgumentParser(prog="bench/reading.py", description=__doc__)
    options.add_argument("--beside", type=Path, required=True, metavar="TREE")
    options.add_argument("--rows", type=int, action="append", help="repeatable; 1 M and 5 M")
    asked = options.parse_args()
    verdicts = [
        verdict
        for rows in asked.rows or (1_000_000, 5_000_000)
        for verdict in beside(asked.beside.resolve(), rows)
    ]
    for verdict in verdicts:
        met = "met" if verdict.met else "MISSED"
        print(f"{verdict.what}: {verdict.measured}, {verdict.target}: {met}")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
