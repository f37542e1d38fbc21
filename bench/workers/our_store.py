"""our_store.py KIND EVENTS USERS: what a store of this kind takes: bytes of an event and of a
history of the log, events and requests kept a second, histories read a second.

PostgreSQL and Redis are started in folders of their own on this machine. Where they are not
installed, the answer says so.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

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


def a_second(calls: int, began: float) -> float:
    return calls / (time.perf_counter() - began)


def measured(kind: str, count: int, users: int) -> dict[str, float]:
    """Each figure and its name."""
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
    return {
        "bytes an event": event_bytes,
        "bytes a user of the log": base_bytes,
        "events/s, 1,000 in a request": kept_in_thousands,
        "events/s, one by one": kept_alone,
        "histories/s": read,
        "CPU-ms a history": 1000 * cpu / ROUNDS,
        "users of the log/s": base,
    }


def main(kind: str, count: int, users: int) -> None:
    began = time.perf_counter()
    why = store_servers.missing(kind)
    answer = {"missing": why} if why else measured(kind, count, users)
    print(json.dumps({"seconds": time.perf_counter() - began, "answer": answer}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
