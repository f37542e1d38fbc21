"""A process that appends events until it is killed: `store_writer.py ADDRESS NAME [again]`.

Now and then it has a user forgotten and sets a base. It prints a line for each batch that was
accepted. With `again`, a batch that the store could not take is sent again; else the process ends.
"""

from __future__ import annotations

import random
import sys
import time
from contextlib import suppress

from spadework.errors import StoreFailed
from spadework.serving.stores.store import Event, History, Store
from spadework.serving.stores.store_addresses import open_store


def batch(name: str, number: int, plain: bool) -> list[Event]:
    """Events that say to which batch they belong, and how many it has; one of them, if `plain`,
    without an id.
    """
    size = random.Random(f"{name} {number}").randint(1, 12)
    return [
        Event(
            f"user {(number + each) % 7}",
            f"{name} {number} {each}",
            1_000 * number,
            basket=str(size),
            event_id=None if plain and each == 0 else f"{name} {number} {each}",
        )
        for each in range(size)
    ]


def append(store: Store, events: list[Event], *, soon: bool) -> None:
    """Keep events, in two parts as a server does where the store can and nobody else writes."""
    begun = store.append_soon(events) if soon else None
    if begun is None:
        store.append(events)
    else:
        begun[1]()


def keep_house(store: Store, name: str, number: int) -> None:
    """Have a user forgotten, and set a base, which another writer may do at the same time."""
    with suppress(StoreFailed):
        store.append([Event(f"gone {name}", "gone", 1)])
        store.forget(f"gone {name}")
        base = f"{name} {number}"
        users = (f"based {each}" for each in range(600))
        store.set_base(base, ((user, History([Event(user, base, 1)])) for user in users))


def main(address: str, name: str, again: bool) -> None:
    """Append until the end."""
    store = open_store(address)
    for number in range(1_000_000):
        events = batch(name, number, plain=not again)
        while True:
            try:
                append(store, events, soon=number % 2 == 0)
                break
            except StoreFailed:
                if not again:
                    raise
                time.sleep(0.02)
        print(number, flush=True)
        if number % 10 == 3:
            keep_house(store, name, number)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "again" in sys.argv[3:])
