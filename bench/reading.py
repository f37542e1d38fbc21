"""Reading a large parquet file into a sorted log, beside polars; and a million rows of csv."""

from __future__ import annotations

from data import made
from harness import OURS, Contender, Outcome, Verdict, check_equal, in_turn, worker

NAME = "reading"
TARGET = 1.5
CSV_TARGET = 0.4  # million rows a second
CSV_ROWS = 1_000_000


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
