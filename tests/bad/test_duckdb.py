"""Databases of DuckDB: only read, and nothing outside of the file is reached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.reading.formats import reading_memory
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, MissingExtra, OutOfMemory

TIME = 1_767_225_600
ORDERS = (
    f"create table orders as select * from (values (1, 'a', {TIME}), (2, 'b', {TIME + 1})) "
    "t(user_id, item_id, timestamp)"
)
ROWS = [(1, "a", TIME), (2, "b", TIME + 1)]


def shop(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for statement in statements or (ORDERS,):
            connection.execute(statement)
    return path


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop(tmp_path / "shop.duckdb")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra) as caught:
        read_interactions(path)
    assert str(caught.value) == (
        "DuckDB, with which shop.duckdb is read, is not installed.\nInstall it with: pip install "
        "'spadework[sql]'"
    )


def test_types_come_as_they_are_or_as_texts(tmp_path: Path) -> None:
    path = shop(
        tmp_path / "shop.duckdb",
        "create type kind as enum ('view', 'buy')",
        "create table orders as select 9007199254740993::hugeint as user_id, 12::decimal(18, 2) "
        "as item_id, timestamptz '2026-01-01 01:00:00+01' as timestamp, 'buy'::kind as event, "
        "uuid() as token, interval 1 day as gap, '101'::bit as bits, map {'a': 1} as map, "
        "'01:02:03+02'::timetz as clock, {'a': 1} as struct, [1, 2] as list, 'x'::blob as bytes, "
        "'{}'::json as json, date 'infinity' as ends, timestamp '-infinity' as begins",
    )
    table = open_table(path)
    row = table.fetch(table.columns).row(0, named=True)
    assert row["gap"] == "1 day"
    assert row["bits"] == "101"
    assert row["map"] == "{a=1}"
    assert row["clock"] == "01:02:03+02"
    assert row["ends"] is row["begins"] is None
    log = read_interactions(path)
    assert log.frame().rows() == [(9007199254740993, 12, TIME)]
    assert log.event_type_names == ("buy",)
    tokens = read_interactions(path, user="token")
    assert tokens.user_vocabulary.ids.dtype == pl.String
    with pytest.raises(BadData, match="holds bytes"):
        read_interactions(path, item="bytes")
    lists = read_interactions(path, item="list")
    assert lists.frame()["item_id"].to_list() == [1, 2]


def test_a_view_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("user_id,item_id\n1,2\n")
    path = shop(
        tmp_path / "shop.duckdb",
        ORDERS,
        f"create view outside as select * from read_csv('{tmp_path}/other.csv')",
    )
    with pytest.raises(BadData, match=r"A view of shop\.duckdb reads what is outside of the file"):
        read_interactions(path, table="outside")
    assert read_interactions(path, table="orders").frame().rows() == ROWS


def test_nothing_is_left_beside_it_and_rows_in_its_log_are_read(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    code = (
        "import duckdb, os, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        f"connection.execute({ORDERS!r})\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)
    before = {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir()}
    assert set(before) == {"shop.duckdb", "shop.duckdb.wal"}
    assert read_interactions(path).frame().rows() == ROWS
    assert {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir()} == before


def test_a_file_that_another_program_writes_is_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.duckdb")
    code = (
        "import duckdb, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(BadData, match=r"shop\.duckdb is locked: another program has it open"):
            read_interactions(path)
        writer.communicate()


def test_a_file_that_is_open_in_this_python_is_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(ORDERS)
        with pytest.raises(BadData, match="is open in this Python already") as caught:
            read_interactions(path)
        assert "give its result as the source" in caught.value.hint
        assert read_interactions(connection.sql("from orders")).frame().rows() == ROWS


def checksum(data: bytes) -> int:
    """What DuckDB writes before a block."""
    found = 5381
    for at in range(0, len(data), 8):
        found ^= int.from_bytes(data[at : at + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    return found


def test_a_newer_version_and_broken_files_are_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.duckdb")
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:9000])
    with pytest.raises(BadData, match=r"shop\.duckdb cannot be read as a DuckDB database"):
        read_interactions(path)
    path.write_bytes(data[:8192] + b"\x55" * (len(data) - 8192))
    with pytest.raises(BadData, match=r"shop\.duckdb cannot be read as a DuckDB database"):
        read_interactions(path)
    data[12:20] = (70_000).to_bytes(8, "little")
    data[:8] = checksum(bytes(data[8:4096])).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(BadData, match="was written by another version of DuckDB") as caught:
        read_interactions(path)
    assert "pip install --upgrade duckdb" in caught.value.hint


def test_a_table_of_another_schema_is_named_with_it(tmp_path: Path) -> None:
    path = shop(
        tmp_path / "shop.duckdb",
        "create table users as select 1 as user_id",
        "create schema raw",
        ORDERS.replace("orders", "raw.orders"),
    )
    log = read_interactions(path)
    assert log.frame().rows() == ROWS
    assert log.account is not None
    assert log.account.source == "shop.duckdb/raw.orders"
    assert read_interactions(path, table="RAW.orders").frame().rows() == ROWS


def test_a_sample_holds_whole_users_and_their_row_numbers(tmp_path: Path) -> None:
    path = shop(
        tmp_path / "shop.duckdb",
        "create table orders as select i % 10 as user_id, i as item_id from range(100) r(i)",
    )
    table = open_table(path)
    assert table.sampled is not None
    frame, numbers = table.sampled(["item_id", "user_id"], "user_id", 3)
    assert frame["item_id"].to_list() == (numbers - 1).tolist()
    assert 0 < frame.height < 100
    assert frame["user_id"].value_counts()["count"].to_list() == [10] * frame["user_id"].n_unique()


def test_columns_of_a_view_fit_together(tmp_path: Path) -> None:
    """Two statements may give the groups of a view in two orders."""
    path = shop(
        tmp_path / "shop.duckdb",
        "create table events as select (hash(i) % 30000)::bigint as id, i from range(60000) t(i)",
        "create view orders as select id, min(id) + 7 as user_id, count(*) as n, "
        "min(id) * 2 as item_id from events group by id order by random()",
    )
    table = open_table(path, inside="orders")
    columns = [table.fetch([name])[name] for name in ("id", "user_id", "item_id")]
    assert (columns[0] + 7 == columns[1]).all()
    assert (columns[0] * 2 == columns[2]).all()
    log = read_interactions(
        path, table="events", item="id", join=f"{path}/orders:id", duplicates="keep"
    )
    frame = log.frame()
    assert len(frame) == 60_000
    assert (frame["item_id"] + 7 == frame["user_id"]).all()


def test_a_view_that_does_not_fit_in_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop(tmp_path / "shop.duckdb", ORDERS, "create view v as select * from orders")
    monkeypatch.setattr(reading_memory, "available", lambda: 100)
    with pytest.raises(OutOfMemory, match="It is read by one statement"):
        read_interactions(path, table="v")


def test_a_database_that_changes_between_two_looks_is_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.duckdb")
    table = open_table(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("update orders set item_id = 'z'")
    with pytest.raises(BadData, match="changed while it was read"):
        table.fetch(["user_id"])
