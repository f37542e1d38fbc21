"""polars_reading.py FILE: the file with both ids encoded by unique and join, in polars. Nothing is
sorted but the distinct ids.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl


def encoded(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """The frame with a column of codes beside the ids."""
    ids = frame.select(pl.col(column).unique()).sort(column).with_row_index(f"{column}_code")
    return frame.join(ids, on=column, how="left")


def read(path: Path) -> pl.DataFrame:
    """The file with both ids encoded."""
    frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    return encoded(encoded(frame, "user"), "item")


def main(path: Path) -> None:
    """Time reading and encoding; the answer holds sums that do not depend on the order of rows. A
    small file first pays for imports.
    """
    read(path.with_stem("small"))
    begun = time.perf_counter()
    frame = read(path)
    seconds = time.perf_counter() - begun
    users, items = pl.col("user_code").cast(pl.Int64), pl.col("item_code").cast(pl.Int64)
    sums = frame.select(
        pl.len().alias("rows"),
        (users.max() + 1).alias("users"),
        (items.max() + 1).alias("items"),
        users.sum().alias("user codes"),
        items.sum().alias("item codes"),
        (users * items).sum().alias("products"),
    )
    print(
        json.dumps(
            {
                "seconds": seconds,
                "answer": {name: int(value) for name, value in sums.row(0, named=True).items()},
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
