"""our_spark.py FOLDER WAY: item-item cosine, 100 neighbours an item, of the pairs in a folder.

Ways: `one` reads a file of the pairs and fits in this process; `spark` does the same through Spark
on two local slots; `join` is the self-join of Spark SQL with the same weights and pruning. The work
is done twice (once for `join1`), and the last time is told; so is the first, with the seconds of
processors of all processes below this one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from counted import KEEP, loaded, two_processors

import spadework as sw
from spadework.spark.sessions import without_pandas_warning


def table_of(folder: Path) -> Path:
    """A file of the pairs, of two columns of numbers, made once."""
    path = folder / "pairs.parquet"
    if not path.exists():
        starts, items, _ = loaded(folder)
        users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        half = path.with_name("half.parquet")
        pl.DataFrame({"user_id": users, "item_id": items.astype(np.int64)}).write_parquet(
            half, row_group_size=500_000
        )
        half.rename(path)
    return path


def processor_seconds() -> float:
    """User and system time of this process and all below it."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents, spent = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path("/proc", name, "stat").read_text()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        parents[int(name)] = int(fields[1])
        spent[int(name)] = (int(fields[11]) + int(fields[12])) / ticks
    total, below = 0.0, {os.getpid()}
    for process in sorted(spent):  # a child has a higher number, but for a wrap
        if process in below or parents[process] in below:
            below.add(process)
            total += spent[process]
    return total


def session() -> Any:
    """Two slots on this machine."""
    started = sw.spark.session(
        "local[2]",
        {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.memory": "3g",
            "spark.sql.shuffle.partitions": "8",
        },
    )
    started.sparkContext.setLogLevel("OFF")
    return started


def joined(spark: Any, path: Path) -> pl.DataFrame:
    """The neighbours that a self-join gives: item, other, value."""
    from pyspark.sql import Window, functions

    pairs = spark.read.parquet(str(path)).distinct()
    sizes = pairs.groupBy("item_id").agg(functions.count("*").alias("size"))
    left = pairs.withColumnRenamed("item_id", "item")
    right = pairs.withColumnRenamed("item_id", "other")
    joint = left.join(right, "user_id").where("item < other").groupBy("item", "other").count()
    both = joint.union(joint.select(joint["other"].alias("item"), joint["item"], joint["count"]))
    weighed = (
        both.join(functions.broadcast(sizes), both["item"] == sizes["item_id"])
        .select("item", "other", "count", functions.col("size").alias("of_item"))
        .join(functions.broadcast(sizes), functions.col("other") == sizes["item_id"])
        .selectExpr("item", "other", "count / sqrt(of_item * size) AS value")
    )
    best = Window.partitionBy("item").orderBy(functions.desc("value"), "other")
    kept = weighed.withColumn("place", functions.row_number().over(best)).where(f"place <= {KEEP}")
    with without_pandas_warning():
        found = pl.from_arrow(kept.select("item", "other", "value").toArrow())
    assert isinstance(found, pl.DataFrame)
    return found


def told(model: Any) -> dict[str, float]:
    """What must be equal."""
    state = model.state
    return {
        "neighbours": len(state["values"]),
        "sum": round(float(np.sum(state["values"], dtype=float)), 1),
    }


def main(folder: Path, way: str) -> None:
    two_processors()
    path = table_of(folder)
    begun = time.perf_counter()
    spark = None if way == "one" else session()
    start = time.perf_counter() - begun

    def work() -> dict[str, float]:
        if way == "one":
            log = sw.read_interactions(path, user="user_id", item="item_id", time="-")
            return told(sw.model("cosine", keep=KEEP, max_length=None).fit(log))
        if way == "spark":
            table = spark.read.parquet(str(path))
            return told(sw.spark.fit(sw.model("cosine", keep=KEEP, max_length=None), table))
        found = joined(spark, path)
        return {"neighbours": found.height, "sum": round(float(found["value"].sum()), 1)}

    runs = [timed(work) for _ in range(1 if way == "join1" else 2)]
    (first, _, _), (seconds, processor, answer) = runs[0], runs[-1]
    answer |= {"start": start, "first": first, "processor": processor}
    print(json.dumps({"seconds": seconds, "answer": answer}))


def timed(work: Callable[[], dict[str, float]]) -> tuple[float, float, dict[str, float]]:
    """Seconds on the clock, seconds of processors, and what came out."""
    before, begun = processor_seconds(), time.perf_counter()
    answer = work()
    return time.perf_counter() - begun, processor_seconds() - before, answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
