"""Lists for the users of a log in Spark, made where their rows are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spadework.artifacts import artifact
from spadework.data.vocabulary import Vocabulary
from spadework.models import needs
from spadework.models.base import Recommender
from spadework.models.needs import Repeats
from spadework.spark.engine_fit import by_user
from spadework.spark.part_logs import PartPlan, log_of_part, with_ids
from spadework.spark.sessions import settled
from spadework.spark.shipped_model import ship, shipped
from spadework.spark.spark_log import SparkLog, read
from spadework.spark.tasks import frame_of, own_threads

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyspark.sql import DataFrame


def recommend(
    model: Recommender | str | Path,
    log: SparkLog | DataFrame,
    k: int = 10,
    *,
    repeats: Repeats = "allow",
    candidates: Any = None,
    exclude: Any = None,
    fill: bool = True,
    now: float | str | None = None,
    partitions: int | None = None,
) -> DataFrame:
    """The `k` best items for each user of the log, as a table of Spark: user_id, item_id, rank (1
    is the best), score. The lists of `model.recommend` on one machine that read the same rows.

    Any fitted model, or the folder of one (`sw.save`). It is copied to each executor as a file and
    mapped there once for all tasks. Nothing is made before the table is used, and it is made again
    each time: write it, or cache it. `now` is the time for which lists are (`log.as_of`); the other
    settings are those of `Recommender.recommend`.
    """
    log = log if isinstance(log, SparkLog) else read(log)
    fitted = model if isinstance(model, Recommender) else artifact.load(model)
    vocabulary = fitted.item_vocabulary
    needs.check_k(k, len(vocabulary))
    needs.check_repeats(repeats)
    with settled(log.session):
        items = log.items
        known = vocabulary.codes(items.vocabulary.ids)
        codes = np.where(known >= 0, known, len(vocabulary)).astype(np.int32)[items.codes]
        parts = by_user(log, replace(items, codes=codes), partitions)
        settings = {"repeats": repeats, "candidates": candidates, "exclude": exclude, "fill": fill}
        task = ListPart(ship(fitted, log.session), items.plan, k, now, settings)
        return parts.mapInArrow(task, _schema(log, vocabulary))


def _schema(log: SparkLog, items: Vocabulary) -> str:
    def name(dtype: pl.DataType) -> str:
        return "string" if dtype == pl.String else "bigint"

    user = log.types["user"]
    return f"user_id {name(user)}, item_id {name(items.ids.dtype)}, rank int, score float"


@dataclass(frozen=True)
class ListPart:
    """All rows of some users to their lists."""

    name: str
    plan: PartPlan
    k: int
    now: float | str | None
    settings: dict[str, Any]

    def __call__(self, batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        frame = frame_of(batches)
        if frame is None:
            return
        with own_threads():
            model = shipped(self.name)
            log, _ = log_of_part(frame, self.plan)
            users = log.active_users
            histories = with_ids(log, model.item_vocabulary).as_of(self.now)
            answering = model.answering_to(histories, self.k, users=users, **self.settings)
            for at in range(0, len(users), USERS):
                lists = answering.of(users[at : at + USERS])
                yield from _batches(lists.frame())


USERS = 50_000
"""Users whose lists are made at once."""


def _batches(frame: pl.DataFrame) -> list[RecordBatch]:
    import pyarrow as pa

    types = {"rank": pa.int32(), "score": pa.float32()}
    for name in ("user_id", "item_id"):
        types[name] = pa.int64() if frame[name].dtype.is_integer() else pa.string()
    names = ("user_id", "item_id", "rank", "score")
    schema = pa.schema([(name, types[name]) for name in names])
    table = frame.select(names).to_arrow(compat_level=pl.CompatLevel.oldest())
    batches: list[RecordBatch] = table.cast(schema).to_batches()
    return batches
