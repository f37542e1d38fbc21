"""A table of PostgreSQL into a log, beside COPY to a file of csv and reading that file.

    .venv/bin/python bench/databases.py [--rows 20000000]

starts a server of its own over loopback. Both ways give the same rows. Exit 1 where the table takes
more than 1.5 × the time of the file.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from harness import OURS, ROOT, process

TARGET = 1.5
sys.path.insert(0, str(ROOT / "tests"))

READ = """
import json, sys, time
import spadework as sw
begun = time.perf_counter()
log = sw.read_interactions(sys.argv[1], user="user_id", item="item_id", time="ts")
seconds = time.perf_counter() - begun
# ids of csv are texts, so their codes are others
answer = [len(log), len(log.user_vocabulary), len(log.item_vocabulary), int(log.times.sum())]
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
print(json.dumps({"seconds": time.perf_counter() - begun, "answer": ""}))
"""


def main() -> int:
    """Make the table, and read it in both ways."""
    import store_servers

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=20_000_000)
    rows = options.parse_args().rows
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

    def told(code: str, *words: str) -> tuple[float, float, str]:
        sample = process([OURS, "-c", code, *words], timed_inside=True, environment=environment)
        return sample.seconds, sample.peak_mib, str(sample.answer)

    copied, _, _ = told(COPY, server.address, str(file))
    read, file_peak, by_file = told(READ, str(file))
    table, table_peak, by_table = told(READ, address)
    assert by_file == by_table, "the two logs differ"
    ratio = table / (copied + read)
    print(
        json.dumps(
            {
                "rows": rows,
                "COPY": round(copied, 1),
                "reading the file": round(read, 1),
                "reading the table": round(table, 1),
                "ratio": round(ratio, 2),
                "MiB by file": round(file_peak),
                "MiB by table": round(table_peak),
            }
        )
    )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
