"""Databases of SQLite: nothing is written, no row is lost, and no id is changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from spadework.data.addresses import read_interactions
from spadework.data.reading.formats import sqlite_files
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, Undecided

TIME = 1_767_225_600
ROWS = [("u1", "007", TIME), ("u2", "8", TIME + 1)]


def written(path: Path, rows: Sequence[Sequence[Any]], columns: str, *more: str) -> Path:
    """A database with a table `orders`."""
    connection = sqlite3.connect(path)
    connection.execute(f"create table orders ({columns})")
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"insert into orders values ({marks})", rows)
    for statement in more:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def shop(path: Path, *more: str) -> Path:
    """A small log."""
    return written(path, ROWS, "user_id text, item_id text, timestamp integer", *more)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Each file with its bytes and the time when it was written."""
    return {each.name: (each.stat().st_size, each.stat().st_mtime_ns) for each in folder.iterdir()}


def in_log_mode(path: Path) -> Path:
    """A database in the mode of write-ahead logging, closed."""
    shop(path)
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.close()
    return path


def ids(log: Any, column: str = "item_id") -> list[Any]:
    return sorted(log.frame()[column].to_list())


@pytest.mark.parametrize("make", [shop, in_log_mode])
def test_nothing_is_left_beside_a_database_that_is_read(tmp_path: Path, make: Any) -> None:
    path = make(tmp_path / "shop.db")
    before = state(tmp_path)
    assert read_interactions(path).frame().rows() == ROWS
    assert state(tmp_path) == before


def test_rows_in_the_log_of_a_program_that_still_runs_are_read(tmp_path: Path) -> None:
    path = in_log_mode(tmp_path / "shop.db")
    writer = sqlite3.connect(path)
    try:
        writer.execute("insert into orders values ('u3', '9', 1767225602)")
        writer.commit()
        before = state(tmp_path)
        assert ids(read_interactions(path)) == ["007", "8", "9"]
        assert set(state(tmp_path)) == set(before) == {"shop.db", "shop.db-wal", "shop.db-shm"}
        assert state(tmp_path)["shop.db"] == before["shop.db"]
        assert state(tmp_path)["shop.db-wal"] == before["shop.db-wal"]
    finally:
        writer.close()


def test_rows_in_a_log_that_was_copied_with_its_database_are_read(tmp_path: Path) -> None:
    """By itself the main file would be a sound database that lacks them."""
    (tmp_path / "live").mkdir()
    path = in_log_mode(tmp_path / "live" / "shop.db")
    writer = sqlite3.connect(path)
    writer.execute("insert into orders values ('u3', '9', 1767225602)")
    writer.commit()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("shop.db", "shop.db-wal"):
        shutil.copy(path.with_name(name), copy / name)
    writer.close()
    before = state(copy)
    log = read_interactions(copy / "shop.db")
    assert ids(log) == ["007", "8", "9"]
    assert log.account is not None
    assert log.account.source == "shop.db/orders"
    assert state(copy) == before


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    for make in (shop, in_log_mode):
        folder = tmp_path / make.__name__
        folder.mkdir()
        path = make(folder / "shop.db")
        path.chmod(0o444)
        folder.chmod(0o555)
        before = state(folder)
        try:
            assert read_interactions(path).frame().rows() == ROWS
            assert state(folder) == before
        finally:
            folder.chmod(0o755)


def test_a_change_that_was_not_finished_is_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    code = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('pragma cache_size = 5')\n"
        "connection.execute('begin')\n"
        "rows = [('u', 'x' * 100, 1)] * 2000\n"
        "connection.executemany('insert into orders values (?, ?, ?)', rows)\n"
        "connection.execute('update orders set item_id = user_id || item_id')\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)
    before = state(tmp_path)
    assert "shop.db-journal" in before
    with pytest.raises(BadData, match="a change that was not finished may stand in"):
        read_interactions(path)
    assert state(tmp_path) == before


def test_a_lock_of_another_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop(tmp_path / "shop.db")
    monkeypatch.setattr(sqlite_files, "PATIENCE", 0.01)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("begin exclusive")
    with pytest.raises(BadData, match=r"shop\.db is locked: another program writes to it\."):
        read_interactions(path)
    writer.close()


EXACT = {
    "whole numbers beyond 2^53": ("", [2**53 + 1, 2**63 - 1], pl.Int64),
    "texts in a column of texts": ("text", ["007", "7"], pl.String),
    "numbers without a type": ("", [7, 8], pl.Int64),
    "texts in a column declared as a number": ("integer", ["x7", "u8"], pl.String),
    "numbers declared as truth values": ("boolean", [0, 1], pl.Int64),
}


@pytest.mark.parametrize(("declared", "values", "dtype"), EXACT.values(), ids=EXACT)
def test_ids_stay_what_they_are(
    tmp_path: Path, declared: str, values: list[Any], dtype: pl.DataType
) -> None:
    path = written(
        tmp_path / "shop.db", [(1, value) for value in values], f"user_id, item_id {declared}"
    )
    assert open_table(path).schema["item_id"] == dtype
    assert ids(read_interactions(path)) == sorted(values)


