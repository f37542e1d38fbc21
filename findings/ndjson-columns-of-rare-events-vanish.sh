#!/bin/sh
# polars 2.1.0, duckdb 2.0.0, pyarrow 26.0.1 (PyPI), Python 3.11.
#
# In an event log as JSON lines only some kinds of events have certain keys: a purchase has a price and an order, a view has neither. polars takes the
# columns of `read_ndjson` and `scan_ndjson` from the first 100 rows, duckdb those of `read_json` from the first 20,480. A key that is first met later
# is left out of all rows, without error or remark, though a row that lacks a key is allowed, and though a value of another type there is an error.
# The log then has purchases without orders, and whether it has depends on how its rows are sorted. pyarrow keeps the columns; polars does
# with `infer_schema_length=None`, duckdb with `sample_size=-1`.
#
# Seen, 30,000 events, purchases with `price` and `order_id` among them from a certain row on:
#   first purchase in row    201: polars loses order_id, price; duckdb none; pyarrow none
#   first purchase in row 25,001: polars loses order_id, price; duckdb order_id, price; pyarrow none
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
cat > "$folder/keys.py" <<'PYTHON'
import json
import sys
from pathlib import Path

import duckdb
import polars as pl
from pyarrow import json as arrow_json

path = Path(sys.argv[1])
readers = {
    "polars": lambda: pl.read_ndjson(path).columns,
    "polars lazily": lambda: pl.scan_ndjson(path).collect().columns,
    "polars, infer_schema_length=None": lambda: pl.read_ndjson(path, infer_schema_length=None).columns,
    "duckdb": lambda: duckdb.read_json(str(path)).columns,
    "duckdb, sample_size=-1": lambda: duckdb.read_json(str(path), sample_size=-1).columns,
    "pyarrow": lambda: arrow_json.read_json(path).column_names,
}
lost = {}
for first in (200, 25_000):
    with path.open("w") as file:
        for at in range(30_000):
            row = {"user": at % 90, "item": at % 37, "event": "view", "timestamp": 1_700_000_000 + at}
            if at >= first and (at - first) % 17 == 0:
                row |= {"event": "purchase", "price": 9.5, "order_id": at}
            file.write(json.dumps(row) + "\n")
    for name, read in readers.items():
        gone = {"user", "item", "event", "timestamp", "price", "order_id"} - set(read())
        lost[first, name] = sorted(gone)
        print(f"first purchase in row {first + 1:6,}: {name:32} lost columns: {', '.join(sorted(gone)) or 'none'}")
late = ["order_id", "price"]
told = {(first, name): [] for first, name in lost}
told |= {(first, name): late for first in (200, 25_000) for name in ("polars", "polars lazily")}
told[25_000, "duckdb"] = late
sys.exit(0 if lost == told else 1)
PYTHON
"$folder/env/bin/python" "$folder/keys.py" "$folder/events.jsonl"
