"""Logs that are in Spark: counted where they are, scored where they are; no row passes the driver.

    spark = sw.spark.session("local[2]")  # or any session of yours
    log = sw.spark.read(spark.table("orders"), user="customer", item="product", time="at")
    model = sw.spark.fit(sw.model("cosine"), log)
    lists = sw.spark.recommend(model, log, k=10)

Start with `spark_log` (which columns of a table are a log), then `engine_fit` (count in parts of
whole users, add up and prune in blocks of items) and `engine_lists`. What runs on executors is in
`part_logs` (rows of a partition to a log), `payloads` (counted rows as bytes) and `tasks`. The
arithmetic is not here: it is that of one machine (`models.cooccurrence.row_blocks`). PySpark and
pyarrow are imported here alone, and only when something is done.
"""

from __future__ import annotations

from spadework.spark.engine_fit import account, count, fit
from spadework.spark.engine_lists import recommend
from spadework.spark.sampled_dig import dig
from spadework.spark.sessions import session
from spadework.spark.spark_log import SparkLog, read

__all__ = ["SparkLog", "account", "count", "dig", "fit", "read", "recommend", "session"]
