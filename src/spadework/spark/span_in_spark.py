"""The end of a log in Spark, from the first and last time and the rows of each day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from spadework.data.reading.values.whole_times import FIRST, now
from spadework.data.spans import DAY, end_of_days
from spadework.errors import BadData
from spadework.spark.spark_log import SparkLog

if TYPE_CHECKING:
    from pyspark.sql import Column


def end_of(log: SparkLog) -> int:
    """The last time of the log in epoch seconds, without a few stray rows behind it: one pass over
    the table. Rows that repeat others count here.
    """
    from pyspark.sql import functions

    scale = log.items.plan.time_scale
    rows = log.rows().where(functions.col("item").isNotNull())
    times = rows.select(_seconds(log.types["time"], scale).alias("time"))
    times = times.where(functions.col("time").isNotNull())
    if scale is not None:
        times = times.where(functions.col("time").between(FIRST, now() + DAY))
    sums = [
        functions.count("time").alias("rows"),
        functions.min("time").alias("first"),
        functions.max("time").alias("last"),
    ]
    day = functions.floor(functions.col("time") / DAY).alias("day")
    days = times.groupBy(day).agg(*sums).toArrow()
    table = pl.from_arrow(days)
    assert isinstance(table, pl.DataFrame)
    if not table.height:
        raise BadData(
            f"No row has a time in {log.names['time']!r} that can be.", "Name another column."
        )
    ordered = table.sort("day")
    return end_of_days(
        *(ordered[name].to_numpy().astype(np.int64) for name in ("rows", "first", "last"))
    )


def _seconds(dtype: pl.DataType, scale: int | None) -> Column:
    """Epoch seconds of the column `time`, or positions."""
    from pyspark.sql import functions

    time = functions.col("time")
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            return functions.unix_seconds(time)
        minutes = functions.hour(time) * 60 + functions.minute(time)
        day = functions.unix_date(functions.to_date(time)).cast("long")
        return day * DAY + minutes * 60 + functions.second(time)
    if dtype == pl.Date:
        return functions.unix_date(time) * functions.lit(DAY).cast("long")
    return time.cast("long") if scale in (None, 1) else functions.floor(time / scale)
