"""sequences_cut.py LOG OUT: leave-one-out of a public log as train.csv, given.csv, chosen.csv and
expected.csv, each with user, item, time and order.

What is given holds the validation item, which is what is chosen; what is trained on does not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl


def main(log: Path, out: Path) -> None:
    """The files of one log; the split is the log's own column."""
    frame = pl.read_parquet(log / "interactions.parquet")
    split = "loo_split" if "loo_split" in frame.columns else "split"
    frame = frame.filter(pl.col(split).is_not_null())
    if "seq_pos" in frame.columns:
        frame = frame.sort("user", "seq_pos")
    frame = frame.select(
        "user", "item", pl.col("timestamp").alias("time"), pl.col(split).alias("split")
    ).with_row_index("order")
    for name, part in (
        ("train", frame.filter(pl.col("split") == "train")),
        ("given", frame.filter(pl.col("split") != "test")),
        ("chosen", frame.filter(pl.col("split") == "val")),
        ("expected", frame.filter(pl.col("split") == "test")),
    ):
        part.select("user", "item", "time", pl.col("order").cast(pl.Int64)).write_csv(
            out / f"{name}.csv"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
