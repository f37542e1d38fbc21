"""The rows of a log in Spark, by role, with the codes of their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spadework.spark.spark_log import LogItems, SparkLog

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def coded_rows(log: SparkLog, items: LogItems) -> DataFrame:
    """The rows that may be used. The codes of items are joined by broadcast."""
    from pyspark.sql import functions

    mapping = functions.broadcast(items.mapping(log.session))
    rows = log.rows()
    coded = rows.join(mapping, rows["item"] == mapping["raw_item"])
    names = ["code" if role == "item" else role for role in items.plan.roles]
    return coded.select(*names).withColumnRenamed("code", "item")
