"""Which columns of a table in Spark are a log, and its items: one pass over the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from spadework import formatting
from spadework.arrays import Array, Codes
from spadework.data.reading.columns.column_names import listed
from spadework.data.reading.rows.returned_rows import OnReturns
from spadework.data.reading.set_aside import Ledger
from spadework.data.reading.values.identifiers import check_id_type, clean_ids
from spadework.data.reading.values.readings import UNITS
from spadework.data.reading.values.whole_times import understand
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadData, BadRequest, nearest
from spadework.spark.part_logs import PartPlan
from spadework.spark.sessions import check_installed, settled

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_BLANK = r"(?U)^\s*$"


@dataclass(frozen=True, eq=False, kw_only=True)
class SparkLog:
    """A log in Spark: nothing is read before something is asked for. Made by `read`."""

    frame: DataFrame  # as it was given
    names: dict[str, str]  # role → column
    events: tuple[str, ...] | None
    duplicates: Literal["set aside", "keep"]
    returns: OnReturns
    reading: str | None  # unit of times that are whole numbers, where it was given
    types: dict[str, pl.DataType]  # role → type, as polars has it

    def __repr__(self) -> str:
        return f"SparkLog({', '.join(f'{role}={name!r}' for role, name in self.names.items())})"

    @property
    def session(self) -> SparkSession:
        """The session of the table."""
        return self.frame.sparkSession

    @cached_property
    def items(self) -> LogItems:
        """The items of the log and what is known of its columns: one pass over the table, whose
        groups by item come to the driver. The table must stay as it is.
        """
        with settled(self.session):
            return LogItems.of(self)

    def rows(self) -> DataFrame:
        """The rows with a user and an event that is asked for, by role."""
        return self._by_role().where(self._has_user() & self._is_wanted())

    def _by_role(self) -> DataFrame:
        from pyspark.sql import functions

        columns = []
        for role, name in self.names.items():
            column = self.frame[name]
            if role == "weight":
                column = column.cast("double")
            elif role == "event":
                column = functions.coalesce(column.cast("string"), functions.lit(""))
            elif role == "basket" and not self.types[role].is_integer():
                column = functions.nullif(column.cast("string"), functions.lit(""))
            columns.append(column.alias(role))
        return self.frame.select(*columns)

    def _has_user(self) -> Column:
        from pyspark.sql import functions

        user = functions.col("user")
        present = user.isNotNull()
        if self.types["user"] == pl.String:
            present &= ~user.rlike(_BLANK)
        if self.types["user"].is_float():
            present &= ~functions.isnan(user)
        return present

    def _is_wanted(self) -> Column:
        from pyspark.sql import functions

        return (
            functions.lit(True)
            if self.events is None
            else functions.col("event").isin(list(self.events))
        )


def read(
    frame: DataFrame,
    *,
    user: str = "user_id",
    item: str = "item_id",
    time: str | None = None,
    weight: str | None = None,
    basket: str | None = None,
    event: str | None = None,
    events: Sequence[str] | None = None,
    order: str | None = None,
    duplicates: Literal["set aside", "keep"] = "set aside",
    returns: OnReturns = "net",
) -> SparkLog:
    """A table in Spark as a log: which column has which role, by name; nothing is read yet.

    Ids are whole numbers or text. `time` is a timestamp, a date, or whole numbers since 1970 of one
    unit, such as `"ts"` or `"ts:milliseconds"`; text is to be made timestamps in Spark. Rows of
    Spark have no order of their own: events of a user at the same time are in the order of the
    column `order`, and else in that of their items' ids. `events` are the event types that count;
    `duplicates` and `returns` are those of `sw.read_interactions`.

    Raises BadRequest for columns that are not there, BadData for types that cannot be read.
    """
    check_installed()
    if not hasattr(frame, "sparkSession"):
        raise BadRequest(
            f"The table is a {type(frame).__name__}, not one of Spark.",
            "Give a DataFrame such as spark.table('orders'); others: sw.read_interactions(table).",
        )
    reading = None
    if time is not None and time not in frame.columns and ":" in time:
        time, _, reading = time.rpartition(":")
        if reading not in UNITS:
            raise BadRequest(
                f"There is no unit of time {reading!r}.", f"Known are {', '.join(UNITS)}."
            )
    given = {
        "user": user,
        "item": item,
        "time": time,
        "weight": weight,
        "basket": basket,
        "event": event,
        "order": order,
    }
    names = {role: name for role, name in given.items() if name is not None}
    for role, name in names.items():
        if name not in frame.columns:
            near = nearest(name, frame.columns)
            raise BadRequest(
                f"The table in Spark has no column {name!r} for the {role}.",
                (f"Did you mean {near!r}? " if near else "")
                + f"Its columns are {listed(frame.columns)}; say which: {role}=...",
            )
    if events is not None and event is None:
        raise BadRequest("Events are named, but no event column.", "Name it: event=...")
    log = SparkLog(
        frame=frame,
        names=names,
        events=None if events is None else tuple(events),
        duplicates=duplicates,
        returns=returns,
        reading=reading,
        types=_types(frame, names),
    )
    _check_types(log)
    return log


def _types(frame: DataFrame, names: dict[str, str]) -> dict[str, pl.DataType]:
    from pyspark.sql.pandas.types import to_arrow_schema
    from pyspark.sql.types import StructType

    fields = {name: frame.schema[name] for name in names.values()}
    schema = to_arrow_schema(StructType(list(fields.values())), timezone="UTC")
    table = pl.from_arrow(schema.empty_table())
    assert isinstance(table, pl.DataFrame)
    return {role: table.schema[name] for role, name in names.items()}


def _check_types(log: SparkLog) -> None:
    for role in ("user", "item"):
        check_id_type(log.types[role], role, log.names[role])
    time, weight = log.types.get("time"), log.types.get("weight")
    if time is not None and not (time.is_integer() or time.is_temporal()):
        raise BadData(
            f"The time column {log.names['time']!r} holds {time}, which is no time.",
            "Make timestamps of it in Spark: to_timestamp of text, timestamp_seconds of numbers.",
        )
    if log.reading is not None and time is not None and not time.is_integer():
        raise BadData(
            f"The time column {log.names['time']!r} holds {time}, so it cannot be read as "
            f"{log.reading}.",
            f"Leave the unit out: time={log.names['time']!r}.",
        )
    if weight is not None and not weight.is_numeric():
        raise BadData(
            f"The weight column {log.names['weight']!r} holds {weight}, which is no number.",
            "Cast it to double in Spark, or leave it out.",
        )


@dataclass(frozen=True, eq=False)
class LogItems:
    """What one pass over a log finds out."""

    vocabulary: Vocabulary
    raw_ids: Any  # arrow array: ids as the table has them; two forms of an id may be one item
    codes: Codes  # [raw ids] code of each
    rows: Array  # [items] rows that may be used
    read: int  # rows of the table
    set_aside: dict[str, int]  # reason → rows, of those that are found before rows are parted
    plan: PartPlan  # how the rows of each part are read

    @classmethod
    def of(cls, log: SparkLog) -> LogItems:
        """Group the table by item, and check what came out."""
        groups = log._by_role().groupBy("item").agg(*_sums(log)).toArrow()
        table = pl.from_arrow(groups)
        assert isinstance(table, pl.DataFrame)
        read = int(table["rows"].sum())
        if not read:
            raise BadData("The table in Spark has 0 rows.", "Give a table with rows.")
        ledger = Ledger(table.height)
        ids = clean_ids(table["item"], "item", log.names["item"], ledger)
        used = ids.is_not_null()
        counts = table.select("rows", "no_user", "unwanted").to_numpy().astype(np.int64)
        set_aside = {"user missing": int(counts[:, 1].sum())}
        at, reasons = ledger.aside()
        for place, reason in zip(at, reasons, strict=True):
            rows = int(counts[place, 0] - counts[place, 1])
            set_aside[reason] = set_aside.get(reason, 0) + rows
        chosen = used.to_numpy() & (counts[:, 0] > counts[:, 1] + counts[:, 2])
        unwanted = int(counts[used.to_numpy(), 2].sum())
        if unwanted:
            set_aside["event not asked for"] = unwanted
        if not chosen.any():
            told = ", ".join(f"{n:,} {reason}" for reason, n in set_aside.items() if n)
            raise BadData(
                f"No row of the table in Spark can be used: {told}.",
                "Check which columns are meant with user, item and events.",
            )
        kept = table.filter(pl.Series(chosen))
        vocabulary, codes = Vocabulary.build(ids.filter(pl.Series(chosen)))
        weights = (counts[:, 0] - counts[:, 1] - counts[:, 2])[chosen]
        return cls(
            vocabulary,
            groups["item"].combine_chunks().filter(_arrow(chosen)),
            codes,
            np.bincount(codes, weights=weights, minlength=len(vocabulary)).astype(np.int64),
            read,
            {reason: rows for reason, rows in set_aside.items() if rows},
            _plan(log, kept),
        )

    def mapping(self, session: SparkSession) -> DataFrame:
        """A table of Spark: `raw_item` as it is written, `code`."""
        import pyarrow as pa

        return session.createDataFrame(
            pa.table({"raw_item": self.raw_ids, "code": self.codes.astype(np.int32)})
        )


def _arrow(mask: Array) -> Any:
    import pyarrow as pa

    return pa.array(mask)


def _sums(log: SparkLog) -> list[Column]:
    from pyspark.sql import functions

    has_user, wanted = log._has_user(), log._is_wanted()
    sums = [
        functions.count(functions.lit(1)).alias("rows"),
        functions.count_if(~has_user).alias("no_user"),
        functions.count_if(has_user & ~wanted).alias("unwanted"),
    ]
    if "time" in log.types and log.types["time"].is_integer():
        time = functions.when(
            has_user & wanted & (functions.col("time") > 0), functions.col("time")
        )
        sums += [functions.min(time).alias("first"), functions.max(time).alias("last")]
    if "weight" in log.types:
        weight = functions.col("weight")
        valid = has_user & wanted & ~functions.isnan(weight) & (weight != 0)
        valid &= functions.abs(weight) != functions.lit(float("inf"))
        weight = functions.when(valid, weight)
        single = weight.cast("float").cast("double")
        sums += [
            functions.min(weight).alias("least"),
            functions.max(weight).alias("most"),
            functions.count_if(single != weight).alias("double"),
        ]
    if "basket" in log.types:
        sums.append(
            functions.count_if(functions.col("basket").isNull() & has_user & wanted).alias(
                "no_basket"
            )
        )
    return sums


def _plan(log: SparkLog, groups: pl.DataFrame) -> PartPlan:
    """What the whole decides for every part of it."""
    scale: int | None = 1
    if "first" in groups.columns:
        scale = _scale(log, groups)
    roles = set(log.names)
    weight_type: Literal["single", "double"] | None = None
    if "weight" in roles:
        least, most = groups["least"].min(), groups["most"].max()
        if least is None or (least == most and float(least) > 0):  # type: ignore[arg-type]
            roles.discard("weight")  # all are equal: none is used
        else:
            weight_type = "double" if int(groups["double"].sum()) else "single"
    if "basket" in roles:
        used = int((groups["rows"] - groups["no_user"] - groups["unwanted"]).sum())
        if int(groups["no_basket"].sum()) * 2 > used:
            roles.discard("basket")  # most rows have none
    return PartPlan(
        roles=tuple(role for role in log.names if role in roles),
        names=dict(log.names),
        time_scale=scale,
        weight_type=weight_type,
        keep_duplicates=log.duplicates == "keep",
        net_returns=log.returns == "net",
    )


def _scale(log: SparkLog, groups: pl.DataFrame) -> int | None:
    """Units a second of whole numbers; None where they are positions."""
    name = log.names["time"]
    if log.reading is not None:
        return UNITS[log.reading]
    ends = np.asarray([groups["first"].min() or 0, groups["last"].max() or 0], np.int64)
    found = understand(ends, None, name)
    if found.reading == "position" or found.reading in UNITS:
        return None if found.reading == "position" else found.scale
    raise BadData(
        f"The numbers in {name!r}, from {formatting.count(int(ends[0]), 'unit')} to {ends[1]:,}, "
        f"are read as {found.reading}, which is not read from Spark.",
        "Make timestamps of them in Spark.",
    )
