"""Logs of databases on servers: one state of the table, all types, nothing half-read, and no word
of a password.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import store_servers
from makers import Recorder
from spadework.data.addresses import read_content, read_interactions
from spadework.data.presplit import read_split
from spadework.data.reading.formats import mysql_tables, postgres_tables, reading_memory
from spadework.data.reading.formats.opening import open_table
from spadework.data.reading.formats.server_addresses import server_address
from spadework.errors import BadData, BadRequest, MissingExtra, SpadeworkError, Undecided
from spadework.events import listening

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
    log = read_interactions(address, weight="price", event="event", table="orders")
    assert log.weights.tolist() == [12.5]
    assert log.times.tolist() == [TIME]
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


def test_samples_of_users_have_all_their_rows(shop, monkeypatch: pytest.MonkeyPatch):
    address, database = shop
    database.execute(ORDERS)
    whole = read_interactions(address)
    monkeypatch.setattr(reading_memory, "available", lambda: 40_000)
    log = read_interactions(address)
    assert 0 < len(log.user_vocabulary) < 50
    assert len(log) == 20 * len(log.user_vocabulary)
    assert set(log.user_vocabulary.ids.to_list()) < set(whole.user_vocabulary.ids.to_list())


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


def test_quoted_and_read_types_of_mysql():
    assert mysql_tables._quoted("a`b") == "`a``b`"
    assert postgres_tables._asked('a"b', "uuid") == '"a""b"::text as "a""b"'