def test_a_column_of_numbers_and_texts_is_read_as_texts_and_said(tmp_path: Path) -> None:
    rows = [("u1", 7), ("u2", "007"), ("u3", 2**53 + 1), ("u4", 1.5), ("u5", None)]
    path = written(tmp_path / "shop.db", rows, "user_id, item_id")
    log = read_interactions(path)
    assert ids(log) == ["007", "1.5", "7", "9007199254740993"]
    assert log.account is not None
    assert (
        "The column 'item_id' holds 1 text and 3 numbers; all are read as texts, the number 7 "
        "as '7'."
    ) in log.account.remarks
    assert dict(log.account.set_aside) == {"item missing": 1}


def test_ids_that_decimals_among_them_would_change_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "shop.db", [(1, 2**53 + 1), (2, 1.0)], "user_id, item_id")
    with pytest.raises(BadData, match="is no exact whole number"):
        read_interactions(path)
    written(tmp_path / "whole.db", [(1, 7.0), (2, 8)], "user_id, item_id")
    assert ids(read_interactions(tmp_path / "whole.db")) == [7, 8]


@pytest.mark.parametrize("other", [b"\x01\xff", 7, "7"])
def test_bytes_are_no_ids(tmp_path: Path, other: Any) -> None:
    path = written(tmp_path / "shop.db", [(1, b"\x00"), (2, other)], "user_id, item_id")
    with pytest.raises(BadData, match="holds bytes"):
        read_interactions(path)


def test_bytes_that_nobody_reads_are_no_obstacle(tmp_path: Path) -> None:
    path = written(tmp_path / "shop.db", [(1, 2, b"\xff"), (1, 3, "x")], "user_id, item_id, photo")
    assert ids(read_interactions(path)) == [2, 3]


def test_text_that_is_not_utf_8_is_said_with_its_column(tmp_path: Path) -> None:
    path = shop(
        tmp_path / "shop.db", "insert into orders values ('u', cast(x'ff41' as text), 1767225600)"
    )
    with pytest.raises(BadData, match="holds text that is not UTF-8 in the column 'item_id'"):
        read_interactions(path)


def test_dates_as_texts_numbers_and_days_are_times(tmp_path: Path) -> None:
    written_as = (
        ("2026-01-01 00:00:00", "2026-01-01 00:00:05"),
        (TIME, TIME + 5),
        (TIME * 1000, (TIME + 5) * 1000),
        (TIME + 0.25, TIME + 5.25),
    )
    for at, (first, last) in enumerate(written_as):
        path = tmp_path / f"{at}.db"
        written(path, [(1, 2, first), (1, 3, last)], "user_id, item_id, created_at datetime")
        times = read_interactions(path).times
        assert times is not None
        assert times.tolist() == [TIME, TIME + 5]


def test_rows_keep_their_order_whichever_columns_are_asked_for(tmp_path: Path) -> None:
    """An index that holds the columns asked for would give them in its own order."""
    rows = [(f"u{9 - at}", f"i{at}", TIME + at) for at in range(9)]
    more = (
        "create index by_user on orders (user_id, item_id)",
        "create view v as select * from orders",
    )
    path = written(tmp_path / "shop.db", rows, "user_id, item_id, timestamp", *more)
    for name in ("orders", "v"):
        table = open_table(path, inside=name)
        expected = [row[0] for row in rows]
        assert table.fetch(["user_id"])["user_id"].to_list() == expected
        assert table.fetch(["timestamp", "user_id"])["user_id"].to_list() == expected
        assert table.head(3)["user_id"].to_list() == expected[:3]


def test_batches_are_one_table_and_its_sample_holds_whole_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "BATCH", 7)
    rows = [(at % 10, at, TIME + at) for at in range(100)]
    table = open_table(written(tmp_path / "shop.db", rows, "user_id, item_id, timestamp"))
    whole = table.fetch(["user_id", "item_id"])
    assert whole.rows() == [row[:2] for row in rows]
    assert table.sampled is not None
    frame, numbers = table.sampled(["item_id", "user_id"], "user_id", 3)
    assert frame["item_id"].to_list() == (numbers - 1).tolist()
    assert 0 < frame.height < 100
    assert frame["user_id"].value_counts()["count"].to_list() == [10] * frame["user_id"].n_unique()


