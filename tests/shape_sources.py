"""Every shape of docs/shapes.md at a size of some dozens of rows, with the events that are in it:
a reading is judged by them.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import polars as pl
import zstandard

import shape_table
from table_files import write_duckdb, write_sqlite, write_xlsx

TIME = shape_table.TIME
TABLES = {"sqlite": write_sqlite, "duckdb": write_duckdb, "xlsx": write_xlsx}
Event: TypeAlias = dict[str, Any]  # user, item and, where the shape has them, time, weight, event


@dataclass
class Grid:
    """Delimited text: a header or none, and rows of fields."""

    header: list[str] | None
    rows: list[list[str]]
    sign: str = ","

    def data(self) -> bytes:
        lines = [*([self.header] if self.header is not None else []), *self.rows]
        return "".join(f"{self.sign.join(line)}\n" for line in lines).encode()


@dataclass
class Records:
    """JSON: records, written a line each, as Python dicts, or as one document."""

    records: list[Any]
    form: str = "lines"

    def data(self) -> bytes:
        if self.form == "python":
            return "".join(f"{record!r}\n" for record in self.records).encode()
        if self.form == "array":
            return f"{json.dumps(self.records, indent=1)}\n".encode()
        if self.form == "object":
            whole = {"count": len(self.records), "rows": self.records}
            return f"{json.dumps(whole, indent=1)}\n".encode()
        return "".join(f"{json.dumps(record)}\n" for record in self.records).encode()


@dataclass
class Frame:
    """A parquet or Arrow file, or a table in a database or a workbook."""

    frame: pl.DataFrame
    form: str = "parquet"

    def data(self) -> bytes:
        buffer = io.BytesIO()
        if self.form in TABLES:
            return self._in_a_file(TABLES[self.form])
        if self.form == "parquet":
            self.frame.write_parquet(buffer)
        else:
            self.frame.write_ipc(buffer)
        return buffer.getvalue()

    def _in_a_file(self, write: Callable[[Path, Mapping[str, pl.DataFrame]], None]) -> bytes:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "made"
            try:
                write(path, {"orders": self.frame})
            except Exception:  # columns that no such table can have
                return b""
            return path.read_bytes()


@dataclass
class Raw:
    """Bytes as they are."""

    content: bytes

    def data(self) -> bytes:
        return self.content


Part: TypeAlias = Grid | Records | Frame | Raw


@dataclass
class Source:
    """What lies in a folder, how it is read, and what is in it."""

    shape: str
    given: str  # the path or pattern that is read
    parts: dict[str, Part]
    options: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    rows: int | None = None  # of the source, where a line, an entry or a row of a table is one
    packed: str = ""  # gz, zst or zip
    known: bool = True  # whether used events have to be among `events`
    repeats: bool = False  # whether events may come more than once
    odd: int = 0  # used events that may be others, since nothing tells that they changed

    def write(self, folder: Path) -> Path:
        """Write all files; gives what is to be read."""
        for name, part in self.parts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(packed(part.data(), self.packed))
        return folder / self.given


def packed(data: bytes, how: str) -> bytes:
    """Bytes as gz, zst, the only file of a zip, or as they are."""
    if how == "gz":
        return gzip.compress(data, mtime=0)
    if how == "zst":
        return zstandard.ZstdCompressor().compress(data)
    if how == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("log.csv"), data)
        return buffer.getvalue()
    return data


# ---- events


def _events(rng: Random, *, numbers: bool = False, distinct: bool = False) -> list[Event]:
    """Events of some users at different times, in the order of their times."""
    count, users = rng.randint(3, 60), rng.randint(2, 9)
    found: list[Event] = []
    pairs: set[tuple[int, int]] = set()
    for at in range(count):
        user, item = rng.randint(1, users), rng.randint(1, 20)
        if distinct and (user, item) in pairs:
            continue
        pairs.add((user, item))
        found.append(
            {
                "user": str(100 + user) if numbers else f"u{user}",
                "item": str(200 + item) if numbers else f"i{item}",
                "time": TIME + 60 * at,
                "weight": float(rng.randint(1, 5)),
                "event": rng.choice(("pv", "buy", "cart")),
            }
        )
    return found


def _only(events: list[Event], *roles: str) -> list[Event]:
    return [{role: event[role] for role in roles} for event in events]


def _by_user(events: list[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event["user"], []).append(event)
    return found


def _texts(events: list[Event], *roles: str) -> list[list[str]]:
    return [
        [str(int(event[role])) if role == "weight" else str(event[role]) for role in roles]
        for event in events
    ]


# ---- text


def _table(
    file: str,
    header: list[str] | None,
    roles: tuple[str, ...],
    sign: str = ",",
    *,
    numbers: bool = False,
    packed_as: tuple[str, ...] = ("",),
) -> Callable[[Random], Source]:
    def build(rng: Random) -> Source:
        events = _events(rng, numbers=numbers)
        grid = Grid(None if header is None else [*header], _texts(events, *roles), sign)
        return Source(
            shape="",
            given=file,
            parts={file: grid},
            events=_only(events, *roles),
            rows=len(events),
            packed=rng.choice(packed_as),
        )

    return build


def _user_behavior(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    rows = [
        [event["user"], event["item"], str(300 + at % 7), event["event"], str(event["time"])]
        for at, event in enumerate(events)
    ]
    rows.append([*rows[0][:3], rows[0][3], str(TIME + 9_000)])  # a kind comes again
    events.append({**events[0], "time": TIME + 9_000})
    return Source(
        shape="",
        given="UserBehavior.csv",
        parts={"UserBehavior.csv": Grid(None, rows)},
        events=_only(events, "user", "item", "time", "event"),
        rows=len(rows),
    )


def _invoices(rng: Random) -> Source:
    """Orders, some of guests and some brought back in part."""
    rows, events = [], []
    for at, event in enumerate(_events(rng, numbers=True)):
        order, guest = str(536_000 + at), at % 5 == 3
        time, item = event["time"], event["item"]
        rows.append([order, item, "9", _clock(time), "" if guest else event["user"]])
        events.append({"user": order if guest else event["user"], "item": item, "time": time})
        if at % 7 == 2:
            rows.append([f"C{order}", item, "-1", _clock(time + 30), event["user"]])
    header = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "CustomerID"]
    return Source(
        shape="",
        given="invoices.csv",
        parts={"invoices.csv": Grid(header, rows)},
        events=events,
        rows=len(rows),
    )


def _clock(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"


def _cells(rng: Random) -> Source:
    rows, events = [], []
    for at in range(rng.randint(5, 30)):
        items = [f"i{number}" for number in rng.sample(range(1, 12), 2 + at % 4)]
        rows.append([f"u{at % 9}", "|".join(items), f"2026-01-{1 + at % 28:02}"])
        time = TIME + 86_400 * (at % 28)
        events += [{"user": f"u{at % 9}", "item": item, "time": time} for item in items]
    return Source(
        shape="",
        given="orders.csv",
        parts={"orders.csv": Grid(["user", "products", "date"], rows)},
        events=events,
    )


def _lines_of_orders(rng: Random) -> Source:
    """Lines of one to three items, and the orders in a file beside them."""
    lines, orders, events = [], [], []
    for at, event in enumerate(_events(rng)):
        orders.append([str(700 + at), event["user"], _clock(event["time"])])
        for item in rng.sample(range(1, 12), 1 + at % 3):
            lines.append([str(700 + at), f"i{item}"])
            events.append({"user": event["user"], "item": f"i{item}", "time": event["time"]})
    return Source(
        shape="",
        given="lines.csv",
        parts={
            "lines.csv": Grid(["order_id", "sku"], lines),
            "orders.csv": Grid(["order_id", "customer_id", "created_at"], orders),
        },
        events=events,
    )


def _steps(rng: Random) -> Source:
    events = _events(rng)
    rows = [[e["user"], e["item"], str((e["time"] - TIME) // 5)] for e in events]
    return Source(
        shape="",
        given="log.csv",
        parts={"log.csv": Grid(["user_id", "item_id", "step"], rows)},
        events=_only(events, "user", "item", "time"),
        rows=len(rows),
    )


def _dates_in_columns(rng: Random) -> Source:
    events = _events(rng)
    rows = []
    for at, event in enumerate(events):
        event["time"] = TIME + 86_400 * (at % 28)
        rows.append([event["user"], event["item"], "2026", "1", str(1 + at % 28)])
    return Source(
        shape="",
        given="log.csv",
        parts={"log.csv": Grid(["user_id", "item_id", "year", "month", "day"], rows)},
        events=_only(events, "user", "item", "time"),
        rows=len(rows),
    )


def _adjacency(file: str, numbers: bool) -> Callable[[Random], Source]:
    def build(rng: Random) -> Source:
        rows, events = [], []
        for at in range(rng.randint(5, 30)):
            user = str(at) if numbers else f"u{at + 7}"
            # the lengths differ, as those of lists do
            items = [
                str(100 + rng.randint(1, 40)) if numbers else f"i{rng.randint(1, 40)}"
                for _ in range(1 + at % 5)
            ]
            rows.append([user, *items])
            events += [{"user": user, "item": item} for item in items]
        return Source(
            shape="", given=file, parts={file: Grid(None, rows, " ")}, events=events, rows=None
        )

    return build


def _baskets(rng: Random) -> Source:
    things = ["whole milk", "bread", "beer", "salt", "rolls", "tea"]
    rows = [rng.sample(things, rng.randint(1, 4)) for _ in range(rng.randint(3, 30))]
    events = [
        {"user": str(at), "item": item} for at, row in enumerate(rows, start=1) for item in row
    ]
    return Source(shape="", given="groceries.csv", parts={"groceries.csv": Grid(None, rows)},
                  events=events)  # fmt: skip


def _matrix(rng: Random) -> Source:
    items = [f"i{at}" for at in range(rng.randint(2, 9))]
    rows, events = [], []
    for at in range(rng.randint(2, 20)):
        values = [rng.choice(("", "0", "1", "3", "5")) for _ in items]
        values[at % len(items)] = "2"
        rows.append([f"u{at}", *values])
        events += [
            {"user": f"u{at}", "item": item, "weight": float(value)}
            for item, value in zip(items, values, strict=True)
            if value not in ("", "0")
        ]
    return Source(
        shape="",
        given="matrix.csv",
        parts={"matrix.csv": Grid(["user", *items], rows)},
        events=events,
    )


def _impressions(rng: Random) -> Source:
    rows, events = [], []
    for at in range(rng.randint(3, 30)):
        when = TIME + 60 * at
        written = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")
        shown = [(f"N{rng.randint(1, 40)}", rng.randint(0, 1)) for _ in range(rng.randint(2, 5))]
        shown[0] = (shown[0][0], 1)
        entries = " ".join(f"{item}-{clicked}" for item, clicked in shown)
        rows.append([str(at), f"U{at % 6}", written, "N9 N8" if at % 3 else "", entries])
        events += [
            {"user": f"U{at % 6}", "item": item, "time": when, "event": "clicked"}
            for item, clicked in dict.fromkeys(shown)
            if clicked
        ]
    return Source(
        shape="",
        given="behaviors.tsv",
        parts={"behaviors.tsv": Grid(None, rows, "\t")},
        events=events,
    )


# ---- JSON


def _records(
    file: str,
    make: Callable[[Event], dict[str, Any]],
    roles: tuple[str, ...],
    form: str = "lines",
    *,
    numbers: bool = False,
) -> Callable[[Random], Source]:
    def build(rng: Random) -> Source:
        events = _events(rng, numbers=numbers)
        return Source(
            shape="",
            given=file,
            parts={file: Records([make(event) for event in events], form)},
            events=_only(events, *roles),
            rows=len(events),
        )

    return build


def _otto(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    records = [
        {
            "session": int(user),
            "events": [
                {"aid": int(event["item"]), "ts": 1000 * event["time"], "type": event["event"]}
                for event in own
            ],
        }
        for user, own in _by_user(events).items()
    ]
    return Source(
        shape="",
        given="sessions.jsonl",
        parts={"sessions.jsonl": Records(records)},
        events=_only(events, "user", "item", "time", "event"),
    )


def _analytics(rng: Random) -> Source:
    records, found = [], []
    for event in _events(rng):
        items = [f"p{rng.randint(1, 9)}{at}" for at in range(rng.randint(1, 3))]
        records.append(
            {
                "event_name": event["event"],
                "event_timestamp": str(event["time"] * 1_000_000),
                "user_id": event["user"],
                "items": [{"item_id": item, "price": 2} for item in items],
                "event_params": [{"key": "page", "value": "x"}],
            }
        )
        found += [{**event, "item": item} for item in items]
    return Source(
        shape="",
        given="ga4.jsonl",
        parts={"ga4.jsonl": Records(records)},
        events=_only(found, "user", "item", "time", "event"),
    )


def _lists(rng: Random) -> Source:
    events = _events(rng)
    records = [
        {
            "user": user,
            "items": [event["item"] for event in own],
            "times": [event["time"] for event in own],
        }
        for user, own in _by_user(events).items()
    ]
    return Source(
        shape="",
        given="lists.jsonl",
        parts={"lists.jsonl": Records(records)},
        events=_only(events, "user", "item", "time"),
    )


# ---- columns and folders


def _frame(events: list[Event]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_id": [int(event["user"]) for event in events],
            "item_id": [int(event["item"]) for event in events],
            "timestamp": [event["time"] for event in events],
        }
    )


def _columnar(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    form, file = rng.choice((("parquet", "log.parquet"), ("arrow", "log[1].arrow")))
    return Source(
        shape="",
        given=file,
        parts={file: Frame(_frame(events), form)},
        events=_only(events, "user", "item", "time"),
        rows=len(events),
    )


def _in_tables(file: str, form: str) -> Callable[[Random], Source]:
    def build(rng: Random) -> Source:
        events = _events(rng, numbers=True)
        return Source(
            shape="",
            given=file,
            parts={file: Frame(_frame(events), form)},
            events=_only(events, "user", "item", "time"),
            rows=len(events),
        )

    return build


def _sheets(rng: Random) -> Source:
    source = _in_tables("retail.xlsx", "xlsx")(rng)
    frame = source.parts["retail.xlsx"]
    assert isinstance(frame, Frame)
    half = frame.frame.height // 2
    sheets = {"Year 2025": frame.frame[:half], "Year 2026": frame.frame[half:]}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "made.xlsx"
        write_xlsx(path, sheets)
        source.parts["retail.xlsx"] = Raw(path.read_bytes())
    return source


def _sequential(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    own = _by_user(events)
    frame = pl.DataFrame(
        {
            "uid": [int(user) for user in own],
            "item_id": [[int(event["item"]) for event in some] for some in own.values()],
            "timestamp": [[event["time"] for event in some] for some in own.values()],
        }
    )
    return Source(
        shape="",
        given="sequential.parquet",
        parts={"sequential.parquet": Frame(frame)},
        events=_only(events, "user", "item", "time"),
    )


def _structures(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    frame = pl.DataFrame(
        {
            "user_id": [int(event["user"]) for event in events],
            "product": [{"id": int(event["item"]), "name": "a"} for event in events],
        }
    )
    return Source(
        shape="",
        given="nested.parquet",
        parts={"nested.parquet": Frame(frame)},
        events=_only(events, "user", "item"),
        rows=len(events),
    )


def _folder(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    half = len(events) // 2
    return Source(
        shape="",
        given="parts",
        parts={
            "parts/a.parquet": Frame(_frame(events[:half])),
            "parts/b.PQ": Frame(_frame(events[half:])),
            "parts/_temporary/c.parquet": Frame(_frame(events[:1])),
        },
        events=_only(events, "user", "item", "time"),
        rows=len(events),
    )


def _hive(rng: Random) -> Source:
    events = _events(rng, numbers=True)
    parts: dict[str, Part] = {}
    found: list[Event] = []
    for kind, day in (("buy", 1), ("view", 2), ("view", 3)):
        own = [event for event in events if int(event["item"]) % 3 == day % 3] or events[:1]
        path = f"warehouse/event={kind}/dt=2026-01-0{day}/part-0.parquet"
        parts[path] = Frame(_frame(own).drop("timestamp"))
        when = TIME + 86_400 * (day - 1)
        found += [{**event, "time": when, "event": kind} for event in own]
    return Source(
        shape="",
        given="warehouse",
        parts=parts,
        events=_only(found, "user", "item", "time", "event"),
        rows=len(found),
        repeats=True,
    )


def _several(rng: Random) -> Source:
    events = _events(rng)
    half = len(events) // 2
    header = ["user_id", "item_id"]
    return Source(
        shape="",
        given="logs/*.csv",
        parts={
            "logs/2026-01.csv": Grid([*header], _texts(events[:half], "user", "item")),
            "logs/2026-02.csv": Grid([*header], _texts(events[half:], "user", "item")),
        },
        events=_only(events, "user", "item"),
        rows=len(events),
    )


UIT, UI = ("user", "item", "time"), ("user", "item")
LARGER: Mapping[str, Callable[[Random], Source]] = {
    "Delimited text with a header": _table("log.csv", ["user_id", "item_id", "timestamp"], UIT),
    "Packed text": _table("log.csv.gz", ["user_id", "item_id"], UI, packed_as=("gz", "zst")),
    "A zip with one file": _table("log.zip", ["user_id", "item_id"], UI, packed_as=("zip",)),
    "No header": _table("u.data", None, ("user", "item", "weight", "time"), "\t", numbers=True),
    "No header, with text in the first row": _user_behavior,
    "Double colons": _table(
        "ratings.dat", None, ("user", "item", "weight", "time"), "::", numbers=True
    ),
    "Fields between blanks": _table("pairs.txt", None, UI, " "),
    "Orders with returns and guests": _invoices,
    "Lists in cells": _cells,
    "Year, month and day in columns of their own": _dates_in_columns,
    "Lines of orders, and the orders beside them": _lines_of_orders,
    "Steps from a known start": _steps,
    "Lines of a user and their items": _adjacency("train.txt", numbers=True),
    "Lines of a user and their items, with other ids": _adjacency("lists.txt", numbers=False),
    "One basket a line, without users": _baskets,
    "A matrix of users and items": _matrix,
    "Lists of what was shown and clicked (MIND)": _impressions,
    "JSON lines": _records(
        "log.jsonl",
        lambda event: {
            "user": event["user"],
            "item": int(event["item"][1:]),
            "time": event["time"],
        },
        UIT,
    ),
    "Objects inside objects": _records(
        "track.jsonl",
        lambda event: {
            "user_id": event["user"],
            "properties": {"product_id": event["item"], "price": 2},
        },
        UI,
    ),
    "Events in lists (OTTO)": _otto,
    "Items in lists (Google Analytics)": _analytics,
    "A list of items for each user": _lists,
    "Lines of Python dicts": _records(
        "reviews.json",
        lambda event: {
            "user_id": event["user"],
            "asin": event["item"],
            "overall": event["weight"],
            "helpful": [0, 1],
        },
        ("user", "item", "weight"),
        "python",
    ),
    "One JSON array": _records(
        "log.json", lambda event: {"user": event["user"], "item": event["item"]}, UI, "array"
    ),
    "One JSON object that holds an array": _records(
        "export.json", lambda event: {"user": event["user"], "item": event["item"]}, UI, "object"
    ),
    "Parquet or Arrow": _columnar,
    "Parquet with lists for each user (Yambda)": _sequential,
    "Parquet with structures": _structures,
    "A folder of parquet": _folder,
    "A folder whose folders say KEY=VALUE (Hive)": _hive,
    "Several files": _several,
    "An SQLite database": _in_tables("shop.sqlite", "sqlite"),
    "A DuckDB database": _in_tables("shop.duckdb", "duckdb"),
    "A workbook (.xlsx, .ods)": _in_tables("orders.xlsx", "xlsx"),
    "Several sheets, or tables, of one log": _sheets,
}


def options_of(shape: shape_table.Shape) -> dict[str, Any]:
    """What `read_interactions` is given."""
    options: dict[str, Any] = dict(shape.options)
    if "events" in options:
        options["events"] = options["events"].split(",")
    return options


def _beside(options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The options where a joined table lies in a folder."""
    return options | ({"join": f"{folder}/{options['join']}"} if "join" in options else {})


SHAPES = {shape.name: shape for group in shape_table.GROUPS.values() for shape in group}


def source_of(name: str, rng: Random, folder: Path) -> Source:
    """A source of this shape: a larger one, or the page's own example where it is refused."""
    shape = SHAPES[name]
    if name in LARGER:
        source = LARGER[name](rng)
        source.shape, source.options = name, _beside(options_of(shape), folder)
        if name == "JSON lines":
            for event in source.events:
                event["item"] = event["item"][1:]
        return source
    shape.make(folder)
    parts: dict[str, Part] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts[path.relative_to(folder).as_posix()] = Raw(path.read_bytes())
            path.unlink()
    return Source(name, shape.file, parts, known=False)
