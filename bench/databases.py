"""A table of PostgreSQL into a log, beside COPY to a file of csv and reading that file, from a
server of its own over loopback.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from harness import OURS, ROOT, BenchFailed, Outcome, Sample, Series, Verdict, process

NAME = "databases"
ROWS, TARGET = 20_000_000, 1.5
sys.path.insert(0, str(ROOT / "tests"))

READ = """
import json, sys, time
import spadework as sw
begun = time.perf_counter()
log = sw.read_interactions(sys.argv[1], user="user_id", item="item_id", time="ts")
seconds = time.perf_counter() - begun
# ids of csv are texts, so their codes are others
answer = {"rows": len(log), "users": log.user_count, "items": log.item_count}
answer["times"] = int(log.times.sum())
print(json.dumps({"seconds": seconds, "answer": answer}))
"""
COPY = """
import json, sys, time
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    begun = time.perf_counter()
    with open(sys.argv[2], "wb") as file, connection.cursor().copy(
        "COPY orders TO STDOUT (FORMAT csv, HEADER)"
    ) as rows:
        for piece in rows:
            file.write(piece)
print(json.dumps({"seconds": time.perf_counter() - begun, "answer": {}}))
"""


def run(quick: bool) -> Outcome:
    """Make the table, and read it in both ways."""
    import store_servers

    rows = ROWS // 100 if quick else ROWS
    server = store_servers.Postgres()
    server.execute(
        "create unlogged table orders as select (random() * 200000)::int as user_id, "
        "(random() * random() * 20000)::int as item_id, "
        f"1767225600::bigint + g as ts from generate_series(1, {rows}) g"
    )
    server.execute("vacuum analyze orders")
    file = Path(server.folder) / "orders.csv"
    environment = {"PGPASSWORD": store_servers.PASSWORD}
    address = re.sub(r":[^:@/]*@", "@", server.address)

    def told(code: str, *words: str) -> Sample:
        return process([OURS, "-c", code, *words], timed_inside=True, environment=environment)

    copied, read, table = (
        told(COPY, server.address, str(file)),
        told(READ, str(file)),
        told(READ, address),
    )
    if read.answer != table.answer:
        raise BenchFailed(f"The logs differ: {read.answer} and {table.answer}.")
    ratio = table.seconds / (copied.seconds + read.seconds)
    what = f"{rows / 1e6:g} M rows of PostgreSQL over COPY to csv and reading it"
    labels = ("COPY to a file", "reading the file", "reading the table")
    series = [
        Series(f"{rows / 1e6:g} M rows: {label}", (sample,))
        for label, sample in zip(labels, (copied, read, table), strict=True)
    ]
    verdict = Verdict(what, f"{ratio:.2f} ×", f"≤ {TARGET} ×", ratio <= TARGET)
    remarks = [
        "PostgreSQL on this machine, over loopback; whole numbers in three columns. One run."
    ]
    return Outcome(NAME, "Logs from a database", [verdict], series, remarks)
