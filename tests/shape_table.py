"""Every shape of file that is read, or refused with its way out: an example of each, what to type
and what comes out. The tests read the examples, and docs/shapes.md is written from them.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lake_files import write_delta, write_iceberg
from table_files import write_duckdb, write_sqlite, write_xlsx

TIME = 1_767_225_600  # 2026-01-01
FRAME = pl.DataFrame({"user_id": [1, 1, 2], "item_id": [21, 33, 21], "timestamp": [TIME] * 3})
GONE = FRAME.with_columns(pl.lit(9, pl.Int64).alias("user_id"))
PRODUCTS = pl.DataFrame({"item_id": [21, 33], "title": ["a", "b"]})


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One shape. `write` makes it in a folder, where it is not the text `shown`."""

    name: str
    file: str  # what is given as the source
    shown: str  # a few lines, as the page shows them
    read: str  # how it is read
    options: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[tuple[Any, ...]] = ()  # of the log: user, item, time, weight, basket, event
    refused: str = ""  # part of the sentence, where it is not read
    write: Callable[[Path], None] | None = None

    def make(self, folder: Path) -> Path:
        """Write the example; gives its path."""
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.write is None:
            path.write_text(self.shown, encoding="utf-8")
        else:
            self.write(path)
        return path

    def command(self) -> str:
        """What to type."""
        quoted = f"'{self.file}'" if set(self.file) & set("*[ ") else self.file
        options = [
            f"--{key.replace('_', '-')} {_quoted(value)}" for key, value in self.options.items()
        ]
        return " ".join(["spadework look", quoted, *options])


def _quoted(text: str) -> str:
    return f"'{text}'" if set(text) & set(" |;*") else text


def _numbered(*roles: str) -> dict[str, str]:
    return {role: f"column_{at}" for at, role in enumerate(roles, start=1)}


