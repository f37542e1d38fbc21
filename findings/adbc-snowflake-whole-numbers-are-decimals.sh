#!/usr/bin/env bash
# The ADBC driver of Snowflake 1.11.0 gives every whole number as a decimal of 38 digits, 16 bytes each:
# ids of users and items, counts, epochs, also `count(*)`. Polars 2.x takes them as Decimal(38, 0), and
# what asks whether a column holds integers is told no. With the option
# `adbc.snowflake.sql.client_option.use_high_precision` set to "false" they are 64-bit integers, to the
# last digit; but then prices of type number(10, 2) are floats.
#
# Snowflake has one number type, number(38, 0) by default, and the driver keeps it by default.
#
# Valid input: a table with user_id number(38, 0) and price number(10, 2), on fakesnow 0.12.1, which
# answers by Snowflake's protocol. fakesnow needs snowflake-connector-python 4.1.1 here: under 5.2.0 it
# cannot be imported, although its metadata allow it.
# Seen: decimal128(38, 0) and decimal128(10, 2) by default; int64 and double with the option.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 \
    'fakesnow[server]==0.12.1' snowflake-connector-python==4.1.1 duckdb==2.0.1 \
    adbc-driver-snowflake==1.11.0 adbc-driver-manager==1.13.0 arro3-core==0.9.1 2>/dev/null
cat >"$folder/look.py" <<'PY'
import warnings

warnings.simplefilter("ignore")
import adbc_driver_manager as adbc
import adbc_driver_snowflake
import arro3.core
import fakesnow
import snowflake.connector

PREFIX = "adbc.snowflake.sql."

with fakesnow.server(session_parameters={}) as given:
    cursor = snowflake.connector.connect(**given).cursor()
    for statement in (
        "create database shop",
        "create schema shop.web",
        "create table shop.web.orders (user_id number(38, 0), price number(10, 2))",
        "insert into shop.web.orders values (9007199254740993, 12.50)",
    ):
        cursor.execute(statement)
    seen = []
    for option in ({}, {PREFIX + "client_option.use_high_precision": "false"}):
        database = adbc.AdbcDatabase(
            driver=adbc_driver_snowflake._driver_path(),
            username=given["user"],
            password=given["password"],
            **{
                PREFIX + "account": given["account"],
                PREFIX + "uri.host": given["host"],
                PREFIX + "uri.port": str(given["port"]),
                PREFIX + "uri.protocol": "http",
                PREFIX + "db": "SHOP",
            },
            **option,
        )
        connection = adbc.AdbcConnection(database)
        statement = adbc.AdbcStatement(connection)
        statement.set_sql_query("select user_id, price from WEB.ORDERS")
        handle, _ = statement.execute_query()
        reader = arro3.core.RecordBatchReader.from_stream(handle)
        types = [str(field.type) for field in reader.schema]
        seen.append(types)
        print(option or "by default", types)
    is_decimal = all("decimal128" in one.lower() for one in seen[0])
    is_plain = "int64" in seen[1][0].lower() and "float64" in seen[1][1].lower()
    assert is_decimal and is_plain, seen
PY
"$folder/venv/bin/python" "$folder/look.py" 2>&1 | grep -v '^INFO'
