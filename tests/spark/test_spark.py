"""What Spark gives is what one machine gives, to the bit: whatever the number of parts, in whatever
order rows come, and however often a task is lost.
"""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import polars as pl
import pytest

import spadework as sw
from makers import DAY, START, Recorder
from spadework.errors import BadData, BadRequest, MissingExtra, OutputExists, Unsuitable
from spadework.events import listening
from spadework.models.cooccurrence.counts import count
from spadework.models.cooccurrence.counts import fit as fit_from
from spadework.spark import engine_fit, sessions
from spadework.spark.sampled_dig import dig_address, told_of
from spadework.spark.span_in_spark import end_of
from spadework.workbench.large import room
from spadework.workbench.recipe import make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # py4j closes its sockets late
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
COLUMNS = {"user": "who", "item": "what", "time": "at", "weight": "amount", "basket": "order_no"}
DECAYED = {
    "distance": "inverse",
    "backward": 0.5,
    "age_half_life": "20d",
    "gap_half_life": "3d",
    "entry": "value",
}


def rows_of(seed: int, rows: int = 1500) -> pl.DataFrame:
    """Orders with ties in time, exact duplicates, returns, and cells that are missing."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "who": [f"u{number:02d}" for number in rng.integers(0, 60, rows)],
            "what": [f"i{number:03d}" for number in np.minimum(rng.zipf(1.4, rows), 90)],
            "at": START + DAY * rng.integers(0, 90, rows),
            "amount": rng.integers(1, 9, rows) / 4,
            "order_no": rng.integers(0, 400, rows),
        }
    )
    frame = frame.with_columns(
        amount=pl.when(pl.int_range(rows) % 50 == 7).then(-pl.col("amount")).otherwise("amount"),
        who=pl.when(pl.int_range(rows) % 100 == 3).then(None).otherwise("who"),
        what=pl.when(pl.int_range(rows) % 100 == 4).then(pl.lit(" ")).otherwise("what"),
        at=pl.when(pl.int_range(rows) % 100 == 5).then(None).otherwise("at"),
    )
    return pl.concat([frame, frame.head(40)])


def in_spark(spark, frame: pl.DataFrame):
    return spark.createDataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


def in_one_process(frame: pl.DataFrame):
    """The rows in the order in which Spark takes those of one user and time."""
    ordered = frame.sort("what", "amount", "order_no", nulls_last=True)
    return sw.read_interactions(ordered, **COLUMNS)


def test_parts_change_nothing(spark):
    frame = rows_of(1)
    log = in_one_process(frame)
    end = log.end
    plain, decayed = sw.model("cosine"), sw.model("cooccurrence", **DECAYED)
    expected = {
        plain: plain.fit(log),
        decayed: fit_from(sw.model("cooccurrence", **DECAYED), count(decayed, log)),
    }
    for parts, seed in ((1, 0), (3, 1), (8, 2)):
        shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
        table = sw.spark.read(in_spark(spark, shuffled), **COLUMNS)
        fitted = sw.spark.fit(sw.model("cosine"), table, partitions=parts)
        assert fitted == expected[plain]
        if parts > 1:
            fitted = sw.spark.fit(sw.model("cooccurrence", **DECAYED), table, partitions=parts)
            assert fitted == expected[decayed]
        # every task has all rows, and counts the pairs of some items
        assert sw.spark.fit(sw.model("cosine"), table) == expected[plain]
    assert sw.spark.fit(sw.model("cooccurrence", **DECAYED), table) == expected[decayed]
    ease, counted = sw.model("ease", l2=3.0), count(sw.model("ease"), log)
    assert sw.spark.fit(ease, table, partitions=2) == fit_from(sw.model("ease", l2=3.0), counted)
    mine = sw.spark.count(sw.model("ease"), table)
    assert dataclasses.replace(mine, users=counted.users) == counted
    assert len(mine.users) == len(counted.users)
    assert end_of(table) == end
    mine, theirs = sw.spark.account(table), log.account
    assert mine.read == theirs.read == len(frame)
    assert dict(mine.set_aside) == dict(theirs.set_aside)


def test_a_dig_learns_from_a_sample_and_its_winner_from_everything(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "LEAST_ROWS", 2_000)
    monkeypatch.setattr(room, "A_SECOND", 50)
    monkeypatch.setattr(room, "A_ROW", 2**30)
    frame = pl.concat(
        [rows_of(seed).with_columns(who=pl.col("who") + f"_{seed}") for seed in range(9)]
    )
    # users like the items of a group, so that counting pairs pays
    group = pl.col("who").str.slice(1, 2).cast(pl.Int64) % 8
    frame = frame.with_columns(what=pl.format("{}_{}", group, pl.col("what").str.tail(1)))
    place = tmp_path / "orders.parquet"
    frame.write_parquet(place)
    recipe = make({"models": ["popular", "cosine"], "budget": "40s", **COLUMNS})
    with pytest.raises(BadRequest, match="No table of"):
        dig_address("spark://local[2]", None, folder=None, recipe=recipe, force=False)
    with pytest.raises(BadRequest, match="cannot be opened"):
        dig_address("spark://local[2]", "nothing", folder=None, recipe=recipe, force=False)
    told = Recorder()
    with listening(told):
        run = dig_address(
            "spark://local[2]", str(place), folder=tmp_path / "run", recipe=recipe, force=False
        )
    assert run.winner == "cosine"
    dug = pl.read_parquet(tmp_path / "run.sample.parquet")
    assert 2_000 < frame.height / 4 < 6_000
    assert dug.height < frame.height / 4
    counts = frame.group_by("who").len()
    whole = dug.group_by("who").len().drop_nulls().join(counts, on="who")
    assert (whole["len"] == whole["len_right"]).all(), "users are whole"
    fitted = sw.load(tmp_path / "run.everything")
    table = sw.spark.read(spark.read.parquet(str(place)), **COLUMNS)
    assert fitted == sw.spark.fit(sw.model("cosine"), table)
    assert any("run.everything" in note for note in told.notes)
    [remark] = [each for each in run.remarks if "in Spark" in each]
    assert f"of {frame.drop_nulls('who').height:,} usable rows of a table" in remark
    assert "run.everything is the winner fitted on all rows" in told_of(run)
    with pytest.raises(OutputExists, match="everything exists already"):
        sw.spark.dig(table, folder=tmp_path / "run")
    with pytest.raises(BadRequest, match="'since' is about files"):
        sw.spark.dig(table, folder=tmp_path / "other", recipe=make({"since": "2026-01-01"}))
    with pytest.raises(BadRequest, match="Items are excluded"):
        sw.spark.dig(table, folder=tmp_path / "other", recipe=make({"exclude_items": "0_1"}))


def test_lost_tasks_change_nothing(spark, tmp_path, monkeypatch):
    frame = rows_of(2)
    table = sw.spark.read(in_spark(spark, frame), **COLUMNS)
    failures = {"counts": tmp_path / "counts", "neighbours": tmp_path / "neighbours"}

    def failing(name, task, how):
        marker = str(failures[name])

        def run(batches):
            kept = list(batches)
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                yield from task(iter(kept))
                return
            if how == "dies":
                os._exit(1)
            found = task(iter(kept))
            yield next(found)
            raise RuntimeError("a task is lost after it gave some of its rows")

        return run

    counts, neighbours = engine_fit.CountPart, engine_fit._neighbours
    monkeypatch.setattr(
        engine_fit, "CountPart", lambda *of: failing("counts", counts(*of), "raises")
    )

    def dying(counted, task):
        lost = failing("neighbours", task, "dies")

        class Lost:
            def blocks(self):
                return self

            def mapInArrow(self, _, schema):  # noqa: N802  (named as in Spark)
                return counted.blocks().mapInArrow(lost, schema)

            sums = counted.sums

        return neighbours(Lost(), task)

    monkeypatch.setattr(engine_fit, "_neighbours", dying)
    fitted = sw.spark.fit(sw.model("cosine"), table, partitions=3)
    assert all(marker.exists() for marker in failures.values())
    assert fitted == sw.model("cosine").fit(in_one_process(frame))


@pytest.mark.parametrize("name", ["cosine", "popular", "personal", "tifu-knn"])
def test_lists_are_those_of_one_process(spark, name):
    frame = rows_of(3)
    log = in_one_process(frame)
    model = sw.model(name).fit(log)
    newer = pl.concat(
        [
            rows_of(4),
            pl.DataFrame(  # one who did nothing that the model knows
                {
                    "who": ["new", "new"],
                    "what": ["x", "y"],
                    "at": [START, START + DAY],
                    "amount": [1.0, 2.0],
                    "order_no": [1, 2],
                }
            ),
        ]
    )
    now = START + 100 * DAY
    exclude = ["i001"]
    lists = sw.spark.recommend(
        model, sw.spark.read(in_spark(spark, newer), **COLUMNS), 7, exclude=exclude, now=now
    )
    found = pl.from_arrow(lists.toArrow()).sort("user_id", "rank")
    histories = in_one_process(newer).as_of(now)
    expected = model.recommend(histories, 7, exclude=exclude).frame()
    assert found.equals(expected.select(found.columns).sort("user_id", "rank"))
    assert "new" in found["user_id"]


def test_times_and_ids_of_every_type(spark):
    """Numbers, timestamps with and without a zone, and dates say the same; ids stay numbers."""
    from pyspark.sql import functions

    frame = pl.DataFrame(
        {
            "user_id": np.arange(200) % 17,
            "item_id": (np.arange(200) * 7) % 23,
            "at": (START + DAY * (np.arange(200) // 3)) * 1000,
        }
    )
    log = sw.read_interactions(frame, user="user_id", item="item_id", time="at")
    table = in_spark(spark, frame)
    forms = {
        "milliseconds": functions.col("at"),
        "zone": functions.timestamp_millis("at"),
        "no zone": functions.timestamp_millis("at").cast("string").cast("timestamp_ntz"),
    }
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        ends = {}
        for form, column in forms.items():
            one = sw.spark.read(table.withColumn("at", column), time="at")
            ends[form] = end_of(one)
        model = sw.spark.fit(sw.model("forward"), one)
    finally:
        spark.conf.unset("spark.sql.session.timeZone")
    assert ends["milliseconds"] == ends["zone"] == log.end
    assert ends["no zone"] == log.end + 9 * 3600  # the same clock on the wall, without its place
    assert model == fit_from(sw.model("forward"), count(sw.model("forward"), log))
    assert model.item_vocabulary == log.item_vocabulary


def test_what_cannot_be_done_is_said_first(spark):
    frame = rows_of(5).with_columns(text=pl.lit("2026-01-01"), huge=pl.lit(1e20) * pl.col("amount"))
    table = in_spark(spark, frame)
    with pytest.raises(BadRequest, match="no column 'user_id' for the user") as error:
        sw.spark.read(table)
    assert "'who'" in error.value.hint
    with pytest.raises(BadData, match="which is no time"):
        sw.spark.read(table, user="who", item="what", time="text")
    with pytest.raises(BadRequest, match="not one of Spark"):
        sw.spark.read(frame)
    log = sw.spark.read(table, user="who", item="what")
    with pytest.raises(Unsuitable, match="does not learn from counts"):
        sw.spark.fit(sw.model("popular"), log)
    with pytest.raises(Unsuitable, match="needs times"):
        sw.spark.fit(sw.model("forward"), log)
    with pytest.raises(Unsuitable, match="changes with every user"):
        sw.spark.fit(sw.model("cooccurrence", entry="tfidf"), log)
    before = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    with pytest.raises(BadData, match="too large for sums") as error:
        sw.spark.account(sw.spark.read(table, user="who", item="what", weight="huge"))
    assert "divide all of them" in error.value.hint  # as it was raised on an executor
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == before
    nobody = table.withColumn("who", table["who"].substr(1, 0))
    with pytest.raises(BadData, match="user missing"):
        sw.spark.account(sw.spark.read(nobody, user="who", item="what"))


def test_two_forms_of_a_name_are_one_user(spark):
    """é as one letter, and as e with an accent: Spark would part them."""
    forms = ["caf\u00e9", "cafe\u0301"]
    names = [f"{forms[row % 2]}{row // 12}" for row in range(120)]
    frame = pl.DataFrame({"who": names, "what": [f"i{row % 12}" for row in range(120)]})
    log = sw.read_interactions(frame, user="who", item="what")
    table = sw.spark.read(in_spark(spark, frame), user="who", item="what")
    model = sw.model("cosine").fit(log)
    assert len(log.active_users) == 10
    assert sw.spark.fit(sw.model("cosine"), table, partitions=5) == model
    lists = pl.from_arrow(sw.spark.recommend(model, table, k=2, partitions=5).toArrow())
    assert lists["user_id"].n_unique() == 10
    assert lists.height == 20


def test_times_without_a_zone_are_told(spark):
    frame = pl.DataFrame({"who": ["a", "b"], "what": ["x", "y"], "at": ["2026-01-01 10:00:00"] * 2})
    for form, remarks in (
        ("to_timestamp_ntz(at)", ("Times in 'at' have no zone and are read as UTC.",)),
        ("to_timestamp(at)", ()),
    ):
        table = in_spark(spark, frame).selectExpr("who", "what", f"{form} AS at")
        log = sw.spark.read(table, user="who", item="what", time="at")
        assert sw.spark.account(log).remarks == remarks


def test_events_and_an_order_of_its_own(spark):
    """Only the events that are asked for count, and a column says which of one moment was first."""
    rng = np.random.default_rng(6)
    frame = pl.DataFrame(
        {
            "who": [f"u{number}" for number in rng.integers(0, 20, 400)],
            "what": [f"i{number}" for number in rng.integers(0, 30, 400)],
            "at": START + DAY * rng.integers(0, 5, 400),
            "kind": rng.choice(["view", "buy"], 400),
            "step": rng.permutation(400),
        }
    )
    capped = {"max_length": 5}
    columns = {"user": "who", "item": "what", "time": "at", "event": "kind"}
    log = sw.read_interactions(frame.sort("step"), **columns, events=["buy"])
    model = sw.model("cosine", **capped).fit(log)
    table = sw.spark.read(in_spark(spark, frame), **columns, events=["buy"], order="step")
    assert sw.spark.fit(sw.model("cosine", **capped), table, partitions=2) == model
    assert sum(sw.spark.account(table).set_aside.values()) == len(frame) - len(log)


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(sessions.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="PySpark is not installed") as error:
        sw.spark.session("local[1]")
    assert "spadework[spark]" in error.value.hint
    monkeypatch.undo()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BadRequest, match="no bin/java"):
        sessions.check_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadRequest, match="runs on Java") as error:
        sessions.check_java()
    assert "openjdk-17" in error.value.hint


def test_two_spellings_of_a_name_are_one_user_in_any_number_of_parts(spark):
    names = ["\u00e9", "e\u0301", "\u00e9", "e\u0301"] + [f"u{user}" for user in range(20)] * 2
    frame = pl.DataFrame({"who": names, "what": [*"abca", *"a" * 20, *"b" * 20]})
    table = sw.spark.read(in_spark(spark, frame), user="who", item="what")
    whole = sw.model("cosine").fit(sw.read_interactions(frame, user="who", item="what", time="-"))
    for parts in (None, 3, 5):
        assert sw.spark.fit(sw.model("cosine"), table, partitions=parts) == whole