def _zipped(path: Path, files: Mapping[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def _parts(*names: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for at, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            FRAME.drop("timestamp").with_columns(pl.col("user_id") + 10 * at).write_parquet(path)

    return write


def _lake(log: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / log).parent.mkdir(parents=True)
        (folder / log).write_text("{}")
        FRAME.write_parquet(folder / "part-0.parquet")

    return write


def _hive(folder: Path) -> None:
    for kind, day in (("buy", 1), ("view", 2)):
        part = folder / f"event={kind}" / f"dt=2026-01-0{day}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        FRAME.drop("timestamp").head(1).write_parquet(part)


def _two_files(pattern: Path) -> None:
    for at, name in enumerate(("2026-01.csv", "2026-02.csv")):
        (pattern.parent / name).write_text(f"user_id,item_id\n{at},i{at}\n")


def _lines_of_orders(path: Path) -> None:
    path.write_text("order_id,sku,qty\n1,i1,1\n1,i2,2\n2,i1,1\n")
    orders = "order_id,customer_id,created_at\n1,u1,2026-01-01\n2,u2,2026-01-02\n"
    (path.parent / "orders.csv").write_text(orders)


def _packed(text: str) -> Callable[[Path], None]:
    return _bytes(gzip.compress(text.encode()))


def _bytes(data: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def _arrow(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return buffer.getvalue()


TEXT = [
    Shape(
        name="Delimited text with a header",
        file="log.csv",
        shown=f"user_id,item_id,timestamp\nu1,i1,{TIME}\nu2,i1,{TIME + 5}\n",
        read="Commas, semicolons, tabs, vertical bars, `::` and blanks are found.",
        rows=[("u1", "i1", TIME), ("u2", "i1", TIME + 5)],
    ),
    Shape(
        name="Packed text",
        file="log.csv.gz",
        shown="(the same, as gz or zst)",
        read="Unpacked while it is read; zst as well.",
        rows=[("u1", "i1"), ("u2", "i1")],
        write=_packed("user_id,item_id\nu1,i1\nu2,i1\n"),
    ),
    Shape(
        name="A zip with one file",
        file="log.zip",
        shown="log.zip\n└── log.csv",
        read="The file inside is read. An archive of several files is refused with their names.",
        rows=[("u1", "i1"), ("u2", "i1")],
        write=lambda path: _zipped(path, {"log.csv": "user_id,item_id\nu1,i1\nu2,i1\n"}),
    ),
    Shape(
        name="No header",
        file="u.data",
        shown=f"196\t242\t3\t{TIME}\n186\t302\t4\t{TIME + 5}\n",
        read="The columns are column_1, column_2 …; say which is which.",
        options=_numbered("user", "item", "weight", "time"),
        rows=[("186", "302", TIME + 5, 4.0), ("196", "242", TIME, 3.0)],
    ),
    Shape(
        name="No header, with text in the first row",
        file="UserBehavior.csv",
        shown=f"92,94,3,pv,{TIME}\n92,95,3,buy,{TIME + 5}\n",
        read="Times, numbers above numbers and values that come again show that the first row is "
        "data.",
        options={
            "user": "column_1",
            "item": "column_2",
            "event": "column_4",
            "time": "column_5",
        },
        rows=[("92", "94", TIME, "pv"), ("92", "95", TIME + 5, "buy")],
    ),
    Shape(
        name="Orders with returns and guests",
        file="invoices.csv",
        shown="InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID\n"
        "536366,71053,9,2026-01-01 08:28:00,17850\n"
        "C536379,71053,-4,2026-01-01 09:41:00,17850\n"
        "536414,85123A,8,2026-01-01 11:52:00,\n",
        read="A row below zero takes its amount back from the latest purchases of that user and "
        "item before it (`--returns 'set aside'` does not). Of several columns of users, the first "
        "that is filled counts; ids of two columns must not meet.",
        options={"user": "CustomerID,InvoiceNo"},
        rows=[
            ("17850", "71053", TIME + 30_480, 5.0, 0),
            ("536414", "85123A", TIME + 42_720, 8.0, 1),
        ],
    ),
    Shape(
        name="Double colons",
        file="ratings.dat",
        shown=f"1::1193::5::{TIME}\n1::661::3::{TIME + 5}\n",
        read="As delimited text.",
        options=_numbered("user", "item", "weight", "time"),
        rows=[("1", "1193", TIME, 5.0), ("1", "661", TIME + 5, 3.0)],
    ),
    Shape(
        name="Fields between blanks",
        file="pairs.txt",
        shown="u1 i1\nu1 i2\nu2   i1\n",
        read="Where no other delimiter is there and lines have equally many fields. Several blanks "
        "are one.",
        options=_numbered("user", "item"),
        rows=[("u1", "i1"), ("u1", "i2"), ("u2", "i1")],
    ),
    Shape(
        name="Lines of a user and their items",
        file="train.txt",
        shown="0 21 33\n1 21\n2 33 40 21\n",
        read="Found by itself where the first numbers count the lines.",
        rows=[("0", "21"), ("0", "33"), ("1", "21"), ("2", "33"), ("2", "40"), ("2", "21")],
    ),
    Shape(
        name="Lines of a user and their items, with other ids",
        file="lists.txt",
        shown="u7 i1 i2 i3\nu9 i1\n",
        read="Each line is a user, then their items.",
        options={"shape": "adjacency"},
        rows=[("u7", "i1"), ("u7", "i2"), ("u7", "i3"), ("u9", "i1")],
    ),
    Shape(
        name="One basket a line, without users",
        file="groceries.csv",
        shown="whole milk,bread\nbeer\nbread,beer,salt\n",
        read="Each line is a basket and counts as a user of its own.",
        options={"shape": "baskets", "delimiter": ","},
        rows=[
            ("1", "whole milk"),
            ("1", "bread"),
            ("2", "beer"),
            ("3", "bread"),
            ("3", "beer"),
            ("3", "salt"),
        ],
    ),
    Shape(
        name="A matrix of users and items",
        file="matrix.csv",
        shown="user,i1,i2,i3\nu1,5,0,3\nu2,,1,\n",
        read="The first column holds users (another: --user), each other column is an item; empty "
        "cells and zeros are no rows.",
        options={"shape": "matrix"},
        rows=[("u1", "i1", 5.0), ("u1", "i3", 3.0), ("u2", "i2", 1.0)],
    ),
    Shape(
        name="Lists of what was shown and clicked (MIND)",
        file="behaviors.tsv",
        shown="1\tU1\t2026-01-01 08:00:00\tN9 N8\tN1-1 N2-0\n"
        "2\tU2\t2026-01-01 08:00:05\t\tN2-0 N3-1\n",
        read="Each entry is a row with the event `clicked` or `shown`; --events clicked takes the "
        "clicks alone. The list of earlier clicks has no times and is not read.",
        options={"shape": "impressions", "events": "clicked"},
        rows=[("U1", "N1", TIME + 28_800), ("U2", "N3", TIME + 28_805)],
    ),
    Shape(
        name="Lists in cells",
        file="orders.csv",
        shown="user,products,date\nu1,i1|i2|i3,2026-01-01\nu2,i2|i1,2026-01-01\n",
        read="Each entry is a row; also a;b, 1 2 3, [1, 2] and ['a', 'b']. Without the option you "
        "are asked, or told where you named the column.",
        options={"shape": "lists", "item": "products"},
        rows=[
            ("u1", "i1", TIME),
            ("u1", "i2", TIME),
            ("u1", "i3", TIME),
            ("u2", "i2", TIME),
            ("u2", "i1", TIME),
        ],
    ),
    Shape(
        name="Year, month and day in columns of their own",
        file="log.csv",
        shown="user_id,item_id,year,month,day\nu1,i1,2026,1,1\nu2,i1,2026,1,2\n",
        read="They are one date, where no other column is called a time.",
        rows=[("u1", "i1", TIME), ("u2", "i1", TIME + 86_400)],
    ),
    Shape(
        name="Lines of orders, and the orders beside them",
        file="lines.csv",
        shown="lines.csv:  order_id,sku,qty\n            1,i1,1\n"
        "orders.csv: order_id,customer_id,created_at\n            1,u1,2026-01-01\n",
        read="Each row gets the columns of its order; `orders.csv:order_id=id` where the key is "
        "called `id` there, and `--join` again for a further table. Rows without an order are set "
        "aside, and an order with several rows is refused.",
        options={"join": "orders.csv:order_id"},
        rows=[
            ("u1", "i1", TIME, 1.0, 0),
            ("u1", "i2", TIME, 2.0, 0),
            ("u2", "i1", TIME + 86_400, 1.0, 1),
        ],
        write=_lines_of_orders,
    ),
    Shape(
        name="Steps from a known start",
        file="log.csv",
        shown="user_id,item_id,step\nu1,i1,0\nu2,i1,720\n",
        read="A step has any length (5s, 250ms, 1h, 1d), and the start is step 0. With `--time "
        "step` alone, such numbers are an order without dates.",
        options={"time": "step:5s from 2026-01-01"},
        rows=[("u1", "i1", TIME), ("u2", "i1", TIME + 3_600)],
    ),
]

JSON = [
    Shape(
        name="JSON lines",
        file="log.jsonl",
        shown=f'{{"user": "u1", "item": 7, "time": {TIME}}}\n{{"user": "u2", "item": 8, "time": '
        f"{TIME}}}\n",
        read="One object a line; numbers stay as written.",
        rows=[("u1", "7", TIME), ("u2", "8", TIME)],
    ),
    Shape(
        name="Objects inside objects",
        file="track.jsonl",
        shown='{"user_id": "u1", "properties": {"product_id": "p1", "price": 2}}\n'
        '{"user_id": "u2", "properties": {"product_id": "p2", "price": 3}}\n',
        read="Inner keys are columns with dots; a name of a role at the end is found by itself.",
        options={"item": "properties.product_id"},
        rows=[("u1", "p1"), ("u2", "p2")],
    ),
    Shape(
        name="Events in lists (OTTO)",
        file="sessions.jsonl",
        shown='{"session": 7, "events": [{"aid": 59, "ts": 1767225600000, "type": "clicks"}, '
        '{"aid": 60, "ts": 1767225605000, "type": "carts"}]}\n'
        '{"session": 8, "events": [{"aid": 59, "ts": 1767225600000, "type": "clicks"}]}\n',
        read="Each entry of the list is a row.",
        rows=[
            ("7", "59", TIME, "clicks"),
            ("7", "60", TIME + 5, "carts"),
            ("8", "59", TIME, "clicks"),
        ],
    ),
    Shape(
        name="Items in lists (Google Analytics)",
        file="ga4.jsonl",
        shown='{"event_name": "purchase", "event_timestamp": "1767225600000000", "user_id": "u1", '
        '"items": [{"item_id": "a", "price": 2}, {"item_id": "b", "price": 3}], '
        '"event_params": [{"key": "page", "value": "x"}]}\n'
        '{"event_name": "view_item", "event_timestamp": "1767225605000000", "user_id": "u1", '
        '"items": [{"item_id": "a"}], "event_params": [{"key": "page", "value": "y"}]}\n',
        read="The list whose entries have the name of an item is taken apart; an event without "
        "items is a row that is set aside.",
        options={"event": "event_name"},
        rows=[
            ("u1", "a", TIME, "purchase"),
            ("u1", "b", TIME, "purchase"),
            ("u1", "a", TIME + 5, "view_item"),
        ],
    ),
    Shape(
        name="A list of items for each user",
        file="lists.jsonl",
        shown=f'{{"user": "u1", "items": ["a", "b"], "times": [{TIME}, {TIME + 5}]}}\n'
        f'{{"user": "u2", "items": ["a"], "times": [{TIME}]}}\n',
        read="Lists of one length are taken apart together.",
        rows=[("u1", "a", TIME), ("u1", "b", TIME + 5), ("u2", "a", TIME)],
    ),
    Shape(
        name="Lines of Python dicts",
        file="reviews.json",
        shown="{'user_id': 'u1', 'asin': '0001', 'overall': 5.0, 'helpful': [0, 1]}\n"
        "{'user_id': u'u2', 'asin': '0002', 'overall': 4.50, 'helpful': None}\n",
        read="Only literals are read; nothing is run.",
        rows=[("u1", "0001", 5.0), ("u2", "0002", 4.5)],
    ),
    Shape(
        name="One JSON array",
        file="log.json",
        shown='[\n  {"user": "u1", "item": "a"},\n  {"user": "u2", "item": "b"}\n]\n',
        read="Each object is a row.",
        rows=[("u1", "a"), ("u2", "b")],
    ),
    Shape(
        name="One JSON object that holds an array",
        file="export.json",
        shown='{\n "count": 2,\n "rows": [\n  {"user": "u1", "item": "a"},\n'
        '  {"user": "u2", "item": "b"}\n ]\n}\n',
        read="The only array of objects holds the rows; a remark says what else is there.",
        rows=[("u1", "a"), ("u2", "b")],
    ),
]

COLUMNS = [
    Shape(
        name="Parquet or Arrow",
        file="log[1].arrow",
        shown="user_id i64, item_id i64, timestamp i64",
        read="Only the columns that are needed are read. Brackets in a name are no pattern where "
        "the file exists.",
        rows=[(1, 21, TIME), (1, 33, TIME), (2, 21, TIME)],
        write=lambda path: _bytes(_arrow(FRAME))(path),
    ),
    Shape(
        name="Parquet with lists for each user (Yambda)",
        file="sequential.parquet",
        shown="uid u32, item_id list[u32], timestamp list[u32]",
        read="Lists of one length are taken apart together.",
        rows=[(1, 21, TIME), (1, 33, TIME + 5), (2, 21, TIME)],
        write=lambda path: pl.DataFrame(
            {
                "uid": [1, 2],
                "item_id": [[21, 33], [21]],
                "timestamp": [[TIME, TIME + 5], [TIME]],
            }
        ).write_parquet(path),
    ),
    Shape(
        name="Parquet with structures",
        file="nested.parquet",
        shown="user_id i64, product struct[id i64, name str]",
        read="As objects inside JSON.",
        options={"item": "product.id"},
        rows=[(1, 21), (2, 33)],
        write=lambda path: pl.DataFrame(
            {"user_id": [1, 2], "product": [{"id": 21, "name": "a"}, {"id": 33, "name": "b"}]}
        ).write_parquet(path),
    ),
    Shape(
        name="A folder of parquet",
        file="parts",
        shown="parts/a.parquet\nparts/b.PQ\nparts/_temporary/c.parquet",
        read="All parts in the order of their names; where there is no parquet, csv or JSON lines. "
        "What is left out (hidden, temporary, other formats, dead links) is one remark.",
        rows=[(1, 21), (1, 33), (2, 21), (11, 21), (11, 33), (12, 21)],
        write=_parts("a.parquet", "b.PQ", "_temporary/c.parquet"),
    ),
    Shape(
        name="A folder whose folders say KEY=VALUE (Hive)",
        file="warehouse",
        shown="warehouse/event=buy/dt=2026-01-01/part-0.parquet\n"
        "warehouse/event=view/dt=2026-01-02/part-0.parquet",
        read="Each key is a column: whole numbers and dates are typed, year, month and day are "
        "one date.",
        rows=[(1, 21, TIME, "buy"), (1, 21, TIME + 86_400, "view")],
        write=_hive,
    ),
    Shape(
        name="Several files",
        file="logs/*.csv",
        shown="logs/2026-01.csv\nlogs/2026-02.csv",
        read="One log with a remark for each file. Columns of roles have to be in all; others that "
        "one lacks are left out, and types that differ become one that holds all. Several paths "
        "do the same.",
        rows=[("0", "i0"), ("1", "i1")],
        write=_two_files,
    ),
]

LAKES = [
    Shape(
        name="A Delta table",
        file="delta",
        shown="delta/_delta_log/00000000000000000000.json\ndelta/part-0.parquet",
        read="What its log says: files and rows that were removed are not read, partitions are "
        "columns. Needs `pip install 'spadework[lakes]'`.",
        rows=[(1, 21, TIME), (1, 33, TIME), (2, 21, TIME)],
        write=lambda path: write_delta(path, FRAME, GONE, without="user_id = 9") and None,
    ),
    Shape(
        name="An Iceberg table",
        file="iceberg",
        shown="iceberg/metadata/00002-….metadata.json\niceberg/data/part-0.parquet",
        read="As Delta; the newest metadata of the folder hold, or those that `version-hint.text` "
        "names. Rows that are removed by their values (equality deletes) are refused.",
        rows=[(1, 21, TIME), (1, 33, TIME), (2, 21, TIME)],
        write=lambda path: write_iceberg(path, FRAME, GONE, without="user_id = 9") and None,
    ),
]
"""Tables with a log of their own, which only libraries write."""

TABLES = [
    Shape(
        name="An SQLite database",
        file="shop.sqlite",
        shown="orders (user_id, item_id, timestamp)\nproducts (item_id, title)",
        read="The only table or view with a user and an item is read; where there are several, or "
        "none, you are asked: `--table orders`. Nothing is written, neither to the file nor beside "
        "it, and rows in a write-ahead log are not lost.",
        rows=[(1, 21, TIME), (1, 33, TIME), (2, 21, TIME)],
        write=lambda path: write_sqlite(path, {"orders": FRAME, "products": PRODUCTS}),
    ),
    Shape(
        name="A DuckDB database",
        file="shop.duckdb",
        shown="orders (user_id, item_id, timestamp)\nproducts (item_id, title)",
        read="As SQLite; needs `pip install 'spadework[sql]'`. No extension is loaded and no other "
        "file is reached. A table of another schema is named `--table schema.orders`.",
        options={"table": "orders"},
        rows=[(1, 21, TIME), (1, 33, TIME), (2, 21, TIME)],
        write=lambda path: write_duckdb(path, {"orders": FRAME, "products": PRODUCTS}),
    ),
    Shape(
        name="A workbook (.xlsx, .ods)",
        file="orders.xlsx",
        shown="A        B        C\nuser_id  item_id  timestamp\n1        21       1767225600",
        read="A sheet is read as csv would be: values are texts, whole numbers without decimals, "
        "dates as 2026-01-31. Titles above the header and blank rows are left out, hidden sheets "
        "are not chosen. Needs `pip install 'spadework[excel]'`.",
        rows=[("1", "21", TIME), ("1", "33", TIME), ("2", "21", TIME)],
        write=lambda path: write_xlsx(path, {"Orders": FRAME, "Products": PRODUCTS}),
    ),
    Shape(
        name="Several sheets, or tables, of one log",
        file="retail.xlsx",
        shown="Year 2025 (user_id, item_id)\nYear 2026 (user_id, item_id)",
        read="A pattern takes all that it matches, which have to have the same columns.",
        options={"table": "Year *"},
        rows=[("1", "21"), ("1", "33"), ("2", "21"), ("3", "21")],
        write=lambda path: write_xlsx(
            path,
            {
                "Year 2025": FRAME.drop("timestamp"),
                "Year 2026": pl.DataFrame({"user_id": [3], "item_id": [21]}),
            },
        ),
    ),
]

REFUSED = [
    Shape(
        name="A Hudi table",
        file="hudi",
        shown="hudi/.hoodie/hoodie.properties\nhudi/part-0.parquet",
        read="Its log says which rows hold; parts may have rows that were removed. Export it with "
        "Spark.",
        refused="The folder 'hudi' is a Hudi table",
        write=_lake(".hoodie/hoodie.properties"),
    ),
    Shape(
        name="A workbook with a password, or of the old kind (.xls)",
        file="orders.xlsx",
        shown="(a file of Excel)",
        read="Save it again as xlsx without a password, or save the sheet as csv.",
        refused="orders.xlsx has a password, so it is not read.\nSave it again as xlsx",
        write=_bytes(b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le")),
    ),
    Shape(
        name="A zip with several files",
        file="both.zip",
        shown="both.zip\n├── orders.csv\n└── items.csv",
        read="Unpack it and give the file to read.",
        refused="both.zip is a zip archive of 2 files: orders.csv, items.csv.",
        write=lambda path: _zipped(path, {"orders.csv": "x", "items.csv": "y"}),
    ),
]

GROUPS = {
    "Text": TEXT,
    "JSON": JSON,
    "Columns and folders": COLUMNS + LAKES,
    "Databases and workbooks": TABLES,
    "Refused, with the way out": REFUSED,
}


def page(note: str) -> str:
    """docs/shapes.md."""
    parts = [
        "# Shapes of files\n",
        note,
        "What a log may look like, how it is read and what to type. Whatever is found without "
        "being asked is told in a remark; where two readings are possible, the error says what "
        "to type. `dig` takes the same options as `look`, and Python's `sw.read_interactions` "
        "has them as parameters.\n",
    ]
    for group, shapes in GROUPS.items():
        parts.append(f"## {group}\n")
        for shape in shapes:
            parts.append(f"### {shape.name}\n")
            parts.append(f"```text\n{_clipped(shape.shown)}\n```\n")
            parts.append(f"{shape.read}\n")
            parts.append(f"```sh\n{shape.command()}\n```\n")
    return "\n".join(parts)


def _clipped(text: str) -> str:
    return "\n".join(text.rstrip("\n").replace("\t", "→").split("\n")[:4])