def test_a_database_without_rows_or_tables_is_said(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    connection = sqlite3.connect(path)
    connection.execute("create table a (x)")
    connection.execute("drop table a")
    connection.close()
    with pytest.raises(BadData, match=r"none\.db holds no table\."):
        read_interactions(path)
    path = shop(tmp_path / "empty.db", "delete from orders")
    with pytest.raises(BadData, match=r"empty\.db/orders has 0 rows\."):
        read_interactions(path)


@pytest.mark.parametrize("lost", [1, 60, 4096])
def test_a_database_that_is_cut_off_is_said(tmp_path: Path, lost: int) -> None:
    path = shop(tmp_path / "shop.db")
    os.truncate(path, path.stat().st_size - lost)
    with pytest.raises(BadData, match=r"shop\.db is cut off: its header tells of 8,192 bytes"):
        read_interactions(path)


def test_a_broken_database_is_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    data = bytearray(path.read_bytes())
    data[4096:4200] = b"\xff" * 104
    path.write_bytes(data)
    with pytest.raises(BadData, match=r"shop\.db is a broken SQLite database"):
        read_interactions(path)


def test_a_database_that_changes_between_two_looks_is_said(tmp_path: Path) -> None:
    for number, change in enumerate(
        ("insert into orders values ('u', 'i', 1)", "update orders set timestamp = 'later'")
    ):
        path = shop(tmp_path / f"{number}.db")
        table = open_table(path)
        connection = sqlite3.connect(path)
        connection.execute(change)
        connection.commit()
        connection.close()
        with pytest.raises(BadData, match="changed while it was read"):
            table.fetch(["user_id", "timestamp"])


def test_names_that_are_not_utf_8_are_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    path.write_bytes(path.read_bytes().replace(b"item_id", b"item\xffid"))
    with pytest.raises(
        BadData, match=r"shop\.db (holds text that is not UTF-8|is a broken SQLite database)"
    ):
        read_interactions(path)


def test_views_are_read_and_broken_ones_are_not_chosen(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db", "create view broken as select * from gone")
    assert read_interactions(path).frame().rows() == ROWS
    with pytest.raises(BadData, match=r"A view of shop\.db cannot be read: no such table"):
        read_interactions(path, table="broken")
    joined = "create view log as select c.user_id, o.item_id from orders o join clients c"
    path = written(
        tmp_path / "two.db",
        [(1, 2)],
        "order_id, item_id",
        "create table clients (user_id)",
        "insert into clients values (7)",
        joined,
    )
    log = read_interactions(path)
    assert log.frame().rows() == [(7, 2)]
    assert log.account is not None
    assert log.account.source == "two.db/log"


def test_names_need_no_quotes(tmp_path: Path) -> None:
    odd = 'od"d; drop table orders --'
    doubled = odd.replace('"', '""')
    path = shop(tmp_path / "a?b#c%20d.db", f'create table "{doubled}" ("user""id", "item id")')
    connection = sqlite3.connect(path)
    connection.execute(f'insert into "{doubled}" values (1, 2)')
    connection.commit()
    connection.close()
    log = read_interactions(path, table=odd, user='user"id', item="item id")
    assert log.frame().rows() == [(1, 2)]
    assert read_interactions(path, table="orders").frame().rows() == ROWS


def test_a_database_that_a_program_writes_to_is_read_as_of_one_moment(tmp_path: Path) -> None:
    """Each look would find other rows; in the mode of write-ahead logging all see a snapshot."""
    path = in_log_mode(tmp_path / "shop.db")
    writer = sqlite3.connect(path)
    try:
        writer.execute("insert into orders values ('u3', '9', 1767225602)")
        writer.commit()
        table = open_table(path)
        before = table.fetch(["user_id"])["user_id"].to_list()
        writer.execute("update orders set user_id = 'later'")
        writer.execute("insert into orders values ('u4', '9', 1767225603)")
        writer.commit()
        assert table.fetch(["user_id"])["user_id"].to_list() == before
        assert table.fetch(["item_id"]).height == table.rows == len(before)
        assert set(read_interactions(path).frame()["user_id"]) == {"later", "u4"}
        del table
    finally:
        writer.close()


def test_a_change_that_leaves_the_number_of_rows_is_said(tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    table = open_table(path)
    table.fetch(["user_id"])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update orders set user_id = user_id || 'x'")
        connection.commit()
    with pytest.raises(BadData, match=r"changed while it was read[\s\S]*\.backup copy\.db"):
        table.fetch(["item_id"])


def test_columns_of_a_view_in_random_order_fit_together(tmp_path: Path) -> None:
    rows = [(f"u{at}", f"i{at}", at) for at in range(300)]
    columns = "user_id text, item_id text, timestamp integer"
    view = "create view some as select * from orders order by random() limit 200"
    table = open_table(written(tmp_path / "shop.db", rows, columns, view), inside="some")
    users, items = (table.fetch([name])[name] for name in ("user_id", "item_id"))
    assert len(users) == 200
    assert [user[1:] for user in users] == [item[1:] for item in items]


def test_a_table_is_not_hidden_by_a_search_index_of_a_like_name(tmp_path: Path) -> None:
    path = shop(
        tmp_path / "shop.db",
        "create virtual table log using fts5(user_id, item_id)",
        "create table log_2025 as select * from orders",
        "drop table orders",
    )
    assert len(read_interactions(path, table="log_2025")) == 2
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert "log_content" not in str(caught.value)
