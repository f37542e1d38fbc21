"""What stores of events take: bytes of an event and of a history of the log, events and requests
kept a second, histories read a second. The table is that of docs/stores.md.

    .venv/bin/python bench/stores.py [--events 200000] [--users 10000] [--kind NAME]…

PostgreSQL and Redis are started in folders of their own on this machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import store_servers
from spadework.serving.stores.store import Event, History, Store
from spadework.serving.stores.store_addresses import open_store

ROUNDS = 2000


def events(count: int, users: int, seed: int) -> list[Event]:
    """Events like those of a shop, each with an id of 36 characters."""
    source = random.Random(seed)
    return [
        Event(
            f"user-{source.randrange(users):08d}",
            f"item-{source.randrange(10_000):06d}",
            1_700_000_000_000 + number * 1000,
            "purchase",
            event_id=f"{source.getrandbits(128):032x}-{number % 1000:03d}",
        )
        for number in range(count)
    ]


def size(place: store_servers.Place, address: str) -> int:
    """Bytes that a store takes: of its files, or of the memory of Redis."""
    if isinstance(place, store_servers.Postgres):
        place.execute("CHECKPOINT")
        schema = address.rpartition("%3D")[2]
        found = place.ask(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
            f"WHERE relkind = 'r' AND relnamespace = '{schema}'::regnamespace"
        )
        return int(str(found))
    if isinstance(place, store_servers.Redis):
        info = place.execute("INFO", "memory")
        text = info.decode() if isinstance(info, bytes) else str(info)
        found = info["used_memory"] if isinstance(info, dict) else text.split("used_memory:")[1]
        return int(str(found).split()[0])
    return sum(path.stat().st_size for path in Path(address).parent.glob(f"{Path(address).name}*"))


def a_second(calls: int, began: float) -> str:
    return f"{calls / (time.perf_counter() - began):,.0f}"


def measured(kind: str, count: int, users: int) -> list[str]:
    """One row of the table."""
    place = store_servers.place(kind)
    address = place.fresh()
    store: Store = open_store(address)
    empty = size(place, address)
    many = events(count, users, 1)
    began = time.perf_counter()
    for start in range(0, count, 1000):
        store.append(many[start : start + 1000])
    kept_in_thousands = a_second(count, began)
    store.tidy()
    event_bytes = (size(place, address) - empty) / count
    more = events(ROUNDS, users, 2)
    began = time.perf_counter()
    for event in more:
        store.append([event])
    kept_alone = a_second(len(more), began)
    began, cpu = time.perf_counter(), time.process_time()
    for event in more:
        store.history(event.user)
    read, cpu = a_second(len(more), began), time.process_time() - cpu
    store.tidy()
    before = size(place, address)
    history = [Event("", f"item-{each:06d}", 1_700_000_000_000 + each) for each in range(20)]
    began = time.perf_counter()
    store.set_base("log", ((f"user-{each:08d}", History(history)) for each in range(users)))
    base = a_second(users, began)
    store.tidy()
    base_bytes = (size(place, address) - before) / users
    store.close()
    return [
        kind,
        f"{event_bytes:,.0f}",
        f"{base_bytes:,.0f}",
        kept_in_thousands,
        kept_alone,
        read,
        f"{1000 * cpu / ROUNDS:.2f}",
        base,
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--kind", action="append", choices=store_servers.KINDS)
    given = parser.parse_args()
    heads = ["store", "bytes an event", "bytes a user of the log", "events/s by 1,000"]
    heads += ["events/s by 1", "histories/s", "CPU-ms a history", "users of the log/s"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for kind in given.kind or store_servers.KINDS:
        why = store_servers.missing(kind)
        row = [kind, why] if why else measured(kind, given.events, given.users)
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
