"""Tables, views and queries of Snowflake, through its driver, on a server that speaks like it."""

from __future__ import annotations

from itertools import count

import pytest

import snowflake_server
from spadework.data.addresses import read_interactions
from spadework.data.reading.formats.opening import open_table
from spadework.errors import BadData, BadRequest, Undecided

TIME = 1_767_225_600
_NUMBERS = count(1)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch):
    """The server, and the name of an empty schema in it."""
    server = snowflake_server.server()
    name = f"shop_{next(_NUMBERS)}"
    server.execute(f"create database {name}", f"create schema {name}.web")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", server.password)
    return server, name


def orders(name: str) -> str:
    return (
        f"create table {name}.web.orders as select (seq4() % 50)::number(38,0) as user_id, "
        f"(seq4() % 20)::number(38,0) as item_id, ({TIME} + seq4())::number(38,0) as ts "
        "from table(generator(rowcount => 1000))"
    )


def test_tables_views_queries_and_their_names(shop):
    server, name = shop
    server.execute(orders(name))
    log = read_interactions(server.address(f"{name}/web"))
    assert (len(log), len(log.user_vocabulary), len(log.item_vocabulary)) == (1000, 50, 20)
    assert log.user_vocabulary.ids.dtype.is_integer(), "whole numbers are no decimals"
    assert log.account is not None
    assert log.account.source.endswith("/ORDERS")
    assert len(read_interactions(server.address(f"{name}/web/ORDERS"))) == 1000
    server.execute(
        f'create view {name}.web."late ones" as select * from {name}.web.orders where ts % 2 = 0'
    )
    with pytest.raises(Undecided, match="has 2 tables"):
        read_interactions(server.address(f"{name}/web"))
    assert len(read_interactions(server.address(f"{name}/web"), table="late ones")) == 500
    query = "select user_id, item_id as product_id, ts from web.orders where ts % 4 = 0"
    assert len(read_interactions(server.address(name), query=query)) == 250
    with pytest.raises(BadData, match="has no table 'nothing'"):
        read_interactions(server.address(f"{name}/web"), table="nothing")


def test_types_come_as_frames_hold_them(shop):
    server, name = shop
    server.execute(
        f"create table {name}.web.all_types (user_id number(38,0), item_id varchar, "
        "ts timestamp_ntz, price number(10,2), ok boolean, raw variant, d date, tz timestamp_tz)",
        f"insert into {name}.web.all_types select 9007199254740993, 'é', '2026-01-01 00:00:00', "
        "12.50, true, parse_json('{\"a\":1}'), '2026-01-02', '2026-01-01 01:00:00+01:00'",
    )
    table = open_table(server.address(f"{name}/web"))
    (row,) = table.fetch(table.columns).rows(named=True)
    assert row["USER_ID"] == 9007199254740993
    assert (row["ITEM_ID"], row["PRICE"], row["OK"], row["RAW"]) == ("é", 12.5, True, '{"a":1}')
    assert row["TZ"].timestamp() == TIME
    log = read_interactions(server.address(f"{name}/web"))
    assert log.times is not None
    assert log.times.tolist() == [TIME]


def test_what_goes_wrong_is_a_sentence_without_a_secret(shop, monkeypatch):
    server, name = shop
    address = server.address(f"{name}/web")
    with pytest.raises(BadData, match="shows this user no table"):
        read_interactions(address)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "geheim-7")  # this server takes any
    with pytest.raises(BadRequest, match=r"cannot be read: .*does not exist") as told:
        read_interactions(address, query="select * from web.nothing")
    assert "geheim" not in str(told.value)
    with pytest.raises(BadRequest, match="has the setting 'telemetry'"):
        read_interactions(f"{address}&telemetry=on")
    with pytest.raises(BadRequest, match="holds a password"):
        read_interactions("snowflake://me:secret@account/shop/web")
    with pytest.raises(BadRequest, match="cannot be read"):
        read_interactions(f"snowflake://me@account/{name}?host=127.0.0.1&port=9&protocol=http")
    monkeypatch.delenv("SNOWFLAKE_PASSWORD")
    with pytest.raises(BadRequest, match="Nothing says who may read"):
        read_interactions(address)
    monkeypatch.setenv("SNOWFLAKE_PRIVATE_KEY_PATH", "/nowhere/key.p8")
    with pytest.raises(BadRequest, match="cannot be read"):
        read_interactions(address)


def test_other_services_say_how_their_tables_are_read():
    with pytest.raises(BadRequest, match=r"BigQuery(?s:.*)export data options"):
        read_interactions("bigquery://project/dataset")
    with pytest.raises(BadRequest, match="Databases of a server"):
        read_interactions("oracle://host/shop")
