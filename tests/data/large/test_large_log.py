"""A log that is sorted on disk is the log that memory holds: rows, ids, account, rows set aside."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import spadework as sw
from large_logs import LITTLE, check_same
from spadework.data.mapped.column_files import Place
from spadework.data.mapped.scratch import SCRATCH
from spadework.data.reading.formats import text_pieces
from spadework.data.reading.large import large_log, part_sizes
from spadework.data.reading.large.dealt_rows import DealtRows, parts_of_users
from spadework.errors import BadData, SpadeworkError

ROWS = 6_000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_pieces, "PIECE", 30_000)
    monkeypatch.setattr(part_sizes, "_BATCH", (700, 700))
    monkeypatch.setattr(part_sizes, "_PART", (900, 900))
    monkeypatch.setattr(large_log, "_SPOT_ROWS", 50)


def columns(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "user": rng.zipf(1.4, ROWS) % 700,
        "item": rng.integers(0, 90, ROWS),
        "time": 1_700_000_000 + np.sort(rng.integers(0, 20_000, ROWS)),
    }


def texts(prefix: str, codes: Any) -> list[str]:
    return [f"{prefix}{code}" for code in codes]


def plain() -> pl.DataFrame:
    return pl.DataFrame(columns())


def with_gaps() -> pl.DataFrame:
    frame = plain()
    rng = np.random.default_rng(1)
    for name in ("user", "item", "time"):
        gaps = pl.Series(rng.random(ROWS) < 0.01)
        frame = frame.with_columns(pl.when(gaps).then(None).otherwise(pl.col(name)).alias(name))
    return frame


def of_texts() -> pl.DataFrame:
    found = columns()
    users = texts("ü", found["user"])
    users[3], users[ROWS // 2], users[-1] = " ", "a" * 300, 'one"quote'
    users[10], users[ROWS - 10], users[7] = "e\u0301", "é", "tab\tin it"
    items = texts("", found["item"])
    items[5], items[ROWS - 5], items[1_000] = "17.0", "23.0", "blank "
    return pl.DataFrame({**found, "user": users, "item": items})


def of_decimals() -> pl.DataFrame:
    return plain().with_columns(
        pl.col("user").cast(pl.Float64), pl.col("item").cast(pl.Decimal(9, 2))
    )


def with_everything() -> pl.DataFrame:
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 4, ROWS).astype(float)
    weights[rng.random(ROWS) < 0.02] = 0
    baskets = [None if gap < 0.1 else f"b{k // 3}" for k, gap in enumerate(rng.random(ROWS))]
    return plain().with_columns(
        quantity=pl.Series(weights),
        basket=pl.Series(baskets),
        event=pl.Series(rng.choice(["view", "buy", "Buy", ""], ROWS)),
        rating=pl.Series(rng.integers(1, 6, ROWS)),
    )


def of_milliseconds() -> pl.DataFrame:
    more = pl.Series(np.random.default_rng(3).integers(0, 3, ROWS))
    return plain().with_columns(time=pl.col("time") * 1000 + more)


def of_dates(form: str) -> Callable[[], pl.DataFrame]:
    def make() -> pl.DataFrame:
        seconds = pl.col("time") * 1 + pl.int_range(ROWS) * 3_000
        return plain().with_columns(time=pl.from_epoch(seconds.cast(pl.Int64)).dt.strftime(form))

    return make


def of_floats() -> pl.DataFrame:
    # the first part has whole numbers alone
    tail = pl.when(pl.int_range(ROWS) > ROWS // 2).then(0.25).otherwise(0.0)
    return plain().with_columns(time=pl.col("time").cast(pl.Float64) + tail)


def with_few_weights() -> pl.DataFrame:
    weights = [2.0 if k < 1_500 else None for k in range(ROWS)]
    return plain().with_columns(quantity=pl.Series(weights))


def of_one_user() -> pl.DataFrame:
    return plain().with_columns(
        user=pl.when(pl.int_range(ROWS) % 50 == 0).then("user").otherwise(7)
    )


def of_repeats() -> pl.DataFrame:
    frame = with_everything()
    return pl.concat([frame, frame[::7], frame[: ROWS // 9]])


def with_returns() -> pl.DataFrame:
    """A third of the rows take back what their user bought, or what nobody did."""
    rng = np.random.default_rng(4)
    frame = with_everything().with_columns(
        pl.col("user") % 80,
        pl.col("item") % 12 + pl.when(pl.int_range(ROWS) < 40).then(1_000).otherwise(0),
        quantity=pl.Series(rng.choice([1.0, 2.0, 0.5, -1.0, -0.5, 3.3], ROWS)),
    )
    alone = {"user": 9_999, "item": 7_777, "quantity": -1.0}
    more = frame.tail(3).with_columns(pl.lit(value).alias(name) for name, value in alone.items())
    return pl.concat([frame, more.select(frame.columns).cast(frame.schema), frame[::19]])


def with_equal_returns() -> pl.DataFrame:
    return with_returns().with_columns(quantity=pl.col("quantity").sign())


@dataclass(frozen=True)
class Case:
    make: Callable[[], pl.DataFrame]
    options: dict[str, Any] = field(default_factory=dict)


CASES = {
    "plain": Case(plain),
    "gaps": Case(with_gaps),
    "texts": Case(of_texts),
    "decimals": Case(of_decimals),
    "everything": Case(with_everything),
    "some events": Case(with_everything, {"events": ["buy"]}),
    "rules": Case(with_everything, {"positive": "rating >= 3 and event != view"}),
    "dislikes": Case(with_everything, {"dislikes": ["rating <= 1", "nothing"], "event": "event"}),
    "excluded": Case(with_everything, {"exclude_items": [3, 5, 1_234]}),
    "quantity": Case(with_everything, {"weight": "quantity"}),
    "weight": Case(with_everything, {"weight": "rating", "basket": "-"}),
    "kept": Case(of_repeats, {"duplicates": "keep"}),
    "repeats": Case(of_repeats),
    "since": Case(plain, {"since": "1700003000", "until": "1700015000"}),
    "rows": Case(plain, {"time": "@row"}),
    "no time": Case(plain, {"time": "-"}),
    "positions": Case(plain, {"time": "item:position", "item": "time", "user": "user"}),
    "steps": Case(plain, {"time": "item:5s from 2026-01-01", "item": "time"}),
    "milliseconds": Case(of_milliseconds),
    "dates": Case(of_dates("%Y-%m-%d %H:%M:%S")),
    "day first": Case(of_dates("%d/%m/%Y %H:%M")),
    "digits": Case(of_dates("%Y%m%d%H%M")),
    "floats": Case(of_floats),
    "few weights": Case(with_few_weights),
    "one user": Case(of_one_user),
    "returns": Case(with_returns, {"weight": "quantity"}),
    "returns of one type": Case(with_returns, {"weight": "quantity", "event": "-"}),
    "returns of purchases": Case(with_returns, {"weight": "quantity", "events": ["buy", "view"]}),
    "returns without times": Case(with_returns, {"weight": "quantity", "time": "-"}),
    "returns by position": Case(with_returns, {"weight": "quantity", "time": "@row"}),
    "returns with repeats": Case(with_returns, {"weight": "quantity", "duplicates": "keep"}),
    "returns set aside": Case(with_returns, {"weight": "quantity", "returns": "set aside"}),
    "equal returns": Case(with_equal_returns, {"weight": "quantity", "basket": "-"}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_log_is_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "log.parquet"
    case.make().write_parquet(path, row_group_size=500)
    small = sw.read_interactions(path, **case.options)
    check_same(sw.read_interactions(path, memory=LITTLE, **case.options), small)


@pytest.mark.parametrize("name", CASES)
def test_the_log_of_a_text_is_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "log.csv"
    case.make().write_csv(path)
    same_or_refused(path, **case.options)


def same_or_refused(path: Path, **options: Any) -> None:
    """Held in memory or in files, a source is the same log, or it is refused."""
    try:
        small = sw.read_interactions(path, **options)
    except SpadeworkError as error:
        with pytest.raises(type(error)):
            sw.read_interactions(path, memory=LITTLE, **options)
        return
    check_same(sw.read_interactions(path, memory=LITTLE, **options), small)


def test_several_files_have_an_account_each(tmp_path: Path) -> None:
    frame = with_gaps()
    for at in range(3):
        frame[at * 2_000 : (at + 1) * 2_000].write_parquet(tmp_path / f"{at}.parquet")
    small = sw.read_interactions(tmp_path)
    large = sw.read_interactions(tmp_path, memory=LITTLE)
    check_same(large, small)
    assert large.account is not None
    assert len(large.account.parts) == 3


def test_folders_that_name_values(tmp_path: Path) -> None:
    for kind, part in (("view", plain()[:3_000]), ("buy", plain()[3_000:])):
        folder = tmp_path / f"event={kind}"
        folder.mkdir()
        part.write_parquet(folder / "part.parquet")
    check_same(sw.read_interactions(tmp_path, memory=LITTLE), sw.read_interactions(tmp_path))


def test_a_database_is_read_in_batches(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    frame = with_gaps()
    with duckdb.connect(str(tmp_path / "log.duckdb")) as connection:
        connection.register("given", frame.to_arrow())
        connection.execute("create table log as select * from given")
    path = tmp_path / "log.duckdb"
    check_same(sw.read_interactions(path, memory=LITTLE), sw.read_interactions(path))


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    old = scratch / "spadework-scratch-old"
    old.mkdir()
    monkeypatch.setenv(SCRATCH, str(scratch))
    path = tmp_path / "log.parquet"
    plain().write_parquet(path)
    log = sw.read_interactions(path, memory=LITTLE)
    [folder] = scratch.iterdir()
    assert folder != old
    place = Place.of(log.items)
    assert place is not None
    assert np.array_equal(place.mapped(), log.items)  # as another process would
    rest = log.items[-100:]
    del log, place
    gc.collect()
    assert list(scratch.iterdir()) == []
    assert rest.min() >= 0  # what is mapped stays readable


def test_no_folder_for_scratch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCRATCH, str(tmp_path / "absent"))
    path = tmp_path / "log.parquet"
    plain().write_parquet(path)
    with pytest.raises(SpadeworkError, match=SCRATCH):
        sw.read_interactions(path, memory=LITTLE)


def test_parts_that_are_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    frame = plain().with_columns(
        time=pl.when(pl.int_range(ROWS) < 5_990).then("time").otherwise(pl.col("time") * 1000)
    )
    path = tmp_path / "log.parquet"
    frame.write_parquet(path)
    for memory in (None, LITTLE):
        with pytest.raises(BadData):
            sw.read_interactions(path, memory=memory)


def test_a_log_of_returns_alone_has_no_row(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    with_returns().filter(pl.col("quantity") < 0).write_parquet(path)
    for memory in (None, LITTLE):
        with pytest.raises(BadData, match="a return of nothing bought before"):
            sw.read_interactions(path, memory=memory, weight="quantity")


def test_ids_of_a_part_that_is_dealt_out_again_may_be_narrow_at_first_and_then_wide(tmp_path):
    rng = np.random.default_rng(3)
    frames = [
        pl.DataFrame({"user": rng.integers(low, low + 50, 400), "row": np.arange(400)})
        for low in (5, 2**40, 7, -(2**40))
    ]
    dealt = DealtRows(tmp_path / "rows", pl.Series([2**50]), 400)
    for frame in frames:
        dealt.deal(frame)
    found = pl.concat([part.cast(frames[0].schema) for part in parts_of_users(dealt, 300)])
    rows = sorted(found.rows())
    assert rows == sorted(pl.concat(frames).rows())
    assert len(list(parts_of_users(dealt, 300))) == 0, "parts are read once"
