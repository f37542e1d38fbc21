"""Servers at loopback for benches of serving: the releases that they answer from, the load on them,
the time of their processors and their memory.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import OURS, WORKERS, BenchFailed, process, say

PORT = 8788
CONNECTIONS = 8
HISTORY = 20
Told = Callable[[str, str, str, bool | None], None]
"""Takes what was measured: what, the figure, its target, whether it is met."""


@dataclass(frozen=True)
class Measured:
    """One load on one server."""

    per_second: float
    p50: float  # milliseconds
    p90: float
    p99: float
    cpu: float  # milliseconds of the server's processors a request
    resident: float  # MiB of the server and its workers
    answer: Mapping[str, Any]

    def __str__(self) -> str:
        return (
            f"{self.per_second:,.0f} requests/s, p50 {self.p50:.1f}, p90 {self.p90:.1f}, p99 "
            f"{self.p99:.1f} ms, {self.cpu:.2f} CPU-ms a request, {self.resident:,.0f} MiB"
        )


def release(folder: Path, items: int, neighbours: int, users: int, model: str) -> Path:
    """A folder of a release, made by a worker."""
    say(f"  making {folder.name}")
    process(
        [OURS, WORKERS / "serving_release.py", folder, items, neighbours, users, HISTORY, model]
    )
    return folder


def bodies(path: Path, users: int, items: int, count: int, events: float) -> Path:
    """Requests, of which a share writes an event."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            user = f"user-{draw.randrange(users)}"
            if draw.random() < events:
                event = {
                    "event_id": f"{at}-{draw.random()}",
                    "user": user,
                    "item": f"item-{draw.randrange(items):07d}",
                }
                file.write(f"/v1/events\t{json.dumps({'events': [event]})}\n")
            else:
                file.write(f"/v1/recommend\t{json.dumps({'user': user, 'n': 10})}\n")
    return path


@contextmanager
def server(command: Sequence[str | Path], wait: float = 120.0) -> Iterator[tuple[int, float]]:
    """A server at `PORT`: its process, and the seconds until it answered."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    try:
        while time.perf_counter() < began + wait:
            if child.poll() is not None:
                raise BenchFailed(f"{Path(str(command[1])).name} ended with {child.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/openapi.json", timeout=5):
                    break
            except OSError:
                time.sleep(0.01)
        else:
            raise BenchFailed(f"{Path(str(command[1])).name} did not answer within {wait:.0f} s")
        yield child.pid, time.perf_counter() - began
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def ours(folder: Path, *options: str) -> list[str | Path]:
    """The command of our server."""
    return [OURS, "-m", "spadework", "serve", folder, "--port", str(PORT), *options]


def load(pid: int, requests: Path, count: int, connections: int, seconds: float = 60) -> Measured:
    """Load on the server at `PORT` from another process."""
    pids = family(pid)
    before = sum(map(cpu_seconds, pids))
    sample = process(
        [OURS, WORKERS / "http_load.py", PORT, count, connections, seconds, requests],
        timed_inside=True,
    )
    found = sample.answer
    cpu = sum(map(cpu_seconds, pids)) - before
    return Measured(
        found["per_second"],
        found["p50"],
        found["p90"],
        found["p99"],
        1000 * cpu / max(1, found["requests"]),
        memory(pid),
        found,
    )


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that has ended meanwhile
            continue
        found += [each for child in children for each in family(int(child))]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """MiB of a process, those that it shares divided by who shares them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def memory(pid: int) -> float:
    """MiB of a server and its workers together; pages that they share count once."""
    return sum(map(resident, family(pid)))
