"""Which table of several is read: the one named, the only one, or the only one that fits."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from spadework.data.addresses import read_content, read_interactions
from spadework.data.presplit import read_split
from spadework.data.reading.formats.opening import has_tables
from spadework.errors import BadData, BadRequest, Undecided


def database(path: Path, *tables: str) -> Path:
    """A database of tables such as `orders(user_id, item_id)`, each with a row of numbers."""
    connection = sqlite3.connect(path)
    for table in tables:
        name, _, columns = table.partition("(")
        connection.execute(f'create table "{name}" ({columns}')
        marks = ", ".join(str(at + 1) for at, _ in enumerate(columns.split(",")))
        connection.execute(f'insert into "{name}" values ({marks})')
    connection.commit()
    connection.close()
    return path


def remark(path: Path, **options: str) -> str:
    account = read_interactions(path, **options).account
    assert account is not None
    return account.remarks[0]


def test_the_account_says_which_table_was_read(tmp_path: Path) -> None:
    path = database(tmp_path / "one.db", "orders(user_id, item_id)")
    assert remark(path) == "Read from its only table, 'orders'."
    path = database(tmp_path / "two.db", "orders(user_id, item_id)", "users(user_id, name)")
    assert remark(path) == (
        "Read from the table 'orders', the only one with a user and an item; not read: 'users' "
        "(--table names one)."
    )
    assert remark(path, table="Orders") == "Read from the table 'orders'."
    account = read_interactions(path).account
    assert account is not None
    assert account.source == "two.db/orders"


def test_columns_that_the_user_named_tell_which(tmp_path: Path) -> None:
    path = database(tmp_path / "two.db", "a(user_id, item_id)", "b(who, what, user_id, item_id)")
    assert read_interactions(path, user="who", item="what").account.source == "two.db/b"  # type: ignore[union-attr]
    assert read_interactions(path, positive="what > 0").account.source == "two.db/b"  # type: ignore[union-attr]
    with pytest.raises(Undecided):
        read_interactions(path)


def test_several_that_fit_are_asked_for_with_their_columns(tmp_path: Path) -> None:
    path = database(
        tmp_path / "shop.db", "orders(user_id, item_id)", "users(user_id, name)",
        "wish list(user_id, item_id, at)",
    )  # fmt: skip
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert str(caught.value) == (
        "shop.db has 3 tables, and 2 of them have a user and an item: 'orders' (user_id, item_id), "
        "'users' (user_id, name), 'wish list' (user_id, item_id, at).\n"
        "Say which: --table orders or --table 'wish list'."
    )
    path = database(tmp_path / "parts.db", "orders(id, user_id)", "lines(order_id, item_id)")
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert str(caught.value) == (
        "parts.db has 2 tables, and none has a user and an item: 'lines' (order_id, item_id), "
        "'orders' (id, user_id).\nSay which: --table lines or --table orders. Where users and "
        "items stand in different tables, join them by a column: --table lines --join "
        "parts.db/orders:order_id=id."
    )


def test_lines_come_first_where_tables_are_to_be_joined(tmp_path: Path) -> None:
    """Columns that are called `id` in two tables are no key of both."""
    path = database(
        tmp_path / "shop.db", "customers(id, email)", "order_items(order_id, product_id)",
        "orders(id, customer_id, created_at)", "products(id, title)",
    )  # fmt: skip
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert "--table order_items --join shop.db/orders:order_id=id." in caught.value.hint
    with pytest.raises(BadData) as missing:
        read_interactions(path, table="order_items")
    assert "--join FILE:order_id, or FILE/TABLE:order_id of a database" in missing.value.hint
    path = database(tmp_path / "x.db", "a(id, email)", "b(id, product_id)")
    with pytest.raises(Undecided, match="a:COLUMN=NAME, where it is called NAME"):
        read_interactions(path)


def test_a_pattern_takes_tables_of_one_kind_as_one_log(tmp_path: Path) -> None:
    path = database(
        tmp_path / "shop.db", "y2025(user_id, item_id)", "y2026(user_id, item_id)", "z(name)"
    )
    with pytest.raises(Undecided) as caught:
        read_interactions(path)
    assert "All of them together: --table 'y202*'." in caught.value.hint
    log = read_interactions(path, table="Y202*")
    assert log.account is not None
    assert log.account.read == 2
    assert "shop.db/y2026: 1 row." in log.account.remarks
    with pytest.raises(BadData, match="does not fit to"):
        read_interactions(path, table="*")


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    path = database(tmp_path / "shop.db", "orders(user_id, item_id)")
    with pytest.raises(BadData) as caught:
        read_interactions(path, table="order")
    assert str(caught.value) == (
        "shop.db has no table 'order' (--table).\n"
        "Did you mean 'orders'? It has 'orders' (user_id, item_id)."
    )
    with pytest.raises(BadData, match="--items-table"):
        read_content(path, table="order")


def test_where_there_are_no_tables_a_name_is_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": [1], "item_id": [2]})
    frame.write_csv(tmp_path / "log.csv")
    (tmp_path / "parts").mkdir()
    frame.write_parquet(tmp_path / "parts" / "a.parquet")
    for source, name in (
        (tmp_path / "log.csv", "log.csv"),
        (tmp_path / "parts" / "a.parquet", "a.parquet"),
        (tmp_path / "parts", "the folder 'parts'"),
        (frame, "a frame"),
        (frame.lazy(), "the lazy frame"),
    ):
        with pytest.raises(BadRequest) as caught:
            read_interactions(source, table="orders")
        assert str(caught.value) == (
            f"{name} is no database and no workbook, so --table has no meaning.\nLeave it out."
        )
    with pytest.raises(BadRequest, match="so --items-table has no meaning"):
        read_content(tmp_path / "log.csv", table="orders")
    with pytest.raises(BadRequest, match="options for reading do not apply: table"):
        read_interactions("world:order", table="orders")
    assert not has_tables(tmp_path / "log.csv")
    assert not has_tables("world:order")
    assert has_tables(database(tmp_path / "shop.db", "orders(user_id, item_id)"))


def test_log_and_items_are_found_in_one_file_and_several_files_are_one_log(tmp_path: Path) -> None:
    tables = ("orders(user_id, item_id)", "products(title, item_id)")
    path = database(tmp_path / "a.db", *tables)
    log = read_interactions(path)
    assert read_content(path, log, item="item_id", table="products").table.columns == ["title"]
    database(tmp_path / "b.db", *tables)
    account = read_interactions(str(tmp_path / "*.db")).account
    assert account is not None
    assert account.source == "a.db/orders, b.db/orders"


def test_a_split_that_a_table_brings(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("create table users (user_id, name)")
    for name in ("first", "second"):
        connection.execute(f"create table {name} (user_id, item_id, part)")
        rows = [(1, 2, "train"), (1, 3, "test"), (2, 3, "train")]
        connection.executemany(f"insert into {name} values (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    split = read_split(tmp_path / "shop.db", "part", table="second")
    assert len(split.train) == 2
    with pytest.raises(Undecided):
        read_split(tmp_path / "shop.db", "part")
