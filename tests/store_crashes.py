"""What a crash may leave of events: all of each batch or nothing, everything that was accepted,
nothing twice.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import store_servers
import store_writer
from makers import SOURCE
from spadework.serving.stores.store import Event, Store
from spadework.serving.stores.store_addresses import open_store


class Writers:
    """Processes that append until they are killed."""

    def __init__(self, address: str, *, again: bool = False) -> None:
        self.address, self.again = address, again
        self.accepted: dict[str, int] = {}  # writer → batches
        self._running: list[tuple[str, subprocess.Popen[bytes], Path]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="spadework-writers-")

    def start(self, count: int) -> None:
        """Start some, and wait until each has written."""
        for _ in range(count):
            name = f"writer {len(self.accepted)}"
            self.accepted[name] = 0
            path = Path(self._folder.name, name)
            with open(path, "wb") as output, open(f"{path}.errors", "wb") as errors:
                process = subprocess.Popen(
                    [
                        *(sys.executable, store_writer.__file__, self.address, name),
                        *(["again"] if self.again else []),
                    ],
                    env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""},
                    stdout=output,
                    stderr=errors,
                )
            self._running.append((name, process, path))
        for _, process, path in self._running:
            while not path.stat().st_size:
                assert process.poll() is None, Path(f"{path}.errors").read_text()
                time.sleep(0.002)

    def kill(self) -> None:
        """Kill all at once, and count what they were told."""
        for _, process, _ in self._running:
            process.kill()
        for name, process, path in self._running:
            assert process.wait() == -9, Path(f"{path}.errors").read_text()
            # a line that the end has cut was not heard by anyone
            self.accepted[name] = path.read_text().rpartition("\n")[0].count("\n") + 1
        self._running.clear()

    def check(self, store: Store) -> int:
        """The number of events that were accepted, all of which are there."""
        found = [event for batch in store.all_after() for event in batch.events]
        assert len(found) == store.count()
        base = store.base()
        for each in range(600):  # a base is there as a whole, too
            based = [event.item for event in store.history(f"based {each}").events]
            assert based == ([] if base is None else [base])
        found = [event for event in found if not event.user.startswith("gone")]
        counts = Counter(found)
        assert max(counts.values()) == 1, counts.most_common(3)
        of_batch = Counter(event.item.rpartition(" ")[0] for event in found)
        accepted = 0
        for name, batches in self.accepted.items():
            for number in range(batches):
                events = store_writer.batch(name, number, plain=not self.again)
                assert all(event in counts for event in events), f"{name} {number} is lost"
                accepted += len(events)
            # the batch that was under way is there as a whole or not at all
            last = store_writer.batch(name, batches, plain=not self.again)
            assert of_batch[f"{name} {batches}"] in (0, len(last))
            assert of_batch[f"{name} {batches + 1}"] == 0
        for user in {event.user for event in found}:
            own = [event for event in found if event.user == user]
            expected = sorted(own, key=lambda event: event.time)[-500:]
            assert store.history(user).events == expected
        return accepted

    def close(self) -> None:
        """End what still runs."""
        for _, process, _ in self._running:
            process.kill()
            process.wait()
        self._folder.cleanup()


def killed_writers(place: store_servers.Place, times: int, seed: int) -> int:
    """Kill two writers at random moments; the events that were accepted, none of which is lost."""
    randomness = random.Random(seed)
    address = place.fresh()
    writers = Writers(address)
    try:
        for _ in range(times):
            writers.start(2)
            time.sleep(randomness.uniform(0, 0.08))
            writers.kill()
            store = open_store(address)  # a store that was killed opens again and works
            assert store.append([Event("after", "i", 1)]) == [True]
            store.forget("after")
            store.close()
        store = open_store(address)
        accepted = writers.check(store)
        store.close()
        return accepted
    finally:
        writers.close()


def killed_servers(place: store_servers.Server, times: int, seed: int) -> int:
    """Kill the server under two writers that go on when it is back."""
    randomness = random.Random(seed)
    address = place.fresh()
    writers = Writers(address, again=True)
    try:
        writers.start(2)
        for _ in range(times):
            time.sleep(randomness.uniform(0, 0.15))
            place.kill()
            place.start()
        time.sleep(0.2)
        writers.kill()
        store = open_store(address)
        accepted = writers.check(store)
        store.close()
        return accepted
    finally:
        writers.close()
