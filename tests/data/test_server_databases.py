"""Logs of databases on servers: one state of the table, all types, nothing half-read, and no word
of a password.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg
import pytest

import store_servers
from makers import Recorder
from mysql_server import Mysql, mysql
from spadework.data.addresses import read_content, read_interactions
from spadework.data.presplit import read_split
from spadework.data.reading.formats import reading_memory
from spadework.data.reading.formats.opening import open_table
from spadework.data.reading.formats.server_addresses import server_address
from spadework.errors import BadData, BadRequest, MissingExtra, SpadeworkError, Undecided
from spadework.events import listening
from spadework.workbench.recipe import make
from spadework.workbench.run import dig

TIME = 1_767_225_600
ORDERS = (
    "create table orders as select g % 50 as user_id, g % 20 as item_id, "
    f"{TIME}::bigint + g as ts from generate_series(1, 1000) g"
)
PASSWORD = store_servers.PASSWORD


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, psycopg.Connection]]:
    """The address of an empty database, and a connection that owns it."""
    server = store_servers.place("postgres")
    assert isinstance(server, store_servers.Postgres)
    name = f"shop_{next(store_servers._NUMBERS)}"
    server.execute(f"create database {name}")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    whole = re.sub(r"/[^/?]*(?=$|\?)", f"/{name}", server.address)
    with psycopg.connect(whole, autocommit=True) as connection:
        yield re.sub(r":[^:@/]*@", "@", whole), connection
    server.execute(f"drop database {name} with (force)")


def test_tables_views_queries_and_their_names(shop):
    address, database = shop
    database.execute(ORDERS)
    log = read_interactions(address)
    assert (len(log), len(log.user_vocabulary), len(log.item_vocabulary)) == (1000, 50, 20)
    assert "Read from its only table, 'orders'." in log.account.remarks
    assert log.account.source == f"{server_address(address).shown}/orders"

    database.execute('create view "late ""ones" as select * from orders where ts % 2 = 0')
    database.execute('create schema "other place"')
    database.execute('create table "other place"."odd ""name" as select * from orders limit 7')
    assert len(read_interactions(address, table='late "ones')) == 500
    assert len(read_interactions(address, table='other place.odd "name')) == 7
    assert len(read_interactions(f"{address}/orders")) == 1000
    query = 'select user_id as "the ""user", item_id as product_id, ts from orders where ts % 4 = 0'
    log = read_interactions(address, query=f"{query} -- some;", user='the "user')
    assert len(log) == 250
    assert "Read from a query." in log.account.remarks
    with pytest.raises(Undecided, match=r"(?s)has 3 tables.*--table orders"):
        read_interactions(address)
    with pytest.raises(BadData, match="has no table 'order'"):
        read_interactions(address, table="order")
    with pytest.raises(BadRequest, match="and one of them is read"):
        read_interactions(address, table="orders", query=query)
    assert len(read_interactions(address, query="select *, random() from orders")) == 1000


def test_a_user_without_rights_is_told_so(shop, monkeypatch):
    address, database = shop
    with pytest.raises(BadData, match="shows this user no table and no view"):
        read_interactions(address)  # nothing is in it
    database.execute(ORDERS)
    role = f"reader_{next(store_servers._NUMBERS)}"
    database.execute(f"create role {role} login password '{PASSWORD}'")
    reader = re.sub(r"//[^@]*@", f"//{role}@", address)
    with pytest.raises(BadData, match=r"(?s)shows this user no table.*grant select"):
        read_interactions(reader)
    database.execute(f"grant select on orders to {role}")
    assert len(read_interactions(reader)) == 1000
    database.execute(f"revoke all on orders from {role}")
    database.execute(f"drop role {role}")


def test_types_come_as_they_are_or_as_texts(shop):
    address, database = shop
    database.execute("create type kind as enum ('view', 'buy')")
    database.execute("create domain sku as text")
    database.execute(
        "create table orders as select 9007199254740993::bigint as user_id, "
        "'6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid as item_id, "
        "timestamptz '2026-01-01 01:00:00+01' as ts, 12.50::numeric as price, 'buy'::kind as event,"
        " 'a'::sku as sku, interval '1 day' as gap, '{\"a\": 1}'::jsonb as json, "
        "array['a', 'b'] as tags, array[1, 2]::numeric[] as sizes, 'x'::bytea as bytes, "
        "time '01:02' as clock, date 'infinity' as ends, timestamp '-infinity' as begins, "
        "'1.2.3.4'::inet as host, int4range(1, 3) as span, 'NaN'::numeric as nothing, "
        "5::money as cash, true as flag, 'ab'::char(4) as short, 7::oid as oid"
    )
    table = open_table(address)
    (row,) = table.fetch(table.columns).rows(named=True)
    assert row["user_id"] == 9007199254740993
    assert row["item_id"] == "6ecd8c99-4036-403d-bf84-cf8400f67836"
    assert row["ts"].timestamp() == TIME
    assert (row["price"], row["event"], row["sku"], row["gap"]) == ("12.50", "buy", "a", "1 day")
    assert (row["json"], row["tags"], row["sizes"]) == ('{"a": 1}', ["a", "b"], "{1,2}")
    assert (row["bytes"], row["clock"]) == (b"x", "01:02:00")
    assert (row["ends"], row["begins"]) == (None, None)
    assert (row["host"], row["span"], row["nothing"]) == ("1.2.3.4/32", "[1,3)", "NaN")
    assert (row["cash"], row["flag"], row["short"]) == ("$5.00", True, "ab  ")
    assert row["oid"] == "7"
    database.execute(
        "insert into orders (user_id, item_id, ts, price, event) "
        "values (1, gen_random_uuid(), now() - interval '1 day', 3, 'view')"
    )
    log = read_interactions(address, weight="price", event="event", table="orders")
    assert sorted(log.weights.tolist()) == [3, 12.5]
    assert TIME in log.times.tolist()
    with pytest.raises(BadData, match="bytes or foreign objects"):
        read_interactions(address, item="bytes")
    # a list of the items of a user is taken apart, as in files
    assert len(read_interactions(address, item="tags")) == 2


def test_what_has_no_rows_or_no_user_is_told_with_its_columns(shop):
    address, database = shop
    database.execute("create table orders (user_id int, item_id int, ts bigint)")
    with pytest.raises(BadData, match="orders has 0 rows"):
        read_interactions(address)
    database.execute("insert into orders values (1, 2, 3)")
    with pytest.raises(BadData, match=r"(?s)user.*item_id"):
        read_interactions(address, query="select item_id, ts from orders")
    with pytest.raises(BadRequest, match='column "nothing" does not exist'):
        read_interactions(address, query="select nothing from orders")
    for text in ("delete from orders", "", "drop table orders"):
        with pytest.raises(BadRequest, match="no statement that gives rows"):
            read_interactions(address, query=text)
    for text in (
        "with gone as (delete from orders returning *) select * from gone",
        "select 1) as q; drop table orders; select (1",
        "select user_id, nextval('numbers') as item_id from orders",
    ):
        database.execute("create sequence if not exists numbers")
        with pytest.raises(BadRequest, match="cannot be read"):
            read_interactions(address, query=text)
    assert database.execute("select count(*) from orders").fetchone() == (1,)


def test_a_table_that_changes_meanwhile_is_read_in_one_state(shop):
    address, database = shop
    database.execute(ORDERS)
    for name in (None, "view"):
        table = (
            open_table(address, inside="orders", query=None)
            if name is None
            else open_table(address, query="select * from orders where ts > 0")
        )
        first = table.head(10)
        database.execute("update orders set item_id = item_id + 100 where item_id < 10")
        database.execute("delete from orders where user_id = 3")
        database.execute("insert into orders select 7, 8, 9 from generate_series(1, 20)")
        database.execute("vacuum analyze orders")
        frame = table.fetch(table.columns)
        assert frame.height == table.rows
        assert frame.head(10).equals(first)
        # columns that are fetched one by one belong together
        assert table.fetch(["ts"])["ts"].equals(frame["ts"])
        del table
    with psycopg.connect(database.info.dsn, password=PASSWORD) as other:
        idle = other.execute("select count(*) from pg_stat_activity where state like 'idle in%'")
        assert idle.fetchone() == (0,)  # the transaction ended with the table


def test_a_connection_that_is_lost_leaves_nothing(shop):
    address, database = shop
    database.execute(
        "create table orders as select g as user_id, g as item_id, g as ts, repeat('x', 500) "
        "as pad from generate_series(1, 200000) g"
    )
    table = open_table(address)
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'spadework'"
    )

    class Killer(Recorder):
        def step(self, label: str, done: int, total: int | None) -> None:
            if done == 2:
                database.execute(kill)

    lost = r"orders could not be read to its end: after [\d,]+ of 200,000 rows, "
    with listening(Killer()), pytest.raises(BadData, match=lost) as caught:
        table.fetch(table.columns)
    assert "Run the same command again" in caught.value.hint
    with pytest.raises(SpadeworkError):
        table.fetch(["ts"])  # another state would be read


def test_a_table_larger_than_memory_is_read_in_batches(shop, monkeypatch: pytest.MonkeyPatch):
    address, database = shop
    database.execute(ORDERS)
    whole = read_interactions(address)
    monkeypatch.setattr(reading_memory, "available", lambda: 40_000)
    log = read_interactions(address)
    assert log.frame().equals(whole.frame())
    # whoever wants a sample of users gets all rows of each
    table = open_table(address)
    assert table.sampled is not None
    frame, numbers = table.sampled(["user_id"], "user_id", 3)
    assert 0 < frame["user_id"].n_unique() < 50
    assert frame.height == 20 * frame["user_id"].n_unique() == len(numbers)


def test_the_items_the_joins_and_a_split_come_from_the_database_too(shop):
    address, database = shop
    database.execute(
        "create table lines as select g % 9 as order_id, g as item_id from generate_series(1, 40) g"
    )
    database.execute(
        f"create table orders as select g as order_id, g % 4 as user_id, {TIME} + g "
        "as ts from generate_series(0, 8) g"
    )
    database.execute(
        "create table products as select g as item_id, 't' || g as title from "
        "generate_series(1, 40) g"
    )
    log = read_interactions(address, table="lines", join=f"{address}/orders:order_id")
    assert (len(log), len(log.user_vocabulary)) == (40, 4)
    content = read_content(address, log, table="products")
    assert content.table.height == 40
    query = "select *, case when ts % 2 = 0 then 'train' else 'test' end as part from orders"
    query = f"select user_id, order_id as item_id, ts, part from ({query}) q"
    split = read_split(address, "part", query=query)
    assert (len(split.train), len(split.expected)) == (5, 4)


def test_a_password_in_an_address_is_refused_and_not_shown():
    for address in (
        "postgresql://me:hush-9@host/shop",
        "postgresql://me:hu/sh-9@host/shop",
        "postgresql://host/shop?password=hush-9",
        "mysql://me:hush-9@host/shop",
    ):
        with pytest.raises(BadRequest, match="holds a password") as caught:
            read_interactions(address)
        assert "sh-9" not in str(caught.value)
        assert "the variable" in caught.value.hint


def test_servers_that_do_not_answer_are_told(monkeypatch: pytest.MonkeyPatch):
    port = store_servers.free_port()
    for scheme in ("postgresql", "mysql"):
        with pytest.raises(BadRequest, match=rf"{scheme}://127.0.0.1:{port}/shop cannot be read: "):
            read_interactions(f"{scheme}://me@127.0.0.1:{port}/shop")
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    monkeypatch.setitem(sys.modules, "pymysql", None)
    for scheme in ("postgresql", "mysql"):
        with pytest.raises(MissingExtra, match=r"spadework\[databases\]"):
            read_interactions(f"{scheme}://me@127.0.0.1:{port}/shop")


def test_a_query_has_no_meaning_for_files(tmp_path: Path):
    (tmp_path / "log.csv").write_text("user,item\na,b\n")
    with pytest.raises(BadRequest, match=r"log.csv is no database, so a query has no meaning"):
        read_interactions(tmp_path / "log.csv", query="select 1")


def test_no_library_of_frames_is_imported_for_a_database(shop):
    address, database = shop
    database.execute(ORDERS)
    code = (
        "import sys, spadework as sw; "
        f"assert len(sw.read_interactions({address!r})) == 1000; "
        "assert not {'pyarrow', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def bazaar(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Mysql]]:
    """The address of an empty database of MariaDB, and its server."""
    server = mysql()
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    server.execute("create database bazaar")
    yield f"{server.address}/bazaar", server
    server.execute("drop database bazaar")


def test_tables_views_and_queries_of_mysql(bazaar):
    address, server = bazaar
    server.execute(
        "use bazaar",
        f"create table orders as select seq % 50 as user_id, seq % 20 as item_id, {TIME} + seq "
        "as ts from seq_1_to_1000",
        "create view `late ``ones` as select * from orders where ts % 2 = 0",
    )
    log = read_interactions(address, table="orders")
    assert (len(log), len(log.user_vocabulary), len(log.item_vocabulary)) == (1000, 50, 20)
    assert len(read_interactions(address, table="late `ones")) == 500
    assert len(read_interactions(f"{address}/orders")) == 1000
    assert len(read_interactions(address, query="select * from orders where ts % 4 = 0")) == 250
    with pytest.raises(Undecided, match="has 2 tables"):
        read_interactions(address)
    with pytest.raises(BadRequest, match="Unknown column 'nothing'"):
        read_interactions(address, query="select nothing from orders")
    with pytest.raises(BadRequest, match="Access denied for user"):
        read_interactions(address.replace("spade@", "nobody@"))
    with pytest.raises(BadRequest, match="a setting 'nothing', which is not known"):
        read_interactions(f"{address}?nothing=1")


def test_types_of_mysql_come_as_they_are_or_as_texts(bazaar):
    address, server = bazaar
    server.execute(
        "use bazaar",
        "create table orders (user_id bigint unsigned, item_id varchar(9), ts timestamp, "
        "price decimal(10, 2), day date, clock time, made year, json json, bytes blob, "
        "kind enum('view', 'buy'), part float, flag bool, fixed binary(3), at datetime(6)) "
        "charset utf8mb4",
        "set session time_zone = '+00:00'",
        "insert into orders values (18446744073709551615, 'ä', '2026-01-01', 1.5, '2026-01-02', "
        "'01:02:03', 2026, '{}', 'x', 'buy', 1.5, true, 'abc', '2026-01-01 00:00:00.000001'), "
        "(null, null, null, null, '0000-00-00', null, null, null, null, null, null, null, null, "
        "'0000-00-00')",
    )
    table = open_table(address)
    first, second = table.fetch(table.columns).rows(named=True)
    assert first["user_id"] == 18446744073709551615
    assert first["ts"].isoformat() == "2026-01-01T00:00:00"
    assert [first[name] for name in ("item_id", "price", "clock", "made", "kind")] == [
        *("ä", "1.50", "01:02:03", 2026, "buy")
    ]
    assert [first[name] for name in ("bytes", "fixed", "json")] == [b"x", b"abc", "{}"]
    assert (first["part"], first["flag"], first["at"].microsecond) == (1.5, 1, 1)
    assert set(second.values()) == {None}


def test_a_table_of_mysql_that_changes_is_read_in_one_state_and_a_lost_one_is_told(bazaar):
    address, server = bazaar
    server.execute(
        "use bazaar",
        "create table orders (user_id int, item_id int, ts int, pad varchar(200), "
        "key of_items (item_id, ts)) as select seq as user_id, seq as item_id, seq as ts, "
        "repeat('x', 200) as pad from seq_1_to_200000",
    )
    table = open_table(address)
    first = table.head(10)
    server.execute(
        "use bazaar", "delete from orders where user_id < 9", "update orders set item_id = -ts"
    )
    frame = table.fetch(["item_id", "user_id"])
    assert frame.height == table.rows
    assert frame.head(10).equals(first.select("item_id", "user_id"))
    assert table.fetch(["item_id"])["item_id"].equals(frame["item_id"])

    class Killer(Recorder):
        def step(self, label: str, done: int, total: int | None) -> None:
            if done == 2:
                for (number,) in server.execute(
                    "select id from information_schema.processlist where user = 'spade'"
                ):
                    server.execute(f"kill {number}")

    lost = r"orders could not be read to its end: after [\d,]+ of 200,000 rows, "
    with listening(Killer()), pytest.raises(BadData, match=lost):
        table.fetch(table.columns)


def test_queries_of_files(tmp_path: Path):
    rows = "(values (1, 'a', 5), (2, 'b', 6), (2, 'c', 7))"
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as database:
        database.execute(f"create table orders as select * from {rows}")
        database.commit()
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as database:
        database.execute(f"create table orders as from {rows} t(column1, column2, column3)")
    for name in ("shop.sqlite", "shop.duckdb"):
        path = tmp_path / name
        query = (
            "select column1 as user_id, column2 as item_id, column3 + 1767225600 as ts "
            "from orders where column1 > 1 order by ts desc -- the last\n;"
        )
        log = read_interactions(path, query=query)
        assert (len(log), log.account.source) == (2, f"{name}/query")
        assert "Read from a query." in log.account.remarks
        assert open_table(path, query=query).fetch(["item_id"]).rows() == [("c",), ("b",)]
        random = "select column1 as user_id, random() as item_id from orders"
        table = open_table(path, query=random)
        assert table.fetch(["item_id"]).equals(table.fetch(["item_id", "user_id"])[["item_id"]])
        with pytest.raises(BadData, match="nothing"):
            read_interactions(path, query="select nothing from orders")
        with pytest.raises(BadRequest, match="no statement that gives rows"):
            read_interactions(path, query="delete from orders")
        with pytest.raises(BadData, match=r"cannot be read|broken"):
            read_interactions(path, query="select 1) ; delete from orders; select (1")
    assert len(read_interactions(tmp_path / "shop.sqlite", user="column1", item="column2")) == 3


@pytest.mark.slow
def test_a_run_folder_holds_no_password(shop, tmp_path: Path):
    address, database = shop
    database.execute(
        "create table orders as select g * g % 61 as user_id, (7 * g + g * g) % 23 as item_id, "
        f"{TIME}::bigint + g * 500 as ts from generate_series(1, 3000) g"
    )
    folder = tmp_path / "run"
    dig(address, folder=folder, recipe=make({"query": "select * from orders", "budget": "8s"}))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert PASSWORD.encode() not in path.read_bytes(), path
    with pytest.raises(BadRequest, match="holds a secret in 'source'"):
        make({"source": address.replace("@", f":{PASSWORD}@")})
    with pytest.raises(BadRequest, match="holds a secret in 'join'"):
        make({"join": [f"{address}/orders?password={PASSWORD}:order_id"]})
